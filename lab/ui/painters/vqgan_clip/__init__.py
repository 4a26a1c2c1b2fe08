"""The VQGAN+CLIP tab: crops on and off from one latent first, then what a climb depends on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr

from lab.lessons.augmentations import OFF, USUAL
from lab.lessons.crops import STEPS
from lab.ui import asking, controls
from lab.ui.acts import Acts
from lab.ui.asking import fitting
from lab.ui.events import QUIET, SILENT, STREAM
from lab.ui.painters.vqgan_clip import curves
from lab.ui.painters.vqgan_clip.asked import BEGINNINGS, ELSEWHERE
from lab.ui.painters.vqgan_clip.climbs import LESSONS, at_rest
from lab.ui.painters.vqgan_clip.handlers import Climbs, Sheet
from lab.ui.painters.vqgan_clip.sheets import ACTS as SHEETS
from lab.ui.texts import Texts
from lab.ui.wall import Wall, wall
from lab.ui.words import say
from models.engine import Engine
from models.samplers.vqgan_clip import VqganClipKnobs

LANE = "vqgan_clip"


def draw(engine: Engine, suite: str, texts: Texts, language: gr.Textbox, acts: Acts) -> None:
    """Put the tab together."""
    text, seed = asking.draw(engine, suite, LANE, "vq", texts, language)
    stands, sheets = [], []
    with gr.Tabs(elem_id="vq-acts", elem_classes="acts", overflow_behavior="wrap"):
        for act in LESSONS:
            with texts(gr.Tab, says={"label": f"vq.tab.{act}"}, id=f"vq-{act}"):
                stands.append(_stand(texts, acts, act))
        for act in SHEETS:
            with texts(gr.Tab, says={"label": f"vq.tab.{act}"}, id=f"vq-{act}") as opened:
                sheets.append((act, opened, *_sheet(texts, act)))
    form = [text, seed, *_settings(fitting(engine, suite, LANE), texts)]
    for act, (go, further, kept, shown) in zip(LESSONS, stands, strict=True):
        climbs, outputs = Climbs(engine, suite, acts, act), [*shown, kept]
        entered = [text.submit] if act == "crops" else []
        gr.on([go.click, *entered], climbs.begin, [language, *form], outputs, **STREAM)
        further.click(climbs.go_on, [kept, language, *form], outputs, **STREAM)
        # In the queue, as the climb is: else it would overtake news that are still on their way in the other language.
        turned = language.change(climbs.relabelled, [language, kept], shown[1:], **QUIET)
        turned.then(climbs.legends, language, shown[1:], **QUIET)
    for act, opened, go, shown in sheets:
        changed = [control.change for control in form[2:]] if act == "switches" else []
        sheet = Sheet(engine, suite, act)
        gr.on([go.click, opened.select, *changed], sheet.show, form, shown, trigger_mode="always_last", **QUIET)


def _stand(texts: Texts, acts: Acts, act: str) -> tuple[gr.Button, gr.Button, gr.State, list[Any]]:
    """What to see in an act that climbs, its three buttons, its wall and its plots."""
    texts(gr.Markdown, says={"value": f"vq.about.{act}"}, elem_classes="see")
    with gr.Row(elem_classes="act"):
        go = texts(gr.Button, says={"value": f"vq.go.{act}"}, variant="primary", scale=0, elem_id=f"vq-{act}-go")
        further = _plain(texts, "vq.further", f"vq-{act}-further")
        halt = _plain(texts, "stage.stop", f"vq-{act}-stop")
    kept = gr.State(None)
    with gr.Row():
        with gr.Column(scale=6, min_width=320):
            shown = wall(f"vq-{act}", LANE, at_rest(act).value)
        with gr.Column(scale=4, min_width=320):
            plots = curves.draw(texts, act, LESSONS[act].LANES)
    halt.click(acts.halt, None, None, **SILENT)
    return go, further, kept, [shown, *plots]


def _sheet(texts: Texts, act: str) -> tuple[gr.Button, gr.HTML]:
    texts(gr.Markdown, says={"value": f"vq.about.{act}"}, elem_classes="see")
    with gr.Row(elem_classes="act"):
        go = texts(gr.Button, says={"value": f"vq.go.{act}"}, variant="primary", scale=0, elem_id=f"vq-{act}-go")
    return go, wall(f"vq-{act}", LANE, Wall([""]).value)


def _settings(base: VqganClipKnobs, texts: Texts) -> list[Any]:
    """The controls that all acts share, in the order of Form's fields after text and seed."""
    with gr.Row():
        steps = texts(
            gr.Slider, 2, 200, value=STEPS, step=1, buttons=[], elem_id="vq-steps",
            says={"label": "knob.steps", "info": "vq.steps.about"},
        )  # fmt: skip
        crops = texts(
            gr.Slider, 1, 64, value=base.crops, step=1, buttons=[], says={"label": "knob.crops", "info": "about.crops"}
        )
    says = {"label": "vq.switches", "choices": _choices("vq.switch", tuple(OFF))}
    switches = texts(gr.CheckboxGroup, value=list(USUAL), elem_id="vq-chances", says=says)
    with gr.Row(elem_classes="act"):
        says = {"label": "knob.begin", "choices": _choices("vq.begin", BEGINNINGS)}
        begin = texts(gr.Radio, value="noise", scale=0, min_width=420, elem_id="vq-begin", says=says)
        file = texts(
            gr.UploadButton, file_types=["image"], scale=0, elem_classes="plain", elem_id="vq-file",
            says={"label": "vq.file"},
        )  # fmt: skip
    file.upload(lambda: "picture", None, begin, **SILENT)
    with texts(gr.Accordion, open=False, says={"label": "vq.drawer"}, elem_classes=["drawer", "knobs", LANE]):
        says = {"label": "vq.negative", "placeholder": "vq.negative.hint"}
        negative = texts(gr.Textbox, "", lines=1, max_length=2000, elem_id="vq-negative", says=says)
        with gr.Row():
            knobs = controls.draw(base, texts, ELSEWHERE)
        reset = texts(gr.Button, says={"value": "knob.reset"}, size="sm", elem_classes="plain")
    reset.click(partial(controls.defaults, base, ELSEWHERE), None, knobs, **SILENT)
    return [steps, crops, switches, begin, file, negative, *knobs]


def _plain(texts: Texts, word: str, name: str) -> gr.Button:
    return texts(gr.Button, says={"value": word}, scale=0, elem_id=name, elem_classes="plain")


def _choices(prefix: str, names: Sequence[str]) -> Any:
    return lambda language: [(say(f"{prefix}.{name}", language), name) for name in names]
