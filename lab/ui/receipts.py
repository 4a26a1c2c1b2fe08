"""A receipt as the page reads it out: all that it holds, each value in words where there are some.

Anybody may have written it.  Text stays text, numbers are numbers or left out, and nothing is looked up by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lab.measure.judge import RIGHT, UNSURE, WRONG
from lab.record.plain import unpack
from lab.storybook.grammar import parse
from lab.ui.controls import PROPER
from lab.ui.stage.news import picture, piece, sentence, words
from lab.ui.words import WORDS

MARKS = (RIGHT, WRONG, UNSURE)
SHORT = 8  # digits of a hash
MOST = 64  # entries of a table
SIDE = 256  # pixels that a start picture is shown at, at most
Shown = dict[str, Any]


def told(note: Mapping[str, Any]) -> Shown:
    """What the page is told of one receipt.  NotAReceipt where a picture in it cannot be unpacked."""
    asked, lane = note["prompt"], note["sampler"]
    knobs = {name: worded(value) for name, value in note["knobs"].items() if f"knob.{name}" in WORDS}
    timings = {name: number(note["timings"].get(name)) for name in ("seconds", "looks", "evals", "rows", "workspace")}
    return {
        "lane": lane, "painter": sentence(f"painter.{lane}") if f"painter.{lane}" in WORDS else lane,
        "text": asked["text"], "negative": asked["negative"], "more": asked["more"], "start": _start(asked["image"]),
        "mask": _start(asked["mask"]), "seed": note["seeds"][note["index"]], "step": note["step"], "cut": note["cut"],
        "made": note["made"], "knobs": knobs, "budget": number(note["budget"]), "exact": worded(note["exact"]),
        "suite": note["suite"], "device": _device(note["device"]), "threads": note["threads"],
        "platform": note["platform"], "versions": _versions(note["versions"]), "parts": _parts(note["parts"]),
        "verdict": _verdict(asked["text"], note.get("verdict")), **timings,
    }  # fmt: skip


def changed(name: str) -> Any:
    """What is no longer as it was, as `Again.changed` names it."""
    kind, _, part = name.partition(" ")
    if kind == "part":
        return sentence("changed.part", name=piece(part))
    return sentence(f"changed.{name}") if f"changed.{name}" in WORDS else name


def worded(value: Any) -> Any:
    """A setting's value: a message where there are words for it, else itself."""
    if value is None:
        return sentence("choice.own")
    if type(value) in (bool, str) and f"choice.{value}" in WORDS:
        return sentence(f"choice.{value}")
    return PROPER.get(value, value) if isinstance(value, str) else number(value)


def number(value: Any) -> float | None:
    """A number as a visitor reads it; None for whatever else stands in somebody's file."""
    return round(value, 4) if type(value) in (int, float) else None


def _start(packed: Any) -> str | None:
    """A picture to start from, made smaller by whole pixels where it is large."""
    given = unpack(packed)
    if given is None:
        return None
    every = -(-max(given.shape[1:]) // SIDE)
    small = given[:, ::every, ::every]
    colours = small[:3] if len(small) >= 3 else small[:1].expand(3, -1, -1)
    return picture(np.ascontiguousarray((colours.clamp(0, 1) * 255).round().byte().movedim(0, -1).numpy()))


def _device(text: str) -> Any:
    kind, _, name = text.partition(": ")
    return sentence(f"info.{kind}", name=name) if kind in ("cpu", "cuda") else text


def _versions(given: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in list(given.items())[:MOST] if value is not None}


def _parts(given: Mapping[str, Mapping[str, Any]]) -> list[Shown]:
    """Each part with its files' hashes, shortened; whole ones stand beside them."""
    return [
        {
            "name": piece(part), "short": [str(digest)[:SHORT] for digest in list(files.values())[:MOST]],
            "whole": [f"{file} {digest}" for file, digest in list(files.items())[:MOST]],
        }
        for part, files in list(given.items())[:MOST]
    ]  # fmt: skip


def _verdict(text: str, found: Any) -> Shown | None:
    """Similarity and the judge's marks, word by word; None where nothing was judged."""
    if not isinstance(found, Mapping):
        return None
    marks = found.get("marks")
    known = {} if not isinstance(marks, Mapping) else {name: mark for name, mark in marks.items() if mark in MARKS}
    try:
        said = words(text, known) if known and parse(text).ask is not None else None
    except KeyError:  # marks of another sentence
        said = None
    return {"similarity": number(found.get("similarity")), "words": said}
