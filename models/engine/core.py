"""One turn of the engine, whoever's thread it runs on.

Each turn: take in, reap cancels and admit; move every runnable coroutine to its next Eval; choose by fairness; batch,
run, send.  A coroutine that computes much itself competes for turns like an Eval.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from models.engine.batch import Bound, Caps, Piece, form
from models.engine.fair import Fair
from models.engine.job import Job
from models.engine.lobby import Lobby
from models.engine.orders import Order, Terms
from models.engine.serve import Server
from models.protocol import Painting

LOG = 4096  # batches remembered


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch that ran: when, how long, its target, its rows, and the runs whose rows they were."""

    begin: float
    seconds: float
    target: str
    rows: int
    runs: tuple[int, ...]
    failed: bool


class Core:
    """All jobs.  One thread calls `turn`; `lobby.take` and `lobby.wake` may be called from any."""

    def __init__(self, lobby: Lobby, server: Server, caps: Caps, clock: Callable[[], float]):
        self.lobby, self.server, self.caps, self.clock = lobby, server, caps, clock
        self.fair = Fair()
        self.jobs: list[Job] = []
        self.log: deque[Batch] = deque(maxlen=LOG)
        self.looks: dict[str, float] = {}  # by sampler, seconds of its latest look

    def turn(self) -> bool:
        """One turn; False when there was nothing to do."""
        self.lobby.clear()
        for job in self.jobs:
            if job.run.cancelling:
                job.cancel()
        self.jobs = [job for job in self.jobs if not job.gone]
        self.jobs += [self._job(*opened) for opened in self.lobby.admit()]
        self.lobby.park(self.jobs, self.clock())
        moved = [job for job in self.jobs if job.movable and not job.heavy]
        for job in moved:
            job.move()
        wanting = [job for job in self.jobs if not job.gone and (job.need is not None or job.movable)]
        if not wanting:
            return bool(moved)
        ordered = self.fair.order(wanting)
        if ordered[0].need is None:
            ordered[0].move()
        else:
            needs = [job.need for job in self.fair.riders(ordered, self.caps.quantum) if job.need is not None]
            self._run(form(needs, self.caps, self.lobby.registry.free))
        return True

    def close(self, error: BaseException | None) -> None:
        """End every run there is: failed with `error`, or cancelled where it is None."""
        for job in self.jobs:
            with suppress(Exception):  # the loop may be dying of whatever this would raise
                job.fail(error) if error else job.cancel()
            job.run._end("failed" if error else "cancelled", error=error)
        self.jobs = []
        self.lobby.close(error)

    def _job(self, order: Order, painting: Painting, bound: dict[str, Bound]) -> Job:
        request, device = order.run.request, self.server.device
        terms = Terms(device, self.clock, self.fair.charge, self.looks, start=order.start)
        if request is not None:
            limits = {"budget": request.budget, "stop": request.stop, "exact": request.exact}
            terms = replace(terms, sampler=request.sampler, **limits)
        return Job(order.run, painting, bound, order.release, terms)

    def _run(self, pieces: list[Piece]) -> None:
        begin, first = self.clock(), pieces[0].need
        tight = self.server.serve(pieces)
        rows = sum(piece.count for piece in pieces)
        failed = any(piece.error is not None for piece in pieces)
        seconds = self.clock() - begin
        if not failed:  # out of memory, and then all is well in halves: so many rows are too many
            self.caps.note(first.key, tight or rows, math.inf if tight else seconds)
        self.log.append(Batch(begin, seconds, first.bound.name, rows, tuple(p.need.id for p in pieces), failed))
        jobs = {job.id: job for job in self.jobs}
        for piece in pieces:
            job = jobs[piece.need.id]
            meters = job.run.meters
            meters.workspace = max(meters.workspace, self.server.workspace.get((first.bound.name, rows), 0))
            try:
                job.served(piece, rows, begin)
            except Exception as error:  # its pieces do not fit together, or not into memory
                job.fail(error)
