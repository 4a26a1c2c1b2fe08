"""What a recipe is, and how it wants to be trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn


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


def rate_at(plan: Plan, i: int, done: float) -> float:
    """Learning rate at step `i` when the share `done` of the time is spent: linear warm-up, flat, linear to zero."""
    return plan.rate * min(1.0, (i + 1) / plan.warmup) * min(1.0, (1.0 - done) / plan.cooldown)
