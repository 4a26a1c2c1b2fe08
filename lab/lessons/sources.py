"""Is the prior worth its while?  The same decoder, the same noise, and three embeddings to paint from.

The decoder was trained on embeddings of pictures.  At painting time there is none, so it can be given what the prior
imagines; or, to save the prior, the sentence's own embedding, which CLIP puts near the picture's but not where pictures
are (Ramesh et al., arXiv 2204.06125, section 5.1 and figure 8); or, as the best that one could hope for, the
embedding of a true picture of the sentence.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from lab.lessons.captions import CLIENT, PAINTER, Near, captions, tokenized
from lab.lessons.prior import fork, settled
from lab.lessons.together import together
from lab.measure.appraise import IMAGE, TEXT
from lab.race.events import Event
from models.engine import Engine
from models.protocol import Prompt, Request
from models.samplers.unclip import UnclipKnobs

KINDS = ("prior", "text", "image")  # lanes of the events, as the knob `embedding` calls them


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """Of each kind of embedding: its cosine to the true picture's, and the captions nearest to it."""

    similarity: Mapping[str, float]
    near: Mapping[str, tuple[Near, ...]]


def run(
    engine: Engine, suite: str, text: str, seed: int, picture: Tensor, knobs: UnclipKnobs, stop: threading.Event,
    client: str = "sources",
) -> Iterator[Sources | Event]:  # fmt: skip
    """What the three embeddings mean, then the events of three paintings; `picture` is (3, H, W) in [0, 1]."""
    last = settled(engine, suite, text, seed, knobs, stop, client)
    if last is None or stop.is_set():
        return
    yield _compare(engine, suite, text, picture, last.embeddings[last.best])
    prompt, settings = Prompt(text, seeds=(seed,)), {kind: replace(knobs, embedding=kind) for kind in KINDS}
    requests = {
        "prior": Request(
            "unclip", prompt, settings["prior"], suite, client, start=fork(last.state, [last.best], [seed])
        ),
        "text": Request("unclip", prompt, settings["text"], suite, client),
        "image": Request("unclip", replace(prompt, image=picture), settings["image"], suite, client),
    }
    yield from together(engine, requests, stop)


def _compare(engine: Engine, suite: str, text: str, picture: Tensor, imagined: Tensor) -> Sources:
    words = engine.call(TEXT, tokenized(engine, suite, [text]), client=CLIENT, suite=suite, sampler=PAINTER)[0]
    true = engine.call(IMAGE, picture[None], client=CLIENT, suite=suite, sampler=PAINTER)[0]
    rows = torch.stack([imagined, words, true]).float()
    cosines = F.cosine_similarity(rows, true.float()[None]).tolist()
    near = captions(engine, suite).near(rows)
    return Sources(dict(zip(KINDS, cosines, strict=True)), dict(zip(KINDS, near, strict=True)))
