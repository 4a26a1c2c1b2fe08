"""Messages as plain data, which the browser says in its own language: sentences, parts, and sizes of memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.ui.words import WORDS, say

Sentence = dict[str, Any]


def sentence(key: str, **values: Any) -> Sentence:
    """A message that the browser says in its own language."""
    say(key, "en", **values)
    return {"key": key, "values": values}


def piece(name: str) -> Sentence | str:
    """A part of a suite, as the page calls it."""
    return sentence(f"piece.{name}") if f"piece.{name}" in WORDS else name


def size(bytes: int) -> Sentence:
    """So much memory, in the unit that fits."""
    if bytes < 10**8:
        return sentence("suites.mega", n=max(1, round(bytes / 10**6)))
    return sentence("suites.giga", n=f"{bytes / 10**9:,.1f}")


def needed(need: Mapping[str, Any]) -> Sentence:
    """What a run will need, as `lab.race.needs` tells it of a device that has a limit."""
    told = {name: size(need[name]) for name in ("need", "weights", "budget")}
    return sentence("memory.needs", **told)


def refused(need: Mapping[str, Any]) -> Sentence:
    """Why a run was refused, and what would fit."""
    return sentence("say.large", need=size(need["need"]), budget=size(need["budget"]), would=would(need["would"]))


def would(fits: Mapping[str, Any] | None) -> Sentence | str:
    """What would fit, as `models.registry.Fits` tells it."""
    if fits is None:
        return ""
    parts = [sentence("fits.part", part=piece(name), bytes=size(bytes)) for name, bytes in fits["largest"]]
    return sentence(f"fits.{fits['kind']}", bytes=size(fits["bytes"]), parts=parts)
