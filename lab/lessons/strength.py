"""Strength: how much of a given picture may change.

Instead of beginning with nothing but noise, the painter begins with a picture that is noised part of the way, and
paints from there (SDEdit, arXiv 2108.01073).  Strength is how far: at 0.2 only the grain is forgotten and the picture
stays; at 0.6 large shapes and colours are left to hold on to; at 1 nearly everything is gone, and the sentence alone
decides.  Fewer steps are left to take at a low strength: `strength * steps` of them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

from torch import Tensor

from lab.lessons.compared import Found, compared
from lab.race.events import Event
from models.engine import Engine
from models.protocol import Prompt, Request
from models.samplers.latent import LatentKnobs

STRENGTHS = (0.2, 0.4, 0.6, 0.8, 1.0)
STEPS = 15


def key(strength: float) -> str:
    """The lane of one picture."""
    return f"{strength:g}"


def run(
    engine: Engine,
    suite: str,
    text: str,
    seed: int,
    picture: Tensor,
    stop: threading.Event,
    knobs: LatentKnobs,
    strengths: Sequence[float] = STRENGTHS,
    client: str = "strength",
) -> Iterator[Event | Found]:
    """`picture` (3, H, W) in [0, 1] painted over at each strength, by `knobs` in all else: events of the lanes
    `key(strength)`, then worth."""
    prompt = Prompt(text, seeds=(seed,), image=picture)
    requests = {
        key(strength): Request("latent", prompt, replace(knobs, strength=strength), suite, client)
        for strength in strengths
    }
    yield from compared(engine, requests, stop)
