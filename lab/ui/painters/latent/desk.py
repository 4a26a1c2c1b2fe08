"""What all acts of the tab share: a desk with sliders for its runs; and for each act its stand, a button and a wall."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from lab.lessons.compared import Found
from lab.lessons.given import side_of
from lab.race import Event
from lab.ui import desk
from lab.ui.desk import PACE, Asked, Play, Value
from lab.ui.stage.news import sentence
from lab.ui.wall import Wall, wall

__all__ = ["LANE", "Asked", "Desk", "Stand", "Value", "hang", "worth"]

LANE = "latent"
SIDE = 64


class Desk(desk.Desk):
    """The desk of this tab."""

    lane = LANE

    def about(self, name: str) -> None:
        """What to see in an act."""
        self.texts(gr.Markdown, says={"value": f"latent.about.{name}"}, elem_classes="see")

    def stand(self, name: str, at_rest: Mapping[str, Any] | None = None) -> Stand:
        """The two buttons of an act, and its wall."""
        with gr.Row(elem_classes="act"):
            go = self.buttons(name)
        return Stand(self, go, wall(f"latent-{name}", LANE, at_rest))

    def steps(self, name: str, default: int, low: int = 2) -> gr.Slider:
        """How many steps the runs of an act take: `default`, but where the suite's net wants another number."""
        default = min(max(self.own.get("steps", default), low), 50)
        says = {"label": "knob.steps", "info": "about.steps"}
        return self.texts(
            gr.Slider, low, 50, value=default, step=1, buttons=[], elem_id=f"latent-{name}-steps", says=says
        )

    def guidance(self) -> gr.Slider:
        """How closely the runs of an act hold to the sentence."""
        says = {"label": "knob.guidance", "info": "about.guidance"}
        scale = self.own.get("guidance", 5)
        return self.texts(gr.Slider, 1, 20, value=scale, step=0.5, buttons=[], says=says)

    @property
    def own(self) -> Mapping[str, Any]:
        """What the nets of the suite want otherwise than the painter."""
        return self.engine.registry.suite(self.suite).knobs.get(LANE, {})

    @property
    def side(self) -> int:
        """Pixels a side of what the suite paints; without its files, of the classroom's pictures."""
        try:
            return side_of(self.engine, self.suite)
        except (OSError, ValueError, KeyError):
            return SIDE


@dataclass(frozen=True, slots=True)
class Stand:
    """The place of one act."""

    desk: Desk
    go: gr.Button
    wall: gr.HTML

    def plays(self, play: Play, controls: Sequence[Any], *entered: Callable, least: int | None = None) -> None:
        """Whoever presses the dark button, or sets off one of `entered`, sees `play` with the values of `controls`."""
        self.desk.plays([self.go.click, *entered], play, controls, self.wall, least)


def hang(
    shown: Wall, told: Iterable[Event | Found], places: Mapping[str, tuple[int, int]], caption: Callable[[Found], Any]
) -> Iterator[Value]:
    """Values of `shown` while a lesson tells: every lane at its place, and under it at last what it was worth."""
    sent = 0.0
    for item in told:
        if isinstance(item, Event):
            shown.follow(item, *places[item.lane])
        else:
            shown.put(*places[item.lane], None, *caption(item))
        if time.monotonic() - sent > PACE:
            sent = time.monotonic()
            yield shown.value
    yield shown.value


def worth(found: Found) -> list[dict[str, Any]]:
    """Two captions: how near CLIP finds it, and how many words of the sentence the judge found right."""
    said = [sentence("latent.near", n=f"{found.similarity:.2f}")]
    return said + ([sentence("latent.right", right=f"{found.right:g}", all=found.words)] if found.words else [])
