"""What VQGAN+CLIP asks of networks: one gradient through codebook, decoder, crops and CLIP; and the small change.

Latents are in standard units: mean 0 and standard deviation 1 for every channel over the codebook.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from models.protocol import Kit, Target
from models.samplers.crops import Crops, cut
from models.samplers.guidance import TEXT

TOWERS = {"robust": "clip_robust", "ordinary": "clip"}  # the part that sees the crops
Parts = Mapping[str, Any]


def tower_of(knobs: Any, kit: Kit) -> str:
    """The tower asked for, or the ordinary one where the suite has no other."""
    return knobs.tower if TOWERS[knobs.tower] in kit.config else "ordinary"


def factor_of(kit: Kit) -> int:
    """Pixels along one side of one code: the VQGAN's levels, and its fold where it sees squares as channels."""
    shape = kit.config["vqgan"]["ddconfig"]
    return math.isqrt(shape["in_channels"] // 3) * 2 ** (len(shape["ch_mult"]) - 1)


class Bounded(torch.autograd.Function):
    """Clamp to [0, 1] whose gradient passes wherever descending it leads back inside."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(0, 1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grad * (grad * (x - x.clamp(0, 1)) >= 0)


def gradient(
    parts: Parts, x: Tensor, texts: Tensor, weights: Tensor, *crops: Tensor, tower: str, noisy: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """How the weighted loss changes with the latent.

    x (B, C, h, w); unit text embeddings (B, K, E) with weights (B, K), negative ones pushing away; `Crops` of N.
    Gives the gradient (as x), the loss of each text (B, K), its cosine (B, K) and the number of codes used (B,).
    """
    vqgan, clip = parts["vqgan"], parts[tower]
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        pictures, indices = paint(vqgan, x)
        seen = cut(pictures, Crops(*crops).like(x), clip.size, noisy=noisy).flatten(0, 1)
        found = clip.image(seen.to(clip.mean.dtype)).to(x.dtype).unflatten(0, (len(x), -1))  # (B, N, E)
        squared, cosines = distances(found, texts)
        losses = squared * weights
        (grad,) = torch.autograd.grad(losses.sum(), x)
    ordered = indices.flatten(1).sort(1).values
    used = 1 + (ordered.diff(dim=1) != 0).sum(1)
    return grad, losses.detach(), cosines.detach(), used.to(x.dtype)


def paint(vqgan: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    """Latent (B, C, h, w) -> pictures (B, 3, H, W) in [0, 1] and code indices (B, h, w), differentiable."""
    mean, std = standard(vqgan, x.dtype)
    codes, indices = vqgan.quantize.straight_through((x * std + mean).to(vqgan.quantize.embedding.weight.dtype))
    return Bounded.apply((vqgan.decode(codes).to(x.dtype) + 1) / 2), indices


def distances(found: Tensor, texts: Tensor) -> tuple[Tensor, Tensor]:
    """Half the squared angle, and the cosine, between N views (B, N, E) and K texts (B, K, E): means over N, (B, K)."""
    cosines = F.normalize(found, dim=-1) @ texts.mT
    angles = cosines.clamp(-1 + 1e-7, 1 - 1e-7).acos()  # at 1 itself its slope has no end
    return angles.square().mean(1) / 2, cosines.mean(1)


def standard(vqgan: Any, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of every channel over the codes, each (1, C, 1, 1)."""
    std, mean = torch.std_mean(vqgan.quantize.embedding.weight.to(dtype), dim=0)
    return mean.view(1, -1, 1, 1), std.view(1, -1, 1, 1)


def encode(parts: Parts, pictures: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) in [0, 1] -> latents."""
    vqgan = parts["vqgan"]
    latent = vqgan.encode((2 * pictures - 1).to(vqgan.quantize.embedding.weight.dtype))
    mean, std = standard(vqgan, _wide(latent))
    return (latent - mean) / std


def look_up(parts: Parts, indices: Tensor) -> Tensor:
    """Code indices (B, h, w) -> latents."""
    codes = parts["vqgan"].quantize.lookup(indices)
    mean, std = standard(parts["vqgan"], _wide(codes))
    return (codes - mean) / std


def decode(parts: Parts, x: Tensor) -> tuple[Tensor, Tensor]:
    """Latents -> pictures (B, 3, H, W) in [0, 1] and code indices (B, h, w)."""
    return paint(parts["vqgan"], x)


def see(parts: Parts, x: Tensor, *crops: Tensor, size: int, noisy: bool) -> Tensor:
    """The crops that a tower of `size` pixels is shown, (B, N, 3, size, size), about [0, 1]."""
    return cut(paint(parts["vqgan"], x)[0], Crops(*crops).like(x), size, noisy=noisy)


def _wide(value: Tensor) -> torch.dtype:
    """Latents and embeddings are float32 where the network is narrower."""
    return torch.promote_types(value.dtype, torch.float32)


TARGETS = {
    "text": TEXT,
    "encode": Target(encode, ("vqgan",)),
    "look_up": Target(look_up, ("vqgan",)),
    "decode": Target(decode, ("vqgan",)),
    "see": Target(see, ("vqgan",)),
    **{f"climb_{name}": Target(partial(gradient, tower=part), ("vqgan", part)) for name, part in TOWERS.items()},
}
