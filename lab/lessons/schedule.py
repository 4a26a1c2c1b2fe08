"""How much noise, and when: the one table that a diffusion model hangs on.

A chain of T steps turns a picture into noise.  Step t keeps sqrt(1 - beta_t) of what is there and adds noise of
variance beta_t.  Steps multiply: after t of them alpha-bar_t, the product of all (1 - beta), is left of the picture's
variance, and 1 - alpha-bar_t is noise; their ratio is the signal to noise.  Two nets that never saw the same table
cannot be swapped.  A linear beta drowns a small picture long before the end; the cosine keeps it alive longer.

Ho et al., arXiv 2006.11239, equations 2, 4 and 7; Nichol & Dhariwal, arXiv 2102.09672, section 3.2 and equation 17.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.engine import Engine
from models.samplers.diffusion import fresh, native

OWN = "own"  # the table that the net was trained with
KINDS = {"linear": "linear", "scaled": "scaled_linear", "cosine": "squaredcos_cap_v2"}  # by diffusers' names


@dataclass(frozen=True, slots=True)
class Net:
    """What is known of the pixel net without opening it: its scheduler_config.json, and the pixels it paints."""

    scheduler: Mapping[str, Any]
    height: int
    width: int


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """The betas of a chain, (T,) float64 in (0, 1), first step first; everything else follows from them."""

    betas: Tensor

    @property
    def bars(self) -> Tensor:
        """alpha-bar (T,): how much of the picture's variance is left."""
        return (1 - self.betas).cumprod(0)

    @property
    def snr(self) -> Tensor:
        """Signal to noise (T,): what is left of the picture over what is noise."""
        return self.bars / (1 - self.bars)

    @property
    def posterior(self) -> Tensor:
        """beta-tilde (T,), equation 7: the variance of a step back where the picture is known.  0 at the first."""
        before = torch.cat([torch.ones_like(self.bars[:1]), self.bars[:-1]])
        return (1 - before) / (1 - self.bars) * self.betas

    def respaced(self, steps: int) -> Schedule:
        """The chain that takes `steps` strides over the same road, the last as far as the end of it.

        A stride over several steps adds all their noise: 1 - alpha-bar_t / alpha-bar_s (arXiv 2102.09672, section 4).
        """
        if not 1 <= steps <= len(self.betas):
            raise ValueError(f"steps is {steps}; give 1 to {len(self.betas)}, the steps of the chain")
        places = (torch.arange(1, steps + 1, dtype=torch.float64) * len(self.betas) / steps).round().long() - 1
        bars = self.bars[places]
        return Schedule(1 - bars / torch.cat([torch.ones_like(bars[:1]), bars[:-1]]))


def net(engine: Engine, suite: str) -> Net:
    """The pixel net of a suite, from its files.  Raises OSError or ValueError where they are missing or broken."""
    part = engine.registry.suite(suite)["pixel"]
    config = json.loads((part.path / "config.json").read_text(encoding="utf-8"))
    scheduler = json.loads(dict(part.configs)["pixel_scheduler"].read_text(encoding="utf-8"))
    _, height, width = native("pixel", config)
    return Net(scheduler, height, width)


def schedule(config: Mapping[str, Any], kind: str = OWN) -> Schedule:
    """The table that a scheduler_config.json describes, or another `kind` between the same ends."""
    if kind not in (OWN, *KINDS):
        raise ValueError(f"kind is {kind!r}; give one of {[OWN, *KINDS]}")
    changes = {} if kind == OWN else {"beta_schedule": KINDS[kind], "trained_betas": None}
    return Schedule(fresh("ddpm", config, 1, **changes).betas.double())


def run(engine: Engine, suite: str, kinds: Sequence[str] = (OWN,)) -> Iterator[tuple[str, Schedule]]:
    """The tables of `kinds`, by name; no network is asked."""
    config = net(engine, suite).scheduler
    for kind in kinds:
        yield kind, schedule(config, kind)
