"""The DALL-E 2 tab: what the prior imagines and what becomes of it; then one idea a section."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from lab.ui import asking, controls
from lab.ui.acts import Acts
from lab.ui.asking import fitting
from lab.ui.events import SILENT, STREAM
from lab.ui.painters.unclip import acts as shows
from lab.ui.painters.unclip.acts import CANDIDATES
from lab.ui.painters.unclip.asked import ELSEWHERE, Asked, asked, given
from lab.ui.texts import Texts
from lab.ui.wall import wall
from lab.ui.words import say
from models.engine import Engine
from models.samplers.unclip import UnclipKnobs

LANE = "unclip"


def draw(engine: Engine, suite: str, texts: Texts, language: gr.Textbox, acts: Acts) -> None:
    """Put the tab together."""
    tab, base = Tab(engine, suite, acts), fitting(engine, suite, LANE)
    text, seed = asking.draw(engine, suite, LANE, LANE, texts, language)
    with gr.Tabs(elem_id="unclip-acts", elem_classes="acts", overflow_behavior="wrap") as tabs:
        stands = {name: _stand(texts, acts, name, base) for name in ("prior", "four", "three", "varied", "larger")}
    knobs = _drawer(texts, base)
    count = stands["prior"].controls[0]
    common = [text, seed, count, *knobs]
    for name, stand in stands.items():
        mine = [] if name == "prior" else stand.controls
        triggers = [stand.go.click, text.submit] if name == "prior" else [stand.go.click]
        gr.on(triggers, getattr(tab, name), [*mine, *common], stand.shown, **STREAM)
    text.submit(lambda: gr.Tabs(selected="unclip-prior-act"), None, tabs, **SILENT)


class Tab:
    """The handlers of the buttons on one suite of one engine."""

    def __init__(self, engine: Engine, suite: str, acts: Acts):
        self.engine, self.suite, self.acts = engine, suite, acts

    def prior(self, request: gr.Request, *common: Any) -> Iterator[Any]:
        """The main act: what the prior imagines, and what each thought becomes."""
        yield from self._play(request, shows.candidates, common)

    def four(self, request: gr.Request, *common: Any) -> Iterator[Any]:
        """One embedding, several pictures."""
        yield from self._play(request, shows.four, common)

    def three(self, request: gr.Request, own: str, file: str | None, *common: Any) -> Iterator[Any]:
        """With the prior, without it, and from a true picture."""
        yield from self._play(request, shows.three, common, (own == "own", file))

    def varied(self, request: gr.Request, own: str, file: str | None, *common: Any) -> Iterator[Any]:
        """Variations of a picture.  Whoever brings one needs no sentence."""
        yield from self._play(request, shows.varied, common, (own == "own", file), least=0 if own == "own" else 1)

    def larger(self, request: gr.Request, steps: float, augment: float, *common: Any) -> Iterator[Any]:
        """The enlarged picture: values of the wall and of the slider."""

        def act(stop: Any) -> Iterator[Any]:
            yield from shows.larger(self.engine, self.suite, self._asked(request, common, steps), augment, stop)

        for value in self.acts.play(request, act):
            yield value if isinstance(value, tuple) else (value, None)

    def _play(
        self, request: gr.Request, show: Callable[..., Iterator[Any]], common: Sequence[Any], picture: Any = None,
        least: int = 1,
    ) -> Iterator[Any]:  # fmt: skip
        def act(stop: Any) -> Iterator[Any]:
            ask = self._asked(request, common, least=least)
            begun = [given(self.engine, self.suite, ask.text, ask.seed, *picture)] if picture else []
            yield from show(self.engine, self.suite, ask, *begun, stop)

        yield from self.acts.play(request, act)

    def _asked(
        self, request: gr.Request, common: Sequence[Any], enlarging: float | None = None, least: int = 1
    ) -> Asked:
        text, seed, count, *values = common
        more = {"candidates": count} | ({} if enlarging is None else {"upsample_steps": enlarging})
        return asked(self.engine, self.suite, request.session_hash or "", text, seed, values, least, **more)


@dataclass(frozen=True, slots=True, eq=False)
class Stand:
    """One act as it stands on the page: its button, its own controls, and where it shows itself."""

    go: gr.Button
    controls: list[Any]
    shown: list[Any]


def _stand(texts: Texts, acts: Acts, name: str, base: UnclipKnobs) -> Stand:
    """A tab within the tab: what to see, the act's controls, two buttons, a wall."""
    with texts(gr.Tab, says={"label": f"unclip.{name}"}, id=f"unclip-{name}-act"):
        texts(gr.Markdown, says={"value": f"unclip.{name}.about"}, elem_classes="see")
        with gr.Row(elem_classes="act"):
            go = texts(
                gr.Button, says={"value": f"unclip.go.{name}"}, variant="primary", scale=0, elem_id=f"unclip-{name}-go"
            )
            own = CONTROLS[name](texts, base) if name in CONTROLS else []
            halt = texts(
                gr.Button, says={"value": "stage.stop"}, scale=0, elem_id=f"unclip-{name}-stop", elem_classes="plain"
            )
        halt.click(acts.halt, None, None, **SILENT)
        shown = [wall(f"unclip-{name}", LANE, shows.at_rest(name))]
        if name == "larger":
            shown.append(_slider(texts))
    return Stand(go, own, shown)


def _count(texts: Texts, base: UnclipKnobs) -> list[Any]:
    return [
        texts(gr.Slider, 1, 8, value=CANDIDATES, step=1, buttons=[], min_width=200, says={"label": "unclip.thoughts"})
    ]


def _enlarging(texts: Texts, base: UnclipKnobs) -> list[Any]:
    """How the last net works."""
    steps = texts(
        gr.Slider, 2, 50, value=base.upsample_steps, step=1, buttons=[], min_width=200,
        says={"label": "knob.upsample_steps"},
    )  # fmt: skip
    augment = texts(gr.Slider, 0, 0.5, value=0, step=0.01, buttons=[], min_width=200, says={"label": "unclip.augment"})
    return [steps, augment]


def _slider(texts: Texts) -> gr.ImageSlider:
    return texts(
        gr.ImageSlider, type="numpy", format="png", buttons=[], interactive=False, height=384, elem_id="unclip-slider",
        says={"label": "unclip.slider"},
    )  # fmt: skip


def _picture(texts: Texts, base: UnclipKnobs) -> list[Any]:
    """Which picture the act begins with."""
    source = texts(gr.Radio, value="painted", min_width=320, says={"label": "unclip.picture", "choices": _sources})
    file = texts(gr.UploadButton, file_types=["image"], scale=0, says={"label": "unclip.upload"}, elem_classes="plain")
    file.upload(lambda: "own", None, source, **SILENT)
    return [source, file]


CONTROLS = {"prior": _count, "three": _picture, "varied": _picture, "larger": _enlarging}


def _sources(language: str) -> list[tuple[str, str]]:
    return [(say(f"unclip.source.{name}", language), name) for name in ("painted", "own")]


def _drawer(texts: Texts, base: UnclipKnobs) -> list[Any]:
    """The settings of the painter that no act chooses."""
    with texts(gr.Accordion, open=False, says={"label": "unclip.drawer"}, elem_classes=["drawer", "knobs", LANE]):
        with gr.Row():
            knobs = controls.draw(base, texts, ELSEWHERE)
        reset = texts(gr.Button, says={"value": "knob.reset"}, size="sm", elem_classes="plain")
    reset.click(partial(controls.defaults, base, ELSEWHERE), None, knobs, **SILENT)
    return knobs
