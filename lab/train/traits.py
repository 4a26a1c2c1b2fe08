"""Where things stand and what colour they have, read from CLIP's embeddings while it trains; thrown away afterwards.

With the contrast alone neither tower begins to say which of two things is on the left: what one says of it is of no use
until the other does.  After 4,000 steps similarity told "a cat left of a boat" from its mirror image in 50% of the
pictures; one linear map for both towers, whose error is part of the loss, starts them within 150 steps.  With places
alone in it, which of two things is red was forgotten.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from lab.storybook.scene import Ask, Scene
from lab.storybook.words import COLOURS, KINDS

SIDES = {"left of": (0, -0.5), "right of": (0, 0.5), "above": (1, -0.5), "below": (1, 0.5)}  # axis, place on it
PLACE, COLOUR = slice(0, 2), slice(2, 5)  # x, y; red, green, blue: all in [-1, 1], NaN where unknown
UNKNOWN = [math.nan] * 5


class Traits(nn.Linear):
    """One linear map from embeddings (N, E) of either tower to the traits (N, K, 5) of all kinds."""

    def __init__(self, embedding: int) -> None:
        super().__init__(embedding, len(UNKNOWN) * len(KINDS))

    def error(self, embeddings: Tensor, traits: Tensor) -> Tensor:
        """Mean square error of the places that are known plus that of the colours; `traits` (N, K, 5)."""
        traits = traits.to(embeddings.device)
        found = self(self.in_features**0.5 * embeddings).float().view(traits.shape)
        return sum(_mean_square(found[..., some], traits[..., some]) for some in (PLACE, COLOUR))


def _mean_square(found: Tensor, right: Tensor) -> Tensor:
    known = ~right.isnan()
    return (found[known] - right[known]).square().sum() / known.sum().clamp(min=1)


def seen(scene: Scene) -> list[list[float]]:
    """Place and colour of every kind; no place where there are several of it, nothing where there is none."""
    traits = [list(UNKNOWN) for _ in KINDS]
    for thing in scene.things:
        of_kind = traits[list(KINDS).index(thing.kind)]
        of_kind[COLOUR] = _levels(thing.colour)
        if sum(other.kind == thing.kind for other in scene.things) == 1:
            of_kind[PLACE] = [2 * thing.x - 1, 2 * thing.y - 1]
    return traits


def said(ask: Ask) -> list[list[float]]:
    """The same as far as a caption says it; the place is half way out to the side that it names."""
    traits = [list(UNKNOWN) for _ in KINDS]
    for noun in ask.nouns:
        if noun.colour:
            traits[list(KINDS).index(noun.kind)][COLOUR] = _levels(noun.colour)
    if ask.relation in SIDES:
        axis, side = SIDES[ask.relation]
        for noun, place in zip(ask.nouns, (side, -side), strict=True):
            traits[list(KINDS).index(noun.kind)][axis] = place
    return traits


def _levels(colour: str) -> list[float]:
    return [level / 127.5 - 1 for level in COLOURS[colour][1]]
