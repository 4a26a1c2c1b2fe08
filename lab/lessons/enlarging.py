"""A last net makes the picture four times as wide: it adds what so few pixels cannot hold.

DALL-E 2 paints small and enlarges by diffusion (Ramesh et al., arXiv 2204.06125, section 2.1; Saharia et al.,
arXiv 2104.07636).  The net sees the small picture, stretched, beside noise, and cleans the noise in a few steps.  Its
edges are sharp where stretching blurs them; but a mistake of the small picture it enlarges as faithfully.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from lab.lessons.together import together
from lab.race.events import Event
from models.engine import Engine
from models.protocol import Prompt, Request
from models.samplers.unclip import UnclipKnobs
from models.samplers.upsample import UpsampleKnobs


def run(
    engine: Engine, suite: str, text: str, seed: int, knobs: UnclipKnobs, stop: threading.Event,
    client: str = "enlarging", augment: float = 0.0,
) -> Iterator[Event]:  # fmt: skip
    """Events of the small painting, lane "small", then of the large one, lane "large"."""
    request = Request("unclip", Prompt(text, seeds=(seed,)), replace(knobs, upsample=False), suite, client)
    small = None
    for event in together(engine, {"small": request}, stop):
        yield event
        small = event.frame if event.frame is not None else small
        done = event.state == "done"
    if done and small is not None and not stop.is_set():
        yield from together(
            engine, {"large": enlarge(small[0], suite, seed, knobs.upsample_steps, client, augment)}, stop
        )


def enlarge(small: np.ndarray, suite: str, seed: int, steps: int, client: str, augment: float = 0.0) -> Request:
    """The request that enlarges a picture (H, W, 3) uint8."""
    picture = torch.from_numpy(np.ascontiguousarray(small)).movedim(-1, 0).float() / 255
    return Request("upsample", Prompt("", seeds=(seed,), image=picture), UpsampleKnobs(steps, augment), suite, client)
