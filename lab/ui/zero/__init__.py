"""ZeroGPU: a Space that has a GPU only while a function marked `@spaces.GPU` runs, in a process forked for it.

    lend = lender()                                    # `spaces.GPU` on such a Space, else None
    engine = ZeroEngine(open_suite("full"), lend).start()
    engine.submit(Request(...))                        # and all else that an Engine does

What is submitted is painted by an engine in the forked process: the Request goes in, facts, frames and States come
out.  A call asks for as many seconds as the painter's measured pace tells; when they are over, or the visitor pauses,
the GPU goes back, and the next call goes on from the last State.  Files are read here, before a second of it is
spent; judging and encoding (`play`, `call`) run here too, on the processor and outside any quota.
"""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from contextvars import copy_context
from math import ceil
from typing import Any

from torch import nn

from lab.race import pace
from lab.race.painters import LENT, samplers_of
from lab.ui.zero.courier import Courier
from lab.ui.zero.errand import run_errand
from models.catalog import Part, Suite
from models.engine import Engine, EngineStopped, Run
from models.engine.orders import check
from models.protocol import Request, State
from models.registry import Registry

FIRST = 60.0  # seconds asked for while nobody knows the painter's pace
LEAST, MOST = 10.0, 120.0
WARM = 6.0  # seconds for the fork, and for weights to reach the GPU
SLACK = 1.5  # previews, and steps that take longer than the last ones did

Lend = Callable[..., Callable[[Callable[..., Any]], Callable[..., Any]]]


def lender() -> Lend | None:
    """`spaces.GPU` where GPUs are lent by call, else None."""
    if not os.environ.get(LENT):
        return None
    with suppress(ImportError):
        return importlib.import_module("spaces").GPU
    return None


def mark(lend: Lend) -> None:
    """Such a Space ends itself when nothing in it is marked, also where, as in the classroom, nothing needs a GPU."""

    def nothing() -> None:
        """Asks for no GPU, since nobody calls it."""

    lend(duration=1)(nothing)


class ZeroEngine(Engine):
    """An Engine on the processor whose submitted requests are painted on a GPU that `lend` gives for some seconds."""

    def __init__(self, suite: Suite, lend: Lend):
        super().__init__(Registry([suite]), samplers_of(suite))
        self.resident: dict[Part, nn.Module] = {}  # what a forked process finds in its memory
        self._workspace: dict[str, int] = {}
        self._lock, self._live, self._leaving = threading.Lock(), set[Courier](), False

        def paint(parcel: bytes, seconds: float) -> Iterator[bytes]:
            yield from run_errand(suite, self.resident, parcel)

        self.paint = lend(duration=lambda parcel, seconds: ceil(seconds))(paint)

    def submit(self, request: Request, keep: tuple[int, ...] = ()) -> Run:
        """As `Engine.submit`; a thread of its own waits for the GPU and carries what comes back to the run."""
        check(request, self.samplers, self.registry)
        courier = Courier(self, request, keep)
        with self._lock:
            if self._leaving:
                raise EngineStopped("the engine was stopped")
            self._live.add(courier)
        work = copy_context().run  # whose quota is spent is told by the visitor's own request
        threading.Thread(target=work, args=(courier.go, self._done), name="quartet-zero", daemon=True).start()
        return courier.run

    def workspace(self, sampler: str) -> int:
        return self._workspace.get(sampler, 0)

    def stop(self) -> None:
        """End every run as cancelled, wait for the GPU to come back, and join the thread."""
        with self._lock:
            self._leaving, live = True, list(self._live)
        for courier in live:
            courier.run.cancel()
        for courier in live:
            courier.run.wait()
        super().stop()

    def seconds(self, request: Request, start: State | None) -> float:
        """What a call is to ask for, so that the rest of `request` can be painted in it: by measured step times."""
        known = pace.known(self, request)
        if known is None:
            return FIRST
        left = max(1, request.knobs.steps - (start.i if start else 0))
        return min(MOST, max(LEAST, WARM + SLACK * (known.fixed + known.step * left)))

    def _done(self, courier: Courier) -> None:
        sampler = courier.run.request.sampler
        with self._lock:
            self._live.discard(courier)
            self._workspace[sampler] = max(self.workspace(sampler), courier.run.meters.workspace)
