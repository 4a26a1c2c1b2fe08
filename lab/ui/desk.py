"""The desk that a tab of acts is laid on: a sentence and a seed, the two buttons of an act, and how it is played."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from lab.ui import asking
from lab.ui.acts import Acts
from lab.ui.events import SILENT, STREAM
from lab.ui.texts import Texts
from models.engine import Engine

PACE = 0.15  # seconds between two values sent
Value = dict[str, Any]  # of a wall
Play = Callable[..., Iterator[Value]]  # (desk, asked, *values of its controls)


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands above the acts, checked, and whose it is.  An empty `text` tells the net nothing."""

    text: str
    seed: int
    client: str
    stop: threading.Event


class Desk:
    """What all acts of the painter `lane` share; a sentence has `least` letters, and `hint` stands where it goes."""

    lane: str
    hint = "prompt.hint"
    least = 1

    def __init__(self, engine: Engine, suite: str, texts: Texts, language: gr.Textbox, acts: Acts):
        self.engine, self.suite, self.texts, self.language, self.acts = engine, suite, texts, language, acts
        self.base = asking.fitting(engine, suite, self.lane)
        self.text, self.seed = asking.draw(engine, suite, self.lane, self.lane, texts, language, self.hint)

    def buttons(self, name: str) -> gr.Button:
        """The dark button of an act, to be wired, and the one that stops it."""
        lane = self.lane
        go = self.texts(
            gr.Button, says={"value": f"{lane}.go.{name}"}, variant="primary", scale=0, elem_id=f"{lane}-{name}-go"
        )
        halt = self.texts(
            gr.Button, says={"value": "stage.stop"}, scale=0, elem_id=f"{lane}-{name}-stop", elem_classes="plain"
        )
        halt.click(self.acts.halt, None, None, **SILENT)
        return go

    def drawer(self) -> gr.Accordion:
        """Where the settings of an act are."""
        classes = ["drawer", "knobs", self.lane]
        return self.texts(gr.Accordion, open=False, says={"label": f"{self.lane}.drawer"}, elem_classes=classes)

    def plays(
        self, triggers: Sequence[Callable], play: Play, inputs: Sequence[Any], shown: gr.HTML, least: int | None = None
    ) -> None:
        """Whoever sets off one of `triggers` sees `play` with the values of `inputs` on the wall `shown`."""

        def begin(request: gr.Request, text: str, seed: float | None, *values: Any) -> Iterator[Value]:
            yield from self.play(request, play, text, seed, *values, least=least)

        for trigger in triggers:
            trigger(begin, [self.text, self.seed, *inputs], shown, **STREAM)

    def entered(self, tabs: gr.Tabs, act: str) -> None:
        """Who presses Enter in the sentence is taken to the act that it sets off, whichever of `tabs` is open."""
        self.text.submit(lambda: gr.Tabs(selected=act), None, tabs, **SILENT)

    def play(
        self, request: gr.Request, play: Play, text: str, seed: float | None, *values: Any, least: int | None = None
    ) -> Iterator[Value]:
        """The values of a wall while `play` goes on; a sentence where it cannot.  `least` is the act's own, if any."""

        def act(stop: threading.Event) -> Iterator[Value]:
            asking.present(self.engine, self.suite, self.lane)
            known = asking.checked(text, seed, self.least if least is None else least)
            yield from play(self, Asked(*known, request.session_hash or "", stop), *values)

        yield from self.acts.play(request, act)
