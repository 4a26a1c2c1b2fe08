"""What a race tells: plain data, lane by lane, in the order it became known."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from lab.race.needs import refused
from models.engine import Fact, Frame, Note, Run

OVER = ("done", "cancelled", "failed", "missing")  # a lane says nothing after one of these
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Dot:
    """One network evaluation, for the score: when it began and ended, in seconds since the race began."""

    begin: float
    end: float
    target: str
    rows: int
    batch: int  # rows of the batch that it was part of, other visitors' included
    look: bool  # for a preview, not for the painting


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """News of one lane: what is new since its last event, and where it stands."""

    lane: str
    state: str  # queued, measuring, running, paused; done, cancelled, failed, missing
    time: float  # seconds since the race began
    i: int  # steps done, of n (0 before the first)
    n: int
    seconds: float  # of the device, without looks
    facts: Mapping[str, float]  # of step i
    history: tuple[Fact, ...] = ()  # of every step since the last event
    evals: tuple[Dot, ...] = ()  # since the last event
    frame: np.ndarray | None = None  # (B, H, W, 3) uint8 where there is a new one, of step `shown`
    shown: int = 0
    note: str = ""  # why it failed or is missing; "budget" where the budget ended it
    receipts: tuple[Mapping[str, Any], ...] = ()  # of its pictures, where whoever tells it signs what is done
    evaluations: int = 0  # of networks so far, looks left out
    need: Mapping[str, Any] | None = None  # memory, as `lab.race.needs` tells it: at first, and where it was refused

    @property
    def over(self) -> bool:
        return self.state in OVER


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """How a lane ended: its pictures, if it has any, and what they cost."""

    lane: str
    state: str
    images: np.ndarray | None  # (B, H, W, 3) uint8
    i: int
    n: int
    seconds: float  # device seconds of the painting itself
    looks: float  # device seconds of its previews
    evals: int
    rows: int
    workspace: int
    knobs: Mapping[str, Any]
    facts: Mapping[str, float]
    waited: float = 0.0  # seconds by the clock on the wall until paces were timed, its parts were there, and it began
    cut: bool = False  # the budget ended it, with the best it had
    note: str = ""


class Follower:
    """Reads one run, without holding it up; a look is asked for every `every` seconds, or never (None).

    `blind`: not before the stage that paints.  `need` is told with its first event.
    """

    def __init__(
        self, lane: str, run: Run, zero: float, every: float | None, now: float, blind: bool = False,
        need: Mapping[str, Any] | None = None,
    ):  # fmt: skip
        self.need = need
        self.lane, self.run, self.zero, self.every, self.begun, self.blind = lane, run, zero, every, now, blind
        self.state, self.over, self.waited = "", False, 0.0
        self.frame: Frame | None = None
        self.fact: Fact | None = None
        self.note: Note | None = None
        self.due, self.asked, self.evaluations = 0.0, False, 0

    def news(self, now: float) -> Event | None:
        """What is new at `now`, on the engine's clock; None where nothing is."""
        state = self.run.state  # before all else: after an end state everything is in its place
        frame, history, notes = self._look(now), after(self.run.facts, self.fact), after(self.run.evals, self.note)
        if state == self.state and frame is None and not history:
            return None
        if self.state in ("", "queued"):
            self.waited = now - self.begun
        self.state, self.over = state, state in OVER
        self.fact, self.note = (history or [self.fact])[-1], (notes or [self.note])[-1]
        fact = self.fact or Fact(0, 0, 0.0, {})
        dots = tuple(
            Dot(note.begin - self.zero, note.end - self.zero, note.target, note.rows, note.batch, note.look)
            for note in notes
        )
        self.evaluations += sum(not dot.look for dot in dots)
        pictures, shown = (frame.images, frame.i) if frame else (None, 0)
        seconds, note = self.run.meters.device, reason(self.run)
        need, self.need = refused(self.run.error) or self.need, None
        return Event(
            self.lane, state, now - self.zero, fact.i, fact.n, seconds, fact.facts, tuple(history), dots, pictures,
            shown, note, need=need, evaluations=self.evaluations,
        )  # fmt: skip

    def _look(self, now: float) -> Frame | None:
        """A frame not yet seen; asks for the next one when it is due."""
        frame, new = self.run.newest, False
        if frame is not self.frame:
            self.frame, self.asked, new = frame, False, True
            self.due = now + (self.every or 0.0)
        guess = self.blind and (self.fact is None or self.fact.facts.get("stage") == 0)
        if self.every is not None and not self.asked and now >= self.due and not guess:
            self.run.wanted = self.asked = True
        return frame if new else None

    def outcome(self) -> Outcome:
        run, fact = self.run, self.fact or Fact(0, 0, 0.0, {})
        meters, frame = run.meters, run.newest
        return Outcome(
            self.lane, run.state, frame.images if frame and not frame.glance else None, fact.i, fact.n, meters.device,
            meters.served - meters.device, meters.evals, meters.rows, meters.workspace,
            run.request.knobs.to_dict(), fact.facts, self.waited, run.cut, reason(run),
        )  # fmt: skip


def small_of(run: Run) -> np.ndarray | None:
    """(B, H, W, 3) uint8: the pictures of a run before they were enlarged, where it kept a State of that."""
    kept = [state.x["small"] for _, state in sorted(run.states.items()) if "small" in state.x]
    if kept:
        return (kept[-1].float() / 2 + 0.5).clamp(0, 1).mul(255).round().byte().movedim(1, -1).numpy()
    return run.newest.images if run.newest else None


def reason(run: Run) -> str:
    """Why a run ended as it did, where that needs saying."""
    if run.error is not None:
        return f"{type(run.error).__name__}: {run.error}"
    return "budget" if run.cut else ""


def after(log: deque[T], last: T | None) -> list[T]:
    """What was appended to `log` after `last`."""
    found: list[T] = []
    for item in reversed(tuple(log)):
        if item is last:
            break
        found.append(item)
    return found[::-1]
