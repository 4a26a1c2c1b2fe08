"""The first tab: one sentence, and four painters who take turns on it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import gradio as gr

from lab.race import LANES
from lab.race.painters import led
from lab.ui import asking, controls, hints
from lab.ui.asking import SEEDS
from lab.ui.compare import builder
from lab.ui.compare.asked import BUDGETS, COUNTS
from lab.ui.compare.pairs import Pairs
from lab.ui.compare.show import Show
from lab.ui.events import SILENT, STREAM
from lab.ui.stage import replay, stage
from lab.ui.stage.news import absent
from lab.ui.texts import Texts
from lab.ui.words import EXAMPLES, say
from models.engine import Engine
from models.knobs import Knobs

ASK = "(...given) => { quartet.stage?.ask(); return given; }"  # the stage is cleared before the server answers


def draw(engine: Engine, suite: str, texts: Texts, language: gr.Textbox, page: gr.Blocks) -> Show:
    """Put the tab together; gives its handlers."""
    show = Show(engine, suite)
    prompt = texts(
        gr.Textbox, EXAMPLES["en"][0], lines=1, max_lines=3, elem_id="prompt", max_length=2000, autofocus=True,
        says={"label": "prompt", "placeholder": "prompt.hint"},
    )  # fmt: skip
    hints.under(prompt, "prompt", engine.registry.suite(suite))
    with gr.Row(elem_id="asking"):
        paint = texts(gr.Button, says={"value": "paint"}, variant="primary", elem_id="paint", scale=0)
        seed = texts(gr.Number, 1, precision=0, elem_id="seed", scale=0, says={"label": "seed"})
        die = texts(gr.Button, "⚄", elem_id="die", scale=0, says={"value": lambda _: "⚄"})
        budget = texts(gr.Dropdown, value=0, filterable=False, elem_id="budget", scale=0, says=_budgets())
    leads = led(engine.registry.suite(suite))
    played = stage(replay.load(engine, suite) or absent(engine, suite), show.postcard, leads)
    Pairs(show.visits, texts, language)
    lanes, count, knobs = _drawers(texts, prompt, language, show.bases, asking.idle(engine, suite))
    inputs = [prompt, seed, lanes, budget, count, *knobs]
    linked = gr.Textbox("", visible="hidden", elem_id="linked")
    gr.on([paint.click, prompt.submit, linked.change], show.paint, inputs, played, js=ASK, **STREAM)
    page.load(show.reopen, None, [*inputs, linked, played], show_progress_on=linked, **SILENT)
    played.pause(show.pause, None, None, **SILENT)
    played.resume(show.resume, None, None, **SILENT)
    played.halt(show.halt, None, None, **SILENT)
    die.click(lambda: random.randrange(SEEDS), None, seed, **SILENT)
    language.change(_translated, [language, prompt], prompt, **SILENT)
    return show


def _translated(request: gr.Request, language: str, text: str) -> str:
    """An example follows the page into the other language; a visitor's own sentence, or a link's, stays as it is."""
    if "prompt" in dict(request.query_params or {}):
        return text
    return asking.translated(language, text)


def _budgets() -> dict[str, Any]:
    def choices(language: str) -> list[tuple[str, int]]:
        return [(say("budget.n" if n else "budget.0", language, n=n), n) for n in BUDGETS]

    return {"label": "budget", "choices": choices}


def _drawers(
    texts: Texts, prompt: gr.Textbox, language: gr.Textbox, bases: Mapping[str, Knobs], hidden: Sequence[str]
) -> tuple[Any, Any, list[Any]]:
    """The builder of sentences, and the settings: painters, pictures each, and the knobs of all painters."""
    with texts(gr.Accordion, open=False, says={"label": "builder"}, elem_classes="drawer"):
        with gr.Row():
            chosen = builder.draw(texts)
        use = texts(gr.Button, says={"value": "builder.use"}, size="sm", elem_classes="plain")
    use.click(builder.sentence, [language, *chosen], prompt, **SILENT)
    with texts(gr.Accordion, open=False, says={"label": "drawer"}, elem_id="drawer", elem_classes="drawer"):
        with gr.Row():
            lanes = texts(gr.CheckboxGroup, value=list(LANES), says=_painters(), elem_id="lanes", scale=3)
            count = texts(gr.Slider, 1, COUNTS, value=1, step=1, buttons=[], says={"label": "count"}, scale=1)
            about = {"label": "enlarge", "info": "about.enlarge"}
            enlarge = texts(gr.Checkbox, value=False, says=about, elem_id="enlarge", scale=1, visible=not hidden)
        knobs, boxes = [], []
        for lane in LANES:
            with texts(gr.Accordion, open=False, says={"label": f"painter.{lane}"}, elem_classes=["knobs", lane]):
                with gr.Row():
                    mine = controls.draw(bases[lane], texts, hidden=hidden)
                reset = texts(gr.Button, says={"value": "knob.reset"}, size="sm", elem_classes="plain")
            reset.click(partial(_back, bases[lane]), None, [*mine, enlarge], **SILENT)
            knobs += mine
            boxes.append(mine[[spec.name for spec in controls.shown(type(bases[lane]))].index("upsample")])
    enlarge.input(lambda on: [on] * len(boxes), enlarge, boxes, **SILENT)
    gr.on([box.input for box in boxes], lambda *on: all(on), boxes, enlarge, **SILENT)
    return lanes, count, knobs


def _back(base: Knobs) -> list[Any]:
    """A painter's settings as they were at first; with them not every picture is enlarged any more."""
    return [*controls.defaults(base), False]


def _painters() -> dict[str, Any]:
    def choices(language: str) -> list[tuple[str, str]]:
        return [(say(f"painter.{lane}", language), lane) for lane in LANES]

    return {"label": "lanes", "choices": choices}
