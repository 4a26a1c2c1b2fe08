"""The prompts of the measurement: seeded, a sixth of each of GenEval's categories, and half of them name a background.

Ghosh et al., arXiv 2310.11513, section 3.1: one object; two objects; a number of objects; a colour; a place of one
object beside another; two colours, each on its own object.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from lab.storybook.grammar import say
from lab.storybook.scene import CATEGORIES, Ask, Noun, sample_ask

HELD_OUT = ("colours", "attribute binding")  # categories that name kind-colour pairs: where composing shows
KEEPS_COLOUR = {"colours", "attribute binding"}


@dataclass(frozen=True, slots=True)
class Question:
    """One prompt of the measurement; `held_out` where it asks for a pair that no generator was shown."""

    seed: int
    category: str
    held_out: bool
    ask: Ask
    text: str


def questions(count: int, first_seed: int, held_out: int = 0, language: str = "en") -> list[Question]:
    """`count` prompts, the categories in turn, and after them `held_out` more that ask for held-out pairs."""
    if count < 1 or held_out < 0:
        raise ValueError(f"count is {count} and held_out {held_out}; count must be at least 1, held_out at least 0")
    asked = [_question(first_seed + k, CATEGORIES[k % 6], False, language) for k in range(count)]
    beyond = [_question(first_seed + count + k, HELD_OUT[k % 2], True, language) for k in range(held_out)]
    return asked + beyond


def _question(seed: int, category: str, held_out: bool, language: str) -> Question:
    rng = random.Random(f"measure {seed}")
    ask = narrow(sample_ask(rng, category, held_out), category, rng)
    return Question(seed, category, held_out, ask, say(ask, language))


def narrow(ask: Ask, category: str, rng: random.Random) -> Ask:
    """Only what the category is about stays named, and in half of the prompts the background."""

    def colour(noun: Noun) -> str | None:
        named = category in KEEPS_COLOUR or (category == "counting" and rng.random() < 0.5)
        return noun.colour if named else None

    nouns = tuple(replace(noun, colour=colour(noun), size=None) for noun in ask.nouns)
    return Ask(nouns, ask.relation, ask.background if rng.random() < 0.5 else None)
