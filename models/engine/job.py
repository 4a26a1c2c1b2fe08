"""A run on the engine's side: its coroutine, what it needs, what it was given.  Only the engine touches it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

import torch

from models.engine.batch import Bound, Need, Piece, merge, need
from models.engine.endings import Returned, close, is_picture, shed, to_cpu, to_images
from models.engine.orders import Terms
from models.engine.run import Fact, Frame, Note, Run
from models.protocol import Eval, Painting, Step

HEAVY = 0.005  # seconds of own arithmetic above which a coroutine competes for turns like an Eval


class Job:
    """Moves a painting from Eval to Eval, looks included, and ends it once."""

    def __init__(self, run: Run, painting: Painting, bound: Mapping[str, Bound], release: Callable, terms: Terms):
        self.run, self.client, self.id = run, run.client, run.id
        self.painting, self.bound, self.release, self.terms = painting, bound, release, terms
        self.look: Generator | None = None  # in flight, ahead of the painting
        self.last: Generator | None = None  # of the last step, for a painting that returns no picture
        self.need: Need | None = None
        self.value: Any = None  # what the coroutine is sent next
        self.result: Any = None  # returned, while the last look is still under way
        self.step: Step | None = None
        self.heavy = self.ending = self.gone = self.glancing = False
        self.parked: float | None = None  # since when, on the engine's clock
        self.look_seconds = 0.0

    @property
    def movable(self) -> bool:
        return self.need is None and not self.gone and (self.look is not None or self.parked is None)

    def move(self) -> None:
        """On to the next Eval, or to the second Step; what the coroutine computes itself is charged to it."""
        steps = 0
        while self.movable and steps < 2:
            looking, begin, own = self.look is not None, self.terms.clock(), time.thread_time()
            try:
                said = self._send()
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                return self.fail(error)
            finally:
                self._charge(self.terms.clock() - begin, looking)
            if not looking:
                self.heavy = time.thread_time() - own > HEAVY
            steps += isinstance(said, Step)
            try:
                self._hear(said)
            except Exception as error:
                return self.fail(error)
            if self.heavy:
                break
        return None

    def _send(self) -> Eval | Step | Returned:
        value, self.value = self.value, None
        try:
            with torch.no_grad():
                return (self.look or self.painting).send(value)
        except StopIteration as stop:
            return Returned(stop.value)

    def _charge(self, seconds: float, looking: bool, lost: float = 0.0) -> None:
        self.run.meters.served += seconds + lost
        if looking:
            self.look_seconds += seconds
        else:
            self.run.meters.device += seconds
        self.terms.charge(self, seconds + lost)

    def _hear(self, said: Eval | Step | Returned) -> None:
        if isinstance(said, Eval):
            of = {"client": self.client, "id": self.id, "look": self.look is not None, "exact": self.terms.exact}
            self.need = need(said, self.bound, self.terms.device, bytes=self.run.needs.get(said.target, 0), **of)
        elif isinstance(said, Returned):
            self._looked(said.value) if self.look is not None else self._finished(said.value)
        elif isinstance(said, Step) and self.look is None:
            self._stepped(said)
        else:
            raise TypeError(f"a {'look' if self.look else 'sampler'} yielded {type(said).__name__}; yield Eval or Step")

    def _stepped(self, step: Step) -> None:
        if not 1 <= step.i <= step.n:
            raise ValueError(f"step is {step.i} of {step.n}; give 1 <= i <= n")
        self.step = step
        self.run._step(step)
        if step.i == step.n:
            self.last = step.look()
        elif self._spent():
            self._cut()
        elif self.run.wanted:
            self.start_look()
        if self.run.pausing and not self.ending:
            self.parked = self.terms.clock()
            self.run._enter("paused")

    def _spent(self) -> bool:
        budget, reserve = self.terms.budget, self.terms.looks.get(self.terms.sampler, 0.0)
        late = budget is not None and self.run.meters.device + reserve >= budget
        return late or self.step.i == self.terms.stop

    def start_look(self) -> None:
        self.run.wanted, self.look_seconds = False, 0.0
        self.glancing = self.step.glance is not None and not self.ending
        self.look = (self.step.glance if self.glancing else self.step.look)()

    def _cut(self) -> None:
        """The budget is spent: this step is the last, its look the result; its State is kept to go on from."""
        self.ending = self.run.cut = True
        if self.step.state is not None:
            self.run.states[self.step.i] = self.step.state()
        close(self.painting)
        self.start_look()

    def _looked(self, pictures: Any) -> None:
        self.look = None
        self.terms.looks.update({} if self.glancing else {self.terms.sampler: self.look_seconds})
        self._post(pictures, self.glancing)
        if self.ending:
            self._end("done", pictures if self.result is None else self.result)

    def _finished(self, value: Any) -> None:
        """Done is: the last step was reached and something was returned."""
        if value is None or (self.step is not None and self.step.i != self.step.n):
            at = "before any step" if self.step is None else f"at step {self.step.i} of {self.step.n}"
            raise RuntimeError(f"the sampler ended {at} and gave {type(value).__name__}; reach step n, return pictures")
        again = self.step is None and self.terms.start and is_picture(value)  # it went on from its last step
        if self.step is None and not again:
            self._end("done", value)
        elif is_picture(value):  # the last look, and no second decode
            self._post(value)
            self._end("done", value)
        else:
            self.look, self.last, self.result, self.ending, self.glancing = self.last, None, value, True, False

    def _post(self, pictures: Any, glance: bool = False) -> None:
        run, start = self.run, self.terms.start
        at = self.step or (run.facts[-1] if run.facts else Fact(start, start, 0.0, {}))
        run.meters.looks += 1
        run._post(Frame(at.i, at.n, to_images(pictures), dict(at.facts), run.meters.device, glance))

    def served(self, piece: Piece, batch: int, begin: float) -> None:
        """A batch of `batch` rows ran, begun at `begin`: take this run's piece of it."""
        asked, meters = piece.need, self.run.meters
        self._charge(piece.seconds, asked.look, piece.lost)
        if not asked.look:
            meters.evals, meters.rows = meters.evals + 1, meters.rows + piece.count
        end = self.terms.clock()
        self.run.evals.append(Note(begin, end, asked.bound.name, piece.count, batch, asked.look))
        if piece.error is not None:
            self.fail(piece.error, piece.trace)
            return
        asked.at = piece.end
        asked.outs.append(piece.out)
        if not asked.left:
            self.value, self.need = merge(asked.outs), None

    def fail(self, error: BaseException, trace: str = "") -> None:
        self.run.trace = trace or shed(error)
        self._end("failed", error=error)

    def cancel(self) -> None:
        self._end("cancelled")

    def leave(self) -> None:
        """Give everything back: nothing of this run stays referenced or lent."""
        with torch.no_grad():  # restores the grad mode, whatever a closing coroutine does to it
            for coroutine in (self.look, self.last, self.painting):
                close(coroutine)
        self.look = self.last = self.painting = self.need = self.value = self.step = self.result = None
        self.bound, self.gone = {}, True
        self.release()

    def _end(self, state: str, result: Any = None, error: BaseException | None = None) -> None:
        self.leave()
        self.run._end(state, to_cpu(result), error)
