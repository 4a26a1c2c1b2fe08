"""What an endpoint takes, made from the samplers' own knobs, and how it refuses what it cannot take."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import gradio as gr

from lab.race import LANES, SAMPLERS, Event
from lab.ui.acts import Refusal
from lab.ui.asking import LONGEST, SEEDS
from lab.ui.stage.news import sentence
from lab.ui.words import LANGUAGES, say
from models.engine import Run
from models.knobs import Knobs, Spec, knob
from models.samplers.guard import is_cover

MESSAGE = 600  # letters of an error, which may quote what was sent
CLASH = "knob_"  # before a knob whose name every endpoint already takes
Told = tuple[dict[str, Any], list[str], list[gr.FileData]]
Takes = Mapping[str, tuple[Any, Any]]  # type and default, by name


@dataclass(frozen=True)
class Common(Knobs):
    """What every endpoint takes beside its texts; the budget is each painter's own, on the device.  What is `exact`
    shares no batch with others, so that company does not change even the last bit."""

    seed: int = knob(0, low=0, high=SEEDS)
    count: int = knob(1, low=1, high=4, unit="pictures")
    budget: float | None = knob(None, low=0.1, high=600.0, unit="seconds")
    exact: bool = knob(False)
    language: str = knob(LANGUAGES[0], choices=LANGUAGES)  # of what is said where something will not do


@dataclass(frozen=True)
class Whole(Common):
    """What `/race` takes."""

    enlarge: bool = knob(False)  # every picture four times as wide at the end


COMMON = tuple(spec.name for spec in Common.specs())
TAKEN = ("prompt", "negative", *COMMON)


def named(kind: type[Knobs]) -> dict[str, Spec]:
    """The knobs of a painter by the names that its endpoint gives them."""
    return {CLASH + spec.name if spec.name in TAKEN else spec.name: spec for spec in kind.specs()}


def sign(fn: Any, more: Takes) -> list[str]:
    """Give `fn` the parameters of every endpoint, and `more`; Gradio reads them from it.

    Their names, in order; the last that `fn` is given is the request, which is not among them.
    """
    takes = {"prompt": (str, inspect.Parameter.empty), "negative": (str, "")}
    takes |= {spec.name: (typed(spec), spec.default) for spec in Common.specs()} | dict(more)
    names = list(takes)
    takes["request"] = (gr.Request, None)
    parameter = partial(inspect.Parameter, kind=inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = [parameter(name, default=value, annotation=kind) for name, (kind, value) in takes.items()]
    fn.__signature__ = inspect.Signature(parameters, return_annotation=Told)
    fn.__annotations__ = {name: kind for name, (kind, _) in takes.items()} | {"return": Told}
    return names


def typed(spec: Spec) -> Any:
    """The type of a knob as endpoints declare it."""
    kind = spec.type if spec.choices is None else Literal[spec.choices]
    return kind | None if spec.optional else kind


def text_of(name: str, value: Any, least: int) -> str:
    """A text of the right length.  Raises Refusal."""
    text = value.strip() if isinstance(value, str) else None
    if text is None or not least <= len(text) <= LONGEST:
        raise Refusal("api.say.text", name=name, value=repr(value), least=least, most=LONGEST)
    return text


def lanes_of(value: Any) -> list[str]:
    """Painters by name.  Raises Refusal."""
    known = isinstance(value, list) and value and all(lane in LANES for lane in value)
    if not known or len(set(value)) != len(value):
        raise Refusal("api.say.some", name="lanes", value=repr(value), names=list(LANES))
    return value


def knobs_of(value: Any, lanes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Settings by painter, each checked.  Raises Refusal."""
    if not isinstance(value, dict) or not all(isinstance(settings, dict) for settings in value.values()):
        example = "{'latent': {'steps': 10}}"
        raise Refusal("api.say.settings", name="knobs", value=repr(value), example=example)
    if stray := sorted(set(value) - set(lanes)):
        raise Refusal("api.say.stray", name="knobs", stray=stray, names=list(lanes))
    return {lane: values_of(SAMPLERS[lane].knobs, settings, f"{lane}: ") for lane, settings in value.items()}


def values_of(kind: type[Knobs], given: Mapping[str, Any], whose: str = "") -> dict[str, Any]:
    """The values of `given` in the types of their fields.  Raises Refusal."""
    specs, found = {spec.name: spec for spec in kind.specs()}, {}
    for name, value in given.items():
        if name not in specs:
            raise Refusal("api.say.field", name=whose + str(name), value=repr(value), names=list(specs))
        try:
            found[name] = specs[name].check(value)
        except ValueError as error:
            about = {"name": whose + name, "value": repr(value), "allowed": allowed(specs[name])}
            raise Refusal("api.say.value", **about) from error
    return found


def allowed(spec: Spec) -> dict[str, Any]:
    """What a field allows, in either language."""
    if spec.choices is not None:
        return sentence("api.choice", names=", ".join(map(repr, spec.choices)))
    if spec.type is bool:
        return sentence("api.bool")
    sides = {"low": spec.low, "high": spec.high}
    if spec.type is int and spec.step is not None:
        found = sentence("api.grid", **sides, step=spec.step)
    else:
        found = sentence(f"api.{spec.type.__name__}", **sides)
    return sentence("api.optional", allowed=found) if spec.optional else found


def remark(event: Event, run: Run | None, language: str) -> str:
    """What there is to say of a painter: why it ended as it did, or why pictures of it are grey."""
    hidden = sum(map(is_cover, run.newest.images)) if run is not None and run.newest is not None else 0
    return event.note or (say("say.covered", language, n=hidden) if hidden else "")


def refusal(message: str) -> gr.Error:
    """An error that reaches the client word for word, and is no trouble of ours."""
    half = MESSAGE // 2
    short = message if len(message) <= MESSAGE else f"{message[:half]} … {message[-half:]}"
    return gr.Error(short, print_exception=False)
