"""Pictures that a lesson begins with where a visitor brings none: pages of the storybook; and the size they need."""

from __future__ import annotations

import json

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from lab.storybook.paint import Painted, paint
from lab.storybook.scene import sample
from models.engine import Engine


def page(number: int) -> Painted:
    """The page `number` of the storybook, 256 px, with its truth: the same on every machine."""
    return paint(sample(number)[1])


def side_of(engine: Engine, suite: str) -> int:
    """Pixels a side of the pictures that the suite's latent painter was trained on, from its files."""
    table = engine.registry.suite(suite)
    unet, vae = (json.loads((table[part].path / "config.json").read_text("utf-8")) for part in ("unet", "vae"))
    return unet["sample_size"] * 2 ** (len(vae["block_out_channels"]) - 1)


def tensor(picture: Image.Image | np.ndarray) -> Tensor:
    """(3, H, W) in [0, 1] of an RGB picture of 0 to 255."""
    return torch.from_numpy(np.array(picture, np.uint8)).permute(2, 0, 1).float() / 255


def resized(picture: Tensor, tall: int, wide: int) -> Tensor:
    """(C, H, W) -> (C, tall, wide): box-averaged by whole multiples, as the nets were trained on; else antialiased."""
    if tuple(picture.shape[1:]) == (tall, wide):
        return picture
    if not picture.shape[1] % tall and not picture.shape[2] % wide:
        return F.interpolate(picture[None].float(), (tall, wide), mode="area")[0]
    return F.interpolate(picture[None].float(), (tall, wide), mode="bilinear", antialias=True)[0].clamp(0, 1)


def pixels(picture: Tensor) -> np.ndarray:
    """(3, H, W) in [0, 1] -> (H, W, 3) uint8, as a frame of a run is."""
    return (picture.clamp(0, 1) * 255).round().byte().movedim(0, -1).numpy()
