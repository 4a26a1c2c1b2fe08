"""The Stable Diffusion tab: one sentence, and eight things to do with it; the guidance strip first."""

from __future__ import annotations

import gradio as gr

from lab.ui.acts import Acts
from lab.ui.painters.latent.desk import Desk
from lab.ui.painters.latent.free import draw_repaint, draw_text
from lab.ui.painters.latent.inside import draw_latents
from lab.ui.painters.latent.pictures import draw_image, draw_vae
from lab.ui.painters.latent.strips import draw_guidance, draw_schedulers
from lab.ui.painters.latent.swap import draw_swap
from lab.ui.texts import Texts
from models.engine import Engine

ACTS = {
    "guidance": draw_guidance, "text": draw_text, "image": draw_image, "repaint": draw_repaint,
    "schedulers": draw_schedulers, "latents": draw_latents, "vae": draw_vae, "swap": draw_swap,
}  # fmt: skip


def draw(engine: Engine, suite: str, texts: Texts, language: gr.Textbox, acts: Acts) -> None:
    """Put the tab together."""
    desk = Desk(engine, suite, texts, language, acts)
    with gr.Tabs(elem_id="latent-acts", elem_classes="acts", overflow_behavior="wrap") as tabs:
        for name, draw_act in ACTS.items():
            with texts(gr.Tab, says={"label": f"latent.tab.{name}"}, id=f"latent-{name}"):
                desk.about(name)
                draw_act(desk)
    desk.entered(tabs, "latent-guidance")
