"""The hidden picture: what a latent painter really paints.

It never touches a pixel until the end.  It cleans a much smaller picture of noise, whose few channels are no colours
that we have names for (Rombach et al., arXiv 2112.10752); only the autoencoder's decoder can develop it.  Here the
channels are shown as they are, at moments from the first noise to the last step, and beside them two things developed:
the state itself, noise and all, and what the net at that moment believes that the finished picture will be.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lab.lessons.given import pixels
from models.engine import Engine, Run
from models.protocol import Prompt, Request, State
from models.samplers.diffusion import picture
from models.samplers.latent import Latent, LatentKnobs

MOMENTS, STEPS = 6, 20  # STEPS: where the net asks for no other number
REACH = 3.0  # latents are scaled to unit variance; the grey of a channel spans three deviations to either side
DECODE = Latent.targets["decode"]


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """After step `i` of `n`: latents `z` (C, h, w), the `noise` in them (1 all, 0 none), and both developed.

    `state` and `belief` are (H, W, 3) uint8; before the first step nothing is believed.
    """

    i: int
    n: int
    noise: float
    z: Tensor
    state: np.ndarray
    belief: np.ndarray | None


def run(
    engine: Engine,
    suite: str,
    text: str,
    seed: int,
    stop: threading.Event,
    knobs: LatentKnobs,
    moments: int = MOMENTS,
    client: str = "latents",
) -> Iterator[Moment]:
    """A painting by `knobs`, but always by DPM++ (which keeps x0 in its State), looked into at `moments` times, noise
    and end included."""
    waiting = sorted({round(k * knobs.steps / (moments - 1)) for k in range(1, moments)})
    knobs = replace(knobs, scheduler="dpm++")
    painting = engine.submit(Request("latent", Prompt(text, seeds=(seed,)), knobs, suite, client), keep=tuple(waiting))
    begun = False
    try:
        while waiting and not stop.is_set():
            over = painting.over  # before the states are looked for: then none of them is still to come
            if waiting[0] in painting.states:
                state = painting.states[waiting[0]]
                if not begun:
                    yield _begin(engine, suite, seed, state, client)
                    begun = True
                yield _moment(engine, suite, state, client)
                waiting.pop(0)
            elif over:
                break
            else:
                engine.turn()
    finally:
        _leave(painting)
    if painting.error is not None:
        raise painting.error


def grey(channel: Tensor) -> np.ndarray:
    """A channel (h, w) as a grey picture (h, w, 3) uint8: 0 is middle grey, `REACH` deviations are black and white."""
    return pixels((channel / (2 * REACH) + 0.5)[None].expand(3, -1, -1))


def _begin(engine: Engine, suite: str, seed: int, first: State, client: str) -> Moment:
    """Before the first step there is what the seed draws, and nothing else."""
    shape = first.x["z"].shape[1:]
    z = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * first.scheduler.init_noise_sigma
    (state,) = _developed(engine, suite, z[None], client)
    return Moment(0, len(first.x["t"]), _noise(first, 0), z, state, None)


def _moment(engine: Engine, suite: str, state: State, client: str) -> Moment:
    z, x0 = state.x["z"], state.scheduler.model_outputs[-1]
    shown, belief = _developed(engine, suite, torch.cat([z, x0]), client)
    return Moment(state.i, len(state.x["t"]), _noise(state, state.i), z[0], shown, belief)


def _developed(engine: Engine, suite: str, z: Tensor, client: str) -> list[np.ndarray]:
    """Latents (B, C, h, w) -> B pictures (H, W, 3) uint8."""
    return [pixels(x) for x in picture(engine.call(DECODE, z, suite=suite, client=client))]


def _noise(state: State, i: int) -> float:
    """sqrt(1 - alpha-bar) where step i begins; 0 where there is no further one."""
    times = state.x["t"]
    return float((1 - state.scheduler.alphas_cumprod[int(times[i])]).sqrt()) if i < len(times) else 0.0


def _leave(painting: Run) -> None:
    if not painting.over:
        painting.cancel()
