"""What each trained part can do by itself, on scenes that nothing was trained on: the figures of the model card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lab.measure.judge import RIGHT, check, read
from lab.storybook.dataset import FRESH, captions, pictures
from lab.storybook.scene import sample
from models.catalog import classroom
from models.loaders import Unavailable, load

COUNT = 400


def figures(root: Path, count: int = COUNT) -> dict[str, dict[str, float]]:
    """Figures of every part under `root` that is there, measured on `count` fresh scenes."""
    suite, parts = classroom(root), {}
    for name in ("clip", "clip_robust", "vae", "vqgan", "judge"):
        try:
            parts[name] = load(suite[name])
        except Unavailable:
            continue
    seeds = range(FRESH, FRESH + count)
    shown = pictures(seeds).float() / 255
    found: dict[str, dict[str, float]] = {}
    for name, measure in MEASURES.items():
        if name in parts:
            with torch.no_grad():
                found[name] = measure(parts, shown, seeds)
    return found


def retrieval(parts: Mapping[str, Any], shown: Tensor, seeds: range, tower: str = "clip") -> dict[str, float]:
    """Share of pictures whose own full caption, of 100, is the most similar; and the similarity of the pair."""
    clip, size = parts["clip"], 100
    text = F.normalize(clip.text(clip.tokenize(captions(seeds, 1, keep=1.0)).ids).embedding, dim=-1)
    image = F.normalize(parts[tower].image(shown), dim=-1)
    right = [
        (i @ t.T).argmax(1) == torch.arange(len(i)) for i, t in zip(image.split(size), text.split(size), strict=True)
    ]
    return {"right of 100": torch.cat(right).float().mean().item(), "similarity": (image * text).sum(1).mean().item()}


def robust_retrieval(parts: Mapping[str, Any], shown: Tensor, seeds: range) -> dict[str, float]:
    return retrieval(parts, shown, seeds, "clip_robust") if "clip" in parts else {}


def rebuilt(parts: Mapping[str, Any], shown: Tensor, again: Callable[[Tensor], Tensor]) -> dict[str, float]:
    """PSNR in dB over all pixels, and how often the judge reads the rebuilt picture as it reads the original."""
    fake = torch.cat([again(rows * 2 - 1).clamp(-1, 1) / 2 + 0.5 for rows in shown.split(50)])
    found = {"psnr": -10 * F.mse_loss(fake, shown).log10().item()}
    if "judge" in parts:
        asks = [sample(FRESH + k)[0] for k in range(len(shown))]
        pairs = zip(asks, read(shown, parts["judge"]), read(fake, parts["judge"]), strict=True)
        same = [check(a, x)["overall"] == check(a, y)["overall"] for a, x, y in pairs]
        found["read alike"] = sum(same) / len(same)
    return found


def vae(parts: Mapping[str, Any], shown: Tensor, seeds: range) -> dict[str, float]:
    net = parts["vae"]
    return rebuilt(parts, shown, lambda x: net.decode(net.encode(x).latent_dist.mode()).sample)


def vqgan(parts: Mapping[str, Any], shown: Tensor, seeds: range) -> dict[str, float]:
    net = parts["vqgan"]
    used = torch.cat([net(rows * 2 - 1)[2].flatten() for rows in shown.split(50)]).unique()
    return rebuilt(parts, shown, lambda x: net(x)[0]) | {"codes used": len(used) / net.config["n_embed"]}


def judge(parts: Mapping[str, Any], shown: Tensor, seeds: range) -> dict[str, float]:
    """Whole scenes and single attributes read right."""
    marks = [check(sample(s)[0], v) for s, v in zip(seeds, read(shown, parts["judge"]), strict=True)]
    words = [mark == RIGHT for m in marks for key, mark in m.items() if key != "overall"]
    return {"attributes": sum(words) / len(words), "scenes": sum(m["overall"] == RIGHT for m in marks) / len(marks)}


MEASURES: Mapping[str, Callable[..., dict[str, float]]] = {
    "clip": retrieval,
    "clip_robust": robust_retrieval,
    "vae": vae,
    "vqgan": vqgan,
    "judge": judge,
}
