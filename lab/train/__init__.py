"""Recipes that train the classroom suite from nothing: `quartet train PART|all`."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

from models.protocol import Step

# In the order of training: each needs those before it.  Share: of the minutes of `all`.
PARTS = {
    "clip": ("lab.train.clip:ClipRecipe", 0.06),
    "vae": ("lab.train.vae:VaeRecipe", 0.14),
    "latent": ("lab.train.latent:LatentRecipe", 0.24),
    "vqgan": ("lab.train.vqgan:VqganRecipe", 0.08),
    "judge": ("lab.train.judge:JudgeRecipe", 0.08),
    "robust": ("lab.train.robust:RobustRecipe", 0.12),
    "pixel": ("lab.train.pixel:PixelRecipe", 0.14),
    "prior": ("lab.train.prior:PriorRecipe", 0.03),
    "decoder": ("lab.train.decoder:DecoderRecipe", 0.08),
    "upsampler": ("lab.train.upsampler:UpsamplerRecipe", 0.03),
}


def run(part: str, minutes: float, out: Path, resume: bool = False, device: str = "cpu") -> Iterator[Step]:
    """Train one part for `minutes` into the suite folder `out`; logs go beside it, to `<out>-logs/<part>`."""
    from lab.train.loop import train

    if part not in PARTS:
        raise ValueError(f"part is {part!r}; it can be one of {', '.join(PARTS)}, or all")
    if not minutes > 0:
        raise ValueError(f"minutes is {minutes}; it must be above 0")
    module, name = PARTS[part][0].split(":")
    recipe = getattr(importlib.import_module(module), name)(out, minutes, resume)
    yield from train(recipe, minutes, out.parent / f"{out.name}-logs" / part, out, resume, device)
