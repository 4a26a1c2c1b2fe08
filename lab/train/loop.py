"""The one training loop: EMA, warm-up and decay by the clock, checkpoints, a loss table, sample grids on the way.

A recipe says what is trained, its loss, how to show it and how to ship it; the loop does the rest, the same on
2 cores and on a GPU.  It is a generator of `Step`, so that the panel that plays samplers plays trainings too.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from diffusers.training_utils import EMAModel
from torch import Tensor, nn

from models.protocol import Step


@dataclass(frozen=True)
class Plan:
    """How a recipe wants to be trained: rates per step of `batch` pictures."""

    batch: int
    rate: float
    betas: tuple[float, float] = (0.9, 0.99)
    decay: float = 0.01  # weight decay
    warmup: int = 100  # steps
    cooldown: float = 0.35  # last share of the time, over which the rate falls to zero
    ema: float = 0.999
    clip: float = 1.0  # gradient norm


class Recipe(Protocol):
    """What one part needs of the loop."""

    name: str
    plan: Plan
    net: nn.Module  # what is trained and averaged

    def loss(self, rng: torch.Generator, done: float) -> tuple[Tensor, Mapping[str, float]]: ...

    def grid(self) -> Tensor: ...  # (N, 3, H, W) in [0, 1] of the averaged net

    def save(self, out: Path) -> None: ...


@dataclass
class Clock:
    """Minutes to spend, minutes spent by this run."""

    minutes: float
    start: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> float:
        return min(1.0, (time.monotonic() - self.start) / (60 * self.minutes))


def rate_at(plan: Plan, i: int, done: float) -> float:
    """Learning rate at step `i` when the share `done` of the time is spent: linear warm-up, flat, linear to zero."""
    return plan.rate * min(1.0, (i + 1) / plan.warmup) * min(1.0, (1.0 - done) / plan.cooldown)


def train(
    recipe: Recipe, minutes: float, logs: Path, out: Path, resume: bool = False, device: str = "cpu", save_every: float = 5.0
) -> Generator[Step, Any, None]:
    """Train for `minutes`; yields a `Step` each step, of a thousand.  Checkpoints to `logs`, ships to `out` at the end.

    With `resume` the checkpoint in `logs` goes on if there is one (the rate warms up again); else what the recipe
    loaded from `out`.
    """
    logs.mkdir(parents=True, exist_ok=True)
    plan, net = recipe.plan, recipe.net.to(device)
    learner = torch.optim.AdamW(net.parameters(), plan.rate, plan.betas, weight_decay=plan.decay, fused=True)
    ema = EMAModel(net.parameters(), decay=plan.ema, use_ema_warmup=True, power=0.75, foreach=True)
    first, spent = _restore(logs, net, learner, ema) if resume else (0, 0.0)
    rng = torch.Generator().manual_seed(first + 1)
    torch.manual_seed(first + 1)  # dropout and the like inside library modules
    clock, saved, i = Clock(minutes), time.monotonic(), first
    with _Table(logs / "loss.csv", fresh=first == 0) as table:
        while clock.done < 1:
            net.train()
            for group in learner.param_groups:
                group["lr"] = rate_at(plan, i - first, clock.done)
            loss, facts = recipe.loss(rng, clock.done)
            learner.zero_grad(set_to_none=True)
            loss.backward()
            norm = nn.utils.clip_grad_norm_(net.parameters(), plan.clip)
            if torch.isfinite(norm):
                learner.step()
                ema.step(net.parameters())
            i += 1
            table.add(i, spent + minutes * clock.done, facts)
            if time.monotonic() - saved > 60 * save_every:
                _checkpoint(logs, net, learner, ema, i, spent + minutes * clock.done)
                _picture(recipe, ema, logs / f"grid-{i:06d}.png")
                saved = time.monotonic()
            yield Step(max(1, round(1000 * clock.done)), 1000, lambda: _look(recipe, ema), facts)
    _checkpoint(logs, net, learner, ema, i, spent + minutes)
    _picture(recipe, ema, logs / f"grid-{i:06d}.png")
    with averaged(net, ema):
        recipe.save(out)


class averaged:
    """The net with its averaged weights, in evaluation mode, for the time of a `with`."""

    def __init__(self, net: nn.Module, ema: EMAModel) -> None:
        self.net, self.ema = net, ema

    def __enter__(self) -> None:
        self.ema.store(self.net.parameters())
        self.ema.copy_to(self.net.parameters())
        self.net.eval()

    def __exit__(self, *_: object) -> None:
        self.ema.restore(self.net.parameters())
        self.net.train()


def _look(recipe: Recipe, ema: EMAModel) -> Generator[Any, Any, Tensor]:
    """A look as the protocol wants it: a coroutine, which here asks for nothing."""
    with averaged(recipe.net, ema), torch.no_grad():
        pictures = recipe.grid()
    return pictures
    yield


def _picture(recipe: Recipe, ema: EMAModel, name: Path) -> None:
    from torchvision.utils import save_image

    with averaged(recipe.net, ema), torch.no_grad():
        save_image(recipe.grid(), name, nrow=8, padding=2)


def _checkpoint(logs: Path, net: nn.Module, learner: Any, ema: EMAModel, i: int, spent: float) -> None:
    """Everything that crosses a stop, written beside and then moved, so that a kill loses nothing."""
    state = {"net": net.state_dict(), "learner": learner.state_dict(), "ema": ema.state_dict(), "i": i, "spent": spent}
    part = logs / "checkpoint.part"
    torch.save(state, part)
    part.replace(logs / "checkpoint.pt")


def _restore(logs: Path, net: nn.Module, learner: Any, ema: EMAModel) -> tuple[int, float]:
    if not (logs / "checkpoint.pt").exists():
        return 0, 0.0
    state = torch.load(logs / "checkpoint.pt", weights_only=True)
    net.load_state_dict(state["net"])
    learner.load_state_dict(state["learner"])
    ema.load_state_dict(state["ema"])
    return state["i"], state["spent"]


class _Table:
    """loss.csv: one row every 20 steps, means of the facts in between."""

    def __init__(self, name: Path, fresh: bool) -> None:
        self.file = name.open("w" if fresh else "a", newline="")
        self.fresh, self.sums, self.count = fresh, {}, 0

    def __enter__(self) -> _Table:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def add(self, i: int, minutes: float, facts: Mapping[str, float]) -> None:
        for key, value in facts.items():
            self.sums[key] = self.sums.get(key, 0.0) + float(value)
        self.count += 1
        if i % 20:
            return
        writer = csv.writer(self.file)
        if self.fresh:
            writer.writerow(["step", "minutes", *self.sums])
            self.fresh = False
        writer.writerow([i, f"{minutes:.2f}", *(f"{value / self.count:.5g}" for value in self.sums.values())])
        self.file.flush()
        self.sums, self.count = {}, 0
