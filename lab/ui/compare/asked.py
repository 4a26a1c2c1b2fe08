"""From what stands in the controls to a race, or to a sentence that says what to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.race import LANES, SAMPLERS, Race
from lab.ui import controls
from lab.ui.stage.news import News, sentence
from lab.ui.words import WORDS
from models.engine import Engine

LONGEST = 1000  # letters of a sentence
SEEDS = 2**31 - 1  # the largest seed
KNOBS = {lane: SAMPLERS[lane].knobs for lane in LANES}


class Refused(ValueError):
    """What was asked for cannot be done; `news` says why, in either language."""

    def __init__(self, key: str, **values: Any):
        super().__init__(key)
        self.news: News = {"kind": "error", **sentence(key, **values)}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a visitor asks for; `knobs` holds the values of all controls, painter after painter."""

    text: str
    seed: float | None
    lanes: Sequence[str]
    budget: float
    count: int
    knobs: Sequence[Any]

    def race(self, engine: Engine, suite: str, client: str) -> Race:
        """The race.  Raises Refused."""
        text = (self.text or "").strip()
        if not text:
            raise Refused("say.empty")
        if len(text) > LONGEST:
            raise Refused("say.long", n=LONGEST)
        if not self.lanes:
            raise Refused("say.lanes")
        if self.seed is None or not 0 <= self.seed <= SEEDS or self.seed != int(self.seed):
            raise Refused("say.seed", n=SEEDS)
        lanes = [lane for lane in LANES if lane in self.lanes]
        settings = self.settings(lanes)
        return Race(
            engine, suite, text, int(self.seed), lanes, settings, self.budget or None, client, count=int(self.count)
        )

    def settings(self, lanes: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Knobs of `lanes` as plain data, only what differs from the defaults.  Raises Refused."""
        found, begin = {}, 0
        for lane, kind in KNOBS.items():
            end = begin + len(controls.shown(kind))
            values = controls.read(kind, self.knobs[begin:end]) if self.knobs else {}
            begin = end
            if lane in lanes:
                if (bad := controls.refused(kind, values)) is not None:
                    names = {"painter": WORDS[f"painter.{lane}"][0], "knob": WORDS[f"knob.{bad[0]}"][0]}
                    raise Refused("say.knob", **names, value=bad[1])
                found[lane] = values
        return found
