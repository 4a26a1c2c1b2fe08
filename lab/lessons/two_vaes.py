"""Two autoencoders of the same latents: what the U-Net painted is one thing, who turns it into pixels is another.

A latent painter never sees a pixel.  Its last latents are decoded twice: by the suite's own autoencoder, and by the
second one that `quartet.toml` names as `vae_second`.  Shapes and places agree, for the latents say them; skin, text
and small faces differ, for those are the decoder's own guess.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from lab.lessons.together import together
from lab.race.events import Event
from models.engine import Engine, Run
from models.protocol import Request, Target
from models.samplers.latent import decode, sparing

NAMES = ("vae", "vae_second")
STEPS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Pictures (B, 3, H, W) in [0, 1] of the same latents, and how far apart they are on average, 0 to 1."""

    first: Tensor
    second: Tensor

    @property
    def apart(self) -> float:
        return (self.first - self.second).abs().mean().item()


def has_second(engine: Engine, suite: str) -> bool:
    """Whether somebody named a second autoencoder for the suite."""
    return NAMES[1] in engine.registry.suite(suite).parts


def run(engine: Engine, request: Request, stop: threading.Event) -> Iterator[Event | Pair]:
    """Events of a request to the latent painter, their lane is "vae", and where it is done its latents both ways.

    ValueError where the suite has one autoencoder only.
    """
    if not has_second(engine, request.suite):
        raise ValueError(f"suite {request.suite!r} has one autoencoder; name another as [parts.{NAMES[1]}]")
    last = _steps(request)
    runs: dict[str, Run] = {}
    yield from together(engine, {NAMES[0]: request}, stop, runs=runs, keep=(last,))
    painted = runs[NAMES[0]]
    if painted.state != "done" or stop.is_set():
        return
    z = painted.states[last].x["z"]
    yield Pair(*(
        engine.call(Target(partial(_pictures, name=name), (name,)), z, client=request.client, suite=request.suite)
        for name in NAMES
    ))  # fmt: skip


def _steps(request: Request) -> int:
    """Heun asks twice a step but for the last."""
    steps = request.knobs.steps
    return 2 * steps - 1 if request.knobs.scheduler == "heun" else steps


def _pictures(parts: dict[str, torch.nn.Module], z: Tensor, *, name: str) -> Tensor:
    scale = 2 ** (len(parts[name].config.block_out_channels) - 1)
    return (decode(parts, z, name=name, **sparing(z, scale)) / 2 + 0.5).clamp(0, 1)
