"""Into the noise: the half of diffusion that needs no network.

Noise is added a thousand times, but nobody has to wait for it: Gaussians add up, so the picture at any time is one
line, x_t = sqrt(alpha-bar_t) x_0 + sqrt(1 - alpha-bar_t) epsilon, with a single draw of epsilon.  That is why training
is cheap: any picture can be put at any time at once, and the net is asked what was hidden there.  The last picture of
the strip is all that the way back is given.

Ho et al., arXiv 2006.11239, equation 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab.lessons.given import pixels
from models.samplers.diffusion import fresh, picture


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """A road between picture and noise: the timesteps (n,) that the way back takes, falling, and where one stops.

    A place is a number of steps taken back: 0 is the noisiest, n the picture.  `places` are those that are shown.
    """

    scheduler: Any
    times: Tensor
    places: tuple[int, ...]

    @property
    def steps(self) -> int:
        return len(self.times)

    def time(self, place: int) -> int | None:
        """The timestep of a place; None for the picture itself."""
        return int(self.times[place]) if place < self.steps else None

    def left(self, place: int) -> float:
        """alpha-bar there: how much of the picture's variance is left, from 1 down to 0."""
        return 1.0 if place == self.steps else float(self.scheduler.alphas_cumprod[self.times[place]])


@dataclass(frozen=True, slots=True, eq=False)
class Noised:
    """A picture on its way: `x` (3, H, W), 1 is white and -1 black before the noise, and `image` (H, W, 3) uint8."""

    place: int
    time: int | None
    left: float
    x: Tensor
    image: np.ndarray


def way(config: Mapping[str, Any], name: str, steps: int, reach: float = 1.0, shown: int = 7) -> Way:
    """The road of a scheduler of `steps` strides, as far as the share `reach` in (0, 1] of the chain's time.

    What reaches no timestep has its last.  ValueError where the chain is shorter than `steps`.
    """
    if not 0 < reach <= 1:
        raise ValueError(f"reach is {reach}; give a share of the way above 0, at most 1")
    scheduler = fresh(name, config, steps)
    total = len(scheduler.alphas_cumprod)
    times = scheduler.timesteps[scheduler.timesteps <= reach * total - 1]
    times = times if len(times) else scheduler.timesteps[-1:]
    return Way(scheduler, times, _places(times / total, scheduler.alphas_cumprod[times], shown))


def _places(time: Tensor, left: Tensor, shown: int) -> tuple[int, ...]:
    """At most `shown` places, the noisiest and the picture among them, about evenly apart.

    Even in time alone, most would be nothing but noise; even in the angle whose cosine is the picture's share, the
    long end of the way would be missing: half of either.
    """
    angle = left.clamp(0, 1).sqrt().arccos()
    least = torch.finfo(time.dtype).tiny  # a way of one step may begin at timestep 0
    parts = time / time[0].clamp(min=least), angle / angle[0].clamp(min=least)
    along = torch.cat([sum(parts).clamp(min=least), torch.zeros(1)])  # from 2 at the noisiest to 0
    wanted = torch.linspace(2, 0, shown)
    nearest = (along[None] - wanted[:, None]).abs().argmin(1).tolist()
    return tuple(sorted(set(nearest)))


def noised(x0: Tensor, epsilon: Tensor, left: float) -> Tensor:
    """Equation 4: a picture in [-1, 1] where the share `left` of its variance is left."""
    return left**0.5 * x0 + (1 - left) ** 0.5 * epsilon


def run(road: Way, given: Tensor, rng: torch.Generator) -> Iterator[Noised]:
    """A picture (3, H, W) in [0, 1] at every place that is shown, from itself to the noisiest; one draw from `rng`."""
    x0 = given * 2 - 1
    epsilon = torch.randn(x0.shape, generator=rng)
    for place in reversed(road.places):
        left = road.left(place)
        x = noised(x0, epsilon, left)
        yield Noised(place, road.time(place), left, x, pixels(picture(x)))
