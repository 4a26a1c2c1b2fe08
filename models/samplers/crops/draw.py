"""Crops drawn: uniform numbers from each picture's own generator, made into matrices on the CPU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from models.knobs import Knobs, knob
from models.samplers.crops.cut import GREY, Crops

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601

# One uniform draw in [0, 1) a name, for every crop.  The value is the draw that leaves the picture as it is.
DRAWS = {
    "size": (1.0,),
    "place": (0.5, 0.5),
    "rotate": (0.5,),
    "shift": (0.5, 0.5),
    "perspective": (0.5,) * 8,
    "flip": (0.0,),
    "colour": (0.5,) * 4,
    "noise": (0.0,),
    "seed": (0.0,),
    "erase": (0.0, 0.5, 0.5, 0.5),
}
NEUTRAL = tuple(value for values in DRAWS.values() for value in values)


@dataclass(frozen=True)
class CropKnobs(Knobs):
    """How the crops are drawn.  Each augmentation has a strength of its own, and at 0 (`smallest` at 1) it is off."""

    crops: int = knob(12, low=1, high=128, unit="crops")
    whole: bool = knob(True)  # the first crop is the whole picture as it is, of an oblong one its middle square
    smallest: float = knob(0.5, low=0.05, high=1.0, step=0.05, unit="of the shorter side")
    cut_power: float = knob(1.0, low=0.1, high=8.0, step=0.1)  # above 1: smaller crops are likelier
    rotate: float = knob(10.0, low=0.0, high=180.0, step=1.0, unit="degrees")
    shift: float = knob(0.05, low=0.0, high=1.0, step=0.05, unit="of the crop")
    perspective: float = knob(0.1, low=0.0, high=0.2, step=0.02, unit="of the crop")  # above 0.25 it may fold
    flip: bool = knob(False)  # off: it would swap left and right in the prompt
    colour: float = knob(0.1, low=0.0, high=1.0, step=0.05)
    noise: float = knob(0.1, low=0.0, high=1.0, step=0.05, unit="of white")
    erase: float = knob(0.1, low=0.0, high=0.8, step=0.05, unit="of the crop's area")


def draw_crops(knobs: CropKnobs, rngs: Sequence[Generator], height: int, width: int) -> Crops:
    """One picture's crops a generator (CPU), for pictures `height` x `width`; float64, on the CPU.

    The same numbers are drawn whatever is switched on, so a switch changes its own augmentation alone.
    """
    draws = torch.stack([torch.rand(knobs.crops, len(NEUTRAL), generator=r, dtype=torch.float64) for r in rngs])
    if knobs.whole:
        draws[:, 0] = draws.new_tensor(NEUTRAL)
    u = dict(zip(DRAWS, draws.split([len(v) for v in DRAWS.values()], dim=-1), strict=True))
    warp = _place(u, knobs, height, width) @ _affine(u, knobs) @ _perspective(u, knobs) @ _flip(u, knobs)
    seed = (u["seed"][..., 0] * 2**31).to(torch.int32)
    return Crops(warp, _colour(u, knobs), u["noise"][..., 0] * knobs.noise, seed, _hole(u, knobs))


def _matrix(rows: Sequence[Sequence[Tensor | float]], like: Tensor) -> Tensor:
    """A matrix for every crop out of its entries, each (B, N) or one number."""
    return torch.stack([torch.stack([e + torch.zeros_like(like) for e in row], -1) for row in rows], -2)


def _place(u: dict[str, Tensor], knobs: CropKnobs, height: int, width: int) -> Tensor:
    """A square of random size anywhere in the picture; cut power bends the sizes' distribution."""
    size = knobs.smallest + (1 - knobs.smallest) * u["size"][..., 0] ** knobs.cut_power
    w, h = size * min(height, width) / width, size * min(height, width) / height
    x, y = (2 * u["place"] - 1).unbind(-1)
    return _matrix([[w, 0, x * (1 - w)], [0, h, y * (1 - h)], [0, 0, 1]], w)


