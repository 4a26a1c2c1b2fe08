"""What all acts of the tab share: a desk whose sentence may be empty, and settings of the painter by name."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from lab.race import Event
from lab.ui import controls, desk
from lab.ui.asking import settled
from lab.ui.desk import PACE, Asked, Value
from lab.ui.stage.news import sentence
from lab.ui.wall import wall
from models.knobs import Spec
from models.samplers.pixel import PixelKnobs

__all__ = ["LANE", "Asked", "Desk", "Value", "alone", "paced", "seed_name", "settings"]

LANE = "pixel"


class Desk(desk.Desk):
    """The desk of this tab; the painter may be told nothing."""

    lane, hint, least = LANE, "pixel.hint", 0

    def wall(self, name: str, at_rest: Mapping[str, Any] | None = None) -> gr.HTML:
        """The place where an act hangs its pictures."""
        return wall(f"pixel-{name}", LANE, at_rest)

    def knobs(self, *names: str) -> list[gr.components.Component]:
        """Controls for some of the painter's own settings, in the order of PixelKnobs."""
        return controls.draw(self.base, self.texts, _others(names))


def settings(desk: Desk, names: Sequence[str], values: Sequence[Any]) -> PixelKnobs:
    """Settings from the values of `desk.knobs(*names)`.  Raises Refusal that names the one that will not do."""
    return settled(LANE, desk.base, controls.read(desk.base, values, _others(names)))


def paced(values: Iterable[Callable[[], Value]]) -> Iterator[Value]:
    """The values that are worth sending: one a moment, and the last."""
    sent, value = 0.0, None
    for value in values:
        if time.monotonic() - sent > PACE:
            sent = time.monotonic()
            yield value()
    if value is not None:
        yield value()


def alone(event: Event, k: int) -> Event:
    """News of several pictures, as news of one of them."""
    mine = slice(k, k + 1)
    return event if event.frame is None else replace(event, frame=event.frame[mine], receipts=event.receipts[mine])


def seed_name(seed: int) -> dict[str, Any]:
    return sentence("pixel.seed", n=seed)


def _others(names: Sequence[str]) -> list[str]:
    specs: tuple[Spec, ...] = PixelKnobs.specs()
    return [spec.name for spec in specs if spec.name not in names]
