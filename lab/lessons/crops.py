"""Crops: why CLIP is never asked about the whole picture alone.

A picture has thousands of numbers, and CLIP gives back one.  Whoever may change all of them finds a texture that
pleases CLIP long before it finds a cat: the number rises, the picture does not.  VQGAN+CLIP therefore asks about many
crops, each cut, turned, bent, tinted, noised and holed at random (Crowson et al., arXiv 2204.08583, section 3.2).
What is true of a picture survives that; what only fools CLIP does not.

Two climbs begin with the same latent and the same rule.  One is asked about the whole picture, the other about crops.
The first is praised more, and deserves it less: held before fresh crops, its praise falls away.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace

from lab.lessons.climbing import Climbed, request, watch
from models.engine import Engine
from models.protocol import Prompt, State
from models.samplers.vqgan_clip import VqganClipKnobs

LANES = ("off", "on")
STEPS = 24


def pair(knobs: VqganClipKnobs) -> dict[str, VqganClipKnobs]:
    """The same settings without crops and with them."""
    return {"off": replace(knobs, crops=1, whole=True), "on": knobs}


def run(
    engine: Engine,
    suite: str,
    prompt: Prompt,
    knobs: VqganClipKnobs,
    stop: threading.Event,
    starts: Mapping[str, State] | None = None,
    client: str = "crops",
) -> Iterator[Climbed]:
    """Both climbs, by LANES; `starts` go on from States of earlier ones."""
    starts = starts or {}
    asked = {lane: request(suite, prompt, mine, client, starts.get(lane)) for lane, mine in pair(knobs).items()}
    yield from watch(engine, asked, stop)
