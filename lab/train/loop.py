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
from typing import Any

import torch
from diffusers.models.attention_processor import Attention, AttnProcessor
from diffusers.training_utils import EMAModel
from torch import Tensor, nn
from torchvision.utils import save_image

from lab.train.card import note, trained
from lab.train.losses import LossTable
from lab.train.muon import learner
from lab.train.plan import Recipe, rate_at
from lab.train.team import Team
from models.protocol import Step

CHECKPOINT = "checkpoint.pt"
CROSSES, COUNTS = ("net", "learner", "ema"), ("i", "spent", "noted", "anew")  # what stands in it


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
    loaded from `out`; without it, that checkpoint is gone.  `save_every` is in minutes.  The others of a `team` are at
    work on `follow`.
    """
    logs.mkdir(parents=True, exist_ok=True)
    if not resume:
        (logs / CHECKPOINT).unlink(missing_ok=True)
    run = _Run(recipe, logs, device, team or Team(), out if resume else None)
    first, spent = run.i, run.spent
    clock, saved, done = Clock(minutes), time.monotonic(), 0.0
    with LossTable(logs / "loss.csv", fresh=first == 0) as table:
        while done < 1:
            facts, done = run.step(first, done), run.team.agree(clock.done)
            run.spent = spent + minutes * done
            table.add(run.i, run.spent, facts)
            if done == 1 or time.monotonic() - saved > 60 * save_every:
                run.checkpoint()
                save_image(run.pictures(), logs / f"grid-{run.i:06d}.png", nrow=8, padding=2)
                saved = time.monotonic()
            yield Step(max(1, round(1000 * done)), 1000, run.look, facts)
    with run.averaged():
        recipe.save(out)
    steps, more = run.since_noted()
    note(out, recipe.name, steps, more, run.team.size * recipe.plan.batch, table.last, device, not run.anew)
    run.noted, run.anew = (run.i, run.spent), False
    run.checkpoint()


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
        self.noted, self.anew = (0, 0.0), shipped is None  # what is on record of both; whether the rest began so
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

    def pictures(self) -> Tensor:
        with self.averaged():
            return self.recipe.grid()

    def look(self) -> Generator[Any, Any, Tensor]:
        """A look as the protocol wants it: a coroutine, which here asks for nothing."""
        return self.pictures()
        yield

    def since_noted(self) -> tuple[int, float]:
        """Steps and minutes that no record holds yet, those before a kill among them."""
        return self.i - self.noted[0], self.spent - self.noted[1]

    def checkpoint(self) -> None:
        """Everything that crosses a stop, written beside and then moved, so that a kill loses nothing."""
        state = {name: getattr(self, name).state_dict() for name in CROSSES}
        part = self.logs / f"{CHECKPOINT}.part"
        torch.save(state | {name: getattr(self, name) for name in COUNTS}, part)
        part.replace(self.logs / CHECKPOINT)

    def restore(self) -> None:
        """Go on from the checkpoint, if there is one; not if it learned other parts of the net: what ships counts."""
        if not (self.logs / CHECKPOINT).exists():
            return
        state = torch.load(self.logs / CHECKPOINT, weights_only=True)
        if len(state["ema"]["shadow_params"]) != len(self.parameters):
            return
        for name in CROSSES:
            getattr(self, name).load_state_dict(state[name])
        for name in COUNTS:
            setattr(self, name, state[name])
