"""The one training loop: EMA, warm-up and decay by the clock, checkpoints, a loss table, sample grids on the way.

A recipe says what is trained, its loss, how to show it and how to ship it; the loop does the rest, the same on
2 cores and on a GPU.  It is a generator of `Step`, so that the panel that plays samplers plays trainings too.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from diffusers.models.attention_processor import Attention, AttnProcessor
from diffusers.training_utils import EMAModel
from torch import Tensor, nn
from torchvision.utils import save_image

from lab.train.card import note, trained
from lab.train.losses import LossTable
from lab.train.muon import learner
from lab.train.team import Team
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
    muon: bool = False  # for the matrices within, where a net is large enough
    bf16: bool = True  # autocast, where the device multiplies in it: 1.4 times faster on a CPU that does


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


def multiplies_bf16(device: str) -> bool:
    """Whether `device` has instructions for bfloat16: a CPU that must emulate them is 17 times slower, not faster."""
    if device == "cpu":
        return bool(torch.cpu.get_capabilities().get("avx512_bf16"))
    return device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def rate_at(plan: Plan, i: int, done: float) -> float:
    """Learning rate at step `i` when the share `done` of the time is spent: linear warm-up, flat, linear to zero."""
    return plan.rate * min(1.0, (i + 1) / plan.warmup) * min(1.0, (1.0 - done) / plan.cooldown)


def train(
    recipe: Recipe,
    minutes: float,
    logs: Path,
    out: Path,
    resume: bool = False,
    device: str = "cpu",
    save_every: float = 5.0,
    team: Team | None = None,
) -> Generator[Step, Any, None]:
    """Train for `minutes`; yields a `Step` each step, of a thousand.  Checkpoints to `logs`, ships to `out` at the end.

    With `resume` the checkpoint in `logs` goes on if there is one (the rate warms up again); else what the recipe
    loaded from `out`.  `save_every` is in minutes.  The others of a `team` are at work on `follow`.
    """
    logs.mkdir(parents=True, exist_ok=True)
    run = _Run(recipe, logs, device, team or Team(), out if resume else None)
    first, spent = run.i, run.spent
    clock, saved, done = Clock(minutes), time.monotonic(), 0.0
    with LossTable(logs / "loss.csv", fresh=first == 0) as table:
        while done < 1:
            facts, done = run.step(first, done), run.team.agree(clock.done)
            run.spent = spent + minutes * done
            table.add(run.i, run.spent, facts)
            if time.monotonic() - saved > 60 * save_every:
                run.checkpoint()
                saved = time.monotonic()
            yield Step(max(1, round(1000 * done)), 1000, run.look, facts)
        note(out, recipe.name, run.i - first, minutes, run.team.size * recipe.plan.batch, table.last, device, resume)
    run.checkpoint()
    with run.averaged():
        recipe.save(out)


def follow(team: Team, recipe: Recipe, logs: Path, out: Path, resume: bool = False, device: str = "cpu") -> None:
    """What all of a `team` but the first do: the same steps on other pictures, and nothing written."""
    run, done = _Run(recipe, logs, device, team, out if resume else None), 0.0
    first = run.i
    while done < 1:
        run.step(first, done)
        done = team.agree()


class _Run:
    """What a training changes: net, averages, optimiser, steps and minutes; with `shipped` it goes on from before."""

    def __init__(self, recipe: Recipe, logs: Path, device: str, team: Team, shipped: Path | None) -> None:
        self.recipe, self.logs, self.device, self.team = recipe, logs, torch.device(device), team
        self.plan, self.net = recipe.plan, recipe.net.to(device)
        self.bf16 = self.plan.bf16 and multiplies_bf16(self.device.type)
        if self.device.type == "cpu":
            for attention in (m for m in self.net.modules() if isinstance(m, Attention)):
                attention.set_processor(AttnProcessor())  # 1.24 times faster: fused is slow backward
        self.parameters = [p for p in self.net.parameters() if p.requires_grad]
        self.learner = learner(self.net, self.plan)
        self.ema = EMAModel(self.parameters, decay=self.plan.ema, use_ema_warmup=True, power=0.75, foreach=True)
        self.i, self.spent, past = 0, 0.0, trained(shipped, recipe.name) if shipped else 0
        if shipped:
            self.restore()
        # Other draws than any before: a net that meets the same ones in each training learns those by heart.
        self.rng = team.generator(self.i + past)
        torch.manual_seed(self.i + past + 1)  # dropout and the like inside library modules

    def step(self, first: int, done: float) -> Mapping[str, float]:
        """One step of a training that began at step `first`; a gradient that is not finite is left out."""
        self.net.train()
        for group in self.learner.param_groups:
            group["lr"] = self.team.rate * rate_at(self.plan, self.i - first, done)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            loss, facts = self.recipe.loss(self.rng, done)
        self.learner.zero_grad(set_to_none=True)
        loss.backward()
        self.team.average(self.parameters)
        if torch.isfinite(nn.utils.clip_grad_norm_(self.parameters, self.plan.clip)):
            self.learner.step()
            self.ema.step(self.parameters)
        self.i += 1
        return facts

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The net with its averaged weights, in evaluation mode and without gradients, for the time of a `with`."""
        self.ema.store(self.parameters)
        self.ema.copy_to(self.parameters)
        self.net.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            self.ema.restore(self.parameters)
            self.net.train()

    def look(self) -> Generator[Any, Any, Tensor]:
        """A look as the protocol wants it: a coroutine, which here asks for nothing."""
        with self.averaged():
            pictures = self.recipe.grid()
        return pictures
        yield

    def checkpoint(self) -> None:
        """Everything that crosses a stop, written beside and then moved, so that a kill loses nothing; and a grid."""
        state = {"net": self.net, "learner": self.learner, "ema": self.ema}
        part = self.logs / "checkpoint.part"
        torch.save({k: v.state_dict() for k, v in state.items()} | {"i": self.i, "spent": self.spent}, part)
        part.replace(self.logs / "checkpoint.pt")
        with self.averaged():
            save_image(self.recipe.grid(), self.logs / f"grid-{self.i:06d}.png", nrow=8, padding=2)

    def restore(self) -> None:
        """Go on from the checkpoint, if there is one."""
        if not (self.logs / "checkpoint.pt").exists():
            return
        state = torch.load(self.logs / "checkpoint.pt", weights_only=True)
        self.net.load_state_dict(state["net"])
        self.learner.load_state_dict(state["learner"])
        self.ema.load_state_dict(state["ema"])
        self.i, self.spent = state["i"], state["spent"]
