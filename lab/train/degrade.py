"""What happens to a painted scene on its way to a judge: harm that leaves it readable, and harm that does not.

All on pictures (B, 3, H, W) in [0, 1], drawn from one CPU generator.  Readable harm keeps the labels true.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.io import decode_jpeg, encode_jpeg


def uniform(rng: torch.Generator, low: float, high: float, *shape: int) -> Tensor:
    """`shape` draws between `low` and `high`."""
    return low + (high - low) * torch.rand(shape, generator=rng)


def one(rng: torch.Generator, low: float, high: float) -> float:
    """A single draw between `low` and `high`."""
    return uniform(rng, low, high, 1).item()


def blur(x: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur of `sigma` pixels: two products with a matrix, which needs no kernel compiled for its size."""
    at = torch.arange(x.shape[-1])
    weights = torch.exp(-(at - at[:, None]).square() / (2 * sigma * sigma))
    weights = weights / weights.sum(1, keepdim=True)
    return weights @ x @ weights.T


def noisy(x: Tensor, rng: torch.Generator) -> Tensor:
    """White noise of up to 0.09, each picture its own amount."""
    return x + uniform(rng, 0, 0.09, len(x), 1, 1, 1) * torch.randn(x.shape, generator=rng)


def blurred(x: Tensor, rng: torch.Generator) -> Tensor:
    return blur(x, one(rng, 0.3, 1.15))


def resampled(x: Tensor, rng: torch.Generator) -> Tensor:
    """Down to 30 to 60 px and up again."""
    side, mode = int(one(rng, 30, 60)), ("bilinear", "bicubic", "area")[int(one(rng, 0, 2.999))]
    small = F.interpolate(x, (side, side), mode=mode, **({} if mode == "area" else {"antialias": True}))
    return F.interpolate(small, x.shape[-2:], mode="bilinear")


def jpeg(x: Tensor, rng: torch.Generator) -> Tensor:
    """Through JPEG at quality 25 to 95."""
    bytes_ = (x.clamp(0, 1) * 255).round().to(torch.uint8)
    return torch.stack([decode_jpeg(encode_jpeg(p, int(one(rng, 25, 95)))) for p in bytes_]).float() / 255


def exposed(x: Tensor, rng: torch.Generator) -> Tensor:
    """Brightness, contrast and white balance, by less than what parts one colour from the next."""
    n = len(x)
    gain, shift = uniform(rng, 0.86, 1.14, n, 1, 1, 1), uniform(rng, -0.06, 0.06, n, 1, 1, 1)
    return (x - 0.5) * gain * uniform(rng, 0.96, 1.04, n, 3, 1, 1) + 0.5 + shift


def warped(x: Tensor, rng: torch.Generator, amount: float, cells: int) -> Tensor:
    """Moved by a smooth random field: at most about `amount` of the width, bumps of 1 / `cells` of the width."""
    side = x.shape[-1]
    field = torch.randn(len(x), 2, cells + 1, cells + 1, generator=rng).clamp(-2, 2)
    field = F.interpolate(field, (side, side), mode="bicubic", align_corners=True) * amount
    still = F.affine_grid(torch.eye(2, 3).expand(len(x), 2, 3), x.shape, align_corners=False)
    return F.grid_sample(x, still + field.permute(0, 2, 3, 1), padding_mode="reflection", align_corners=False)


def wobbly(x: Tensor, rng: torch.Generator) -> Tensor:
    """Outlines as unsteady as a young generator's: still no doubt what they are."""
    return warped(x, rng, one(rng, 0.005, 0.022), 8)


READABLE = (noisy, blurred, resampled, jpeg, exposed, wobbly)


def degrade(x: Tensor, rng: torch.Generator, share: float = 0.35, group: int = 8) -> Tensor:
    """Each group of `group` pictures goes through each readable harm with probability `share`, in random order."""
    out = []
    for part in x.split(group):
        for k in torch.randperm(len(READABLE), generator=rng).tolist():
            if one(rng, 0, 1) < share:
                part = READABLE[k](part, rng)
        out.append(part)
    return torch.cat(out).clamp(0, 1)


# From here on: pictures that are no clean scene.


def static(x: Tensor, rng: torch.Generator) -> Tensor:
    """Noise of any grain, contrast and tint."""
    side = (4, 8, 16, 32, 64)[int(one(rng, 0, 4.999))]
    grain = torch.randn(len(x), 3 if one(rng, 0, 1) < 0.7 else 1, side, side, generator=rng)
    grain = F.interpolate(grain, x.shape[-2:], mode=("nearest", "bicubic")[int(one(rng, 0, 1.999))])
    return uniform(rng, 0.1, 0.9, len(x), 3, 1, 1) + uniform(rng, 0.05, 0.5, len(x), 1, 1, 1) * grain


def flat(x: Tensor, rng: torch.Generator) -> Tensor:
    """One colour, or a slope between the colours of four corners."""
    corners = torch.rand(len(x), 3, *((1, 1) if one(rng, 0, 1) < 0.5 else (2, 2)), generator=rng)
    slope = F.interpolate(corners, x.shape[-2:], mode="bilinear", align_corners=True)
    return slope + uniform(rng, 0, 0.03, len(x), 1, 1, 1) * torch.randn(x.shape, generator=rng)


def shuffled(x: Tensor, rng: torch.Generator) -> Tensor:
    """Patches of a scene in another order."""
    k = (4, 8, 16, 32)[int(one(rng, 0, 3.999))]
    patches = F.unfold(x, k, stride=k)
    order = torch.randperm(patches.shape[-1], generator=rng)
    return F.fold(patches[..., order], x.shape[-2:], k, stride=k)


