"""There and back: what the autoencoder keeps of a picture.

A latent painter can only paint what its autoencoder can say.  So one looks at that alone: a picture is encoded into
few numbers, these are decoded, and the difference is all that no painter after it can ever get right: thin lines,
print, far faces.  PSNR says it in one figure, 10 log10(1 / mean squared error) in decibels: 20 is blurred, 30 is good,
40 is hard to tell apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from lab.lessons.given import pixels
from models.engine import Engine
from models.samplers.diffusion import picture
from models.samplers.latent import Latent

ENCODE, DECODE = Latent.targets["encode"], Latent.targets["decode"]


@dataclass(frozen=True, slots=True, eq=False)
class Through:
    """A picture `given` and as it came back `rebuilt`, both (3, H, W) in [0, 1]; between them `z` (C, h, w)."""

    given: Tensor
    rebuilt: Tensor
    z: Tensor

    @property
    def psnr(self) -> float:
        """Decibels; infinite where nothing was lost."""
        lost = float((self.given - self.rebuilt).square().mean())
        return 10 * math.log10(1 / lost) if lost else math.inf

    @property
    def most(self) -> int:
        """The largest difference of one value, of 0 to 255."""
        return round(float((self.given - self.rebuilt).abs().max()) * 255)

    @property
    def fewer(self) -> float:
        """How many times fewer numbers the latents are than the picture."""
        return self.given.numel() / self.z.numel()

    def difference(self, gain: float = 1.0) -> np.ndarray:
        """(H, W, 3) uint8: how far each value is off, times `gain`; black is nothing."""
        return pixels((self.given - self.rebuilt).abs() * gain)


def run(engine: Engine, suite: str, given: Tensor, client: str = "autoencoder") -> Through:
    """`given` (3, H, W) in [0, 1], its sides multiples of a latent's, through the VAE by the mean of its posterior."""
    z, _ = engine.call(ENCODE, given[None] * 2 - 1, suite=suite, client=client)
    back = picture(engine.call(DECODE, z, suite=suite, client=client))
    return Through(given, back[0], z[0])
