"""The DDPM tab: into the noise and back out of it first, then what the way depends on."""

from __future__ import annotations

import gradio as gr

from lab.race.painters import led
from lab.ui.acts import Acts
from lab.ui.painters.pixel.desk import LANE, Desk
from lab.ui.painters.pixel.sampling import draw_samples, draw_steps
from lab.ui.painters.pixel.tables import draw_schedule, draw_variance
from lab.ui.painters.pixel.trip import draw_trip
from lab.ui.texts import Texts
from models.engine import Engine

ACTS = {
    "trip": draw_trip,
    "schedule": draw_schedule,
    "steps": draw_steps,
    "variance": draw_variance,
    "samples": draw_samples,
}


def draw(engine: Engine, suite: str, texts: Texts, language: gr.Textbox, acts: Acts) -> None:
    """Put the tab together."""
    desk = Desk(engine, suite, texts, language, acts)
    if LANE in led(engine.registry.suite(suite)):
        texts(gr.Markdown, says={"value": "method.led"}, elem_classes="see")
    with gr.Tabs(elem_id="pixel-acts", elem_classes="acts", overflow_behavior="wrap") as tabs:
        for name, draw_act in ACTS.items():
            with texts(gr.Tab, says={"label": f"pixel.tab.{name}"}, id=f"pixel-{name}"):
                texts(gr.Markdown, says={"value": f"pixel.about.{name}"}, elem_classes="see")
                draw_act(desk)
    desk.entered(tabs, "pixel-trip")
