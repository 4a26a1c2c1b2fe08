"""Scenes: what may stand in a picture, what a prompt may ask, and which pairs nobody is shown.

A `Scene` is the whole truth of one picture; an `Ask` is what a caption says of it, which may be less
(a colour, a size or the background left open).  Places and radii are fractions of the picture's width.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from lab.storybook.words import BACKGROUNDS, COLOURS, KINDS, RELATIONS, SIZES

# One colour of every kind, a tenth of all pairs, is shown to no CLIP, autoencoder or generator: only to the judge.
HELD_OUT = frozenset((kind, list(COLOURS)[(7 * i + 4) % 10]) for i, kind in enumerate(KINDS))

RADIUS = {"small": (0.105, 0.130), "large": (0.195, 0.235)}
CATEGORIES = ("single object", "two objects", "counting", "colours", "position", "attribute binding")
EDGE = 0.02  # kept free at the border


@dataclass(frozen=True, slots=True)
class Thing:
    """One painted object; (x, y) is its centre and r its half-width."""

    kind: str
    colour: str
    size: str
    x: float
    y: float
    r: float


@dataclass(frozen=True, slots=True)
class Scene:
    """The truth of one picture.  `relation` holds between the first and the second thing."""

    background: str
    things: tuple[Thing, ...]
    relation: str | None
    seed: int  # of everything that has no name: clouds, waves, jitter


@dataclass(frozen=True, slots=True)
class Noun:
    """One noun phrase: `count` things of a kind; colour and size may be left open."""

    kind: str
    colour: str | None = None
    size: str | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Ask:
    """What a caption asks for: one noun phrase, or two in a relation, and perhaps a background."""

    nouns: tuple[Noun, ...]
    relation: str | None = None
    background: str | None = None


def relation_between(a: tuple[float, float], b: tuple[float, float]) -> str:
    """How centre `a` stands to centre `b`: the axis on which they differ more decides."""
    dx, dy = a[0] - b[0], a[1] - b[1]
    if abs(dx) >= abs(dy):
        return "left of" if dx < 0 else "right of"
    return "above" if dy < 0 else "below"


def sample_ask(rng: random.Random, category: str | None = None, held_out: bool | None = False) -> Ask:
    """A random whole ask: every colour and size named, background too.

    `held_out`: False leaves the held-out pairs away, True asks for at least one, None does not care.
    """
    category = category or rng.choice(CATEGORIES)
    background = rng.choice(list(BACKGROUNDS))
    if category in ("single object", "colours"):
        nouns, relation = (_noun(rng, held_out),), None
    elif category == "counting":
        count = rng.choice((2, 3))
        size = "small" if count == 3 else rng.choice(list(SIZES))
        nouns, relation = (_noun(rng, held_out, size, count),), None
    else:
        relation = "and" if category != "position" else rng.choice([r for r in RELATIONS if r != "and"])
        first = _noun(rng, held_out)
        second = _noun(rng, None if held_out else held_out)
        while (second.kind, second.colour) == (first.kind, first.colour) or second.kind == first.kind:
            second = _noun(rng, None if held_out else held_out)
        nouns = (first, second) if rng.random() < 0.5 else (second, first)
    return Ask(nouns, relation, background)


def _noun(rng: random.Random, held_out: bool | None, size: str | None = None, count: int = 1) -> Noun:
    while True:
        kind, colour = rng.choice(list(KINDS)), rng.choice(list(COLOURS))
        if held_out is None or ((kind, colour) in HELD_OUT) == held_out:
            return Noun(kind, colour, size or rng.choice(list(SIZES)), count)


def loosen(ask: Ask, rng: random.Random, keep: float = 0.8) -> Ask:
    """The same ask with some things left unsaid, each named with probability `keep`, sizes with its square."""

    def maybe(value):
        return value if rng.random() < keep else None

    nouns = tuple(
        Noun(n.kind, maybe(n.colour), maybe(n.size) if rng.random() < keep else None, n.count) for n in ask.nouns
    )
    return Ask(nouns, ask.relation, maybe(ask.background))


def stage(ask: Ask, rng: random.Random, held_out: bool | None = False) -> Scene:
    """A scene that fulfils an ask: what is open is drawn, and every thing gets a free place inside the picture."""
    wanted = []
    for noun in ask.nouns:
        colours = [c for c in COLOURS if held_out is not False or (noun.kind, c) not in HELD_OUT]
        colour = noun.colour or rng.choice(colours)
        size = noun.size or ("small" if noun.count == 3 else rng.choice(list(SIZES)))
        wanted += [(noun.kind, colour, size)] * noun.count
    while True:
        radii = [rng.uniform(*RADIUS[size]) for _, _, size in wanted]
        if places := _places(radii, ask.relation, rng):
            break
    things = tuple(Thing(*w, x, y, r) for w, (x, y), r in zip(wanted, places, radii, strict=True))
    return Scene(ask.background or rng.choice(list(BACKGROUNDS)), things, ask.relation, rng.getrandbits(32))


def _places(radii: list[float], relation: str | None, rng: random.Random) -> list[tuple[float, float]] | None:
    """Centres that keep things apart and inside; None where this try failed."""
    places: list[tuple[float, float]] = []
    for r in radii:
        low, high = r + EDGE, 1 - r - EDGE
        places.append((rng.uniform(low, high), rng.uniform(low, high)))
    for i in range(len(radii)):
        for j in range(i):
            if math.dist(places[i], places[j]) < 1.05 * (radii[i] + radii[j]) + 0.02:
                return None
    if len(radii) == 2 and relation not in (None, "and"):
        (ax, ay), (bx, by) = places
        if relation_between(*places) != relation:
            return None
        if min(abs(ax - bx), abs(ay - by)) > 0.6 * max(abs(ax - bx), abs(ay - by)):
            return None  # nobody should have to argue about a diagonal
    return places


def sample(seed: int, category: str | None = None, held_out: bool | None = False) -> tuple[Ask, Scene]:
    """Ask and scene number `seed`: the same in every process."""
    rng = random.Random(f"storybook {seed}")
    ask = sample_ask(rng, category, held_out)
    return ask, stage(ask, rng, held_out)
