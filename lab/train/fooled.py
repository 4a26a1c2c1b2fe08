"""Pictures that our own CLIP loves and nobody can read: negatives for the judge, and what it is tested against.

The plainest optimisation over pixels that there is; the VQGAN painter does it with better manners.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lab.storybook.dataset import JUDGE, captions, kept
from models.parts.clip import Clip


def fool(
    clip: Clip, texts: Sequence[str], rng: torch.Generator, steps: int = 40, rate: float = 0.05, side: int = 64
) -> Tensor:
    """One picture (3, 64, 64) in [0, 1] a text, that `clip` takes for it; `side` is the grain that is optimised.

    From a random grey or noise upwards on the similarity of crops moved by up to 4 px.
    """
    goal = F.normalize(clip.text(clip.tokenize(texts).ids).embedding.detach().float(), dim=-1)
    level = torch.rand(len(texts), 3, 1, 1, generator=rng) * torch.rand(len(texts), 1, 1, 1, generator=rng)
    x = (level + 0.25 * torch.randn(len(texts), 3, side, side, generator=rng)).requires_grad_(True)
    learner = torch.optim.Adam([x], rate)
    for _ in range(steps):
        moved = F.pad(grown(x), (4, 4, 4, 4), mode="reflect")
        top, left = torch.randint(0, 9, (2,), generator=rng).tolist()
        seen = F.normalize(clip.image(moved[..., top : top + 64, left : left + 64]).float(), dim=-1)
        (gradient,) = torch.autograd.grad(-(seen * goal).sum(), x)
        x.grad = gradient
        learner.step()
        x.data.clamp_(0, 1)
    return grown(x).detach()


def grown(x: Tensor) -> Tensor:
    return x.clamp(0, 1) if x.shape[-1] == 64 else F.interpolate(x, (64, 64), mode="bicubic").clamp(0, 1)


def fooled_pool(folder: Path, count: int, cache: Path) -> Tensor:
    """(count, 3, 64, 64) uint8 of such pictures against the CLIP in `folder`, made in four manners; cached."""
    clip = Clip.from_folder(folder)
    mark = int(1e6 * sum(w.double().abs().sum().item() for w in clip.parameters()) % 1e9)  # tells its weights
    return torch.from_numpy(kept(cache / f"fooled-{count}-{mark}.npy", lambda: _fooled(clip, count)))


def _fooled(clip: Clip, count: int) -> np.ndarray:
    rng, parts = torch.Generator().manual_seed(5), []
    texts = captions(range(JUDGE, JUDGE + count))
    for k in range(0, count, 32):
        manner = k // 32 % 4
        steps, rate, side = ((30, 0.05, 64), (60, 0.02, 64), (40, 0.05, 32), (40, 0.08, 16))[manner]
        parts.append(fool(clip, texts[k : k + 32], rng, steps, rate, side))
    return (torch.cat(parts) * 255).round().to(torch.uint8).numpy()
