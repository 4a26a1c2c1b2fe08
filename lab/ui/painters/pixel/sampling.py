"""Acts that only sample: one seed in more and more steps, and a wall of pictures that were told nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr

from lab.lessons import steps as lesson
from lab.lessons import unconditional
from lab.lessons.compared import Found
from lab.ui.acts import Refusal
from lab.ui.painters.pixel.desk import Asked, Desk, Value, alone, paced, seed_name, settings
from lab.ui.stage.news import sentence
from lab.ui.wall import Wall

STEPS_KNOBS, SAMPLES_KNOBS = ("guidance", "scheduler"), ("steps", "scheduler")
MOST, PICTURES = 42, 14  # samples, at most and at first
SIZE = 128  # CSS pixels


def draw_steps(desk: Desk) -> None:
    """The same net in five numbers of steps."""
    with gr.Row(elem_classes="act"):
        go = desk.buttons("steps")
    chosen = list(lesson.COUNTS[:4])
    shown = desk.wall("steps", _columns(chosen).value)
    with desk.drawer():
        counts = desk.texts(
            gr.CheckboxGroup, value=chosen,
            says={"label": "knob.steps", "choices": lambda _: [(str(n), n) for n in lesson.COUNTS]},
        )  # fmt: skip
        with gr.Row():
            knobs = desk.knobs(*STEPS_KNOBS)
    desk.plays([go.click], side_by_side, [counts, *knobs], shown)


def side_by_side(desk: Desk, asked: Asked, counts: Sequence[int], *values: Any) -> Iterator[Value]:
    """A column for each number of steps; under it what the picture cost and what it was worth."""
    if not counts:
        raise Refusal("pixel.say.tick")
    knobs, counts = settings(desk, STEPS_KNOBS, values), sorted(int(count) for count in counts)
    shown, places = _columns(counts), {str(count): column for column, count in enumerate(counts)}

    def told() -> Iterator[Callable[[], Value]]:
        for item in lesson.run(
            desk.engine, desk.suite, asked.text, asked.seed, asked.stop, knobs, counts, asked.client
        ):
            if isinstance(item, Found):
                shown.put(0, places[item.lane], None, *_worth(item, asked.text))
            else:
                shown.follow(item, 0, places[item.lane])
            yield lambda: shown.value

    yield from paced(told())


def _worth(found: Found, text: str) -> list[Any]:
    said = [sentence("pixel.cost", n=found.asked, seconds=f"{found.seconds:.2f}")]
    if text:
        said.append(sentence("pixel.near", n=f"{found.similarity:.2f}"))
    if found.words:
        said.append(sentence("pixel.right", right=f"{found.right:g}", all=found.words))
    return said


def _columns(counts: Sequence[int]) -> Wall:
    return Wall([sentence("pixel.steps", n=count) for count in counts], size=192)


def draw_samples(desk: Desk) -> None:
    """A wall of throws of the dice."""
    with gr.Row(elem_classes="act"):
        go = desk.buttons("samples")
    shown = desk.wall("samples", _frames(PICTURES).value)
    with desk.drawer(), gr.Row():
        count = desk.texts(gr.Slider, 1, MOST, value=PICTURES, step=1, buttons=[], says={"label": "pixel.count"})
        knobs = desk.knobs(*SAMPLES_KNOBS)
    desk.plays([go.click], throw, [count, *knobs], shown)


def throw(desk: Desk, asked: Asked, count: int, *values: Any) -> Iterator[Value]:
    """A picture for each of `count` seeds, counted up from the one above; the sentence is not told."""
    knobs, seeds = settings(desk, SAMPLES_KNOBS, values), [asked.seed + k for k in range(int(count))]
    shown, last = _frames(len(seeds)), None
    for event in unconditional.run(desk.engine, desk.suite, seeds, asked.stop, knobs, asked.client):
        for k, seed in enumerate(seeds):
            shown.follow(alone(event, k), 0, k, seed_name(seed))
        last = event.frame if event.frame is not None else last
        yield shown.value
    if event.state == "done" and last is not None:
        clean = unconditional.scenes(desk.engine, desk.suite, last)
        if clean is not None:
            shown.line = sentence("pixel.scenes", k=clean, n=len(seeds))
            yield shown.value


def _frames(count: int) -> Wall:
    return Wall([""] * count, size=SIZE)
