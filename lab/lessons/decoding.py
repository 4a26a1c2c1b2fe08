"""One embedding, four pictures: what stays is in the embedding, what changes the decoder made up.

CLIP's embedding of a picture keeps what it is about and forgets where every edge was.  The decoder fills in the rest
from noise (Ramesh et al., arXiv 2204.06125, section 2.1), so with the same embedding and other noise it paints another
picture that CLIP would hardly tell from the first.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from lab.lessons.prior import Thought, decode, fork, settled
from lab.race.events import Event
from models.engine import Engine
from models.samplers.unclip import UnclipKnobs

COUNT = 4


def run(
    engine: Engine, suite: str, text: str, seed: int, knobs: UnclipKnobs, stop: threading.Event,
    client: str = "decoding", count: int = COUNT,
) -> Iterator[Thought | Event]:  # fmt: skip
    """The last thought of the prior, then the events of one painting: its best candidate from `count` noises."""
    best = settled(engine, suite, text, seed, knobs, stop, client)
    if best is None or stop.is_set():
        return
    yield best
    seeds = tuple(range(seed, seed + count))
    yield from decode(engine, suite, text, fork(best.state, [best.best] * count, seeds), seeds, knobs, stop, client)
