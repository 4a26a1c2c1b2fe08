"""Captions with one thing wrong: the hard negatives of CLIP (Yuksekgonul et al., arXiv 2210.01936, sec. 4).

Among random captions a colour and a background tell most pictures apart, and a tower that never looks at what a thing
is loses little.  A caption that differs in the kind alone leaves it no other way.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from lab.storybook.scene import HELD_OUT, Ask, Noun
from lab.storybook.words import BACKGROUNDS, COLOURS, KINDS, SIZES

MIRRORED = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
KIND, PLACE, CROSSED = 4, 4, 4  # times as often as any other fault: what is hardest to see


def altered(ask: Ask, rng: random.Random) -> Ask:
    """`ask` with one fault in what it names; never a pair that is held out."""
    return rng.choice(_faults(ask))(rng)


def _faults(ask: Ask) -> list[Callable[[random.Random], Ask]]:
    first, rest = ask.nouns[0], ask.nouns[1:]
    found = [lambda rng: _noun(ask, rng, "kind")] * KIND
    if any(noun.colour for noun in ask.nouns):
        found.append(lambda rng: _noun(ask, rng, "colour"))
    if any(noun.size for noun in ask.nouns):
        found.append(lambda rng: _noun(ask, rng, "size"))
    if first.count > 1:
        found.append(lambda _: replace(ask, nouns=(replace(first, count=5 - first.count),)))
    if ask.relation in MIRRORED:
        found += [lambda _: replace(ask, relation=MIRRORED[ask.relation])] * PLACE
        found += [lambda _: replace(ask, nouns=ask.nouns[::-1])] * PLACE
    if ask.background:
        found.append(lambda rng: replace(ask, background=_other(BACKGROUNDS, ask.background, rng)))
    if rest and first.colour != rest[0].colour and not any(_held_out(*pair) for pair in _crossed(first, rest[0])):
        crossed = tuple(replace(noun, colour=colour) for noun, colour in _crossed(first, rest[0]))
        found += [lambda _: replace(ask, nouns=crossed)] * CROSSED
    return found


def _noun(ask: Ask, rng: random.Random, field: str) -> Ask:
    """`ask` with another `field` in one of the nouns that name it."""
    chosen = rng.choice([k for k, noun in enumerate(ask.nouns) if getattr(noun, field)])
    noun, there = ask.nouns[chosen], {other.kind for other in ask.nouns}
    fit = {
        "kind": [kind for kind in KINDS if kind not in there and not _held_out(replace(noun, kind=kind), noun.colour)],
        "colour": [colour for colour in COLOURS if colour != noun.colour and not _held_out(noun, colour)],
        "size": [size for size in SIZES if size != noun.size],
    }
    nouns = list(ask.nouns)
    nouns[chosen] = replace(noun, **{field: rng.choice(fit[field])})
    return replace(ask, nouns=tuple(nouns))


def _crossed(a: Noun, b: Noun) -> tuple[tuple[Noun, str | None], tuple[Noun, str | None]]:
    return (a, b.colour), (b, a.colour)


def _held_out(noun: Noun, colour: str | None) -> bool:
    return (noun.kind, colour) in HELD_OUT


def _other(table: dict, name: str, rng: random.Random) -> str:
    return rng.choice([other for other in table if other != name])
