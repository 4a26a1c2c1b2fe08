"""What the name of a suite says: which weights it has for each painter, and its name with another of them."""

from __future__ import annotations

from models.catalog.full import CHOICES, ONE_CLIP, picks


def chosen(name: str) -> dict[str, str]:
    """The choices of the full suite `name`, by slot; empty where `name` is another suite.  ValueError if unknown."""
    kind, _, more = name.partition(":")
    return picks(*filter(None, more.split(","))) if kind == "full" else {}


def joined(now: str, wanted: str) -> str:
    """The suite that `wanted` makes of `now`, each under its plainest name.

    One choice of the full suite (`full:sd-2.1`) takes its painter's place in a full suite, and leaves the others as
    they are; `full` is the preset, and any other suite is itself.  ValueError if a choice is unknown.
    """
    if not chosen(wanted):
        return wanted
    more = [one for one in wanted.partition(":")[2].split(",") if one]
    found = (chosen(now) if more else {}) | {CHOICES[one].slot: one for one in more}
    beside = [one for one in CHOICES if one in found.values() and one not in ONE_CLIP]
    return ":".join(("full", ",".join(beside))).rstrip(":")
