"""The usual VQGAN+CLIP loop, written plainly: what our own painter is timed against.

It does what the public notebooks do (Crowson et al., arXiv 2204.08583): crops cut and pooled one by one in a Python
loop, kornia's augmentations after one another, codes looked up through one-hot rows, torch's Adam, one picture at a
time.  Networks, dtype, number of crops and strengths are those of the painter it stands beside; random numbers
are torch's global ones, as kornia draws them, put back at the end.  Needs kornia (the `test` extra).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import kornia.augmentation as K
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.samplers.vqgan_clip import VqganClipKnobs
from models.samplers.vqgan_clip.targets import Bounded


def paint(
    vqgan: Any,
    clip: Any,
    texts: Tensor,
    weights: Sequence[float],
    knobs: VqganClipKnobs,
    seed: int = 0,
    stacked: bool = True,
) -> tuple[Tensor, list[float]]:
    """Climb for `knobs.steps` to unit text embeddings (K, E); a picture (1, 3, H, W) in [0, 1] and each step's loss.

    `stacked`: kornia is given all crops at once, as the better notebooks do; False gives it one after another.
    """
    device = texts.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []), torch.enable_grad():
        torch.manual_seed(seed)
        z = begin(vqgan, knobs)
        low, high = (edge.view(1, -1, 1, 1) for edge in vqgan.quantize.range)
        optimiser = torch.optim.Adam([z], lr=knobs.rate * vqgan.quantize.embedding.weight.std().item())
        augment, losses = augmentations(knobs), []
        for _ in range(knobs.steps):
            optimiser.zero_grad()
            pictures = cutouts(decode(vqgan, z), clip.size, knobs)
            pictures = augment(pictures) if stacked else torch.cat([augment(one) for one in pictures.split(1)])
            found = F.normalize(clip.image(grained(pictures, knobs.noise)), dim=-1)
            loss = sum(distance(found, text, weight) for text, weight in zip(texts, weights, strict=True))
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                z.copy_(z.maximum(low).minimum(high))
            losses.append(loss.item())
        return decode(vqgan, z).detach(), losses


def begin(vqgan: Any, knobs: VqganClipKnobs) -> Tensor:
    """Random codes, as a leaf to optimise: (1, C, h, w)."""
    codes, resolution = vqgan.quantize.embedding.weight, vqgan.config["ddconfig"]["resolution"]
    shape = [(side or resolution) // vqgan.factor for side in (knobs.height, knobs.width)]
    indices = torch.randint(len(codes), (1, *shape), device=codes.device)
    return vqgan.quantize.lookup(indices).detach().requires_grad_()


def decode(vqgan: Any, z: Tensor) -> Tensor:
    """Nearest codes by a full table of distances and one-hot rows, straight through; pictures in [0, 1]."""
    codes = vqgan.quantize.embedding.weight
    x = z.movedim(1, 3)
    table = x.square().sum(-1, keepdim=True) + codes.square().sum(1) - 2 * x @ codes.T
    quantised = F.one_hot(table.argmin(-1), len(codes)).to(codes.dtype) @ codes
    straight = x + (quantised - x).detach()
    return Bounded.apply((vqgan.decode(straight.movedim(3, 1)) + 1) / 2)


def cutouts(picture: Tensor, size: int, knobs: VqganClipKnobs) -> Tensor:
    """`knobs.crops` squares of random size and place, one after another, each pooled to `size`: (N, 3, size, size)."""
    height, width = picture.shape[2:]
    most, found = min(height, width), []
    for i in range(knobs.crops):
        share = 1.0 if knobs.whole and i == 0 else torch.rand(()).item() ** knobs.cut_power
        side = int(most * (knobs.smallest + (1 - knobs.smallest) * share))
        left = int(torch.randint(width - side + 1, ()))
        top = int(torch.randint(height - side + 1, ()))
        part = picture[:, :, top : top + side, left : left + side]
        found.append((F.adaptive_avg_pool2d(part, size) + F.adaptive_max_pool2d(part, size)) / 2)
    return torch.cat(found)


def augmentations(knobs: VqganClipKnobs) -> nn.Module:
    """kornia's own modules at the painter's strengths; what is off is left out."""
    shift, colour = knobs.shift, knobs.colour
    steps: list[nn.Module] = []
    if knobs.rotate or shift:
        steps.append(K.RandomAffine(knobs.rotate, translate=(shift, shift), padding_mode="border", p=1.0))
    if knobs.perspective:
        steps.append(K.RandomPerspective(knobs.perspective, p=1.0))
    if knobs.flip:
        steps.append(K.RandomHorizontalFlip(p=0.5))
    if colour:
        steps.append(K.ColorJitter(colour, colour, colour, colour / (4 * math.pi), p=1.0))
    if knobs.erase:
        steps.append(K.RandomErasing(scale=(0.001, knobs.erase), ratio=(1 / 3, 3.0), value=0.5, p=1.0))
    return nn.Sequential(*steps)


def grained(pictures: Tensor, noise: float) -> Tensor:
    """Normal noise, each crop with its own deviation of up to `noise`."""
    if not noise:
        return pictures
    return pictures + torch.rand(len(pictures), 1, 1, 1).to(pictures) * noise * torch.randn_like(pictures)


def distance(found: Tensor, text: Tensor, weight: float) -> Tensor:
    """The notebooks' loss: squared great-circle distance, the sign of the weight turning it round."""
    away = (found - text).norm(dim=-1).div(2).arcsin().square().mul(2)
    return (away * weight).mean()
