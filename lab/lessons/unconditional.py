"""Told nothing, a net paints what it has seen.

A tenth of the captions were left empty in training, so the empty sentence stands for all pictures at once.  What the
net then paints is a sample of its whole world, and one seed is one throw of the dice.  A wall of such samples shows
best what a model is made of: which things are there, which never come, and what it mixes up.

Ho & Salimans, arXiv 2207.12598, section 3.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from lab.lessons.together import together
from lab.measure.appraise import CLIENT, JUDGE, has_judge
from lab.measure.judge import fit, verdicts
from lab.race.events import Event
from models.engine import Engine
from models.protocol import Prompt, Request
from models.samplers.pixel import PixelKnobs


def run(
    engine: Engine,
    suite: str,
    seeds: Sequence[int],
    stop: threading.Event,
    knobs: PixelKnobs,
    client: str = "samples",
) -> Iterator[Event]:
    """A picture for each of `seeds`, told nothing: events of one lane, whose frames hold all of them."""
    yield from together(engine, {"": Request("pixel", Prompt("", seeds=tuple(seeds)), knobs, suite, client)}, stop)


def scenes(engine: Engine, suite: str, images: np.ndarray) -> int | None:
    """How many of `images` (B, H, W, 3) uint8 the judge can read as scenes at all; None without a judge."""
    if not has_judge(engine, suite):
        return None
    pictures = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 255
    said = engine.call(JUDGE, fit(pictures), client=CLIENT, suite=suite)
    with engine.registry.borrow(suite, ["judge"]) as parts:
        return sum(verdict.scene for verdict in verdicts(said, parts["judge"].config))
