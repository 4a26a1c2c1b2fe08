"""Guidance: how closely a painter holds to the sentence.

At every step the net is asked twice: what noise it sees in the picture when it knows the sentence, and when it knows
none.  The difference is what the sentence adds; guidance walks along it, and past it (Ho & Salimans, arXiv
2207.12598, equation 6, in the common form  none + scale * (sentence - none)).  At 1 the second question is not even
asked.  A little more makes the picture say the sentence; far too much burns its colours, because the walk leaves
everything that the net has ever seen.

The strip shows one seed at rising scales: the same noise, the same net, and only that walk is longer.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

from lab.lessons.compared import Found, compared
from lab.race.events import Event
from models.engine import Engine
from models.protocol import Prompt, Request
from models.samplers.latent import LatentKnobs

SCALES = (1.0, 2.0, 4.0, 8.0, 16.0)
STEPS = 12


def key(seed: int, scale: float) -> str:
    """The lane of one picture of the strip."""
    return f"{seed}/{scale:g}"


def run(
    engine: Engine,
    suite: str,
    text: str,
    seeds: Sequence[int],
    stop: threading.Event,
    knobs: LatentKnobs,
    scales: Sequence[float] = SCALES,
    client: str = "guidance",
) -> Iterator[Event | Found]:
    """The strip of each of `seeds`, by `knobs` but for their guidance: events of the lanes `key(seed, scale)`, then
    what each picture was worth."""
    requests = {
        key(seed, scale): Request("latent", Prompt(text, seeds=(seed,)), replace(knobs, guidance=scale), suite, client)
        for seed in seeds
        for scale in scales
    }
    yield from compared(engine, requests, stop)
