"""One net, any number of steps.

The net was trained on a thousand noise levels, but it need not visit them all: it is asked at a few, and the scheduler
strides over the rest.  Five steps leave mush or a poster, for each stride is a straight line where the road bends;
twenty-five are hard to tell from a hundred, and a thousand cost ten times as much for nothing one can see.  With DDIM,
which throws no dice, the pictures are even the same picture coming into focus.

Song et al., arXiv 2010.02502, section 4.2; Nichol & Dhariwal, arXiv 2102.09672, section 4.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

from lab.lessons.compared import Found, compared
from lab.race.events import Event
from models.engine import Engine
from models.protocol import Prompt, Request
from models.samplers.pixel import PixelKnobs

COUNTS = (5, 10, 25, 100, 1000)


def run(
    engine: Engine,
    suite: str,
    text: str,
    seed: int,
    stop: threading.Event,
    knobs: PixelKnobs,
    counts: Sequence[int] = COUNTS[:4],
    client: str = "steps",
) -> Iterator[Event | Found]:
    """The same seed in every one of `counts` steps, by `knobs` but for DDIM's dice: events of the lanes `str(n)`, then
    what each was worth."""
    requests = {
        str(n): Request("pixel", Prompt(text, seeds=(seed,)), replace(knobs, steps=n, eta=0.0), suite, client)
        for n in counts
    }
    yield from compared(engine, requests, stop)
