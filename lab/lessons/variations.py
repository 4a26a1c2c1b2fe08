"""Variations of a picture: what CLIP remembers of it, painted again without a word.

CLIP looks at a picture, the picture is put away, and the decoder paints from the embedding alone, each time from other
noise (Ramesh et al., arXiv 2204.06125, section 3.1).  What all variations share is what CLIP saw; what changes
it did not keep.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lab.lessons.captions import CLIENT, PAINTER, Near, captions
from lab.lessons.together import together
from lab.measure.appraise import IMAGE
from lab.race.events import Event
from lab.storybook.grammar import parse
from lab.storybook.paint import paint
from lab.storybook.scene import stage
from models.engine import Engine
from models.protocol import Prompt, Request
from models.samplers.unclip import UnclipKnobs

COUNT = 4


def run(
    engine: Engine, suite: str, picture: Tensor, seed: int, knobs: UnclipKnobs, stop: threading.Event,
    client: str = "variations", count: int = COUNT,
) -> Iterator[tuple[Near, ...] | Event]:  # fmt: skip
    """What CLIP sees in `picture` (3, H, W) in [0, 1], then the events of one painting of `count` variations."""
    seen = engine.call(IMAGE, picture[None], client=CLIENT, suite=suite, sampler=PAINTER)
    yield captions(engine, suite).near(seen)[0]
    prompt = Prompt("", seeds=tuple(range(seed, seed + count)), image=picture)
    request = Request("unclip", prompt, replace(knobs, embedding="image"), suite, client)
    yield from together(engine, {"pictures": request}, stop)


def true_picture(text: str, seed: int, side: int) -> Tensor | None:
    """A scene that fulfils `text`, as Storybook paints it: (3, side, side) in [0, 1].

    Another seed stages it otherwise.  None where the text asks for nothing that Storybook knows.
    """
    if (ask := parse(text).ask) is None:
        return None
    scene = stage(ask, random.Random(f"true {seed}"), None)
    small = paint(scene).picture.resize((side, side), Image.Resampling.BOX)
    return torch.from_numpy(np.array(small)).movedim(-1, 0).float() / 255
