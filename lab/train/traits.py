"""What a picture shows, read from CLIP's embeddings while it trains: places, colours, background; then thrown away.

With the contrast alone neither tower begins to say which of two things is on the left: what one says of it is of no use
until the other does.  After 4,000 steps similarity told "a cat left of a boat" from its mirror image in 50% of the
pictures; one linear map for both towers, whose error is part of the loss, starts them within 150 steps.  What the map
is not asked for is forgotten under it: with places alone which thing is red, with colours too the background.
"""

from __future__ import annotations

import math
from itertools import chain

from torch import Tensor, nn

from lab.storybook.scene import Ask, Scene
from lab.storybook.words import BACKGROUNDS, COLOURS, KINDS

SIDES = {"left of": (0, -0.5), "right of": (0, 0.5), "above": (1, -0.5), "below": (1, 0.5)}  # axis, place on it
PLACE, COLOUR = slice(0, 2), slice(2, 5)  # x, y; red, green, blue: of each kind, in [-1, 1], NaN where unknown
WIDTH = 5
LENGTH = WIDTH * len(KINDS) + len(BACKGROUNDS)


class Traits(nn.Linear):
    """One linear map from embeddings (N, E) of either tower to traits (N, LENGTH): of the kinds, then background."""

    def __init__(self, embedding: int) -> None:
        super().__init__(embedding, LENGTH)

    def error(self, embeddings: Tensor, traits: Tensor) -> Tensor:
        """Mean square error of the places that are known, plus that of the colours, plus that of the background."""
        found = self(self.in_features**0.5 * embeddings).float()
        return sum(_mean_square(*both) for both in zip(parted(found), parted(traits.to(found)), strict=True))


def parted(traits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Places (N, K, 2), colours (N, K, 3) and background (N, B) of traits (N, LENGTH)."""
    kinds = traits[..., : WIDTH * len(KINDS)].unflatten(-1, (len(KINDS), WIDTH))
    return kinds[..., PLACE], kinds[..., COLOUR], traits[..., WIDTH * len(KINDS) :]


def _mean_square(found: Tensor, right: Tensor) -> Tensor:
    known = ~right.isnan()
    return (found[known] - right[known]).square().sum() / known.sum().clamp(min=1)


def seen(scene: Scene) -> list[float]:
    """Traits of a picture: no place where there are several of a kind, nothing of it where there is none."""
    kinds = _unknown()
    for thing in scene.things:
        kinds[thing.kind][COLOUR] = _levels(thing.colour)
        if sum(other.kind == thing.kind for other in scene.things) == 1:
            kinds[thing.kind][PLACE] = [2 * thing.x - 1, 2 * thing.y - 1]
    return [*chain(*kinds.values()), *_one_of(scene.background)]


def said(ask: Ask) -> list[float]:
    """The same as far as a caption says it; the place is half way out to the side that it names."""
    kinds = _unknown()
    for noun in ask.nouns:
        if noun.colour:
            kinds[noun.kind][COLOUR] = _levels(noun.colour)
    if ask.relation in SIDES:
        axis, side = SIDES[ask.relation]
        for noun, place in zip(ask.nouns, (side, -side), strict=True):
            kinds[noun.kind][axis] = place
    return [*chain(*kinds.values()), *_one_of(ask.background)]


def _unknown() -> dict[str, list[float]]:
    return {kind: [math.nan] * WIDTH for kind in KINDS}


def _levels(colour: str) -> list[float]:
    return [level / 127.5 - 1 for level in COLOURS[colour][1]]


def _one_of(background: str | None) -> list[float]:
    return [math.nan if background is None else float(name == background) for name in BACKGROUNDS]
