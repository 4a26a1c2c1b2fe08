"""Acts about the table of noise: its three curves beside other tables', and the two variances of a step back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr
import pandas as pd
import torch
from torch import Tensor

from lab.lessons import schedule, variance
from lab.ui.events import SILENT
from lab.ui.lines import COLUMNS, INKS, legend, plot
from lab.ui.painters.pixel.desk import Asked, Desk, Value, alone, seed_name, settings
from lab.ui.stage.news import sentence
from lab.ui.wall import Wall
from lab.ui.words import say

TABLES = (schedule.OWN, *schedule.KINDS)
CURVES: dict[str, Callable[[schedule.Schedule], Tensor]] = {
    "beta": lambda table: table.betas.log10(),
    "bar": lambda table: table.bars,
    "snr": lambda table: table.snr.log10(),
}
POINTS = 100  # of a curve
CHAINS, SEEDS, KNOBS = (10, 25, 100, 1000), 4, ("guidance",)
SIZE = 128  # CSS pixels


def draw_schedule(desk: Desk) -> None:
    """Three plots, and which tables are in them."""
    says = {"label": "pixel.tables", "choices": _tables}
    tables = desk.texts(gr.CheckboxGroup, value=[TABLES[0], "cosine"], says=says)
    first, inks = curves(desk, [TABLES[0], "cosine"], "en"), _inks("table", TABLES)
    with gr.Row():
        plots = [
            plot(desk.texts, data, inks, {"title": f"pixel.plot.{name}", "x_title": "pixel.plot.step"}, height=260,
                 elem_id=f"pixel-plot-{name}")
            for name, data in zip(CURVES, first, strict=True)
        ]  # fmt: skip
    _follow(desk, tables, partial(curves, desk), plots)


def curves(desk: Desk, tables: Sequence[str], language: str) -> list[pd.DataFrame | None]:
    """The data of every plot, in the order of CURVES; None where the net's files are not here."""
    try:
        found = list(schedule.run(desk.engine, desk.suite, [name for name in TABLES if name in tables]))
    except (OSError, ValueError):
        return [None] * len(CURVES)
    return [
        pd.concat([_curve(curve(table), f"pixel.table.{name}", language) for name, table in found] or [_curve()])
        for curve in CURVES.values()
    ]


def draw_variance(desk: Desk) -> None:
    """Two curves, and two columns of pictures."""
    with gr.Row(elem_classes="act"):
        go = desk.buttons("variance")
        says = {"label": "pixel.strides", "choices": lambda _: [(str(n), n) for n in CHAINS]}
        chain = desk.texts(gr.Radio, value=25, says=says)
    with gr.Row():
        with gr.Column(min_width=300):
            shown = desk.wall("variance", _columns([1, 2]).value)
        says = {"title": "pixel.plot.variance", "x_title": "pixel.plot.back"}
        inks, first = _inks("variance", variance.KINDS), variances(desk, 25, "en")
        curve = plot(desk.texts, first, inks, says, height=260, elem_id="pixel-plot-variance")
    with desk.drawer(), gr.Row():
        rows = desk.texts(gr.Slider, 1, SEEDS, value=2, step=1, buttons=[], says={"label": "pixel.rows"})
        knobs = desk.knobs(*KNOBS)
    _follow(desk, chain, lambda *given: [variances(desk, *given)], [curve])
    desk.plays([go.click], both, [chain, rows, *knobs], shown)


def variances(desk: Desk, chain: int, language: str) -> pd.DataFrame | None:
    """beta and beta-tilde of every step of a chain of `chain` strides, as powers of ten; the first beta-tilde is 0."""
    try:
        table = schedule.schedule(schedule.net(desk.engine, desk.suite).scheduler).respaced(int(chain))
    except (OSError, ValueError):
        return None
    pairs = zip(variance.KINDS, (table.betas, table.posterior), strict=True)
    return pd.concat([_curve(curve.log10(), f"pixel.variance.{kind}", language) for kind, curve in pairs])


def both(desk: Desk, asked: Asked, chain: int, rows: int, *values: Any) -> Iterator[Value]:
    """A column for each variance, a row for each seed; under each picture its grain."""
    knobs = replace(settings(desk, KNOBS, values), steps=int(chain))
    seeds = [asked.seed + k for k in range(int(rows))]
    shown = _columns(seeds)
    for event in variance.run(desk.engine, desk.suite, asked.text, seeds, asked.stop, knobs, asked.client):
        for k in range(len(seeds)):
            mine = alone(event, k)
            said = [] if mine.frame is None else [sentence("pixel.grain", n=f"{variance.grain(mine.frame[0]):.1f}")]
            shown.follow(mine, k, variance.KINDS.index(event.lane), *said)
        yield shown.value


def _columns(seeds: Sequence[int]) -> Wall:
    names = [sentence(f"pixel.variance.{kind}") for kind in variance.KINDS]
    return Wall(names, [seed_name(seed) for seed in seeds], SIZE)


def _tables(language: str) -> list[tuple[str, str]]:
    return [(say(f"pixel.table.{name}", language), name) for name in TABLES]


def _curve(values: Tensor | None = None, name: str = "", language: str = "en") -> pd.DataFrame:
    """A line of a plot: at most POINTS of `values` (T,), the first step of the chain is 1."""
    if values is None:
        return pd.DataFrame({name: [] for name in COLUMNS})
    places = torch.linspace(0, len(values) - 1, min(POINTS, len(values))).round().long()
    places = places[values[places].isfinite()]
    return pd.DataFrame({"step": places + 1, "value": values[places], "line": say(name, language)})


def _follow(desk: Desk, control: Any, draw: Callable[..., list[pd.DataFrame | None]], plots: list[gr.LinePlot]) -> None:
    """The plots show what `draw` gives for the control's value in the language of the page."""
    inputs = [control, desk.language]

    def told(values: list[Any]) -> Any:  # Gradio takes a list for one plot alone as that plot's value
        return values[0] if len(plots) == 1 else values

    drawn = gr.on([control.change, desk.language.change], lambda *given: told(draw(*given)), inputs, plots, **SILENT)
    drawn.then(lambda *given: told([legend(data) for data in draw(*given)]), inputs, plots, **SILENT)


def _inks(group: str, names: Sequence[str]) -> dict[str, str]:
    return {f"pixel.{group}.{name}": ink for name, ink in zip(names, INKS, strict=False)}
