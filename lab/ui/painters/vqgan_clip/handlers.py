"""What the buttons of the tab do: climbs that stream and that one may go on with, and sheets that are there at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any

import gradio as gr
import pandas as pd

from lab.ui.acts import Acts, Refusal, broken
from lab.ui.lines import legend
from lab.ui.painters.vqgan_clip.asked import Form, asked
from lab.ui.painters.vqgan_clip.climbs import LESSONS, Kept, climb
from lab.ui.painters.vqgan_clip.curves import PLOTS, Curves
from lab.ui.painters.vqgan_clip.sheets import ACTS as SHEETS
from lab.ui.wall import trouble
from models.engine import Engine

SAME = [gr.skip()] * len(PLOTS)  # plots that stay as they are


@dataclass(eq=False)
class Underway:
    """A climb that somebody watches: its curves so far, the language of the page, and whether it has turned."""

    language: str
    curves: Curves
    turned: bool = False
    begun: bool = False

    def turn(self, language: str) -> None:
        """The page speaks `language` now.  A busy browser may miss a legend, so each drawing brings its own."""
        self.language, self.turned = language, True

    def plots(self, fresh: Curves | None) -> Iterator[list[Any]]:
        """What the plots are sent: the data, and at first, or once the page has turned, the legend.

        As updates: the browser makes each news of a stream out of the one before, in place, and would take the data of
        a plot apart under its hands where nothing new follows them.
        """
        if fresh is None:
            yield SAME
            return
        self.curves, frames = fresh, fresh.frames(self.language)
        legends, self.begun = self.turned or not self.begun, True
        yield [gr.update(value=data) for data in frames]
        if legends:
            yield [legend(data) for data in frames]


class Climbs:
    """The handlers of one act that climbs: values of its wall, its plots, and what is kept."""

    def __init__(self, engine: Engine, suite: str, acts: Acts, act: str):
        self.engine, self.suite, self.acts, self.act = engine, suite, acts, act
        self._now: dict[str, Underway] = {}  # by visitor

    def begin(self, request: gr.Request, language: str, *form: Any) -> Iterator[list[Any]]:
        """From the beginning."""
        yield from self._climb(request, language, form)

    def go_on(self, request: gr.Request, kept: Kept | None, language: str, *form: Any) -> Iterator[list[Any]]:
        """On from what is kept."""
        yield from self._climb(request, language, form, kept, further=True)

    def _climb(
        self, request: gr.Request, language: str, form: Sequence[Any], kept: Kept | None = None, further: bool = False
    ) -> Iterator[list[Any]]:
        visitor = request.session_hash or ""

        def play(stop: Event) -> Iterator[Any]:
            ask = asked(self.engine, self.suite, visitor, Form.of(form), stop)
            if further and kept is None:
                raise Refusal("vq.say.nothing")
            yield from climb(self.engine, self.suite, self.act, ask, kept)

        underway = self._now[visitor] = Underway(language, self._curves(kept))
        try:
            for value in self.acts.play(request, play):
                shown, fresh, state = value if isinstance(value, tuple) else (value, None, None)
                for plots in underway.plots(fresh):
                    yield [shown, *plots, gr.skip() if state is None else state]
        finally:
            if self._now.get(visitor) is underway:
                del self._now[visitor]

    def relabelled(self, request: gr.Request, language: str, kept: Kept | None) -> list[pd.DataFrame]:
        """The plots with the names of their lines in the other language, in which a climb under way goes on."""
        underway = self._now.get(request.session_hash or "")
        if underway is None:
            return self._curves(kept).frames(language)
        underway.turn(language)
        return underway.curves.frames(language)

    def legends(self, language: str) -> list[Any]:
        """And their legends."""
        return [legend(data) for data in self._curves(None).frames(language)]

    def _curves(self, kept: Kept | None) -> Curves:
        return kept.curves if kept else Curves(LESSONS[self.act].LANES)


class Sheet:
    """The handler of an act that does not climb; it is over at once, and stops no climb."""

    def __init__(self, engine: Engine, suite: str, act: str):
        self.engine, self.suite, self.act = engine, suite, act

    def show(self, request: gr.Request, *form: Any) -> Iterator[dict[str, Any]]:
        """Values of its wall."""
        try:
            ask = asked(self.engine, self.suite, request.session_hash or "", Form.of(form), climbs=False)
            yield from SHEETS[self.act](self.engine, self.suite, ask)
        except Refusal as refusal:
            yield trouble(refusal.key, **refusal.values)
        except Exception as error:
            yield broken(error)
