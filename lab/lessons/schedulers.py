"""Schedulers: how a step is taken.

The net tells only in which direction the noise lies.  How far to go, whether to look again before going (Heun asks
twice a step), whether to remember the step before (DPM++ does) and whether to throw in fresh noise (DDPM and Euler a
do) is the scheduler's choice.  All of them walk down the same slope from the same noise; with many steps the ones
without chance end near the same picture, with few steps they part, and the good ones are those that are near already.

Ho et al., arXiv 2006.11239 (DDPM); Song et al., arXiv 2010.02502 (DDIM); Karras et al., arXiv 2206.00364 (Euler,
Heun); Lu et al., arXiv 2211.01095 (DPM++).
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

NAMES = ("ddpm", "ddim", "euler", "euler_a", "dpm++", "heun")
STEPS = (5, 15)


def key(name: str, steps: int) -> str:
    """The lane of one picture."""
    return f"{name}/{steps}"


def run(
    engine: Engine,
    suite: str,
    text: str,
    seed: int,
    stop: threading.Event,
    knobs: LatentKnobs,
    names: Sequence[str] = NAMES,
    steps: Sequence[int] = STEPS,
    client: str = "schedulers",
) -> Iterator[Event | Found]:
    """One seed by every scheduler in every number of steps, by `knobs` in all else: events of the lanes
    `key(name, n)`, then their worth."""
    prompt = Prompt(text, seeds=(seed,))
    requests = {
        key(name, n): Request("latent", prompt, replace(knobs, steps=n, scheduler=name), suite, client)
        for n in steps
        for name in names
    }
    yield from compared(engine, requests, stop)
