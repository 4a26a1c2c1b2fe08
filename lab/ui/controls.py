"""Settings as the page shows them, drawn from the samplers' own dataclasses: whoever adds a knob adds a control."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import gradio as gr

from lab.ui.texts import Texts
from lab.ui.words import WORDS, say
from models.knobs import Knobs, Spec

MARKS = 120  # places of a slider above which a number is easier to set
OWN = ""  # chosen where a size is left to the net itself
SIZES = (32, 48, 64, 80, 96, 128, 192, 256)  # of pictures, where one may be chosen
PROPER = {"ddpm": "DDPM", "ddim": "DDIM", "euler": "Euler", "euler_a": "Euler a", "dpm++": "DPM++", "heun": "Heun",
          "adam": "Adam"}  # fmt: skip
# What needs a picture to start from has no place where only a sentence is given.
WITHOUT_PICTURE = {"strength": None, "embedding": ("image",)}
UNASKED = ("negative",)  # weighs what to avoid, and only a tab that asks what that is has a place for it


def shown(kind: type[Knobs], but: Collection[str] = UNASKED) -> tuple[Spec, ...]:
    """The settings that matter when only a sentence is given, but those that are chosen elsewhere."""
    return tuple(s for s in kind.specs() if WITHOUT_PICTURE.get(s.name, ()) is not None and s.name not in but)


def draw(
    base: Knobs, texts: Texts, but: Collection[str] = UNASKED, hidden: Collection[str] = ()
) -> list[gr.components.Component]:
    """A control for each of `shown(type(base), but)`, in their order, at the values of `base`.

    Nobody sees those of the settings `hidden`, which the weights that run here cannot follow.
    """
    return [
        _control(spec, getattr(base, spec.name), texts, visible=spec.name not in hidden)
        for spec in shown(type(base), but)
    ]


def read(base: Knobs, values: Sequence[Any], but: Collection[str] = UNASKED) -> dict[str, Any]:
    """Plain data by name from the controls' values: what is as in `base` is not named."""
    found: dict[str, Any] = {}
    for spec, value in zip(shown(type(base), but), values, strict=True):
        if spec.type is int and isinstance(value, float) and value.is_integer():
            value = int(value)
        if value in (None, OWN):  # the net's own size; a number that was wiped out is as it was
            value = None if spec.optional else getattr(base, spec.name)
        if value != getattr(base, spec.name):
            found[spec.name] = value
    return found


def defaults(base: Knobs, but: Collection[str] = UNASKED) -> list[Any]:
    """The controls' values at those of `base`."""
    values = (getattr(base, spec.name) for spec in shown(type(base), but))
    return [OWN if value is None else value for value in values]


def refused(kind: type[Knobs], values: Mapping[str, Any]) -> tuple[str, Any] | None:
    """The first setting whose value is not allowed, and the value; None where all are."""
    specs = {spec.name: spec for spec in kind.specs()}
    for name, value in values.items():
        try:
            specs[name].check(value)
        except ValueError:
            return name, value
    return None


def offered(spec: Spec, value: Any) -> list[Any] | None:
    """What a control offers whose value is `value` at first; None where it takes all that the setting allows."""
    if spec.choices is not None:
        return [choice for choice in spec.choices if choice not in (WITHOUT_PICTURE.get(spec.name) or ())]
    if spec.optional:
        fitting = {size for size in SIZES if spec.low <= size <= spec.high and (size - spec.low) % spec.step == 0}
        return [OWN, *sorted(fitting | ({value} - {None, OWN}))]
    return None


def _control(spec: Spec, value: Any, texts: Texts, visible: bool) -> gr.components.Component:
    says: dict[str, Any] = {"label": f"knob.{spec.name}", "info": f"about.{spec.name}"}
    common: dict[str, Any] = {
        "value": OWN if value is None else value,
        "interactive": True,
        "min_width": 140,
        "visible": visible,
    }
    if spec.type is bool:
        return texts(gr.Checkbox, says=says, **common)
    if (names := offered(spec, value)) is not None:
        says["choices"] = lambda language: [(_choice(name, language), name) for name in names]
        return texts(gr.Dropdown, says=says, filterable=False, **common)
    step = spec.step or (1 if spec.type is int else 0.01)
    if None not in (spec.low, spec.high) and (spec.high - spec.low) / step <= MARKS:
        return texts(gr.Slider, spec.low, spec.high, step=step, buttons=[], says=says, **common)
    whole = 0 if spec.type is int else None
    return texts(gr.Number, minimum=spec.low, maximum=spec.high, step=step, precision=whole, says=says, **common)


def _choice(name: Any, language: str) -> str:
    key = "choice.own" if name == OWN else f"choice.{name}"
    return say(key, language) if key in WORDS else PROPER.get(name, str(name))
