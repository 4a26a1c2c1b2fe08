"""What each known word means to the grammar: (role, value), for every spelling that it reads."""

from __future__ import annotations

from lab.storybook.words import (
    BACKGROUNDS,
    CHINESE_FILLERS,
    CHINESE_SPELLINGS,
    COLOURS,
    COUNTS,
    FILLERS,
    KINDS,
    RELATIONS,
    SIZES,
    SPELLINGS,
)

Lexicon = dict[str, tuple[str, object]]


def _english_lexicon() -> Lexicon:
    lexicon = dict.fromkeys(FILLERS, ("filler", None))
    lexicon |= {word: ("count", n) for n, (word, _) in COUNTS.items()}
    lexicon |= {word: ("colour", word) for word in COLOURS} | {word: ("size", word) for word in SIZES}
    lexicon |= {form: ("kind", kind) for kind, (plural, _, _) in KINDS.items() for form in (kind, plural)}
    lexicon |= {phrase: ("relation", name) for name, (phrases, _) in RELATIONS.items() for phrase in phrases}
    lexicon |= {phrase: ("background", name) for name, (phrases, _) in BACKGROUNDS.items() for phrase in phrases}
    for name in BACKGROUNDS:
        lexicon |= {
            f"{at} {name}": ("background", name)
            for at in ("in", "in the", "in a", "on", "on the", "on a", "at", "at the")
        }
        lexicon[name] = ("background", name)
    plurals = {f"{other}s": lexicon[word] for other, word in SPELLINGS.items() if word in KINDS}
    return lexicon | plurals | {other: lexicon[word] for other, word in SPELLINGS.items()}


def _chinese_lexicon() -> Lexicon:
    lexicon = dict.fromkeys(CHINESE_FILLERS, ("filler", None)) | {"在": ("at", None)}
    lexicon |= {word: ("count", n) for n, (_, word) in COUNTS.items()}
    lexicon |= {word: ("colour", name) for name, (word, _) in COLOURS.items()} | {
        w: ("size", s) for s, w in SIZES.items()
    }
    lexicon |= {name: ("kind", kind) for kind, (_, name, _) in KINDS.items()}
    lexicon |= {side: ("relation", name) for name, (_, side) in RELATIONS.items()}
    lexicon |= {place: ("background", name) for name, (_, places) in BACKGROUNDS.items() for place in places}
    return lexicon | {other: lexicon[word] for other, word in CHINESE_SPELLINGS.items()}


ENGLISH = _english_lexicon()
CHINESE = _chinese_lexicon()
