"""A race as the query of a link, and back: whoever opens it sees the same sentence, seed, budget and settings painted.

?prompt=a+red+cat&seed=3&budget=3&count=2&painters=latent,pixel&latent.guidance=7.5
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from lab.race import LANES
from lab.ui import controls
from lab.ui.acts import Refusal
from lab.ui.asking import LONGEST, SEEDS
from lab.ui.compare.asked import BUDGETS, COUNTS, Asked
from models.knobs import Knobs, Spec

DIGITS = 20  # of a number in a link, fewer than that


def query(asked: Asked) -> str:
    """What stands behind the question mark; settings at their defaults are left out."""
    lanes = [lane for lane in LANES if lane in asked.lanes]
    found: dict[str, Any] = {"prompt": asked.text.strip(), "seed": int(asked.seed or 0)}
    if asked.budget:
        found["budget"] = asked.budget
    if asked.count != 1:
        found["count"] = int(asked.count)
    if len(lanes) < len(LANES):
        found["painters"] = ",".join(lanes)
    for lane, values in asked.settings(lanes).items():
        found |= {f"{lane}.{name}": value for name, value in values.items()}
    return urlencode(found)


def opened(given: Mapping[str, str], bases: Mapping[str, Knobs]) -> Asked | None:
    """What the link's fields ask for; None where it asks for no race.  Raises Refusal for what is not allowed."""
    if not given.get("prompt"):
        return None
    text = given["prompt"][: LONGEST + 1]
    lanes = given["painters"].split(",") if "painters" in given else list(LANES)
    if not set(lanes) <= set(LANES):
        raise Refusal("say.link", field="painters", value=given["painters"], allowed=", ".join(LANES))
    seed, budget = _number(given, "seed", 1, SEEDS), given.get("budget", str(BUDGETS[0]))
    if budget not in map(str, BUDGETS):  # a dropdown takes nothing that it does not offer
        raise Refusal("say.link", field="budget", value=budget[:40], allowed=", ".join(map(str, BUDGETS)))
    count = _number(given, "count", 1, COUNTS) or 1
    knobs: list[Any] = []
    for lane, base in bases.items():
        for spec, default in zip(controls.shown(type(base)), controls.defaults(base), strict=True):
            field = f"{lane}.{spec.name}"
            knobs.append(_value(spec, field, given[field], default) if field in given else default)
    return Asked(text, seed, lanes, int(budget), int(count), knobs, bases)


def _number(given: Mapping[str, str], field: str, default: int, most: int) -> int:
    value = given.get(field, str(default))
    # the length first: Python takes no number of thousands of digits, and says so in no language of ours
    if not (len(value) < DIGITS and value.isascii() and value.isdigit() and int(value) <= most):
        raise Refusal("say.link", field=field, value=value[:40], allowed=f"0 … {most}")
    return int(value)


def _value(spec: Spec, field: str, text: str, default: Any) -> Any:
    """A setting from its text, one that its control takes: that stands at `default` at first."""
    offered = controls.offered(spec, default)
    try:
        if spec.type is bool:
            return spec.check({"True": True, "False": False}.get(text, text))
        value = controls.OWN if spec.optional and text == str(None) else spec.check(spec.type(text))
        if offered is not None and value not in offered:
            raise ValueError(f"{spec.name} is {value!r}, which is not among {offered}")
        return value
    except ValueError as error:
        raise Refusal("say.link", field=field, value=text[:40], allowed=_allowed(spec, offered)) from error


def _allowed(spec: Spec, offered: list[Any] | None) -> str:
    """What a link may say, in no language."""
    if offered is None:
        return "True, False" if spec.type is bool else f"{spec.low} … {spec.high}"
    return ", ".join(str(None) if value == controls.OWN else str(value) for value in offered)
