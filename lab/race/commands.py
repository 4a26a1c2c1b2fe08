"""Commands that somebody is told to type, with all that they need to be about the same files."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from lab.race.painters import precision


def typed(verb: str, parts: Iterable[str], suite: str, device: str, lock: Path | None = None) -> str:
    """`quartet fetch` or `quartet pin` for parts of a suite as `device` reads them; fetching accepts the licences."""
    pins = f" --lock {shlex.quote(str(lock))}" if lock else ""
    return " ".join(("quartet", verb, *parts)) + options(suite, device) + pins + " --accept" * (verb == "fetch")


def options(suite: str, device: str) -> str:
    """What those commands have to be given for the files that `suite` reads on `device`; empty where they find out.

    Half precision is named wherever it is meant: what a Space lacks is pinned on a computer without a GPU.
    """
    named = "" if suite == "full" else f" --suite {shlex.quote(suite)}"
    if precision(suite, device) != "float32":
        return f"{named} --device cuda"
    return named if precision(suite, "auto") == "float32" else f"{named} --device cpu"
