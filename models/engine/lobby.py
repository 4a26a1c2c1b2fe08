"""Where runs wait: for the engine to notice them, for their parts, or for their visitor to come back."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch

from models.engine.batch import Bound
from models.engine.endings import shed
from models.engine.job import Job
from models.engine.orders import Order, of_request
from models.engine.run import Run
from models.protocol import Painting, Sampler, State
from models.registry import Registry


class Lobby:
    """`take`, `wake` and `sleep` may be called from any thread; the rest by the engine alone.

    A run paused for `patience` seconds becomes a State and returns its loans; it queues anew when it is resumed.
    `workspace` tells the bytes that a run of these targets is known to need beside its parts.
    """

    def __init__(
        self,
        registry: Registry,
        samplers: Mapping[str, Sampler],
        dtype: torch.dtype,
        patience: float,
        workspace: Callable[[Sequence[str]], int],
    ):
        self.registry, self.samplers, self.dtype, self.patience = registry, samplers, dtype, patience
        self.workspace = workspace
        self._inbox: deque[Order] = deque()
        self._waiting: list[Order] = []
        self._shelved: dict[Run, State] = {}
        self._awake = threading.Event()

    def wake(self) -> None:
        self._awake.set()

    def clear(self) -> None:
        """Whatever happens from here on wakes the next sleep."""
        self._awake.clear()

    def sleep(self, seconds: float) -> None:
        """Until woken, or `seconds` are over."""
        self._awake.wait(seconds)

    def take(self, order: Order) -> None:
        self._inbox.append(order)
        self.wake()

    def request(self, run: Run, start: State | None) -> Order:
        return of_request(run, self.samplers[run.request.sampler], self.registry, self.dtype, start)

    def admit(self) -> Iterator[tuple[Order, Painting, dict[str, Bound]]]:
        """Orders whose parts are here, with painting and bound targets; cancelled and hopeless ones end."""
        self._take_in()
        for order in list(self._waiting):
            try:
                if not order.run.cancelling and not order.ready:
                    continue
                self._waiting.remove(order)
                if order.run.cancelling:
                    self._end(order, None)
                    continue
                opened = order.open(order.parts), order.bind()
            except Exception as error:
                if order in self._waiting:
                    self._waiting.remove(order)
                self._end(order, error)
                continue
            order.run._enter("running")
            yield order, *opened

    def _take_in(self) -> None:
        for run in [run for run in self._shelved if run.cancelling or not run.pausing]:
            self._inbox.append(self.request(run, self._shelved.pop(run)))
            run._enter("queued")
        while self._inbox:
            order = self._inbox.popleft()
            if order.run.cancelling:  # nothing is read for it any more
                self._end(order, None)
                continue
            try:
                order.claim(self.registry, self.workspace(list(order.targets)), self.wake)
            except Exception as error:
                self._end(order, error)
            else:
                self._waiting.append(order)

    def park(self, jobs: Sequence[Job], now: float) -> None:
        """Look after paused jobs: wake them, let them be looked at, or shelve them."""
        for job in [job for job in jobs if job.parked is not None and job.look is None]:
            try:
                self._tend(job, now)
            except Exception as error:  # its look or its State cannot be had
                job.fail(error)

    def _tend(self, job: Job, now: float) -> None:
        run, step = job.run, job.step
        if not run.pausing:
            job.parked = None
            run._enter("running")
        elif run.wanted and (run.newest is None or run.newest.i != step.i):
            job.start_look()
        elif now - job.parked > self.patience and run.request is not None and step.state is not None:
            self._shelved[run] = step.state()
            job.leave()

    def close(self, error: BaseException | None) -> None:
        """End all who wait here: failed with `error`, or cancelled where it is None."""
        while self._inbox or self._waiting:  # one by one: whoever comes meanwhile is not to be forgotten
            self._end(self._waiting.pop() if self._waiting else self._inbox.popleft(), error)
        while self._shelved:
            run, _ = self._shelved.popitem()
            run._end("failed" if error else "cancelled", error=error)

    def _end(self, order: Order, error: BaseException | None) -> None:
        order.release()
        if error is not None:
            order.run.trace = shed(error)
        order.run._end("failed" if error else "cancelled", error=error)