def melted(x: Tensor, rng: torch.Generator) -> Tensor:
    """A scene warped beyond reading."""
    cells = (6, 10, 16)[int(one(rng, 0, 2.999))]
    return warped(x, rng, one(rng, 0.16, 0.4), cells)


def blended(x: Tensor, rng: torch.Generator) -> Tensor:
    """Two scenes over each other."""
    other = x[torch.randperm(len(x), generator=rng)].roll(int(one(rng, 12, 52)), -1)
    return x.lerp(other, one(rng, 0.38, 0.62))


def waves(x: Tensor, rng: torch.Generator) -> Tensor:
    """Sums of sinusoids, alone or over a scene."""
    n, side = len(x), x.shape[-1]
    at = torch.arange(side) / side * math.tau
    wave = torch.zeros(n, 3, side, side)
    for _ in range(3):
        u, v = uniform(rng, -14, 14, n, 1, 1, 1), uniform(rng, -14, 14, n, 1, 1, 1)
        wave += uniform(rng, 0, 0.3, n, 3, 1, 1) * torch.sin(
            u * at + v * at[:, None] + uniform(rng, 0, math.tau, n, 3, 1, 1)
        )
    return wave + (uniform(rng, 0.2, 0.8, n, 3, 1, 1) if one(rng, 0, 1) < 0.6 else x)


def blobs(x: Tensor, rng: torch.Generator) -> Tensor:
    """Soft or hard coloured blobs over nothing, or over a scene whose things they bury."""
    n, side = len(x), x.shape[-1]
    y, x_ = torch.meshgrid(torch.arange(side) / side, torch.arange(side) / side, indexing="ij")
    out = flat(x, rng) if one(rng, 0, 1) < 0.6 else blur(x, one(rng, 3.0, 6.0))
    hard = one(rng, 4, 40)
    for _ in range(int(one(rng, 2, 9))):
        cx, cy, rx, ry = (uniform(rng, lo, hi, n, 1, 1) for lo, hi in ((0, 1), (0, 1), (0.05, 0.3), (0.05, 0.3)))
        inside = torch.sigmoid(hard * (1 - ((x_ - cx) / rx).square() - ((y - cy) / ry).square()))[:, None]
        out = out.lerp(torch.rand(n, 3, 1, 1, generator=rng).expand_as(out), inside)
    return out


def smeared(x: Tensor, rng: torch.Generator) -> Tensor:
    """A scene so blurred, or so noisy, that its things are stains."""
    if one(rng, 0, 1) < 0.5:
        return blur(x, one(rng, 4.0, 8.0))
    return x * one(rng, 0.3, 0.6) + 0.3 + one(rng, 0.3, 0.6) * torch.randn(x.shape, generator=rng)


UNREADABLE = (static, flat, shuffled, melted, blended, waves, blobs, smeared)


def ruin(x: Tensor, rng: torch.Generator, group: int = 2) -> Tensor:
    """Each group of `group` scenes turned into one of the unreadable things."""
    parts = [UNREADABLE[int(one(rng, 0, len(UNREADABLE) - 0.001))](part, rng) for part in x.split(group)]
    return torch.cat(parts).clamp(0, 1)


def spoil(x: Tensor, things: Tensor, rng: torch.Generator, share: float = 0.15) -> tuple[Tensor, Tensor]:
    """Some first things become half another thing, half hidden, or melt.  Returns pictures and (B, 3) bool: spoiled.

    Nobody could name such a thing, so the judge is taught to say every kind is as likely as another.
    """
    n, side = len(x), x.shape[-1]
    chosen = torch.rand(n, generator=rng) < share
    other = torch.randperm(n, generator=rng)
    here, there = things[:, 0, 3:], things[other, 0, 3:]
    zoom, angle = there[:, 2] / here[:, 2], uniform(rng, 0, 2 * torch.pi, n)
    stray = torch.rand(n, generator=rng) < 0.3  # hidden by some other spot of the other picture
    goal = torch.where(stray[:, None], torch.rand(n, 2, generator=rng), there[:, :2])
    at = (torch.arange(side) + 0.5) / side
    dx, dy = at - here[:, 0, None, None], (at[:, None] - here[:, 1, None, None])
    seen = torch.stack([goal[:, 0, None, None] + zoom[:, None, None] * dx.expand(n, side, side),
                        goal[:, 1, None, None] + zoom[:, None, None] * dy.expand(n, side, side)], -1)  # fmt: skip
    donor = F.grid_sample(x[other], seen * 2 - 1, padding_mode="reflection", align_corners=False)
    inside = torch.maximum(dx.abs(), dy.abs()) < 1.12 * here[:, 2, None, None]
    half = dx * angle.cos()[:, None, None] + dy * angle.sin()[:, None, None] > 0
    melting = torch.rand(n, generator=rng) < 0.35
    donor = torch.where(melting[:, None, None, None], warped(x, rng, one(rng, 0.1, 0.25), 12), donor)
    mask = inside & (half | melting[:, None, None]) & chosen[:, None, None]
    same = (things[other, 0, 0] == things[:, 0, 0]) & ~melting & ~stray
    spoiled = torch.zeros(n, 3, dtype=torch.bool)
    spoiled[:, 0] = chosen
    return torch.where((mask & ~same[:, None, None])[:, None], donor, x), spoiled & ~same[:, None]
