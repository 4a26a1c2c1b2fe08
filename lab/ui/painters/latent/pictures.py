"""Acts that begin with a picture: painted over at several strengths, and through the autoencoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import gradio as gr

from lab.lessons import autoencoder, strength
from lab.lessons.given import pixels
from lab.ui.acts import Refusal
from lab.ui.painters.latent.desk import Asked, Desk, Value, hang, worth
from lab.ui.painters.latent.source import FIRST, Given, Source, opened
from lab.ui.stage.news import sentence
from lab.ui.wall import Wall, trouble

STRENGTHS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
GAIN = 4  # how many times as strong a difference is shown


def draw_image(desk: Desk) -> None:
    """Image to image: one picture, one sentence, several strengths."""
    source = Source(desk, "image")
    preview = partial(_preview, desk, strength.STRENGTHS)
    stand = desk.stand("image", preview(None, FIRST))
    source.shows(lambda *chosen: [preview(*chosen)], stand.wall)
    with desk.drawer():
        choices = [(f"{value:g}", value) for value in STRENGTHS]
        says = {"label": "knob.strength", "info": "about.strength", "choices": lambda _: choices}
        strengths = desk.texts(gr.CheckboxGroup, value=list(strength.STRENGTHS), says=says)
        with gr.Row():
            knobs = [desk.guidance(), desk.steps("image", strength.STEPS, low=10)]
    stand.plays(over, [*source.controls, strengths, *knobs])


def over(
    desk: Desk, asked: Asked, path: str | None, page: float, strengths: Sequence[float], guidance: float, steps: int
) -> Iterator[Value]:
    """The given picture, then it painted over, more and more of it."""
    if not strengths:
        raise Refusal("latent.say.tick")
    strengths = sorted(float(value) for value in strengths)
    given = opened(path, page, desk.side)
    shown = _strengths(given, strengths)
    yield shown.value
    places = {strength.key(value): (0, column) for column, value in enumerate(strengths, 1)}
    knobs = replace(desk.base, steps=int(steps), guidance=float(guidance))
    told = strength.run(
        desk.engine, desk.suite, asked.text, asked.seed, given.picture, asked.stop, knobs, strengths, asked.client
    )
    yield from hang(shown, told, places, worth)


def draw_vae(desk: Desk) -> None:
    """A picture through the autoencoder: back again, and what was lost."""
    source = Source(desk, "vae")
    stand = desk.stand("vae", _preview_back(desk, None, FIRST))
    source.shows(lambda *chosen: [_preview_back(desk, *chosen)], stand.wall)
    with desk.drawer():
        gain = desk.texts(gr.Slider, 1, 20, value=GAIN, step=1, buttons=[], says={"label": "latent.gain"})
    stand.plays(there_and_back, [*source.controls, gain], least=0)


def there_and_back(desk: Desk, asked: Asked, path: str | None, page: float, gain: float) -> Iterator[Value]:
    """Given, rebuilt and their difference."""
    given = opened(path, page, desk.side)
    shown = _back(given)
    yield shown.value
    found = autoencoder.run(desk.engine, desk.suite, given.picture, asked.client)
    shown.put(0, 1, pixels(found.rebuilt)[None], sentence("latent.psnr", n=f"{found.psnr:.1f}"))
    shown.put(0, 2, found.difference(gain)[None], sentence("latent.most", n=found.most, gain=f"{gain:g}"))
    sizes = {"given": found.given.numel(), "z": found.z.numel(), "fewer": f"{found.fewer:.3g}"}
    shown.line = sentence("latent.fewer", **sizes)
    yield shown.value


def _preview(desk: Desk, strengths: Sequence[float], path: str | None, page: float) -> Value:
    try:
        return _strengths(opened(path, page, desk.side), strengths).value
    except Refusal as refusal:
        return trouble(refusal.key, **refusal.values)


def _preview_back(desk: Desk, path: str | None, page: float) -> Value:
    try:
        return _back(opened(path, page, desk.side)).value
    except Refusal as refusal:
        return trouble(refusal.key, **refusal.values)


def _strengths(given: Given, strengths: Sequence[float]) -> Wall:
    shown = Wall([sentence("latent.given"), *(f"{value:g}" for value in strengths)], size=128)
    shown.put(0, 0, pixels(given.picture)[None], given.said)
    return shown


def _back(given: Given) -> Wall:
    shown = Wall([sentence(f"latent.{name}") for name in ("given", "rebuilt", "lost")], size=256)
    shown.put(0, 0, pixels(given.picture)[None], given.said)
    return shown
