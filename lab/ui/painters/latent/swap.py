"""The act that swaps the autoencoder: one set of latents, turned into pixels by two of them."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr

from lab.lessons import two_vaes
from lab.lessons.given import pixels
from lab.ui.painters.latent.desk import LANE, Asked, Desk, Value
from lab.ui.painters.latent.pictures import GAIN
from lab.ui.stage.news import sentence
from lab.ui.wall import Wall
from lab.ui.words import say
from models.protocol import Prompt, Request
from models.samplers.latent import LatentKnobs

HOW = {"file": "`quartet.toml`", "part": f"`[parts.{two_vaes.NAMES[1]}]`"}


def draw_swap(desk: Desk) -> None:
    """Two autoencoders side by side; where there is only one, how to bring another."""
    if not two_vaes.has_second(desk.engine, desk.suite):
        says = {"value": lambda language: say("latent.how.swap", language, **HOW)}
        desk.texts(gr.Markdown, says=says, elem_classes="see")
        return
    stand = desk.stand("swap", _both().value)
    with desk.drawer(), gr.Row():
        gain = desk.texts(gr.Slider, 1, 20, value=GAIN, step=1, buttons=[], says={"label": "latent.gain"})
        knobs = [desk.steps("swap", two_vaes.STEPS), desk.guidance()]
    stand.plays(swap, [gain, *knobs])


def swap(desk: Desk, asked: Asked, gain: float, steps: int, guidance: float) -> Iterator[Value]:
    """The picture as it forms, then what either makes of its latents, and where they differ."""
    knobs = LatentKnobs.from_dict(desk.base.to_dict() | {"steps": int(steps), "guidance": float(guidance)})
    request = Request(LANE, Prompt(asked.text, seeds=(asked.seed,)), knobs, desk.suite, asked.client)
    shown = _both()
    for news in two_vaes.run(desk.engine, request, asked.stop):
        if isinstance(news, two_vaes.Pair):
            first, second = news.first[0], news.second[0]
            shown.put(0, 0, pixels(first)[None])
            shown.put(0, 1, pixels(second)[None])
            apart = sentence("latent.apart", n=f"{255 * news.apart:.1f}", gain=f"{gain:g}")
            shown.put(0, 2, pixels((first - second).abs() * gain)[None], apart)
        else:
            shown.follow(news, 0, 0)
        yield shown.value


def _both() -> Wall:
    return Wall([sentence(f"latent.{name}") for name in ("first", "second", "parted")], size=256)
