"""From what stands in the controls to a race, or to a sentence that says what to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.lessons.captions import ready
from lab.race import LANES, Race
from lab.ui import controls
from lab.ui.acts import Refusal
from lab.ui.asking import checked, enlargeable, fitting, settled
from models.engine import Engine
from models.knobs import Knobs

COUNTS = 4  # pictures of a painter, at most
BUDGETS = (0, 1, 3, 10, 30)  # device seconds a painter; 0: its own settings decide


def bases(engine: Engine, suite: str) -> dict[str, Knobs]:
    """What the controls of all painters are at first."""
    return {lane: fitting(engine, suite, lane) for lane in LANES}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a visitor asks for; `knobs` holds the values of all controls, painter after painter, and `bases` by painter
    what they are at first."""

    text: str
    seed: float | None
    lanes: Sequence[str]
    budget: float
    count: int
    knobs: Sequence[Any]
    bases: Mapping[str, Knobs]

    def race(self, engine: Engine, suite: str, client: str) -> Race:
        """The race.  Raises Refusal."""
        text, seed = checked(self.text, self.seed)
        if not self.lanes:
            raise Refusal("say.lanes")
        lanes = [lane for lane in LANES if lane in self.lanes]
        settings = self.settings(lanes)
        blind = ("unclip",) if ready(engine, suite) else ()  # there is something to read meanwhile
        race = Race(
            engine, suite, text, seed, lanes, settings, self.budget or None, client, count=int(self.count),
            blind=blind, ticks=True,
        )  # fmt: skip
        there = [request.knobs for lane, request in race.requests.items() if lane not in race.missing]
        enlargeable(engine, suite, *there)  # a painter that is not here is no reason to hold up the others
        return race

    def settings(self, lanes: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Knobs of `lanes` as plain data, only what is other than at first.  Raises Refusal."""
        found, begin = {}, 0
        for lane, base in self.bases.items():
            end = begin + len(controls.shown(type(base)))
            values = controls.read(base, self.knobs[begin:end]) if self.knobs else {}
            begin = end
            if lane in lanes:
                settled(lane, base, values)
                found[lane] = values
        return found
