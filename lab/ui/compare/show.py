"""Races as the Compare tab tells them.  The handlers read a race and set its flags; the engine does everything else."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

import gradio as gr
import numpy as np

from lab.lessons.musing import Musing
from lab.measure.appraise import has_judge
from lab.measure.matrix import changed, matrix
from lab.race import small_of
from lab.storybook.grammar import parse
from lab.ui import controls
from lab.ui.acts import Refusal
from lab.ui.compare.asides import Asides
from lab.ui.compare.asked import Asked, bases
from lab.ui.compare.link import opened, query
from lab.ui.postcard import postcard
from lab.ui.stage import Wire
from lab.ui.stage.news import News, merged, of_event, of_thought, opening, ranking, sentence
from lab.ui.visits import Visit, Visits
from lab.ui.words import EXAMPLES
from models.engine import Engine, EngineStopped

PAUSE = 0.16  # seconds between two sendings: more would take processor from the painters
log = logging.getLogger(__name__)


class Show:
    """The handlers of the Compare tab on one suite of one engine."""

    def __init__(self, engine: Engine, suite: str):
        self.engine, self.suite, self.visits = engine, suite, Visits()
        self.bases = bases(engine, suite)
        self.controls = 5 + sum(len(controls.defaults(base)) for base in self.bases.values())

    def paint(
        self, request: gr.Request, text: str, seed: float, lanes: list[str], budget: float, count: int, *knobs: Any
    ) -> Iterator[dict[str, Any]]:
        """A race from its first news to its last: values of the stage."""
        wire, visitor, visit = Wire(), request.session_hash or "", None
        try:
            asked = Asked(text, seed, lanes, budget, count, knobs, self.bases)
            race = asked.race(self.engine, self.suite, visitor)
            visit = Visit(wire.key, race, {})
            self.visits.enter(visitor, visit)
            first = opening(race, self.engine, self.suite, wire.key, has_judge(self.engine, self.suite))
            yield wire.tell([first | {"query": query(asked)}])
            yield from self._tell(visit, wire)
        except Refusal as refusal:
            yield wire.tell([_error(refusal.key, **refusal.values)])
        except Exception:
            log.exception("a race ended early")
            yield wire.tell([_error("say.broken" if visit is None else "say.early")])
        finally:
            if visit is not None:
                self.visits.leave(visitor, visit)

    def reopen(self, request: gr.Request) -> list[Any]:
        """Values of all controls from the page's own link, the link itself, and the stage where it is refused."""
        link = dict(request.query_params or {})
        try:
            asked = opened(link, self.bases)
        except Refusal as refusal:
            return [gr.skip()] * self.controls + [gr.skip(), Wire().tell([_error(refusal.key, **refusal.values)])]
        if asked is None:
            return [gr.skip()] * (self.controls + 2)
        values = [asked.text, asked.seed, list(asked.lanes), asked.budget, asked.count, *asked.knobs]
        return [*values, query(asked), gr.skip()]

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
        sent, last, musing, asides = 0.0, 0.0, None, Asides(self.engine, self.suite, visit)
        for event in visit.race:
            now = event is not None and (event.over or event.state == "paused")  # whoever is held says nothing more
            if event is not None:
                last = event.time
                waiting.append(of_event(event))
                asides.hear(event)
            if musing is None and "unclip" in visit.race.runs:
                musing = Musing(self.engine, self.suite, visit.race.runs["unclip"])
            if musing is not None and (thought := musing.news()) is not None:
                waiting.append(of_thought("unclip", last, *thought))
            waiting += asides.news()
            if waiting and (now or time.monotonic() - sent > PAUSE):
                yield wire.tell(merged(waiting))
                waiting, sent = [], time.monotonic()
        if waiting and asides.open:
            yield wire.tell(merged(waiting))
            waiting = []
        images = {lane: small_of(visit.race.runs[lane])[0] for lane, done in visit.race.outcomes.items()
                  if done.images is not None}  # fmt: skip
        waiting += [*asides.rest(), *self._matrix(visit.race.prompt.text, images)]
        ranked = ranking(visit.race.prompt.text, visit.marks) if visit.race.budget else []
        over = {"kind": "over", "time": round(last, 3), "keep": bool(images), "ranking": ranked}
        yield wire.tell([*merged(waiting), over])

    def _matrix(self, text: str, images: Mapping[str, np.ndarray]) -> list[News]:
        """What CLIP says of the finished pictures beside the sentence and three others."""
        texts = [text, *(changed(text) or EXAMPLES[parse(text).language][:3])]
        try:
            return [{"kind": "matrix", "texts": texts, "rows": matrix(self.engine, self.suite, images, texts)}]
        except EngineStopped:
            return []


def _error(key: str, **values: Any) -> News:
    return {"kind": "error", **sentence(key, **values)}
