"""Super-resolution by diffusion, the stage after any painter: a picture's sides four times as long, in few steps.

Saharia et al., "Image Super-Resolution via Iterative Refinement" (arXiv 2104.07636): a denoiser that sees the small
picture, upscaled, beside the noisy large one.  Ho et al., "Cascaded Diffusion Models" (arXiv 2106.15282): noise on
the small picture hides the faults of what painted it.  Part and configurations: upsampler, upsampler_scheduler;
the part is a UNet2DModel, or as in Karlo a ModuleDict of `first` and `last`, the net of the last step.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.knobs import Knobs, knob
from models.protocol import Eval, Kit, Painting, Prompt, Sampler, State, Step, Target, ask
from models.samplers.diffusion import folded, fresh, generators, grain, home, native, own, picture, show
from models.samplers.stage import Stage, run

SCALE = 4
TELL = {"stage": 2.0}  # after prior (0) and decoder (1)


@dataclass(frozen=True)
class UpsampleKnobs(Knobs):
    """How to refine.  `augment` is the deviation of the noise on the small picture, whose range is [-1, 1]."""

    steps: int = knob(7, low=2, high=1000, unit="steps")
    augment: float = knob(0.0, low=0.0, high=0.5, step=0.01)


def refine(parts: Mapping[str, nn.Module], x: Tensor, t: Tensor, blurred: Tensor, *, last: bool = False) -> Tensor:
    """Noisy large pictures (B, 3, H, W) at t (B,) beside the upscaled small ones -> what the net predicts, as x."""
    net = getattr(parts["upsampler"], "last" if last else "first", parts["upsampler"])
    return folded(net, torch.cat([x, blurred], 1), t)


REFINE = Target(refine, ("upsampler",))


def begin(
    small: Tensor, knobs: UpsampleKnobs, kit: Kit, rngs: Sequence[torch.Generator], before: int = 0
) -> tuple[Stage, dict[str, Tensor]]:
    """The stage that enlarges pictures (B, 3, h, w) in [-1, 1], and what it keeps; `before` steps came earlier."""
    fold = grain(native("upsampler", kit.config["upsampler"], 6)[0], kit.config["upsampler"])
    shape = small.shape[1], small.shape[2] * SCALE, small.shape[3] * SCALE
    if shape[1] % fold or shape[2] % fold:
        raise ValueError(
            f"picture is {tuple(small.shape[2:])}; give sides that, {SCALE} times as long, divide by {fold}"
        )
    if knobs.augment:
        small = small + knobs.augment * kit.noise(small.shape[1:], rngs)
    config = kit.config["upsampler_scheduler"]
    return Stage(fresh(own(config), config, knobs.steps), kit.noise(shape, rngs), before=before), {"small": small}


def enlarge(
    stage: Stage, kept: Mapping[str, Tensor], rngs: Sequence[torch.Generator]
) -> Generator[Eval | Step, Any, Tensor]:
    """Run the stage: large pictures (B, 3, 4h, 4w) in [-1, 1], not clamped."""
    small, final = kept["small"], float(stage.scheduler.timesteps[-1])
    size = [side * SCALE for side in small.shape[2:]]
    blurred = F.interpolate(small, size, mode="bicubic", align_corners=False, antialias=True)

    def predict(x: Tensor, t: Tensor) -> Generator[Eval, Any, Tensor]:
        opts = {"last": True} if float(t) == final else {}
        return (yield from ask("refine", x, torch.full((len(x),), float(t), device=x.device), blurred, **opts))

    return (yield from run(stage, predict, show, rngs, kept, TELL))


class Upsample:
    """Enlarges the picture that the prompt holds, once a seed."""

    knobs = UpsampleKnobs
    targets: Mapping[str, Target] = {"refine": REFINE}

    def __call__(self, prompt: Prompt, knobs: UpsampleKnobs, kit: Kit, start: State | None = None) -> Painting:
        like, rngs = home(kit), generators(prompt.seeds, start)
        if start:
            stage, kept = Stage.resume(start, like)
        elif prompt.image is None:
            raise ValueError("image is None; give the picture to enlarge, (3, H, W) in [0, 1]")
        else:
            small = (prompt.image.to(like) * 2 - 1).expand(len(rngs), -1, -1, -1)
            stage, kept = begin(small, knobs, kit, rngs)
        return picture((yield from enlarge(stage, kept, rngs)))


class Enlarged:
    """A painter whose pictures are enlarged where its settings say so: `upsample`, in `upsample_steps`."""

    guests = frozenset({"upsampler"})  # parts that are not the painter's own

    def __init__(self, painter: Sampler):
        self.painter = painter
        self.targets: Mapping[str, Target] = {**painter.targets, "refine": REFINE}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.painter, name)

    def spare(self, knobs: Any) -> frozenset[str]:
        """Parts that a run with these settings never asks for."""
        return frozenset() if knobs.upsample else self.guests

    def __call__(self, prompt: Prompt, knobs: Any, kit: Kit, start: State | None = None) -> Painting:
        """The painter's own steps, then those of the enlargement; `start` goes on within either."""
        if not knobs.upsample:
            return (yield from self.painter(prompt, knobs, kit, start))
        if "upsampler" not in kit.config:
            raise ValueError("upsample is True, but this suite has no upsampler; give False")
        like, rngs = home(kit), generators([_other(seed) for seed in prompt.seeds])
        if start and "small" in start.x:
            stage, kept = Stage.resume(start, like)
            rngs = generators(prompt.seeds, start)
        else:
            count, more = start.i if start else 0, knobs.upsample_steps
            small, count = yield from _longer(self.painter(prompt, knobs, kit, start), more, count)
            stage, kept = begin(small.to(like) * 2 - 1, UpsampleKnobs(more), kit, rngs, before=count)
        return picture((yield from enlarge(stage, kept, rngs)))


def _other(seed: int) -> int:
    """A seed whose noise has nothing to do with that of `seed`."""
    return (seed * 6364136223846793005 + 1442695040888963407) % 2**63  # a step of Knuth's MMIX generator


def _longer(painting: Painting, more: int, count: int) -> Generator[Eval | Step, Any, tuple[Tensor, int]]:
    """A painting whose steps say that `more` will follow; gives pictures and step count (`count` if none is left)."""
    value = None
    try:
        while True:
            said = painting.send(value)
            if isinstance(said, Step):
                count, said = said.n, replace(said, n=said.n + more)
            value = yield said
    except StopIteration as end:
        return end.value, count
    finally:
        painting.close()
