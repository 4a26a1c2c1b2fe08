"""A run as its visitor sees it: ask for a frame, cancel, pause, read the meters.

Consumers never block the engine: a pull raises a flag, the engine leaves one frame in the slot, the newest wins.
Methods with a leading underscore belong to the engine; end states are latched.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

from models.protocol import Request, State, Step

OVER = ("done", "cancelled", "failed")
HISTORY = 4096  # facts and evals remembered a run
_ids = count(1)


def among(i: int, n: int, steps: Set[int]) -> bool:
    """Whether step `i` of `n` is one of `steps`, which count from 1, or from the end: -1 is the last."""
    return not steps.isdisjoint((i, i - n - 1))


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """What a look gave: `images` (B, H, W, 3) uint8 at step `i` of `n`, and the facts of that step.

    A `glance` is coarse, for whoever watches, and never a result.
    """

    i: int
    n: int
    images: np.ndarray
    facts: Mapping[str, float]
    seconds: float  # device seconds used so far, without looks
    glance: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """What a step told: step `i` of `n`, device seconds used so far without looks, the step's facts."""

    i: int
    n: int
    seconds: float
    facts: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Note:
    """One Eval served: when it began and ended (the engine's clock), its target, its rows, and rows in the batch."""

    begin: float
    end: float
    target: str
    rows: int
    batch: int
    look: bool


@dataclass(slots=True)
class Meters:
    """What a run used: `served` is all of it, and what is fair; `device`, `evals` and `rows` leave out looks."""

    served: float = 0.0
    device: float = 0.0
    evals: int = 0
    rows: int = 0
    steps: int = 0
    looks: int = 0
    workspace: int = 0  # bytes, measured where the device can tell


@dataclass(eq=False)
class Run:
    """A submitted request.  `state` is queued, running, paused, and at last done, cancelled or failed."""

    client: str
    wake: Callable[[], None]
    request: Request | None = None
    id: int = field(default_factory=lambda: next(_ids))
    meters: Meters = field(default_factory=Meters)
    facts: deque[Fact] = field(default_factory=lambda: deque(maxlen=HISTORY))
    evals: deque[Note] = field(default_factory=lambda: deque(maxlen=HISTORY))
    states: dict[int, State] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._seen: Frame | None = None
        self._state, self._result, self._error = "queued", None, None
        self._keep: set[int] = set()
        self.wanted = self.cancelling = self.pausing = False
        self.tokens: Any = None  # of the prompt: `ids`, and the pieces `kept` and `dropped`, once it runs
        self.trace = ""  # the traceback of `error`
        self.cut = False  # ended by its budget, with the best it had
        self.needs: Mapping[str, int] = {}  # bytes that each of its targets is expected to take beside its parts

    @property
    def state(self) -> str:
        return self._state

    @property
    def over(self) -> bool:
        return self._state in OVER

    @property
    def result(self) -> Any:
        """What the sampler returned, on the CPU; pictures are (B, 3, H, W) in [0, 1].  None until done."""
        return self._result

    @property
    def error(self) -> BaseException | None:
        return self._error

    @property
    def newest(self) -> Frame | None:
        """The frame in the slot; asks for nothing."""
        return self._frame

    @property
    def seen(self) -> Frame | None:
        """The frame that was pulled last."""
        return self._seen

    def pull(self, timeout: float | None = None) -> Frame | None:
        """Ask for a look and give the newest frame not yet pulled; None when time ran out or the run is over."""
        with self._changed:
            self.wanted = True
            self._changed.wait_for(lambda: self._frame is not self._seen or self.over, timeout)
            if self._frame is self._seen:
                return None
            self._seen = self._frame
            return self._frame

    def frames(self) -> Iterator[Frame]:
        """Every frame this consumer is quick enough to see, the last one included."""
        while (frame := self.pull()) is not None:
            yield frame

    def wait(self, timeout: float | None = None) -> str:
        """Block until the run is over or time ran out; gives the state."""
        with self._changed:
            self._changed.wait_for(lambda: self.over, timeout)
        return self._state

    def cancel(self) -> None:
        """Set a flag that the engine sees within one Eval; harmless at any time, from any thread."""
        self.cancelling = True
        self.wake()

    def pause(self) -> None:
        """Hold the run at its next step."""
        self.pausing = True
        self.wake()

    def resume(self) -> None:
        self.pausing = False
        self.wake()

    def keep_state(self, *steps: int) -> None:
        """Keep the State of these steps (1-based, still to come; -1 is the last) in `states`, to go on from."""
        with self._changed:
            self._keep |= set(steps)

    def _step(self, step: Step) -> None:
        """Record a step, and its State where one was asked for; the sampler has not moved on yet."""
        self.meters.steps += 1
        self.facts.append(Fact(step.i, step.n, self.meters.device, dict(step.facts)))
        with self._changed:
            keep = among(step.i, step.n, self._keep)
        if keep and step.state is not None:
            self.states[step.i] = step.state()

    def _post(self, frame: Frame) -> None:
        with self._changed:
            self._frame = frame
            self._changed.notify_all()

    def _enter(self, state: str) -> None:
        """Move between queued, running and paused; nothing leaves an end state."""
        with self._changed:
            if not self.over:
                self._state = state
                self._changed.notify_all()

    def _end(self, state: str, result: Any = None, error: BaseException | None = None) -> None:
        """Latch an end state; only the first call counts."""
        with self._changed:
            if not self.over:
                self._result, self._error, self._state = result, error, state
                self._changed.notify_all()
