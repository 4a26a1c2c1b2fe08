"""What happens in the process that has a GPU for some seconds: one request, driven inline by an engine of its own."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lab.race.events import after
from lab.race.painters import default_engine
from models import loaders
from models.catalog import Part, Suite
from models.engine import Engine, Fact, Frame, Meters, Note, Run
from models.protocol import Request, State

EVERY = 0.3  # seconds between two tellings, looks and kept States
LEAVE = 3.0  # seconds before the lent time is over, after which the next step is the last


@dataclass(frozen=True, slots=True, eq=False)
class Errand:
    """What goes in.  `leash` is a file: while it is there and empty, paint; hold at the next step once it has a byte;
    end at once when it is gone.  `keep`: steps whose State is wanted."""

    request: Request
    keep: frozenset[int]
    leash: str
    seconds: float  # that were asked for


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What comes out, again and again: what is new since the last telling, and what the run used in this errand."""

    facts: tuple[Fact, ...]
    evals: tuple[Note, ...]
    frame: Frame | None
    states: Mapping[int, State]
    meters: Meters
    tokens: Any = None
    end: str = ""  # done, failed, cancelled, or left: there is more to paint
    result: Tensor | None = None
    error: BaseException | None = None
    trace: str = ""
    cut: bool = False


def run_errand(suite: Suite, resident: Mapping[Part, nn.Module], parcel: bytes) -> Iterator[bytes]:
    """Paint; gives pickled `Told`s, the last of which has an end.  `resident` are parts that need not be read."""
    torch.set_num_threads(1)  # threads of the process that was forked stayed there, and to wait for them is for ever
    errand: Errand = pickle.loads(parcel)
    ends = time.monotonic() + errand.seconds - LEAVE
    engine = default_engine(suite, device="auto", threads=False, read=_reader(resident))
    try:
        teller = _Teller(engine.submit(errand.request, tuple(errand.keep)))
        yield from _drive(engine, teller, errand.leash, ends)
    finally:
        engine.stop()


def _drive(engine: Engine, teller: _Teller, leash: str, ends: float) -> Iterator[bytes]:
    run, due, leaving = teller.run, 0.0, 0
    while True:
        engine.turn()
        now, wish = time.monotonic(), _wish(leash)
        if wish == "end":
            run.cancel()
        if not leaving and (wish == "hold" or now >= ends):
            leaving = teller.next_state()
        if run.over or (leaving in run.states and run.facts[-1].i < run.facts[-1].n):  # the last picture is near
            yield pickle.dumps(teller.tell(run.state if run.over else "left"))
            return
        if now >= due:
            yield pickle.dumps(teller.tell())
            run.wanted, due = True, now + EVERY
            teller.next_state()


def _wish(leash: str) -> str:
    try:
        return "hold" if os.stat(leash).st_size else "go"
    except FileNotFoundError:
        return "end"


def _reader(resident: Mapping[Part, nn.Module]) -> Callable[[Part], nn.Module]:
    def read(part: Part) -> nn.Module:
        return resident[part] if part in resident else loaders.load(part)

    return read


@dataclass(eq=False)
class _Teller:
    """Remembers what was told of a run."""

    run: Run
    fact: Fact | None = None
    note: Note | None = None
    frame: Frame | None = None

    def next_state(self) -> int:
        """Keep the State of the next step; which one that is."""
        start = self.run.request.start
        done = self.run.facts[-1].i if self.run.facts else start.i if start else 0
        self.run.keep_state(done + 1)
        return done + 1

    def tell(self, end: str = "") -> Told:
        run = self.run
        facts, evals = tuple(after(run.facts, self.fact)), tuple(after(run.evals, self.note))
        self.fact, self.note = (facts or [self.fact])[-1], (evals or [self.note])[-1]
        frame, self.frame = (None if run.newest is self.frame else run.newest), run.newest
        states = {i: run.states.pop(i) for i in list(run.states)}
        error = None if run.error is None else _sendable(run.error)
        return Told(facts, evals, frame, states, run.meters, run.tokens, end, run.result, error, run.trace, run.cut)


def _sendable(error: BaseException) -> BaseException:
    """The error itself where it survives the way; else its name and words."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
