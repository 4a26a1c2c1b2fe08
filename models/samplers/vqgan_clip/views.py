"""What a VQGAN+CLIP run looks like from inside: the crops as CLIP gets them, and the codes.

Each view is a `Look` made of a `State` and changes nothing.  A `State` keeps the generators, so the crops shown
are the very ones of the step that follows it.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from models.protocol import Kit, Look, State, ask
from models.samplers.crops import draw_crops
from models.samplers.vqgan_clip.targets import TOWERS, factor_of, tower_of

GOLDEN = (math.sqrt(5) - 1) / 2  # of a turn: neighbouring indices get hues far apart


def crops_view(state: State, knobs: Any, kit: Kit) -> Look:
    """All crops of the next step on one sheet a picture, row by row: (B, 3, rows * size, columns * size)."""
    rngs = [torch.Generator() for _ in state.rng]
    for rng, was in zip(rngs, state.rng, strict=True):
        rng.set_state(was)
    x = state.x["x"]
    crops = draw_crops(knobs, rngs, *(side * factor_of(kit) for side in x.shape[-2:]))
    size = kit.config[TOWERS[tower_of(knobs, kit)]]["size"]
    seen = yield from ask("see", x, *crops, size=size, noisy=knobs.noise > 0)
    return contact_sheet(seen.clamp(0, 1))


def codes_view(state: State, knobs: Any, kit: Kit) -> Look:
    """The map of codes, a colour a code: (B, 3, h, w), one pixel a code."""
    _, indices = yield from ask("decode", state.x["shown"])
    return code_colours(indices)


def code_colours(indices: Tensor) -> Tensor:
    """Code indices (B, h, w) -> (B, 3, h, w) in [0, 1]: the same code has the same colour on every map."""
    turn = (indices * GOLDEN).unsqueeze(1) + torch.arange(3, device=indices.device).view(3, 1, 1) / 3
    return 0.55 + 0.35 * (2 * math.pi * turn).cos()


def contact_sheet(pictures: Tensor) -> Tensor:
    """(B, N, 3, S, S) -> (B, 3, rows * S, columns * S), near square, white where no picture is left."""
    b, n, channels, height, width = pictures.shape
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    full = F.pad(pictures, (0, 0) * 3 + (0, rows * columns - n), value=1.0)
    grid = full.view(b, rows, columns, channels, height, width).permute(0, 3, 1, 4, 2, 5)
    return grid.reshape(b, channels, rows * height, columns * width)


VIEWS = {"crops": crops_view, "codes": codes_view}