def _affine(u: dict[str, Tensor], knobs: CropKnobs) -> Tensor:
    """Turn by up to `rotate` either way, then move by up to `shift` of the crop's side."""
    angle = (2 * u["rotate"][..., 0] - 1) * math.radians(knobs.rotate)
    x, y = ((2 * u["shift"] - 1) * 2 * knobs.shift).unbind(-1)  # a side is 2 long
    return _matrix([[angle.cos(), -angle.sin(), x], [angle.sin(), angle.cos(), y], [0, 0, 1]], angle)


def _perspective(u: dict[str, Tensor], knobs: CropKnobs) -> Tensor:
    """The homography that sends the crop's four corners up to `perspective` of its side away, along x and y each."""
    corners = u["perspective"].new_tensor([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    moved = corners + (2 * u["perspective"].unflatten(-1, (4, 2)) - 1) * 2 * knobs.perspective
    return homography(corners.expand_as(moved), moved)


def homography(source: Tensor, target: Tensor) -> Tensor:
    """The (..., 3, 3) homography that takes four points (..., 4, 2) to four others; no three may be in line."""
    one, none = torch.ones_like(source[..., :1]), torch.zeros_like(source)
    point = torch.cat((source, one), -1)  # (..., 4, 3)
    for_x = torch.cat((point, none, none[..., :1], -target[..., :1] * source), -1)
    for_y = torch.cat((none, none[..., :1], point, -target[..., 1:] * source), -1)
    system = torch.cat((for_x, for_y), -2)  # (..., 8, 8)
    solved = torch.linalg.solve(system, torch.cat((target[..., 0], target[..., 1]), -1))
    return torch.cat((solved, torch.ones_like(solved[..., :1])), -1).unflatten(-1, (3, 3))


def _flip(u: dict[str, Tensor], knobs: CropKnobs) -> Tensor:
    """Half of the crops mirrored."""
    side = 1 - 2 * (u["flip"][..., 0] >= 0.5).double() * knobs.flip
    return _matrix([[side, 0, 0], [0, 1, 0], [0, 0, 1]], side)


def _colour(u: dict[str, Tensor], knobs: CropKnobs) -> Tensor:
    """Brightness, contrast about mid-grey and saturation within 1 +- colour, then hue within half as many radians."""
    amount = (2 * u["colour"] - 1) * knobs.colour
    bright, contrast, saturation = (1 + amount[..., :3]).unbind(-1)
    return colour_matrix(bright, contrast, saturation, amount[..., 3] / 2)


def colour_matrix(bright: Tensor, contrast: Tensor, saturation: Tensor, hue: Tensor) -> Tensor:
    """Four (...,) amounts, 1, 1, 1 and 0 being none, as one (..., 3, 4) map of RGB; hue turns about the grey axis."""
    eye, ones = torch.eye(3).to(hue), torch.ones(3, 3).to(hue)
    across = hue.new_tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    s, c, t = saturation[..., None, None], (bright * contrast)[..., None, None], hue[..., None, None]
    saturate = s * eye + (1 - s) * hue.new_tensor(LUMA)
    turn = t.cos() * eye + (1 - t.cos()) / 3 * ones + t.sin() * across  # Rodrigues' formula
    lift = (GREY * (1 - contrast))[..., None, None].expand(*contrast.shape, 3, 1)
    return torch.cat((c * turn @ saturate, lift), -1)


def _hole(u: dict[str, Tensor], knobs: CropKnobs) -> Tensor:
    """A box of up to `erase` of the area, between three times as wide and three times as high."""
    area, shape, x, y = u["erase"].unbind(-1)
    aspect = 3.0 ** (2 * shape - 1)
    w = (area * knobs.erase * aspect).sqrt().clamp(max=1)
    h = (area * knobs.erase / aspect).sqrt().clamp(max=1)
    left, top = x * (1 - w), y * (1 - h)
    return 2 * torch.stack((left, top, left + w, top + h), -1) - 1
