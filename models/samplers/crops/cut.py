"""Crops cut: one warp, one colour matrix, noise and a hole, for all crops of all pictures at once."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

GREY = 0.5  # what an erased place shows; contrast leaves it as it is


class Crops(NamedTuple):
    """N crops for each of B pictures, as rows."""

    place: Tensor  # (B, N, 3, 3) homography from crop coordinates to the picture's
    colour: Tensor  # (B, N, 3, 4) RGB -> RGB, the last column added
    noise: Tensor  # (B, N) standard deviation of the noise
    seed: Tensor  # (B, N) int32, the seed of the noise
    erase: Tensor  # (B, N, 4) left, top, right, bottom of the hole, in crop coordinates

    def like(self, other: Tensor) -> Crops:
        """The same crops on `other`'s device, the real numbers in its dtype."""
        return Crops(*(t.to(other) if t.is_floating_point() else t.to(other.device) for t in self))


def cut(pictures: Tensor, crops: Crops, size: int, *, noisy: bool = True) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> the crops (B, N, 3, size, size), about [0, 1]; differentiable in the pictures.

    Beyond the picture's edge its border goes on.  `noisy` False skips noise where every crop's is 0.
    """
    (b, n), (height, width) = crops.place.shape[:2], pictures.shape[-2:]
    if (pool := min(height, width) // size) > 1:  # once for all crops: a bilinear warp alone would alias
        pictures = F.adaptive_avg_pool2d(pictures, (height // pool, width // pool))
    grid = _warp(crops.place, size).reshape(b, n * size, size, 2)
    seen = F.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)
    seen = seen.view(b, -1, n, size * size).transpose(1, 2)
    seen = crops.colour[..., :3] @ seen + crops.colour[..., 3:]  # (B, N, 3, size * size)
    if noisy:
        grain = hashed_normal(crops.seed, seen.shape[2] * size * size).view_as(seen)
        seen = seen + grain.to(seen.dtype) * crops.noise[..., None, None]
    return torch.where(_inside(crops.erase, size), GREY, seen.unflatten(-1, (size, size)))


def hashed_normal(seed: Tensor, count: int) -> Tensor:
    """`count` standard normals for each seed (...,) -> (..., count) float32, the same on every device.

    MurmurHash3's finaliser over counters, then Box and Muller: the two halves of a hash make two normals.
    """
    half = (count + 1) // 2
    h = (seed.long().unsqueeze(-1) * 0x9E3779B1 + torch.arange(half, device=seed.device)) & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = ((h ^ (h >> shift)) * factor) & 0xFFFFFFFF
    h = h ^ (h >> 16)
    radius = (-2 * (((h >> 16).float() + 0.5) / 65536).log()).sqrt()
    angle = (h & 0xFFFF).float() * (2 * math.pi / 65536)
    return torch.cat((radius * angle.cos(), radius * angle.sin()), -1)[..., :count]


def _centres(size: int, like: Tensor) -> Tensor:
    """Pixel centres along one side of `size` pixels, in [-1, 1]."""
    return (2 * torch.arange(size, device=like.device, dtype=like.dtype) + 1) / size - 1


def _warp(homography: Tensor, size: int) -> Tensor:
    """Where every pixel of a crop looks: (B, N, 3, 3) -> (B, N, size * size, 2)."""
    y, x = torch.meshgrid(*[_centres(size, homography)] * 2, indexing="ij")
    points = torch.stack((x, y, torch.ones_like(x)), -1).view(-1, 3) @ homography.mT
    return points[..., :2] / points[..., 2:]


def _inside(box: Tensor, size: int) -> Tensor:
    """Pixels whose centre lies in the box: (B, N, 4) -> (B, N, 1, size, size)."""
    at = _centres(size, box)
    left, top, right, bottom = box[..., None].unbind(-2)
    across, down = (at > left) & (at < right), (at > top) & (at < bottom)
    return (down.unsqueeze(-1) & across.unsqueeze(-2)).unsqueeze(2)
