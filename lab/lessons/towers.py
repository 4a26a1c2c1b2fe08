"""Two CLIPs: an ordinary picture tower against one that was trained on what fools the ordinary one.

An ordinary CLIP has only ever seen pictures.  Between them lie countless almost-pictures on which it says anything at
all, and a gradient finds those first.  A robust tower was trained with an adversary beside it, who changed every
picture a little to fool it (Madry et al., arXiv 1706.06083; for CLIP, Ganz & Elad, arXiv 2306.16805): to please
it, a picture has to change in ways that we see too.

Two climbs begin with the same latent and the same crops, and only the CLIP that is asked differs.  What each picture
is worth, the other one says.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace

from lab.lessons.climbing import Climbed, request, watch
from models.engine import Engine
from models.protocol import Prompt, State
from models.samplers.vqgan_clip import VqganClipKnobs

LANES = ("ordinary", "robust")


def run(
    engine: Engine,
    suite: str,
    prompt: Prompt,
    knobs: VqganClipKnobs,
    stop: threading.Event,
    starts: Mapping[str, State] | None = None,
    client: str = "towers",
) -> Iterator[Climbed]:
    """Both climbs, by LANES; `starts` go on from States of earlier ones.  ValueError without a robust tower."""
    if "clip_robust" not in engine.registry.suite(suite).parts:
        raise ValueError(f"suite is {suite!r}, which has no clip_robust; give one that has both picture towers")
    starts = starts or {}
    asked = {lane: request(suite, prompt, replace(knobs, tower=lane), client, starts.get(lane)) for lane in LANES}
    yield from watch(engine, asked, stop)
