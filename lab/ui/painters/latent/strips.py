"""Acts that turn one knob and keep everything else: guidance, and the scheduler."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from lab.lessons import guidance, schedulers
from lab.lessons.compared import Found
from lab.ui.acts import Refusal
from lab.ui.controls import PROPER
from lab.ui.painters.latent.desk import Asked, Desk, Value, hang, worth
from lab.ui.stage.news import sentence
from lab.ui.wall import Wall

SCALES = (1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24)
COUNTS = (2, 3, 5, 8, 10, 15, 20, 50)
SEEDS = 3  # rows of the strip, at most


def draw_guidance(desk: Desk) -> None:
    """The main act: one seed at five scales."""
    stand = desk.stand("guidance", _scales(guidance.SCALES, ("",)).value)
    with desk.drawer():
        says = {"label": "knob.guidance", "info": "about.guidance", "choices": _named(SCALES)}
        scales = desk.texts(gr.CheckboxGroup, value=list(guidance.SCALES), says=says)
        with gr.Row():
            seeds = desk.texts(gr.Slider, 1, SEEDS, value=1, step=1, buttons=[], says={"label": "latent.seeds"})
            steps = desk.steps("guidance", guidance.STEPS)
    stand.plays(strip, [scales, seeds, steps], desk.text.submit)


def strip(desk: Desk, asked: Asked, scales: Sequence[float], seeds: int, steps: int) -> Iterator[Value]:
    """A column for each scale, a row for each seed."""
    if not scales:
        raise Refusal("latent.say.tick")
    scales, rows = sorted(float(scale) for scale in scales), [asked.seed + k for k in range(int(seeds))]
    shown = _scales(scales, [sentence("latent.seed", n=seed) for seed in rows] if len(rows) > 1 else ("",))
    places = {guidance.key(seed, scale): (r, c) for r, seed in enumerate(rows) for c, scale in enumerate(scales)}
    knobs = replace(desk.base, steps=int(steps))
    told = guidance.run(desk.engine, desk.suite, asked.text, rows, asked.stop, knobs, scales, asked.client)
    yield from hang(shown, told, places, worth)


def draw_schedulers(desk: Desk) -> None:
    """Six ways to take a step, with few steps and with more."""
    stand = desk.stand("schedulers", _names(schedulers.NAMES, schedulers.STEPS).value)
    with desk.drawer():
        says = {"label": "knob.scheduler", "info": "about.scheduler"}
        names = desk.texts(
            gr.CheckboxGroup, value=list(schedulers.NAMES),
            says=says | {"choices": lambda _: [(PROPER[name], name) for name in schedulers.NAMES]},
        )  # fmt: skip
        says = {"label": "knob.steps", "info": "about.steps", "choices": _named(COUNTS)}
        counts = desk.texts(gr.CheckboxGroup, value=list(schedulers.STEPS), says=says)
    stand.plays(side_by_side, [names, counts])


def side_by_side(desk: Desk, asked: Asked, names: Sequence[str], counts: Sequence[int]) -> Iterator[Value]:
    """A column for each scheduler, a row for each number of steps; under it what the picture cost."""
    if not names or not counts:
        raise Refusal("latent.say.tick")
    names, counts = [name for name in schedulers.NAMES if name in names], sorted(int(count) for count in counts)
    places = {schedulers.key(name, n): (r, c) for r, n in enumerate(counts) for c, name in enumerate(names)}
    told = schedulers.run(
        desk.engine, desk.suite, asked.text, asked.seed, asked.stop, desk.base, names, counts, asked.client
    )
    yield from hang(_names(names, counts), told, places, _cost)


def _cost(found: Found) -> list[Any]:
    cost = sentence("latent.cost", n=found.asked, seconds=f"{found.seconds:.2f}")
    return [cost, *worth(found)]


def _scales(scales: Sequence[float], rows: Sequence[Any]) -> Wall:
    return Wall([sentence("latent.off") if scale == 1 else f"× {scale:g}" for scale in scales], rows, size=192)


def _names(names: Sequence[str], counts: Sequence[int]) -> Wall:
    return Wall([PROPER[name] for name in names], [sentence("latent.steps", n=n) for n in counts], size=128)


def _named(values: Sequence[float]) -> Callable[[str], list[tuple[str, float]]]:
    return lambda _: [(f"{value:g}", value) for value in values]
