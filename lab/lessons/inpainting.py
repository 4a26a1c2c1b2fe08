"""Inpainting: a hole is painted anew, and the rest stays.

A painter that was never taught to fill holes can do it all the same.  At every step it denoises the whole picture;
then everything outside the hole is put back, noised as far as the picture is at that moment (RePaint's first idea,
arXiv 2201.09865, section 4.1).  So the hole always sees what surrounds it and grows to fit.  The sentence describes
the whole picture.  What stays still passes through the autoencoder once, so it is close, not equal: `Kept` says how.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from lab.lessons.compared import Found, compared
from lab.lessons.given import resized
from lab.race.events import Event
from models.engine import Engine
from models.protocol import Prompt, Request
from models.samplers.latent import LatentKnobs

STEPS = 15
LANE = "repaint"


@dataclass(frozen=True, slots=True)
class Kept:
    """What the picture is worth, and how far it is from the given one: mean of 0 to 255, outside the hole and in it."""

    lane: str
    found: Found
    outside: float
    inside: float


def run(
    engine: Engine,
    suite: str,
    text: str,
    seed: int,
    picture: Tensor,
    mask: Tensor,
    stop: threading.Event,
    knobs: LatentKnobs,
    client: str = "inpainting",
) -> Iterator[Event | Kept]:
    """`picture` (3, H, W) in [0, 1] repainted by `knobs` where `mask` (1, H, W) is 1: events of `LANE`, then Kept."""
    if not mask.any():
        raise ValueError("mask is 0 everywhere; give 1 where the picture is to be repainted")
    prompt = Prompt(text, seeds=(seed,), image=picture, mask=mask)
    painted = None
    for told in compared(engine, {LANE: Request("latent", prompt, knobs, suite, client)}, stop):
        if isinstance(told, Found):
            yield Kept(LANE, told, *_apart(picture, mask, painted))
        else:
            painted = painted if told.frame is None else told.frame
            yield told


def _apart(picture: Tensor, mask: Tensor, painted: np.ndarray) -> tuple[float, float]:
    tall, wide = painted.shape[1:3]
    given = resized(picture, tall, wide).permute(1, 2, 0).numpy() * 255
    hole = resized(mask, tall, wide)[0].numpy() > 0.5
    off = np.abs(painted[0].astype(np.float32) - given).mean(-1)
    return tuple(float(off[place].mean()) if place.any() else 0.0 for place in (~hole, hole))
