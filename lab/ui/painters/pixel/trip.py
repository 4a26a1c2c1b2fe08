"""The main act: into the noise and back, one strip above the other."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
import torch
from torch import Tensor

from lab.lessons import forward, reverse, schedule
from lab.lessons.given import page, pixels, resized, tensor
from lab.lessons.own import NotAPicture, open_own
from lab.storybook.grammar import parse
from lab.storybook.paint import paint
from lab.storybook.scene import stage
from lab.ui.acts import Refusal
from lab.ui.events import SILENT
from lab.ui.painters.pixel.desk import Asked, Desk, Value, settings
from lab.ui.stage.news import sentence
from lab.ui.wall import Wall
from lab.ui.words import EXAMPLES, say

KNOBS = ("steps", "guidance", "scheduler")
SOURCES = ("painted", "own")
ROWS = ("forward", "reverse", "belief")
FORWARD, REVERSE, BELIEF = range(3)
PLACES, SIZE = 7, 128  # pictures in a strip, and their width in CSS pixels
STRIDE = 0.06  # seconds between two pictures of the upper strip: it is there at once, but should be seen to come
GONE = 0.01  # share of the picture's variance below which nothing of it is left


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What the way begins with: (3, H, W) in [0, 1], and a caption where there is something to say of it."""

    picture: Tensor
    said: tuple[Any, ...] = ()


def draw_trip(desk: Desk) -> None:
    """The two strips, how far the noise goes, and whose picture it is."""
    with gr.Row(elem_classes="act"):
        go = desk.buttons("trip")
        file = desk.texts(
            gr.UploadButton, file_types=["image"], says={"label": "pixel.file"}, elem_classes="plain", scale=0,
            elem_id="pixel-file",
        )  # fmt: skip
        reach = desk.texts(
            gr.Slider, 5, 100, value=100, step=5, buttons=[], says={"label": "pixel.reach"}, elem_id="pixel-reach"
        )
    shown = desk.wall("trip", at_rest(desk))
    with desk.drawer():
        source = desk.texts(gr.Radio, value="painted", says={"label": "pixel.source", "choices": _sources})
        told = desk.texts(gr.Checkbox, True, says={"label": "pixel.told"})
        with gr.Row():
            knobs = desk.knobs(*KNOBS)
    brought = file.upload(lambda: "own", None, source, **SILENT)
    desk.plays([go.click, desk.text.submit, brought.success], trip, [source, file, reach, told, *knobs], shown)


def _sources(language: str) -> list[tuple[str, str]]:
    return [(say(f"pixel.source.{name}", language), name) for name in SOURCES]


def at_rest(desk: Desk) -> Value | None:
    """The upper strip of the first example, for a page on which nobody has pressed anything; None without weights."""
    try:
        net = schedule.net(desk.engine, desk.suite)
        way = forward.way(net.scheduler, desk.base.scheduler, desk.base.steps, shown=PLACES)
        given = Given(painted(EXAMPLES["en"][0], 1, net))
    except (OSError, ValueError, KeyError):
        return None
    strip = Strip(way)
    for there in forward.run(way, given.picture, torch.Generator().manual_seed(1)):
        strip.into(there, given)
    return strip.wall.value


def trip(
    desk: Desk, asked: Asked, source: str, file: str | None, reach: float, told: bool, *values: Any
) -> Iterator[Value]:
    """Values of the wall on the way into the noise, and back out of it."""
    knobs, net = settings(desk, KNOBS, values), schedule.net(desk.engine, desk.suite)
    way = forward.way(net.scheduler, knobs.scheduler, knobs.steps, reach / 100, PLACES)
    given = yours(file, net) if source == "own" else Given(painted(asked.text, asked.seed, net))
    strip, rng = Strip(way), torch.Generator().manual_seed(asked.seed)
    for there in forward.run(way, given.picture, rng):
        strip.into(there, given)
        yield strip.wall.value
        if asked.stop.wait(STRIDE):
            return
    text = asked.text if told else ""
    for news in reverse.run(desk.engine, desk.suite, way, there.x, rng, text, knobs, asked.stop, asked.client):
        if strip.back(news):
            yield strip.wall.value
    if isinstance(news, reverse.Back):
        strip.compare(pixels(given.picture), news.x)
        yield strip.wall.value


class Strip:
    """The wall of the trip: a column a place, from the picture on the left to the noise on the right."""

    def __init__(self, way: forward.Way):
        self.way = way
        self.columns = {place: column for column, place in enumerate(reversed(way.places))}
        names = [f"t = {time}" if (time := way.time(place)) is not None else "t = 0" for place in self.columns]
        self.wall = Wall(names, [sentence(f"pixel.row.{row}") for row in ROWS], SIZE)

    def into(self, there: forward.Noised, given: Given) -> None:
        said = given.said if there.place == self.way.steps else ()
        share = "< 1" if there.left < GONE else f"{100 * there.left:.0f}"
        self.wall.put(FORWARD, self.columns[there.place], there.image[None], *said, sentence("pixel.left", n=share))

    def back(self, news: reverse.Back | reverse.Underway) -> bool:
        """Hang what the way back brought; whether there was anything."""
        column, n = self.columns[news.place], self.way.steps
        if isinstance(news, reverse.Back):
            self.wall.put(REVERSE, column, news.x[None], sentence("state.running", i=news.place, n=n))
            self.wall.put(BELIEF, column, news.belief[None])
        elif news.event.frame is not None or news.event.state in ("cancelled", "failed"):
            self.wall.follow(news.event, BELIEF, column)
        else:
            return False
        return True

    def compare(self, began: np.ndarray, came: np.ndarray) -> None:
        """Say how far what came back is from what went."""
        apart, left = np.abs(began.astype(float) - came).mean(), self.way.left(0)
        key = "pixel.line.gone" if left < GONE else "pixel.line.held"
        self.wall.line = sentence(key, n=f"{apart:.0f}", left=f"{100 * left:.0f}")


def painted(text: str, seed: int, net: schedule.Net) -> Tensor:
    """What the storybook paints for a sentence, or any page where there is none; (3, H, W) in [0, 1]."""
    if not text:
        return resized(tensor(page(seed).picture), net.height, net.width)
    ask = parse(text).ask
    if ask is None:
        raise Refusal("pixel.say.unpainted")
    scene = stage(ask, random.Random(f"pixel {seed}"), held_out=None)
    return resized(tensor(paint(scene).picture), net.height, net.width)


def yours(file: str | None, net: schedule.Net) -> Given:
    """A visitor's own picture, its middle; Refusal where there is none or it cannot be read."""
    if file is None:
        raise Refusal("say.nofile")
    try:
        own = open_own(file, net.height, net.width)
    except NotAPicture as refused:
        raise Refusal(f"pixel.say.{refused.reason}") from refused
    key = "pixel.given.cut" if own.cut else "pixel.given"
    return Given(own.picture, (sentence(key, width=own.given[0], height=own.given[1]),))
