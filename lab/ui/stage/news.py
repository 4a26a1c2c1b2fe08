"""Events of a race as the news that the browser's stage is fed with: numbered plain data, pictures as PNG."""

from __future__ import annotations

import base64
import io
import secrets
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

import numpy as np
from PIL import Image

from lab.measure.appraise import Appraisal
from lab.race import Event, Race, missing, weight_of
from lab.storybook.grammar import parse
from lab.ui.hints import dropped
from lab.ui.words import LANGUAGES, WORDS, say
from models.engine import Engine
from models.loaders import Unavailable

HELD = 24  # news kept in the component's value, so that a browser that missed a few still hears them
LARGE = 160  # pixels a side above which previews are sent as WebP
News = dict[str, Any]
_races = count(1)


class Wire:
    """The value of a stage while one race is told: its number and the latest news, numbered from 0.

    `key` names the race to those who were told of it.
    """

    def __init__(self) -> None:
        self.race, self.told = next(_races), 0
        self.news: dict[str, News] = {}
        self.key = secrets.token_urlsafe(12)

    def tell(self, items: Iterable[News]) -> dict[str, Any]:
        """Add news; gives the value to send."""
        for item in items:
            self.news[str(self.told)] = item
            self.told += 1
        for old in [key for key in self.news if int(key) < self.told - HELD]:
            del self.news[old]
        return {"race": self.race, "news": dict(self.news)}


def sentence(key: str, **values: Any) -> dict[str, Any]:
    """A message that the browser says in its own language."""
    say(key, "en", **values)
    return {"key": key, "values": values}


def opening(race: Race, engine: Engine, suite: str, key: str, judged: bool) -> News:
    """The first news of a race: what is painted, and what each painter weighs."""
    text, lanes = race.prompt.text, {}
    for lane in race.requests:
        try:
            lanes[lane] = weight_of(engine, suite, lane)
        except Unavailable:
            lanes[lane] = {"bytes": 0, "parameters": 0}
    cut = dropped(text, engine.registry.suite(suite))
    seed, budget = race.prompt.seeds[0], race.budget
    return {
        "kind": "open", "key": key, "time": 0, "text": text, "seed": seed, "budget": budget, "lanes": lanes,
        "dropped": cut, "judge": judged,
    }  # fmt: skip


def absent(engine: Engine, suite: str) -> dict[str, Any] | None:
    """The value of a stage before any race, where painters lack their weights; None where all are there."""
    lanes = missing(engine, suite)
    events = [Event(lane, "missing", 0.0, 0, 0, 0.0, {}, note=why) for lane, why in lanes.items()]
    return {"race": 0, "news": {str(k): of_event(event) for k, event in enumerate(events)}} if lanes else None


def merged(items: Iterable[News]) -> list[News]:
    """The same news with one item a lane: all its evaluations, its newest pictures."""
    found: list[News] = []
    for item in items:
        last = next((old for old in reversed(found) if old.get("lane") == item.get("lane")), None)
        if item["kind"] == "lane" and last is not None and last["kind"] == "lane":
            fresh = item if item["images"] else item | {"images": last["images"], "shown": last["shown"]}
            found[found.index(last)] = fresh | {"dots": last["dots"] + item["dots"]}
        else:
            found.append(item)
    return found


def of_event(event: Event) -> News:
    """News of one lane."""
    return {
        "kind": "lane", "lane": event.lane, "state": event.state, "time": round(event.time, 3), "i": event.i,
        "n": event.n, "seconds": round(event.seconds, 4), "shown": event.shown, "note": _note(event),
        "dots": [[round(dot.begin, 3), int(dot.look)] for dot in event.evals],
        "images": [] if event.frame is None else [picture(image) for image in event.frame],
    }  # fmt: skip


def _note(event: Event) -> dict[str, Any] | None:
    if event.state == "missing":
        parts = ", ".join(piece.split(":")[0] for piece in event.note.split("; "))
        return sentence("say.missing", parts=parts)
    if event.state == "failed":
        short = event.note.startswith(("WontFit", "OutOfMemoryError"))
        return sentence("say.memory" if short else "say.failed")
    return {"key": event.note, "values": {}} if event.note else None


def picture(image: np.ndarray) -> str:
    """A picture (H, W, 3) uint8 as a data URL: lossless while it is small."""
    kind, file = ("png" if max(image.shape[:2]) <= LARGE else "webp"), io.BytesIO()
    Image.fromarray(image).save(file, kind, **({"compress_level": 3} if kind == "png" else {"quality": 85}))
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"


def of_appraisal(lane: str, text: str, found: Appraisal) -> News:
    """What CLIP and the judge say of a lane's pictures; of several, the marks of the first."""
    said = None if found.marks is None else words(text, found.marks[0])
    similarity = [round(value, 4) for value in found.similarity]
    return {"kind": "marks", "lane": lane, "similarity": similarity, "judge": found.judged, "words": said}


def words(text: str, marks: Mapping[str, str]) -> list[News]:
    """The sentence's own words with their marks, as they come in it, in every language."""
    ask, found = parse(text).ask, []
    for k, noun in enumerate(ask.nouns, 1):
        if k == 2 and "relation" in marks:
            found.append(_word(f"relation.{ask.relation}", marks["relation"]))
        if noun.count > 1:
            found.append(_word(f"count.{noun.count}", marks["count"]))
        for field in ("size", "colour", "kind"):
            if f"{field} {k}" in marks:
                found.append(_word(f"{field}.{getattr(noun, field)}", marks[f"{field} {k}"]))
    if "background" in marks:
        found.append(_word(f"background.{ask.background}", marks["background"]))
    return found


def _word(key: str, mark: str) -> News:
    return dict(zip(LANGUAGES, WORDS[key], strict=True)) | {"mark": mark}
