"""Settings as the page shows them, drawn from the samplers' own dataclasses: whoever adds a knob adds a control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def shown(kind: type[Knobs]) -> tuple[Spec, ...]:
    """The settings that matter when only a sentence is given."""
    return tuple(spec for spec in kind.specs() if WITHOUT_PICTURE.get(spec.name, ()) is not None)


def draw(kind: type[Knobs], texts: Texts) -> list[gr.components.Component]:
    """A control for each of `shown(kind)`, in their order."""
    return [_control(spec, texts) for spec in shown(kind)]


def read(kind: type[Knobs], values: Sequence[Any]) -> dict[str, Any]:
    """Plain data for `kind.from_dict` from the controls' values: what was left at its default is not named."""
    found: dict[str, Any] = {}
    for spec, value in zip(shown(kind), values, strict=True):
        if spec.type is int and isinstance(value, float) and value.is_integer():
            value = int(value)
        if value not in (spec.default, None, OWN):
            found[spec.name] = value
    return found


def defaults(kind: type[Knobs]) -> list[Any]:
    """The controls' values at their defaults."""
    return [OWN if spec.optional else spec.default for spec in shown(kind)]


def refused(kind: type[Knobs], values: Mapping[str, Any]) -> tuple[str, Any] | None:
    """The first setting whose value is not allowed, and the value; None where all are."""
    specs = {spec.name: spec for spec in kind.specs()}
    for name, value in values.items():
        try:
            specs[name].check(value)
        except ValueError:
            return name, value
    return None


def _control(spec: Spec, texts: Texts) -> gr.components.Component:
    says: dict[str, Any] = {"label": f"knob.{spec.name}", "info": f"about.{spec.name}"}
    common: dict[str, Any] = {"value": spec.default, "interactive": True, "min_width": 140}
    if spec.type is bool:
        return texts(gr.Checkbox, says=says, **common)
    if spec.choices is not None:
        left_out = WITHOUT_PICTURE.get(spec.name) or ()
        names = [choice for choice in spec.choices if choice not in left_out]
        says["choices"] = lambda language: [(_choice(name, language), name) for name in names]
        return texts(gr.Dropdown, says=says, filterable=False, **common)
    if spec.optional:
        sizes = [size for size in SIZES if spec.low <= size <= spec.high and (size - spec.low) % spec.step == 0]
        says["choices"] = lambda language: [(say("choice.own", language), OWN), *((str(size), size) for size in sizes)]
        return texts(gr.Dropdown, says=says, filterable=False, **(common | {"value": OWN}))
    step = spec.step or (1 if spec.type is int else 0.01)
    if None not in (spec.low, spec.high) and (spec.high - spec.low) / step <= MARKS:
        return texts(gr.Slider, spec.low, spec.high, step=step, buttons=[], says=says, **common)
    whole = 0 if spec.type is int else None
    return texts(gr.Number, minimum=spec.low, maximum=spec.high, step=step, precision=whole, says=says, **common)


def _choice(name: str, language: str) -> str:
    key = f"choice.{name}"
    return say(key, language) if key in WORDS else PROPER.get(name, name)
