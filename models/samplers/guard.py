"""A painter under guard: no picture of it is seen by anybody before the safety checker has seen it.

Previews and the finished painting alike; what is refused is covered with one flat grey, which no painter paints, so
that whoever shows it can tell and say why.  States, and with them resuming and receipts, are the painter's own.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from models.protocol import Eval, Kit, Look, Painting, Prompt, Sampler, State, Step, Target, ask

COVER = 128 / 255  # of all three channels, everywhere


def safety(parts: Mapping[str, nn.Module], pictures: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) in [0, 1] -> (B,), above 0 where a picture is not to be shown."""
    return parts["safety"](pictures)


SAFETY = Target(safety, ("safety",))


class Guarded:
    """`sampler`, its looks and its painting covered where the suite's part `safety` says so.

    A suite whose table has no such part paints as ever: whoever put it together decided that.
    """

    def __init__(self, sampler: Sampler):
        self.sampler = sampler
        self.targets: Mapping[str, Target] = {**sampler.targets, "safety": SAFETY}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sampler, name)

    def __call__(self, prompt: Prompt, knobs: Any, kit: Kit, start: State | None = None) -> Painting:
        painting, value = self.sampler(prompt, knobs, kit, start), None
        if "safety" not in kit.config:
            return (yield from painting)
        try:
            while True:
                said = painting.send(value)
                value = yield _guarded(said) if isinstance(said, Step) else said
        except StopIteration as end:
            return (yield from covered(end.value))
        finally:
            painting.close()


def _guarded(step: Step) -> Step:
    glance = step.glance and partial(_look, step.glance)
    return replace(step, look=partial(_look, step.look), glance=glance)


def covered(pictures: Tensor) -> Generator[Eval, Any, Tensor]:
    """Pictures (B, 3, H, W) in [0, 1], with those covered that are not to be shown."""
    scores = yield from ask("safety", pictures)
    refused = scores.to(pictures.device) > 0
    return torch.where(refused[:, None, None, None], torch.full_like(pictures, COVER), pictures)


def is_cover(image: Any) -> bool:
    """Whether a picture of bytes, a numpy array or tensor, is the cover and nothing else."""
    return bool((image == round(COVER * 255)).all())


def _look(look: Any) -> Look:
    return (yield from covered((yield from look())))
