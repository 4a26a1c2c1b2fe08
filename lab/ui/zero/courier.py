"""What carries one request to a lent GPU and its news back, as often as it takes."""

from __future__ import annotations

import pickle
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lab.race import parts_of
from lab.ui.zero.errand import Errand, Told
from models.engine import Meters, Run
from models.engine.run import among
from models.protocol import Request, State

if TYPE_CHECKING:
    from lab.ui.zero import ZeroEngine

SUMS = ("served", "device", "evals", "rows", "steps", "looks")  # meters that add up from errand to errand


class Courier:
    """One run.  A cancel or a pause reaches the other process through a file, its leash, within one Eval."""

    def __init__(self, engine: ZeroEngine, request: Request, keep: tuple[int, ...]):
        self.engine, self.keep = engine, frozenset(keep)
        self.run = Run(request.client, self._tug, request)
        self.state: State | None = request.start
        self._leash: Path | None = None
        self._tugged = threading.Event()

    def go(self, done: Callable[[Courier], None]) -> None:
        """Until the run is over."""
        run, request = self.run, self.run.request
        try:
            names = parts_of(self.engine, request.suite, request.sampler)
            with self.engine.registry.ask(request.suite, names) as ticket:
                table = self.engine.registry.suite(request.suite)
                self.engine.resident |= {table[name]: module for name, module in ticket.wait().items()}
                while not run.over:
                    self._errand() if self._wanted() else run._end("cancelled")
        except Exception as error:
            run._end("failed", error=error)
        finally:
            done(self)

    def _wanted(self) -> bool:
        """Waits while the run is paused; False once it is cancelled."""
        while self.run.pausing and not self.run.cancelling:
            self.run._enter("paused")
            self._tugged.wait(1.0)
            self._tugged.clear()
        return not self.run.cancelling

    def _errand(self) -> None:
        """One call for the GPU.  Where it ends early, the next goes on from what was reached; nothing reached fails."""
        reached, before, broken = self.state, replace(self.run.meters), None
        request = replace(self.run.request, start=self.state)
        if request.budget is not None:
            request = replace(request, budget=max(request.budget - before.device, 1e-3))
        seconds = self.engine.seconds(request, self.state)
        with tempfile.TemporaryDirectory(prefix="quartet-") as home:
            self._leash = Path(home) / "leash"
            self._leash.touch()
            self._tug()  # for whoever called before the leash was there
            try:
                parcel = pickle.dumps(Errand(request, self.keep, str(self._leash), seconds))
                for told in self.engine.paint(parcel, seconds):
                    self._hear(pickle.loads(told), before)
            except Exception as error:
                broken = error
            self._leash = None
        if self.state is reached and not self.run.over and not self.run.cancelling:
            raise broken or RuntimeError("the lent GPU painted nothing and did not say why")

    def _hear(self, told: Told, before: Meters) -> None:
        run = self.run
        for name in SUMS:
            setattr(run.meters, name, getattr(before, name) + getattr(told.meters, name))
        run.meters.workspace = max(before.workspace, told.meters.workspace)
        run.tokens, last = told.tokens or run.tokens, run.facts[-1].i if run.facts else 0
        run.evals.extend(told.evals)
        run.facts.extend(replace(fact, seconds=fact.seconds + before.device) for fact in told.facts if fact.i > last)
        n = run.facts[-1].n if run.facts else 0
        run.states |= {i: state for i, state in told.states.items() if among(i, n, self.keep)}
        if told.states:
            self.state = told.states[max(told.states)]
        if told.frame is not None:
            run._post(replace(told.frame, seconds=told.frame.seconds + before.device))
        elif not told.end:
            run._enter("running")
        if told.end in ("done", "failed", "cancelled"):
            run.trace, run.cut = told.trace, told.cut
            run._end(told.end, told.result, told.error)

    def _tug(self) -> None:
        """The run's flags changed: tell the other process, and whoever waits here."""
        leash = self._leash
        if leash is not None and self.run.cancelling:
            leash.unlink(missing_ok=True)
        elif leash is not None and self.run.pausing:
            leash.write_text("hold")
        self._tugged.set()
        self.engine._core.lobby.wake()
