"""Out of the noise: the half of diffusion that had to be learned.

The way back begins where the way in ended.  In each step the net says which picture it believes to be under the
noise; the scheduler goes a little towards it, and leaves the rest of the noise for the next step.  Early beliefs are
blurred, the mean of everything that could still be there; late ones are sharp.  Begun from halfway, the same net
brings the old picture back (Meng et al., arXiv 2108.01073); begun from the end it invents another, for nothing of the
old one is left.

Every place of the strip is a run of its own that goes on from the State of the one before, which is the same, bit for
bit, as never to have stopped.  Ho et al., arXiv 2006.11239, algorithm 2; Song et al., arXiv 2010.02502.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lab.lessons.forward import Way
from lab.lessons.given import pixels
from lab.lessons.together import EVERY
from lab.race.events import Event, Follower
from lab.race.needs import limited
from models.engine import Engine
from models.protocol import Prompt, Request, State
from models.samplers.diffusion import freeze, picture
from models.samplers.pixel import PixelKnobs


@dataclass(frozen=True, slots=True, eq=False)
class Back:
    """The way back has come to a place: `x` as it is there, and what the net believes it shows; (H, W, 3) uint8.

    At the picture itself there is nothing left to believe: `belief` is the picture.
    """

    place: int
    x: np.ndarray
    belief: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Underway:
    """News on the way to a place: an event of its run, whose frame is what the net believes just now."""

    place: int
    event: Event


def run(
    engine: Engine,
    suite: str,
    road: Way,
    x: Tensor,
    rng: torch.Generator,
    text: str,
    knobs: PixelKnobs,
    stop: threading.Event,
    client: str = "reverse",
) -> Iterator[Back | Underway]:
    """From the noisy `x` (3, H, W) back along `road`, by `knobs`, told `text`; "" leaves the net alone with all it saw.

    Noise that a step adds is drawn from `rng`.  A run that fails or is stopped ends the strip; its last event says so.
    """
    knobs = replace(knobs, steps=road.steps)
    state = freeze(0, {"x": x[None], "t": road.times}, [rng], road.scheduler)
    known, belief = {0: state}, None
    for place in road.places:
        end = min(place + 1, road.steps)
        if state.i < end:
            # seeds give the number of pictures; the generators themselves come with the state
            asked = Request("pixel", Prompt(text, seeds=(0,)), knobs, suite, client, start=state, stop=end)
            done = yield from _leg(engine, asked, place, end, stop)
            if done is None:
                return
            belief, states = done
            known |= states
            state = known[end]
        here = pixels(picture(known[place].x["x"][0]))
        yield Back(place, here, here if place == road.steps else belief)


def _leg(
    engine: Engine, asked: Request, place: int, end: int, stop: threading.Event
) -> Generator[Underway, None, tuple[np.ndarray, dict[int, State]] | None]:
    """One run of a few steps; returns its last belief and the States at `place` and `end`, or None."""
    zero = time.perf_counter()
    going = engine.submit(asked, keep=(place, end))
    follower = Follower("reverse", going, zero, EVERY, zero, need=limited(engine, asked))
    try:
        while not follower.over:
            if stop.is_set():
                going.cancel()
            event = follower.news(time.perf_counter())
            if event is not None:
                yield Underway(place, event)
            else:
                engine.turn()
    finally:
        if not going.over:
            going.cancel()
    return (pixels(going.result[0]), dict(going.states)) if going.state == "done" else None
