"""Pictures against the sentence and three changed ones: does CLIP tell them apart?

A high similarity alone says little: a picture may please CLIP whatever the sentence says.  What counts is whether a
picture is nearer to its own sentence than to the same sentence with one word changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from lab.measure.appraise import CLIENT, IMAGE, TEXT
from lab.storybook.grammar import parse, say
from lab.storybook.words import BACKGROUNDS, COLOURS, KINDS
from models.engine import Engine

OTHERS = 3  # sentences beside the one that was painted
STRIDE = 5  # to a neighbour in a table of words that does not look alike


def changed(text: str) -> tuple[str, ...]:
    """`text` three times with something else: another colour and another place where it says one, and other things.

    () where it asks for nothing that we know.  What it leaves open may be true of a picture, whatever is set there.
    """
    reading = parse(text)
    if (ask := reading.ask) is None:
        return ()
    first, rest = ask.nouns[0], ask.nouns[1:]
    colour, place = _other(COLOURS, first.colour), _other(BACKGROUNDS, ask.background)
    said = [replace(ask, nouns=(replace(first, colour=colour), *rest))] if first.colour else []
    said += [replace(ask, background=place)] if ask.background else []
    kinds, kind, things = {kind: None for kind in KINDS if kind not in {noun.kind for noun in rest}}, first.kind, []
    while len(things) + len(said) < OTHERS:
        kind = _other(kinds, kind)
        things.append(replace(ask, nouns=(replace(first, kind=kind), *rest)))
    return tuple(say(ask, reading.language) for ask in things + said)


def matrix(
    engine: Engine, suite: str, images: Mapping[str, np.ndarray], texts: Sequence[str]
) -> dict[str, list[float]]:
    """CLIP cosines of every picture (H, W, 3) uint8 to each of `texts`, by the picture's name.

    Raises what the engine raises.
    """
    with engine.registry.borrow(suite, ["clip"]) as parts:
        tokens = parts["clip"].tokenize(texts).ids
    words = engine.call(TEXT, tokens, client=CLIENT, suite=suite)
    found = {}
    for name, image in images.items():
        picture = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255
        found[name] = F.cosine_similarity(engine.call(IMAGE, picture, client=CLIENT, suite=suite), words).tolist()
    return found


def _other(table: Mapping[str, object], name: str | None) -> str:
    """A name that is not `name`, always the same one."""
    names = list(table)
    return names[(names.index(name) + STRIDE) % len(names) if name in table else 0]
