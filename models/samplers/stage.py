"""One chain of denoising among others: a painting in several stages counts its steps through."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from models.protocol import Eval, Look, State, Step
from models.samplers.diffusion import advance, facts, freeze, thaw


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A scheduler and the x it works on.  `done` of its steps are taken; `before` and `after` it others take theirs."""

    scheduler: Any
    x: Tensor
    done: int = 0
    before: int = 0
    after: int = 0

    @classmethod
    def resume(cls, start: State, like: Tensor) -> tuple[Stage, dict[str, Tensor]]:
        """The stage that `start` was taken in, and what else that stage kept."""
        scheduler, kept = thaw(start, like)
        x, before = kept.pop("x"), int(kept.pop("before"))
        return cls(scheduler, x, start.i - before, before), kept

    @property
    def end(self) -> int:
        """Steps of the painting when this stage is over."""
        return self.before + len(self.scheduler.timesteps)


def run(
    stage: Stage,
    predict: Callable[[Tensor, Tensor], Generator[Eval, Any, Tensor]],
    look: Callable[[Tensor], Look],
    rngs: Sequence[torch.Generator],
    kept: Mapping[str, Tensor],
    tell: Mapping[str, float],
    eta: float = 0.0,
) -> Generator[Eval | Step, Any, Tensor]:
    """Denoise to the end: `predict` what the net says of (x, t), step, show.  Returns the last x.

    `kept` joins x in every State, `tell` joins every Step's facts; `look` is given the x0 of a step.
    """
    scheduler, x, n = stage.scheduler, stage.x, stage.end + stage.after
    times = scheduler.timesteps
    for k in range(stage.done, len(times)):
        t, after = times[k], times[k + 1] if k + 1 < len(times) else None
        found = yield from predict(x, t)
        x, x0 = advance(scheduler, found, t, x, rngs, prev_timestep=after, eta=eta)
        i = stage.before + k + 1
        state = partial(freeze, i, {**kept, "x": x, "before": torch.tensor(stage.before)}, rngs, scheduler)
        yield Step(i, n, partial(look, x0), {**tell, **facts(scheduler, t)}, state)
    return x
