"""Recipes that train the classroom suite from nothing: `quartet train PART|all`."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from models.protocol import Step

if TYPE_CHECKING:
    from lab.train.loop import Recipe
    from lab.train.team import Team

CORES = os.cpu_count() or 1
ALONE = "vqgan"  # each process would sow codes of its own

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


def run(
    part: str, minutes: float, out: Path, resume: bool = False, device: str = "cpu", processes: int = 1
) -> Iterator[Step]:
    """Train one part for `minutes` into the suite folder `out`; logs go beside it, to `<out>-logs/<part>`.

    `processes` share the training, each with its part of the CPU's threads; see `lab.train.team`.
    """
    from lab.train.loop import train
    from lab.train.team import gathered

    if part not in PARTS:
        raise ValueError(f"part is {part!r}; it can be one of {', '.join(PARTS)}, or all")
    if not minutes > 0:
        raise ValueError(f"minutes is {minutes}; it must be above 0")
    if not 1 <= processes <= CORES or (processes > 1 and device != "cpu"):
        raise ValueError(f"processes is {processes} on {device}; it can be 1 to {CORES} on the cpu, and 1 elsewhere")
    if part == ALONE and processes > 1:
        raise ValueError(f"processes is {processes}; {part} is trained by 1: two would sow codes of their own")
    recipe = _recipe(part, minutes, out, resume)  # what all read is painted and cached before the others begin
    with gathered(processes, _follow, part, minutes, out, resume) as team:
        yield from train(recipe, minutes, _logs(out, part), out, resume, device, team=team)


def _follow(team: Team, part: str, minutes: float, out: Path, resume: bool) -> None:
    from lab.train.loop import follow

    follow(team, _recipe(part, minutes, out, resume), _logs(out, part), out, resume)


def _recipe(part: str, minutes: float, out: Path, resume: bool) -> Recipe:
    module, name = PARTS[part][0].split(":")
    return getattr(importlib.import_module(module), name)(out, minutes, resume)


def _logs(out: Path, part: str) -> Path:
    return out.parent / f"{out.name}-logs" / part
