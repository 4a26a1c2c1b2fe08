"""Captions: `say` puts an ask into English or Chinese, `parse` reads a text back.

Both go by the one table in words.py.  Reading knows more spellings than saying uses.
"""

from __future__ import annotations

import difflib
import random
import re
from dataclasses import dataclass

from lab.storybook.lexicon import CHINESE, ENGLISH, Lexicon
from lab.storybook.scene import Ask, Noun
from lab.storybook.words import BACKGROUNDS, COLOURS, COUNTS, KINDS, RELATED, RELATIONS, SIZES

UNKNOWN = ("unknown", None)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text asks for, or None; the words nobody taught us; and for each the nearest known ones.

    `more`: it asks for more than an `Ask` holds, a third thing, or several of a kind beside another.
    """

    ask: Ask | None
    unknown: tuple[str, ...]
    nearest: dict[str, tuple[str, ...]]
    language: str
    more: bool = False


def say(ask: Ask, language: str = "en", rng: random.Random | None = None) -> str:
    """A caption of `ask`; without `rng` the plain phrasing.  `language` is "en" or "zh"."""
    if language not in ("en", "zh"):
        raise ValueError(f"language is {language!r}; it can be 'en' or 'zh'")
    return (_say_chinese if language == "zh" else _say_english)(ask, rng)


def _pick(options, rng):
    return rng.choice(options) if rng else options[0]


def _say_english(ask: Ask, rng: random.Random | None) -> str:
    short = rng is not None and rng.random() < 0.15
    phrases = [_english_noun(noun, short) for noun in ask.nouns]
    text = phrases[0]
    if len(phrases) == 2:
        text = f"{text} {_pick(RELATIONS[ask.relation][0], rng)} {phrases[1]}"
    if ask.background:
        place = _pick(BACKGROUNDS[ask.background][0], rng)
        if rng is not None and not short and rng.random() < 0.15:
            return f"{place}, {text}"
        text = f"{text} {place}"
    if rng is not None and not short and rng.random() < 0.1:
        return f"a picture of {text}"
    return text


def _english_noun(noun: Noun, short: bool) -> str:
    plural, _, _ = KINDS[noun.kind]
    words = [w for w in (noun.size, noun.colour) if w] + [plural if noun.count > 1 else noun.kind]
    if noun.count > 1:
        return " ".join([COUNTS[noun.count][0], *words])
    article = "an" if words[0][0] in "aeiou" else "a"
    return " ".join(words if short else [article, *words])


def _say_chinese(ask: Ask, rng: random.Random | None) -> str:
    short = rng is not None and rng.random() < 0.15
    phrases = [_chinese_noun(noun, short, rng) for noun in ask.nouns]
    text = phrases[0]
    if ask.relation == "and":
        text = "和".join(phrases)
    elif ask.relation:
        side = RELATIONS[ask.relation][1]
        text = f"{phrases[0]}在{phrases[1]}的{side}"
        if rng is not None and rng.random() < 0.4:
            other = {"左边": "右边", "右边": "左边", "上方": "下方", "下方": "上方"}[side]
            text = f"{side}是{phrases[0]}，{other}是{phrases[1]}"
    if not ask.background:
        return text
    place = _pick(BACKGROUNDS[ask.background][1], rng)
    if ask.relation not in (None, "and"):
        return f"{place}，{text}"
    return f"{place}的{text}" if _pick((True, False), rng) else f"{place}有{text}"


def _chinese_noun(noun: Noun, short: bool, rng: random.Random | None) -> str:
    _, name, measure = KINDS[noun.kind]
    number = "" if short and noun.count == 1 else COUNTS[noun.count][1] + measure
    size = SIZES[noun.size] if noun.size else ""
    if noun.colour is None:
        return f"{number}{size}{name}"
    colour = COLOURS[noun.colour][0]
    return number + _pick((f"{colour}色的{size}{name}", f"{size}{colour}色的{name}", f"{size}{colour}{name}"), rng)


def parse(text: str) -> Reading:
    """What `text` asks for.  A text may hold unknown words and still ask for something known."""
    chinese = bool(re.search(r"[\u4e00-\u9fff]", text))
    items, unknown = _scan(text, CHINESE if chinese else ENGLISH, chinese)
    nearest = {word: _nearest(word, chinese) for word in unknown}
    ask, more = _assemble(items, chinese)
    return Reading(ask, tuple(unknown), nearest, "zh" if chinese else "en", more)


def _scan(text: str, lexicon: Lexicon, chinese: bool) -> tuple[list[tuple[str, object]], list[str]]:
    """Longest match first, from left to right; what matches nothing is unknown."""
    units = (
        re.findall(r"[\u4e00-\u9fff]|[a-z0-9]+|\S", text.lower()) if chinese else re.findall(r"[^\W_]+", text.lower())
    )
    joint, longest = ("" if chinese else " "), max(len(key) if chinese else key.count(" ") + 1 for key in lexicon)
    items, unknown, at, run = [], [], 0, ""
    while at < len(units):
        for width in range(min(longest, len(units) - at), 0, -1):
            if (found := lexicon.get(joint.join(units[at : at + width]))) is not None:
                break
        else:
            found, width = None, 1
        if found is None and chinese and re.match(r"\w", units[at]):
            run += units[at]
            items.append(UNKNOWN)
        else:
            unknown, run = unknown + ([run] if run else []), ""
            if found is None and re.match(r"\w", units[at]):
                unknown.append(units[at])
                items.append(UNKNOWN)
            elif found and found[0] != "filler":
                items.append(found)
        at += width
    return items, list(dict.fromkeys(unknown + ([run] if run else [])))


def _assemble(items: list[tuple[str, object]], chinese: bool) -> tuple[Ask | None, bool]:
    """An ask, and whether more was said.  Modifiers belong to the next kind, unless that was an unknown one; the first
    relation holds, turned round where the second thing stands where the first is named: "above a tree is a moon", and
    in Chinese a side right behind the first thing, 树的上方有月亮.
    """
    nouns: list[Noun] = []
    open_: dict[str, object] = {}
    relation = background = before = None
    turned = stray = False
    for role, value in items:
        if role == "kind":
            nouns.append(Noun(value, open_.get("colour"), open_.get("size"), open_.get("count", 1)))
            open_, stray = {}, False
        elif role == "relation":
            if relation is None and value != "and":
                turned = len(nouns) == 1 and before != "at" if chinese else not nouns
            relation = relation or value
            open_, stray = {} if stray else open_, False
        elif role == "unknown":
            stray = True
        elif role == "background":
            background = background or value
        elif role != "at":
            open_[role] = value
        before = role
    if len(nouns) < 2:
        return (Ask(tuple(nouns), None, background) if nouns else None), False
    pair = tuple(Noun(noun.kind, noun.colour, noun.size) for noun in nouns[:2])
    ask = Ask(pair[::-1] if turned else pair, relation or "and", background)
    return ask, len(nouns) > 2 or any(noun.count > 1 for noun in nouns)


def _nearest(word: str, chinese: bool) -> tuple[str, ...]:
    """Known words near an unknown one: by meaning where we have it, else by spelling, else the first kinds."""
    if word in RELATED:
        return RELATED[word]
    known = [
        k
        for k, (role, _) in (CHINESE if chinese else ENGLISH).items()
        if role in ("kind", "colour", "size", "background")
    ]
    if chinese:
        hits = [near for key, near in RELATED.items() if key in word] or [(k,) for k in known if set(k) & set(word)]
        return tuple(dict.fromkeys(k for near in hits for k in near))[:3] or tuple(v[1] for v in KINDS.values())[:3]
    close = difflib.get_close_matches(word, [*known, *RELATED], 3, 0.6)
    return tuple(dict.fromkeys(k for c in close for k in RELATED.get(c, (c,)))) or tuple(KINDS)[:3]
