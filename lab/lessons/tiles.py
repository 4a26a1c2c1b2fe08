"""Tiles: all that a VQGAN can paint is laid of a few hundred tiles that it learned by heart.

Its encoder looks at every little square of a picture and notes the number of the nearest tile; its decoder knows only
those numbers (Esser et al., arXiv 2012.09841, section 3.1).  So a picture of thousands of pixels becomes a short list
of numbers, and what comes back is what these say.  A climb of VQGAN+CLIP moves through such lists alone: that is why
even its nonsense looks painted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lab.lessons.given import pixels
from models.engine import Engine
from models.samplers.vqgan_clip.targets import TARGETS
from models.samplers.vqgan_clip.views import code_colours


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """A picture as tiles: its `codes` a colour a tile, and the picture `again`, both (H, W, 3) uint8.

    `count` tiles were laid, `used` of them different, out of `known`; `psnr` in dB against the original.
    """

    codes: np.ndarray
    again: np.ndarray
    count: int
    used: int
    known: int
    psnr: float


def lay(engine: Engine, suite: str, picture: Tensor, client: str) -> Laid:
    """(3, H, W) in [0, 1], its sides multiples of a tile, to tiles and back.  Raises what the engine raises."""
    with engine.registry.borrow(suite, ["vqgan"]) as parts:
        known = parts["vqgan"].config["n_embed"]
    x = engine.call(TARGETS["encode"], picture[None], client=client, suite=suite)
    again, indices = engine.call(TARGETS["decode"], x, client=client, suite=suite)
    error = F.mse_loss(again[0], picture).item()
    return Laid(
        pixels(code_colours(indices)[0]), pixels(again[0]), indices.numel(), len(torch.unique(indices)), known,
        -10 * math.log10(max(error, 1e-10)),
    )  # fmt: skip
