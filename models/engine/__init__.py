"""The engine owns the device: one thread runs every network, and batches what different visitors ask for.

    engine = Engine(registry, SAMPLERS).start()
    run = engine.submit(Request("latent", Prompt("a red ball"), LatentKnobs(), "classroom", client="me"))
    for frame in run.frames(): show(frame.images)

Without `start` the same loop runs inline, on the thread that calls `drive`, `paint` or `call`.
Why each rule is there: start-time fairness so that nobody starves, coroutines so that rows of many visitors share a
batch, one thread because two threads on one network give wrong pictures without an error.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn

from models.catalog import Suite
from models.engine.batch import Caps
from models.engine.core import Batch, Core
from models.engine.endings import EngineStopped, outcome
from models.engine.forecast import Forecast, brief, forecast
from models.engine.lobby import Lobby
from models.engine.loop import Loop
from models.engine.orders import Order, check
from models.engine.run import Fact, Frame, Meters, Note, Run
from models.engine.serve import NotFinite, Server
from models.protocol import Painting, Request, Sampler, Target, ask
from models.registry import Registry

__all__ = ["Batch", "Engine", "EngineStopped", "Fact", "Frame", "Meters", "NotFinite", "Note", "Run", "drive"]

QUANTUM = {"cuda": 0.05, "cpu": 0.25}  # seconds that one batch may take
FORECASTS = 512  # remembered: visitors think of ever new settings


class Engine:
    """Runs the coroutines of all visitors on the registry's device.

    `buckets` pads every batch to the next of these sizes; None, right on a CPU, runs exact counts.  `cap` fixes the
    rows of a batch instead of measuring.  `dtype` is that of the noise.  `patience`: seconds a pause keeps its loans.
    `form` names what its networks are run in, where that is not torch; exact runs do without.
    """

    def __init__(
        self,
        registry: Registry,
        samplers: Mapping[str, Sampler],
        *,
        buckets: tuple[int, ...] | None = None,
        cap: int | None = None,
        dtype: torch.dtype = torch.float32,
        patience: float = 60.0,
        form: str = "",
        clock: Callable[[], float] = time.perf_counter,
    ):
        self.registry, self.samplers, self.form = registry, dict(samplers), form
        server = Server(registry.device, clock, buckets)
        lobby = Lobby(registry, self.samplers, dtype, patience, server.workspace_of)
        quantum = QUANTUM.get(registry.device.type, QUANTUM["cuda"])
        self._forecasts: dict[tuple[Hashable, ...], Forecast] = {}
        self._core = Core(lobby, server, Caps(quantum, cap), clock)
        self._loop = Loop(self._core)

    @property
    def log(self) -> deque[Batch]:
        """The latest batches: target, rows, and whose."""
        return self._core.log

    def workspace(self, sampler: str) -> int:
        """Bytes that a run of `sampler` was measured to need beside its parts; 0 where nobody measured yet."""
        return self._core.server.workspace_of(list(self.samplers[sampler].targets))

    def add(self, suite: Suite, samplers: Mapping[str, Sampler]) -> None:
        """Run requests on another suite too, or on what that suite has become; `samplers` take their names' places."""
        self.registry.suites[suite.name] = suite
        self.samplers.update(samplers)
        self._forecasts = {key: found for key, found in list(self._forecasts.items()) if key[0] != suite.name}

    def start(self) -> Engine:
        """Give the loop a thread of its own; harmless when it has one."""
        self._loop.start()
        return self

    def stop(self) -> None:
        """End every run as cancelled, and join the thread.  Nothing can be submitted afterwards."""
        self._loop.stop()

    def submit(self, request: Request, keep: tuple[int, ...] = ()) -> Run:
        """Queue a request; `keep` are steps whose State is kept.  ValueError names what cannot be met."""
        check(request, self.samplers, self.registry)
        run = Run(request.client, self._core.lobby.wake, request)
        run.keep_state(*keep)
        if self.registry.report()["budget"] is not None:
            with suppress(Exception):  # what is wrong with a request is told by its run
                run.needs = self.forecast(brief(request)).targets
        return self._loop.post(self._core.lobby.request(run, request.start))

    def forecast(self, request: Request) -> Forecast:
        """What a run will need in memory, before it; see `models.engine.forecast`."""
        prompt = request.prompt
        given = [None if picture is None else picture.shape for picture in (prompt.image, prompt.mask)]
        given += [request.start.i if request.start else 0, len(prompt.seeds), len(prompt.texts)]
        key = request.suite, request.sampler, request.knobs, *given
        found = self._forecasts.get(key)
        if found is None:
            suite, sampler = self.registry.suite(request.suite), self.samplers[request.sampler]
            found = forecast(request, sampler, suite, size=self._core.server.size)
            if len(self._forecasts) >= FORECASTS:
                self._forecasts.clear()
            self._forecasts[key] = found
        return found

    def play(
        self,
        painting: Painting,
        targets: Mapping[str, Target],
        *,
        client: str,
        suite: str | None = None,
        sampler: str | None = None,
        parts: Mapping[str, nn.Module] | None = None,
    ) -> Run:
        """Queue any coroutine of Evals and Steps: a judge, an encoder, a lesson, a recipe.

        Its targets are bound to `parts` of the caller's own, and to the parts of `suite`, as `sampler` has them where
        it is named.  Without Steps it is done when it returns; what it returns is the run's result.
        """
        run = Run(client, self._core.lobby.wake)
        return self._loop.post(Order(run, targets, lambda _: painting, suite, dict(parts or {}), sampler=sampler))

    def call(
        self,
        target: Target,
        *rows: Tensor,
        client: str = "call",
        suite: str | None = None,
        sampler: str | None = None,
        parts: Mapping[str, nn.Module] | None = None,
        **opts: Any,
    ) -> Any:
        """One Eval, waited for: what `target` gives for `rows`, on the CPU.  Raises what went wrong."""
        of = {"suite": suite, "sampler": sampler, "parts": parts}
        run = self.play(ask("call", *rows, **opts), {"call": target}, client=client, **of)
        return outcome(self.wait(run))

    def wait(self, *runs: Run) -> Run:
        """Until all `runs` are over, turning the loop where it has no thread; gives the last."""
        return [self._loop.wait(run) for run in runs][-1]

    def paint(self, request: Request) -> Tensor:
        """Run a request to its end: pictures (B, 3, H, W) in [0, 1] on the CPU.  Raises what went wrong."""
        return outcome(self.wait(self.submit(request)))

    def frames(self, run: Run) -> Iterator[Frame]:
        """`run.frames()`, turning the loop where it has no thread."""
        while (frame := self._loop.pull(run)) is not None:
            yield frame

    def turn(self, seconds: float = 0.01) -> None:
        """For whoever watches several runs at once: one turn where the engine has no thread, else a rest."""
        self._loop.rest(seconds)

    def drive(self, request: Request) -> Generator[Frame, None, Run]:
        """Frames of a request as the consumer is ready for them, the last one always; returns the run.

        Leaving early ends the run.  Raises what went wrong.
        """
        run = self.submit(request)
        try:
            yield from self.frames(run)
        finally:
            if not run.over:
                run.cancel()
                self.wait(run)
        outcome(run)
        return run


def drive(
    registry: Registry, samplers: Mapping[str, Sampler], request: Request, **options: Any
) -> Generator[Frame, None, Run]:
    """`Engine.drive` on an engine of its own, inline on the calling thread: for worker processes and forks."""
    engine = Engine(registry, samplers, **options)
    try:
        return (yield from engine.drive(request))
    finally:
        engine.stop()
