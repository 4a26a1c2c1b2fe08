"""The curves of climbs: similarity as each was asked, similarity before fresh eyes, and the loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan
from statistics import mean

import gradio as gr
import pandas as pd

from lab.lessons.climbing import Climbed
from lab.ui.lines import COLUMNS, INKS, plot
from lab.ui.texts import Texts
from lab.ui.words import say

PLOTS = ("asked", "fresh", "loss")
LATEST = 5
EMPTY = 10  # steps of a plot without a point: an axis of one step would be labelled 1.000000
Point = tuple[str, int, float]  # climb, step, value


@dataclass
class Curves:
    """The points of every plot; `lanes` are the climbs in it."""

    lanes: Sequence[str]
    points: dict[str, list[Point]] = field(default_factory=lambda: {name: [] for name in PLOTS})

    def add(self, news: Climbed, tower: str) -> None:
        """What one event tells; `tower` is the CLIP whose fresh eyes count, where the suite has it."""
        lane = news.event.lane
        for fact in news.event.history:
            self.points["asked"].append((lane, fact.i, fact.facts["similarity"]))
            self.points["loss"].append((lane, fact.i, fact.facts["loss"]))
        if news.sight is not None:
            opinion = news.sight.opinions.get(tower) or news.sight.opinions["ordinary"]
            self.points["fresh"].append((lane, news.event.shown, opinion.fresh))

    def last(self, plot: str, lane: str) -> float | None:
        """Where a climb stands: the mean of its newest LATEST steps as they were asked, since each has its own crops;
        of anything else the newest value."""
        values = [value for name, _, value in self.points[plot] if name == lane]
        return mean(values[-LATEST if plot == "asked" else -1 :]) if values else None

    def frames(self, language: str) -> list[pd.DataFrame]:
        """The data of every plot, in the order of PLOTS; each climb has a point without a value, for the legend."""
        return [
            pd.DataFrame(
                [(step, value, say(f"vq.lane.{lane}", language)) for lane, step, value in self._begun(name)],
                columns=COLUMNS,
            ).astype({"step": int, "value": float})
            for name in PLOTS
        ]

    def _begun(self, plot: str) -> list[Point]:
        begun = self.points[plot] or [(lane, EMPTY, nan) for lane in self.lanes]
        return [(lane, 0, nan) for lane in self.lanes] + begun


def draw(texts: Texts, act: str, lanes: Sequence[str]) -> list[gr.LinePlot]:
    """An empty plot for each of PLOTS."""
    inks = {f"vq.lane.{lane}": ink for lane, ink in zip(lanes, (INKS[3], INKS[2]), strict=True)}
    return [
        plot(
            texts, data, inks, {"title": f"vq.plot.{act if name == 'fresh' else name}", "x_title": "vq.plot.step"},
            height=210, elem_id=f"vq-{act}-{name}",
        )
        for name, data in zip(PLOTS, Curves(lanes).frames("en"), strict=True)
    ]  # fmt: skip
