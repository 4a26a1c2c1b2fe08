"""Augmentations: what may happen to a crop before CLIP sees it, one at a time and all together.

Each asks for something that a picture keeps and a texture loses.  Cutting, turning, shifting and bending: the thing
must be one from any side and at any size.  Tint: not this very red.  Noise: nothing finer than a grain.  Holes: no
single spot may carry it all.  Mirroring is off, because the sentence may say left or right.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab.lessons.given import pixels
from models.engine import Engine
from models.protocol import Target
from models.samplers.crops import CropKnobs, Crops, cut, draw_crops
from models.samplers.vqgan_clip.views import contact_sheet

# A field of CropKnobs an augmentation, and the value at which it is off.
OFF: Mapping[str, Any] = {
    "smallest": 1.0,
    "rotate": 0.0,
    "shift": 0.0,
    "perspective": 0.0,
    "flip": False,
    "colour": 0.0,
    "noise": 0.0,
    "erase": 0.0,
}
USUAL = tuple(name for name in OFF if name != "flip")
ALL = "all"
COUNT = 4  # crops a sheet


def switched(knobs: CropKnobs, on: Collection[str]) -> Any:
    """`knobs` with every augmentation off that is not in `on`; a strength says how strong, a switch whether at all."""
    off = {name: value for name, value in OFF.items() if name not in on}
    return replace(knobs, **({"flip": True} if "flip" in on else {}) | off)


def sheets(on: Collection[str]) -> tuple[str, ...]:
    """The names of what `run` shows."""
    return (ALL, *(name for name in OFF if name in on))


def run(
    engine: Engine, suite: str, picture: Tensor, knobs: CropKnobs, on: Collection[str], seed: int, client: str
) -> Iterator[tuple[str, np.ndarray]]:
    """COUNT crops of a picture (3, H, W) in [0, 1] on a sheet (H', W', 3) uint8: with all of `on`, then each alone.

    The same dice fall for every sheet, so that a crop which is cut here is cut there in the same place.
    """
    with engine.registry.borrow(suite, ["clip"]) as parts:
        size = parts["clip"].size
    for name in sheets(on):
        mine = replace(switched(knobs, on if name == ALL else (name,)), crops=COUNT, whole=False)
        crops = draw_crops(mine, [torch.Generator().manual_seed(seed)], *picture.shape[-2:])
        sheet = engine.call(CUT, picture[None], *crops, client=client, size=size)
        yield name, pixels(sheet[0])


def sheet_of(parts: Mapping[str, Any], pictures: Tensor, *crops: Tensor, size: int) -> Tensor:
    """Pictures (B, 3, H, W) -> a sheet of their crops each, (B, 3, rows * size, columns * size) in [0, 1]."""
    return contact_sheet(cut(pictures, Crops(*crops).like(pictures), size).clamp(0, 1))


CUT = Target(sheet_of, ())
