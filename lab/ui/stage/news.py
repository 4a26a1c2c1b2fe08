"""Events of a race as the news that the browser's stage is fed with: numbered plain data, pictures as PNG."""

from __future__ import annotations

import base64
import io
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache
from itertools import count
from typing import Any

import numpy as np
from PIL import Image

from lab.lessons.captions import Near
from lab.measure.appraise import Appraisal
from lab.measure.judge import BLANK, check
from lab.race import LANES, Event, Race, missing, parts_of, weight_of
from lab.record import encode
from lab.storybook.grammar import parse
from lab.ui.hints import dropped
from lab.ui.said import piece, refused, sentence
from lab.ui.words import LANGUAGES, WORDS
from models.catalog import Part
from models.engine import Engine
from models.loaders import Unavailable, weigh
from models.samplers.guard import is_cover

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
        for old in [key for key in self.news if 0 < int(key) <= self.told - HELD]:  # the opening is told to everybody
            del self.news[old]
        return {"race": self.race, "news": dict(self.news)}


def opening(race: Race, engine: Engine, suite: str, key: str, judged: bool) -> News:
    """The first news of a race: what is painted, and what each painter weighs."""
    text, lanes, weighed = race.prompt.text, {}, cache(weigh)  # each part once: it is waited for
    for lane in race.requests:
        try:
            lanes[lane] = weight_of(engine, suite, lane, weighed) | {"parts": _shelf(engine, suite, lane, weighed)}
        except Unavailable:
            lanes[lane] = {"bytes": 0, "parameters": 0}
        lanes[lane] |= {"crops": getattr(race.requests[lane].knobs, "crops", 0)}
    cut = dropped(text, engine.registry.suite(suite))
    seed, budget = race.prompt.seeds[0], race.budget
    read = parse(text)
    unseen = dict.fromkeys(check(read.ask, BLANK, read.more), "waits") if judged and read.ask else {}
    return {
        "kind": "open", "key": key, "time": 0, "text": text, "seed": seed, "budget": budget, "lanes": lanes,
        "dropped": cut, "judge": judged, "words": words(text, unseen) if unseen else None,
    }  # fmt: skip


def _shelf(engine: Engine, suite: str, lane: str, weighed: Callable[[Part], int]) -> list[dict[str, Any]]:
    """What of a painter's memory each of its parts takes, the largest first.  Raises Unavailable."""
    table = engine.registry.suite(suite).parts
    found = [{"name": piece(part), "bytes": weighed(table[part])} for part in parts_of(engine, suite, lane)]
    return sorted(found, key=lambda part: -part["bytes"])


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
            both = {"dots": last["dots"] + item["dots"], "need": item.get("need") or last.get("need")}
            found[found.index(last)] = fresh | both
        else:
            found.append(item)
    return found


def of_event(event: Event) -> News:
    """News of one lane."""
    return {
        "kind": "lane", "lane": event.lane, "state": event.state, "time": round(event.time, 3), "i": event.i,
        "n": event.n, "seconds": round(event.seconds, 4), "shown": event.shown, "note": note(event), "need": event.need,
        "dots": [[round(dot.begin, 3), int(dot.look)] for dot in event.evals], "evals": event.evaluations,
        "images": [] if event.frame is None else [picture(image) for image in event.frame],
    }  # fmt: skip


def note(event: Event) -> dict[str, Any] | None:
    """What there is to say of a lane that is missing, failed or covered, for whoever cannot mend it."""
    if event.state == "missing":
        names = [why.split(":")[0] for why in event.note.split("; ")]
        return sentence("say.missing", parts=[piece(name) for name in names])
    if event.state == "failed":
        if event.need is not None and not event.need["fits"]:
            return refused(event.need)
        return sentence("say.memory" if event.note.startswith("OutOfMemoryError") else "say.failed")
    if event.frame is not None and (hidden := sum(is_cover(image) for image in event.frame)):
        return sentence("say.covered", n=hidden)
    return {"key": event.note, "values": {}} if event.note else None


def picture(image: np.ndarray, receipt: Mapping[str, Any] | None = None) -> str:
    """A picture (H, W, 3) uint8 as a data URL: lossless while it is small, or where it carries its receipt."""
    if receipt is not None:
        with suppress(ValueError):  # a receipt that holds a large picture is longer than is read back
            return f"data:image/png;base64,{base64.b64encode(encode(image, receipt)).decode()}"
    kind, file = ("png" if max(image.shape[:2]) <= LARGE else "webp"), io.BytesIO()
    Image.fromarray(image).save(file, kind, **({"compress_level": 3} if kind == "png" else {"quality": 85}))
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"


def of_thought(lane: str, time: float, i: int, near: Iterable[Near]) -> News:
    """What a lane that has no picture yet thinks of after step `i`, in every language."""
    return {"kind": "thought", "lane": lane, "time": round(time, 3), "i": i, "says": [dict(one.says) for one in near]}


def of_appraisal(lane: str, text: str, found: Appraisal) -> News:
    """What CLIP and the judge say of each of a lane's pictures."""
    said = None if found.marks is None else [words(text, marks) for marks in found.marks]
    similarity = [round(value, 4) for value in found.similarity]
    return {"kind": "marks", "lane": lane, "similarity": similarity, "judge": found.judged, "words": said}


def ranking(text: str, found: Mapping[str, Appraisal]) -> list[News]:
    """Lanes by how many of the sentence's words all their pictures together have right: those level are one entry,
    the best comes first.  Empty unless two were judged."""
    groups: dict[int, News] = {}
    for lane in (lane for lane in LANES if lane in found and found[lane].marks is not None):
        marks = [word["mark"] for picture in found[lane].marks for word in words(text, picture)]
        right = marks.count("right")
        groups.setdefault(right, {"lanes": [], "right": right, "all": len(marks)})["lanes"].append(lane)
    ranked = [groups[right] for right in sorted(groups, reverse=True)]
    return ranked if sum(len(group["lanes"]) for group in ranked) > 1 else []


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
