"""Distances between sets of pictures, by their features, and between pictures and texts.

All in float64: in float32 the covariances of a few hundred pictures are no longer positive.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from models.parts.clip import Clip


def frechet(a: Tensor, b: Tensor) -> float:
    """Frechet distance of the Gaussians that fit features `a` (N, D) and `b` (M, D).

    |m_a - m_b|^2 + tr A + tr B - 2 tr (A B)^(1/2)  (Heusel et al., arXiv 1706.08500, eq. 6).  The last trace is the
    sum of the roots of the eigenvalues of A^(1/2) B A^(1/2), which is symmetric: no square root of A B is needed.
    """
    a, b = _rows(a, "a", 2), _rows(b, "b", 2)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"a has {a.shape[1]} features and b has {b.shape[1]}; take both from the same net")
    first, second = a.T.cov().reshape(a.shape[1], -1), b.T.cov().reshape(b.shape[1], -1)
    values, vectors = torch.linalg.eigh(first)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    cross = torch.linalg.eigvalsh(root @ second @ root).clamp(min=0).sqrt().sum()
    distance = (a.mean(0) - b.mean(0)).square().sum() + first.trace() + second.trace() - 2 * cross
    return max(0.0, distance.item())


def kid(a: Tensor, b: Tensor) -> float:
    """Kernel inception distance: the unbiased squared MMD of features `a` (N, D) and `b` (M, D) under the kernel
    (x.y / D + 1)^3 (Binkowski et al., arXiv 1801.01401, section 4).  May be slightly below 0 for equal sets."""
    a, b = _rows(a, "a", 2), _rows(b, "b", 2)
    same = [(k.sum() - k.trace()) / (len(k) * (len(k) - 1)) for k in (_kernel(a, a), _kernel(b, b))]
    return (same[0] + same[1] - 2 * _kernel(a, b).mean()).item()


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b.T / a.shape[1] + 1) ** 3


def _rows(x: Tensor, name: str, least: int) -> Tensor:
    if x.ndim != 2 or len(x) < least:
        raise ValueError(
            f"{name} is {tuple(x.shape)}; it must be (N, D) with N >= {least}: one row of features a picture"
        )
    if not torch.isfinite(x).all():
        raise ValueError(f"{name} holds NaN or infinity; leave out the pictures that failed")
    return x.double()


@torch.no_grad()
def clip_score(clip: Clip, pictures: Tensor, texts: Sequence[str]) -> Tensor:
    """Cosine of each picture (B, 3, H, W) in [0, 1] with its text: (B,), CLIPScore (arXiv 2104.08718) without its 2.5
    and its floor at 0.  A generator steered by this very CLIP scores high without painting what is asked."""
    if len(pictures) != len(texts):
        raise ValueError(f"there are {len(pictures)} pictures and {len(texts)} texts; give one text a picture")
    device = clip.logit_scale.device
    words = clip.text(clip.tokenize(texts).ids.to(device)).embedding
    return F.cosine_similarity(clip.image(pictures.to(device)).float(), words.float()).cpu()
