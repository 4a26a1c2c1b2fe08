"""The act that looks behind the picture: latent channels beside what they develop into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import gradio as gr

from lab.lessons import latents
from lab.ui.painters.latent.desk import Asked, Desk, Value
from lab.ui.stage.news import sentence
from lab.ui.wall import Wall

SIZE = 128


def draw_latents(desk: Desk) -> None:
    """From the first noise to the last step."""
    stand = desk.stand("latents")
    with desk.drawer(), gr.Row():
        moments = desk.texts(
            gr.Slider, 2, 10, value=latents.MOMENTS, step=1, buttons=[], says={"label": "latent.moments"}
        )
        knobs = [desk.steps("latents", latents.STEPS, low=10), desk.guidance()]
    stand.plays(look_inside, [moments, *knobs])


def look_inside(desk: Desk, asked: Asked, moments: int, steps: int, guidance: float) -> Iterator[Value]:
    """A column for each moment: developed, believed, and every channel as it is."""
    knobs = replace(desk.base, steps=int(steps), guidance=float(guidance))
    told = latents.run(desk.engine, desk.suite, asked.text, asked.seed, asked.stop, knobs, int(moments), asked.client)
    shown = None
    for moment in told:
        if shown is None:
            channels = [sentence("latent.channel", n=k + 1) for k in range(len(moment.z))]
            shown = Wall([], [sentence("latent.state"), sentence("latent.belief"), *channels], SIZE)
        column = len(shown.columns)
        shown.columns.append(sentence("latent.after", i=moment.i, n=moment.n))
        shown.put(0, column, moment.state[None], sentence("latent.noise", n=round(100 * moment.noise)))
        if moment.belief is not None:
            shown.put(1, column, moment.belief[None])
        for k, channel in enumerate(moment.z, 2):
            shown.put(k, column, latents.grey(channel)[None])
        yield shown.value
