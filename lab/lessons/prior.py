"""A sentence does not say how a picture looks, so DALL-E 2 first imagines an embedding of one, several times over.

Many pictures fit one sentence; a prior draws from them (Ramesh et al., arXiv 2204.06125, section 2.2).  It begins
with as many noisy embeddings as there are candidates, and cleans them under the sentence.  They have no pictures yet,
but they have neighbours: what each is nearest to changes from step to step, until it has made up its mind.  Then all
are decoded from one noise, so that only what was imagined differs; unCLIP itself would keep the most similar one.

The prior's run is stopped after its last step and goes on from its State, once for every candidate.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lab.lessons.captions import CLIENT, PAINTER, Near, captions
from lab.lessons.together import together
from lab.measure.appraise import TEXT
from lab.race.events import Event
from models.engine import Engine
from models.protocol import Prompt, Request, State
from models.samplers.unclip import UnclipKnobs
from models.samplers.unclip.prior import TARGETS

FINISH = TARGETS["finish"]


@dataclass(frozen=True, slots=True, eq=False)
class Thought:
    """The candidates after step `i` of the prior's `n`: (N, E) in CLIP's units, noisy before the last step.

    `similarity` is each one's cosine to the sentence, `near` the captions nearest to it, `state` the run's.
    """

    i: int
    n: int
    embeddings: Tensor
    similarity: tuple[float, ...]
    near: tuple[tuple[Near, ...], ...]
    state: State

    @property
    def best(self) -> int:
        """The place of the candidate that unCLIP keeps."""
        return max(range(len(self.similarity)), key=self.similarity.__getitem__)

    @property
    def alike(self) -> float:
        """The mean cosine between two different candidates; 1 where there is but one."""
        rows, count = F.normalize(self.embeddings.float(), dim=-1), len(self.embeddings)
        return float((rows @ rows.T).sum() - count) / (count * (count - 1)) if count > 1 else 1.0

    @property
    def over(self) -> bool:
        return self.i == self.n


def run(
    engine: Engine, suite: str, text: str, seed: int, knobs: UnclipKnobs, stop: threading.Event, client: str = "prior"
) -> Iterator[Thought | Event]:
    """The thoughts, then the events of one painting that shows all candidates in their order, from one noise."""
    last = None
    for last in imagine(engine, suite, text, seed, knobs, stop, client):
        yield last
    if last is not None and last.over and not stop.is_set():
        count = len(last.similarity)
        yield from decode(engine, suite, text, fork(last.state, range(count)), (seed,) * count, knobs, stop, client)


def imagine(
    engine: Engine, suite: str, text: str, seed: int, knobs: UnclipKnobs, stop: threading.Event, client: str = "prior"
) -> Iterator[Thought]:
    """The thoughts of the prior alone, step by step; fewer where `stop` is set.  Raises what went wrong."""
    known, steps = captions(engine, suite), knobs.prior_steps
    request = Request(
        "unclip", Prompt(text, seeds=(seed,)), replace(knobs, embedding="prior"), suite, client, stop=steps
    )
    begun, told, over = engine.submit(request, keep=tuple(range(1, steps + 1))), 0, False
    try:
        while not over:
            over = begun.over or stop.is_set()
            fresh = [begun.states[i] for i in sorted(begun.states) if i > told]
            if fresh and not stop.is_set():
                words = engine.call(TEXT, begun.tokens.ids[:1], client=CLIENT, suite=suite, sampler=PAINTER)
                for state in fresh:
                    z = engine.call(FINISH, state.x["x"][0], client=CLIENT, suite=suite)
                    cosines = F.cosine_similarity(z.float(), words.float()).tolist()
                    yield Thought(state.i, steps, z, tuple(cosines), tuple(known.near(z)), state)
                told = fresh[-1].i
            elif not over:
                engine.turn()
    finally:
        if not begun.over:
            begun.cancel()
    if begun.error is not None:
        raise begun.error


def settled(*given: Any, **more: Any) -> Thought | None:
    """The last thought of `imagine`, given the same; None where it was stopped before."""
    last = None
    for thought in imagine(*given, **more):
        last = thought
    return last if last is not None and last.over else None


def fork(state: State, picks: Sequence[int], seeds: Sequence[int] | None = None) -> State:
    """A prior's last State as the beginning of a decoder that paints its candidates `picks`, one a picture.

    Noise is what this run would have drawn next, the same for all; with `seeds` it is each seed's own.
    """
    rng = state.rng * len(picks)
    if seeds is not None:
        rng = tuple(torch.Generator().manual_seed(seed).get_state() for seed in seeds)
    return replace(state, x={**state.x, "x": state.x["x"][0, list(picks), None]}, rng=rng)


def decode(
    engine: Engine, suite: str, text: str, start: State, seeds: Sequence[int], knobs: UnclipKnobs,
    stop: threading.Event, client: str = "prior",
) -> Iterator[Event]:  # fmt: skip
    """Events of the decoder from a `fork`, one picture for each of `seeds`."""
    prompt = Prompt(text, seeds=tuple(seeds))
    request = Request("unclip", prompt, replace(knobs, embedding="prior"), suite, client, start=start)
    yield from together(engine, {"pictures": request}, stop)
