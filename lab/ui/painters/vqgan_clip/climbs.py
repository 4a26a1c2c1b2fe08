"""The two acts that climb: crops on and off, and two CLIPs; and how either goes on from where it stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from lab.lessons import crops, towers
from lab.lessons.climbing import Climbed
from lab.ui.acts import Refusal
from lab.ui.painters.vqgan_clip.asked import Asked
from lab.ui.painters.vqgan_clip.curves import Curves
from lab.ui.stage.news import sentence
from lab.ui.wall import Said, Wall
from models.engine import Engine
from models.protocol import State
from models.samplers.vqgan_clip import VqganClipKnobs

LESSONS = {"crops": crops, "towers": towers}
ROWS = ("picture", "crops", "codes")
SIZE = 256  # CSS pixels of a cell
PACE = 0.9  # seconds between two drawings of the curves: they cost the browser more than pictures do


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """Where the climbs of an act stand: their States, their curves, and step `n` at which they meant to end."""

    states: Mapping[str, State]
    curves: Curves
    n: int
    sides: tuple[int | None, int | None]  # height and width of the pictures


Shown = tuple[dict[str, Any], Curves | None, Kept | None]  # the wall; the curves, where to draw anew; what is kept


def at_rest(act: str) -> Wall:
    """The empty wall of an act."""
    names = [sentence(f"vq.lane.{lane}") for lane in LESSONS[act].LANES]
    return Wall(names, [sentence(f"vq.row.{row}") for row in ROWS], SIZE)


def climb(engine: Engine, suite: str, act: str, asked: Asked, kept: Kept | None = None) -> Iterator[Shown]:
    """Both climbs of `act` from the beginning, or on from `kept`.  Raises Refusal."""
    if act == "towers" and "clip_robust" not in engine.registry.suite(suite).parts:
        raise Refusal("vq.say.norobust")
    lesson, shown = LESSONS[act], at_rest(act)
    knobs = asked.knobs if kept is None else _further(asked.knobs, kept)
    curves = Curves(lesson.LANES) if kept is None else deepcopy(kept.curves)
    states = dict(kept.states) if kept is not None else {}
    shown.line, drawn = (asked.said or (None,))[0], 0.0
    yield shown.value, curves, None
    for news in lesson.run(engine, suite, asked.prompt, knobs, asked.stop, dict(states), asked.client):
        lane = news.event.lane
        curves.add(news, _eyes(act, lane, knobs))
        if news.state is not None:
            states[lane] = news.state
        _hang(shown, news, lesson.LANES.index(lane), _worth(act, lane, curves))
        if news.sight is not None or news.event.over:
            fresh = time.monotonic() - drawn > PACE
            drawn = time.monotonic() if fresh else drawn
            yield shown.value, curves if fresh else None, None
    shown.line = _end(act, curves, asked.stop.is_set())
    yield shown.value, curves, Kept(states, curves, knobs.steps, (knobs.height, knobs.width)) if states else None


def _further(knobs: VqganClipKnobs, kept: Kept) -> VqganClipKnobs:
    """Settings to go on with: to the end of a climb that was stopped, or as many steps more.  Raises Refusal."""
    at = min((state.i for state in kept.states.values()), default=0)
    steps = kept.n if at < kept.n else kept.n + knobs.steps
    try:
        return replace(knobs, steps=steps, height=kept.sides[0], width=kept.sides[1])
    except ValueError as error:
        raise Refusal("vq.say.far", n=kept.n) from error


def _eyes(act: str, lane: str, knobs: VqganClipKnobs) -> str:
    """Whose fresh eyes count: those of the CLIP that is climbed, or those of the other one."""
    return knobs.tower if act == "crops" else next(name for name in towers.LANES if name != lane)


def _hang(shown: Wall, news: Climbed, column: int, said: list[Said]) -> None:
    shown.follow(news.event, 0, column, *said)
    if news.sight is not None:
        codes = news.event.facts.get("codes", 0)
        shown.put(1, column, news.sight.crops[None])
        shown.put(2, column, news.sight.codes[None], sentence("vq.codes", n=round(codes)))


def _worth(act: str, lane: str, curves: Curves) -> list[Said]:
    """Two captions: what the CLIP that was asked thinks, and what fresh eyes do."""
    found = {name: curves.last(name, lane) for name in ("asked", "fresh")}
    words = {"asked": "vq.asked", "fresh": f"vq.fresh.{act}"}
    return [sentence(words[name], n=f"{value:.2f}") for name, value in found.items() if value is not None]


def _end(act: str, curves: Curves, stopped: bool) -> Said:
    """What came of it, in one sentence with both numbers of both climbs."""
    found = {f"{lane}_{name}": curves.last(name, lane) for lane in LESSONS[act].LANES for name in ("asked", "fresh")}
    if stopped or None in found.values():
        return sentence("vq.stopped")
    return sentence(f"vq.end.{act}", **{name: f"{value:.2f}" for name, value in found.items()})
