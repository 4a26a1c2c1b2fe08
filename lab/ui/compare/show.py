"""Races as the Compare tab tells them.  The handlers read a race and set its flags; the engine does everything else."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import gradio as gr

from lab.measure.appraise import appraise, has_judge
from lab.race import Event
from lab.ui.compare.asked import Asked, Refused
from lab.ui.postcard import postcard
from lab.ui.stage import Wire
from lab.ui.stage.news import News, merged, of_appraisal, of_event, opening, sentence
from lab.ui.visits import Visit, Visits
from models.engine import Engine, EngineStopped

PAUSE = 0.08  # seconds between two sendings: more would take processor from the painters
log = logging.getLogger(__name__)


class Show:
    """The handlers of the Compare tab on one suite of one engine."""

    def __init__(self, engine: Engine, suite: str):
        self.engine, self.suite, self.visits = engine, suite, Visits()

    def paint(
        self, request: gr.Request, text: str, seed: float, lanes: list[str], budget: float, count: int, *knobs: Any
    ) -> Iterator[dict[str, Any]]:
        """A race from its first news to its last: values of the stage."""
        wire, visitor, visit = Wire(), request.session_hash or "", None
        try:
            race = Asked(text, seed, lanes, budget, count, knobs).race(self.engine, self.suite, visitor)
            visit = Visit(wire.key, race, {})
            self.visits.enter(visitor, visit)
            yield wire.tell([opening(race, self.engine, self.suite, wire.key, has_judge(self.engine, self.suite))])
            yield from self._tell(visit, wire)
        except Refused as refused:
            yield wire.tell([refused.news])
        except Exception:
            log.exception("a race ended early")
            yield wire.tell([{"kind": "error", **sentence("say.broken")}])
        finally:
            if visit is not None:
                self.visits.leave(visitor, visit)

    def pause(self, request: gr.Request) -> None:
        """Hold every painter of this visitor at its next step."""
        if race := self.visits.race(request.session_hash or ""):
            race.pause()

    def resume(self, request: gr.Request) -> None:
        if race := self.visits.race(request.session_hash or ""):
            race.resume()

    def halt(self, request: gr.Request) -> None:
        """Stop every painter of this visitor."""
        if race := self.visits.race(request.session_hash or ""):
            race.stop()

    def leave(self, request: gr.Request) -> None:
        """The visitor closed the page."""
        self.visits.leave(request.session_hash or "")

    def postcard(self, key: str, language: str) -> dict[str, str] | None:
        """What "Keep" saves of the race `key`: {"png": base64, "name": file name}; None when it is forgotten."""
        return postcard(self.engine, self.visits, key, language)

    def _tell(self, visit: Visit, wire: Wire) -> Iterator[dict[str, Any]]:
        waiting: list[News] = []
        sent = last = 0.0
        for event in visit.race:
            last = event.time
            waiting.append(of_event(event))
            if event.state == "done":
                waiting += self._marks(visit, event)
            if event.over or time.monotonic() - sent > PAUSE:
                yield wire.tell(merged(waiting))
                waiting, sent = [], time.monotonic()
        kept = any(outcome.images is not None for outcome in visit.race.outcomes.values())
        yield wire.tell([*merged(waiting), {"kind": "over", "time": round(last, 3), "keep": kept}])

    def _marks(self, visit: Visit, event: Event) -> list[News]:
        """What CLIP and the judge say of a lane that is done."""
        run = visit.race.runs[event.lane]
        if run.newest is None or run.tokens is None:
            return []
        try:
            found = appraise(self.engine, self.suite, visit.race.prompt.text, run.newest.images, run.tokens)
        except EngineStopped:
            return []
        visit.marks[event.lane] = found
        return [of_appraisal(event.lane, visit.race.prompt.text, found)]
