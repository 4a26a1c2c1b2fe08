"""What the walls of this tab show while a lesson goes on: each function gives the values of one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lab.lessons import decoding, enlarging, prior, sources, variations
from lab.lessons.prior import Thought
from lab.race import Event
from lab.ui.painters.unclip.asked import Asked, Given
from lab.ui.said import sentence
from lab.ui.stage.news import note
from lab.ui.wall import Said, Wall
from models.engine import Engine

READING, LONGEST = 0.25, 3.0  # seconds that a thought stands, and all of them together at most
PACE = 0.12  # seconds between two pictures sent
CANDIDATES = 4  # where nothing else is asked for
SIZE = 192  # CSS pixels of a cell
FREE = {"prior": CANDIDATES, "four": decoding.COUNT, "varied": variations.COUNT + 1}
SOURCES = ("image", "prior", "text")
Value = dict[str, Any]


def at_rest(name: str) -> Value:
    """The wall of an act before anything happens."""
    if name in FREE:
        return _free(FREE[name]).value
    return {"three": _sources, "larger": _sizes}[name]().value


def candidates(engine: Engine, suite: str, asked: Asked, stop: threading.Event) -> Iterator[Value]:
    """Thoughts in words while the prior works, each slow enough to be read, then the pictures they become."""
    shown, last, hang = _free(asked.knobs.candidates), None, _Hanging()
    for item in prior.run(engine, suite, asked.text, asked.seed, asked.knobs, stop, asked.client):
        if isinstance(item, Event):
            shown.line = _line(item, "unclip.paints", "unclip.done", alike=_short(last.alike))
            yield from hang(shown, item, [_thought(last, k) for k in range(asked.knobs.candidates)])
            continue
        last = item
        shown.line = sentence("unclip.thinks", i=last.i, n=last.n)
        for k, near in enumerate(last.near):
            shown.put(0, k, None, *_thought(last, k)[:-1], inside=[caption.says for caption in near])
        yield shown.value
        stop.wait(min(READING, LONGEST / last.n))
    yield from _stopped(shown, stop)


def four(engine: Engine, suite: str, asked: Asked, stop: threading.Event) -> Iterator[Value]:
    """The best thought, painted from several noises."""
    shown, hang, said = _free(decoding.COUNT), _Hanging(), []
    shown.line = sentence("unclip.begins")
    yield shown.value
    for item in decoding.run(engine, suite, asked.text, asked.seed, asked.knobs, stop, asked.client):
        if isinstance(item, Thought):
            said = [caption.says for caption in item.near[item.best]]
            for k in range(decoding.COUNT):
                shown.put(0, k, None, sentence("unclip.noise", n=k + 1), inside=said)
            yield shown.value
        else:
            shown.line = _line(item, "unclip.decodes", "unclip.four.done")
            names = [[sentence("unclip.noise", n=k + 1)] for k in range(decoding.COUNT)]
            yield from hang(shown, item, names)
    yield from _stopped(shown, stop)


def three(engine: Engine, suite: str, asked: Asked, true: Given, stop: threading.Event) -> Iterator[Value]:
    """A true picture, and what is painted from its embedding, from the prior's and from the sentence's."""
    shown = _sources()
    shown.put(0, 0, _pixels(true)[None], true.says)
    shown.line = sentence("unclip.begins")
    yield shown.value
    said: dict[str, list[Said]] = {kind: [] for kind in SOURCES}
    sent = 0.0
    for item in sources.run(engine, suite, asked.text, asked.seed, true.picture, asked.knobs, stop, asked.client):
        if isinstance(item, Event):
            shown.follow(item, 0, SOURCES.index(item.lane) + 1, *said[item.lane])
            shown.line = sentence("unclip.three.done") if item.over else _line(item, "unclip.decodes", "")
        else:
            for place, kind in enumerate(SOURCES, 1):
                likeness = sentence("unclip.to.true", cosine=_short(item.similarity[kind]))
                said[kind] = [likeness, item.near[kind][0].says]
                shown.put(0, place, None, *said[kind], inside=[caption.says for caption in item.near[kind]])
        if time.monotonic() - sent > PACE:
            sent = time.monotonic()
            yield shown.value
    yield from _stopped(shown, stop)


def varied(engine: Engine, suite: str, asked: Asked, begun: Given, stop: threading.Event) -> Iterator[Value]:
    """A picture, what CLIP sees in it, and variations of it."""
    count, hang = variations.COUNT, _Hanging()
    shown = _free(count + 1)
    shown.put(0, 0, _pixels(begun)[None], begun.says)
    shown.line = sentence("unclip.begins")
    yield shown.value
    for item in variations.run(engine, suite, begun.picture, asked.seed, asked.knobs, stop, asked.client):
        names = [[sentence("unclip.variation", n=k)] for k in range(1, count + 1)]
        if isinstance(item, Event):
            shown.line = _line(item, "unclip.decodes", "unclip.varied.done")
            yield from hang(shown, item, names, first=1)
        else:
            shown.put(0, 0, None, begun.says, sentence("unclip.sees"), *(caption.says for caption in item))
            for k in range(count):
                shown.put(0, k + 1, None, *names[k], inside=[caption.says for caption in item])
            yield shown.value
    yield from _stopped(shown, stop)


def larger(
    engine: Engine, suite: str, asked: Asked, augment: float, stop: threading.Event
) -> Iterator[tuple[Value, tuple[np.ndarray, np.ndarray] | None]]:
    """The small picture and the large one beside each other; at last both at one size, for the slider."""
    shown, small, both, sent = _sizes(), None, None, 0.0
    for event in enlarging.run(engine, suite, asked.text, asked.seed, asked.knobs, stop, asked.client, augment):
        shown.follow(event, 0, ("small", "large").index(event.lane))
        if event.frame is not None and event.lane == "small":
            small = event.frame[0]
        elif event.frame is not None and event.state == "done":
            times = event.frame.shape[1] // small.shape[0]
            both = np.kron(small, np.ones((times, times, 1), np.uint8)), event.frame[0]
            shown.line = sentence("unclip.larger.done", small=small.shape[0], large=event.frame.shape[1])
        if both is not None or time.monotonic() - sent > PACE:
            sent = time.monotonic()
            yield shown.value, both
    for value in _stopped(shown, stop):
        yield value, both


class _Hanging:
    """Hangs the pictures of one painting, a cell each; tells the page no more often than it can draw."""

    def __init__(self) -> None:
        self.sent = 0.0

    def __call__(
        self, shown: Wall, event: Event, captions: Sequence[Sequence[Said]], first: int = 0
    ) -> Iterator[Value]:
        shown.hear(event)
        for k, said in enumerate(captions):
            mine = slice(k, k + 1)
            frame = None if event.frame is None else event.frame[mine]
            shown.put(0, first + k, frame, *said, receipts=event.receipts[mine])
        if event.over or (event.frame is not None and time.monotonic() - self.sent > PACE):
            self.sent = time.monotonic()
            yield shown.value


def _free(count: int) -> Wall:
    """A wall of cells without names."""
    return Wall([""] * count, size=SIZE)


def _sources() -> Wall:
    return Wall([sentence("unclip.true"), *(sentence(f"unclip.from.{kind}") for kind in SOURCES)], size=SIZE)


def _sizes() -> Wall:
    return Wall([sentence("unclip.small"), sentence("unclip.large")], size=256)


def _thought(thought: Thought, k: int) -> list[Said]:
    """Which candidate it is, how near to the sentence, and what it is nearest to."""
    chosen = thought.over and k == thought.best
    name = sentence("unclip.chosen" if chosen else "unclip.candidate", n=k + 1)
    return [name, sentence("unclip.cosine", cosine=_short(thought.similarity[k])), thought.near[k][0].says]


def _line(event: Event, going: str, done: str, **values: Any) -> Said:
    """Where a painting stands; `values` are of the sentence for its end."""
    if event.state == "failed":
        return note(event)
    return sentence(done, **values) if event.state == "done" else sentence(going, i=event.i, n=event.n)


def _stopped(shown: Wall, stop: threading.Event) -> Iterator[Value]:
    """The last value of an act, which says so where it was stopped."""
    if stop.is_set():
        shown.line = sentence("unclip.stopped")
    yield shown.value


def _short(cosine: float) -> str:
    return f"{cosine:.2f}"


def _pixels(given: Given) -> np.ndarray:
    """(H, W, 3) uint8."""
    return (given.picture.clamp(0, 1) * 255).round().byte().movedim(0, -1).numpy()
