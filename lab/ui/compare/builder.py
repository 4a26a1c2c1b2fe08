"""A sentence from dropdowns: everything in it is known, so it is a good one to begin with."""

from __future__ import annotations

from typing import Any

import gradio as gr

from lab.storybook import grammar
from lab.storybook.scene import Ask, Noun
from lab.storybook.words import BACKGROUNDS, COLOURS, COUNTS, KINDS, RELATIONS, SIZES
from lab.ui.texts import Texts
from lab.ui.words import say

# field, words of words.py, what may be chosen, what is chosen at first, what an empty choice is called
FIELDS = (
    ("builder.count", "count", tuple(map(str, COUNTS)), "1", None),
    ("builder.size", "size", tuple(SIZES), "large", "builder.any"),
    ("builder.colour", "colour", tuple(COLOURS), "red", "builder.any"),
    ("builder.kind", "kind", tuple(KINDS), "cat", None),
    ("builder.relation", "relation", tuple(RELATIONS), "", "builder.none"),
    ("builder.colour2", "colour", tuple(COLOURS), "", "builder.any"),
    ("builder.second", "kind", tuple(KINDS), "tree", None),
    ("builder.background", "background", tuple(BACKGROUNDS), "meadow", "builder.any"),
)


def draw(texts: Texts) -> list[gr.Dropdown]:
    """One dropdown for each of FIELDS."""
    return [texts(gr.Dropdown, value=field[3], filterable=False, min_width=110, says=_says(*field)) for field in FIELDS]


def _says(label: str, group: str, names: tuple[str, ...], _: str, empty: str | None) -> dict[str, Any]:
    def choices(language: str) -> list[tuple[str, str]]:
        first = [(say(empty, language), "")] if empty else []
        return first + [(say(f"{group}.{name}", language), name) for name in names]

    return {"label": label, "choices": choices}


def sentence(language: str, *chosen: str) -> str:
    """The sentence of what was chosen, in the order of FIELDS; a second thing stands alone, so there is one of each."""
    count, size, colour, kind, relation, colour2, second, background = chosen
    first = Noun(kind, colour or None, size or None, 1 if relation else int(count))
    nouns = (first, Noun(second, colour2 or None)) if relation else (first,)
    return grammar.say(Ask(nouns, relation or None, background or None), language)
