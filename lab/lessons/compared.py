"""The same sentence painted in several ways, and what CLIP and the judge say of each picture when all are there."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from lab.lessons.together import EVERY, together
from lab.measure.appraise import appraise
from lab.measure.judge import RIGHT
from lab.race.events import Event
from lab.storybook.grammar import parse
from models.engine import Engine
from models.protocol import Request


@dataclass(frozen=True, slots=True)
class Found:
    """Of one finished lane: CLIP's cosine to the sentence, the words that came out right, and what it cost.

    Several pictures of a lane are averaged.  `words` is 0 where no judge read the pictures, or the sentence asks for
    nothing that a judge knows.  `asked`: pictures that went through the denoiser, two a step under guidance, since it
    is asked with the sentence and without; `seconds` are the device's, without previews.
    """

    lane: str
    similarity: float
    right: float
    words: int
    asked: int
    seconds: float


def compared(
    engine: Engine, requests: Mapping[str, Request], stop: threading.Event, every: float | None = EVERY
) -> Iterator[Event | Found]:
    """Events of `requests` as they paint together; then one Found for every lane that is done.

    All requests are of one suite and ask for one text.  After `stop` nothing is appraised.
    """
    asked: Counter[str] = Counter()
    pictures: dict[str, np.ndarray] = {}
    last: dict[str, Event] = {}
    for event in together(engine, requests, stop, every):
        asked[event.lane] += sum(dot.rows for dot in event.evals if dot.target == "denoise")
        last[event.lane] = event
        if event.frame is not None:
            pictures[event.lane] = event.frame
        yield event
    done = [lane for lane, event in last.items() if event.state == "done" and lane in pictures]
    if stop.is_set() or not done:
        return
    request = requests[done[0]]
    stack = np.concatenate([pictures[lane] for lane in done])
    with engine.registry.borrow(request.suite, ["clip"]) as parts:
        tokens = parts["clip"].tokenize([request.prompt.text])
    found = appraise(engine, request.suite, request.prompt.text, stack, tokens)
    marks, begin = [_words(request.prompt.text, each) for each in found.marks or ({},) * len(stack)], 0
    for lane in done:
        mine = slice(begin, begin := begin + len(pictures[lane]))
        similarity = float(np.mean(found.similarity[mine]))
        right = float(np.mean([each.count(RIGHT) for each in marks[mine]]))
        yield Found(lane, similarity, right, len(marks[mine][0]), asked[lane], last[lane].seconds)


def _words(text: str, marks: Mapping[str, str]) -> list[str]:
    """The marks of what the sentence says; the number only where it says one."""
    ask = parse(text).ask
    several = ask is not None and any(noun.count > 1 for noun in ask.nouns)
    return [mark for name, mark in marks.items() if name != "overall" and (several or name != "count")]
