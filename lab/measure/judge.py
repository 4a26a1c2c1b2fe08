"""What the judge says of a picture, and whether that is what a prompt asked for, word by word.

It abstains where it is unsure: on a whole picture that is no clean scene, or on a single attribute.  Abstaining counts
as wrong in every score.  The categories are GenEval's (Ghosh et al., arXiv 2310.11513, section 3.1), asked for more
strictly: there a thing too many is wrong in counting alone, and of its own kind; here nothing else may be there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import permutations

import torch
import torch.nn.functional as F
from torch import Tensor

from lab.storybook.scene import Ask, Noun, relation_between
from models.parts.judge import SIDE, Judge, Reading

RIGHT, WRONG, UNSURE = "right", "wrong", "cannot say"
DIAGONAL = 0.8  # painted pairs stay below 0.6; a steeper diagonal than this is nobody's left or above
NEAREST = 0.16  # painted centres keep 0.24 apart; nearer peaks are one thing seen twice


@dataclass(frozen=True, slots=True)
class Found:
    """One thing on a picture; None where the judge abstains.  Place and radius are fractions of the picture's side."""

    kind: str | None
    colour: str | None
    size: str | None
    x: float
    y: float
    r: float
    confidence: Mapping[str, float] = field(default_factory=dict)  # of centre, kind, colour, size


@dataclass(frozen=True, slots=True)
class Verdict:
    """One picture as the judge reads it.  `doubtful` counts things that may be there; `clean` is the probability that
    the picture is a scene at all, and `scene` whether that is enough to say anything."""

    scene: bool
    background: str | None
    objects: tuple[Found, ...]
    doubtful: int
    clean: float
    confidence: float  # of the background


BLANK = Verdict(False, None, (), 0, 0.0, 0.0)  # of a picture that nobody has looked at


def fit(pictures: Tensor) -> Tensor:
    """(B, 3, H, W) in [0, 1], H = W -> (B, 3, 64, 64): averaged down, or up where it is smaller."""
    if pictures.ndim != 4 or pictures.shape[1] != 3:
        raise ValueError(f"pictures are {tuple(pictures.shape)}; the judge reads (B, 3, H, W): stack them, RGB first")
    if pictures.shape[-2:] == (SIDE, SIDE):
        return pictures.float()
    down = min(pictures.shape[-2:]) >= SIDE
    return F.interpolate(pictures.float(), (SIDE, SIDE), mode="area" if down else "bilinear").clamp(0, 1)


@torch.no_grad()
def read(pictures: Tensor, judge: Judge, batch: int = 64) -> list[Verdict]:
    """The verdict on each of `pictures` (B, 3, H, W) in [0, 1]."""
    device, found = next(judge.parameters()).device, []
    for part in fit(pictures).split(batch):
        found += verdicts(judge(part.to(device)), judge.config)
    return found


def verdicts(said: tuple[Tensor, ...], config: Mapping) -> list[Verdict]:
    """The verdict on each picture of a `Reading`; `config` is the judge's."""
    said = Reading(*(value.float().cpu() for value in said))
    return [_verdict(Reading(*(value[k] for value in said)), config) for k in range(len(said.centre))]


def _verdict(said: Reading, config: Mapping) -> Verdict:
    limits = config["thresholds"]
    background, sure = _named(said.background, config["backgrounds"], limits["background"])
    objects, doubtful = [], 0
    for score, row, column in _peaks(said.centre.sigmoid(), limits["doubt"], said.place):
        if score < limits["centre"]:
            doubtful += 1
            continue
        names, confidence = {}, {"centre": score}
        for word, logits in (("kind", said.kind), ("colour", said.colour), ("size", said.size)):
            names[word], confidence[word] = _named(logits[:, row, column], config[f"{word}s"], limits[word])
        x, y, r = said.place[:, row, column].tolist()
        objects.append(Found(**names, x=x, y=y, r=r, confidence=confidence))
    clean = said.clean.sigmoid().item()
    return Verdict(clean >= limits["clean"], background, tuple(objects), doubtful, clean, sure)


def _named(logits: Tensor, names: list[str], limit: float) -> tuple[str | None, float]:
    best, index = logits.softmax(0).max(0)
    return (names[int(index)] if best >= limit else None), best.item()


def _peaks(heat: Tensor, lowest: float, place: Tensor) -> Iterator[tuple[float, int, int]]:
    """(score, row, column) of the heat map's (G, G) summits above `lowest`, best first, none twice."""
    summit = heat * (F.max_pool2d(heat[None], 3, 1, 1)[0] == heat)
    taken: list[tuple[float, float]] = []
    for flat in summit.flatten().argsort(descending=True).tolist():
        row, column = divmod(flat, heat.shape[1])
        score, (x, y) = summit[row, column].item(), place[:2, row, column].tolist()
        if score < lowest:
            return
        if all(math.dist((x, y), other) >= NEAREST for other in taken):
            taken.append((x, y))
            yield score, row, column


def check(ask: Ask, verdict: Verdict, more: bool = False) -> dict[str, str]:
    """Every word of `ask` -> RIGHT, WRONG or UNSURE, and under "overall" RIGHT only where every word is.

    Keys: "count" (exactly the things asked for are there; left out where `more` was asked for than `ask` holds), then
    "background" and "relation" where asked, and "kind", "colour", "size" of each noun, numbered from 1: "colour 2".
    Things are given to the nouns in the way that makes most words right.
    """
    wanted = [n for noun in ask.nouns for n in [noun] * noun.count]
    marks = {} if more else {"count": UNSURE if verdict.doubtful else _mark(len(verdict.objects), len(wanted))}
    if ask.background:
        marks["background"] = _mark(verdict.background, ask.background)
    slots = [*verdict.objects, *[None] * (len(wanted) - len(verdict.objects))]
    tries = (_words(ask, wanted, given) for given in permutations(slots, len(wanted)))
    marks |= max(tries, key=lambda marks: sum(mark == RIGHT for mark in marks.values()))
    if not verdict.scene:
        marks = dict.fromkeys(marks, UNSURE)
    return marks | {"overall": _all(marks.values())}


def _mark(found: object, asked: object) -> str:
    return UNSURE if found is None else RIGHT if found == asked else WRONG


def _all(marks) -> str:
    marks = set(marks)
    return WRONG if WRONG in marks else UNSURE if UNSURE in marks else RIGHT


def _words(ask: Ask, wanted: list[Noun], given: tuple[Found | None, ...]) -> dict[str, str]:
    """The marks of the nouns' words when `given` are the things meant, None for one that is missing."""
    marks: dict[str, str] = {}
    for k, noun in enumerate(ask.nouns, 1):
        mine = [thing for want, thing in zip(wanted, given, strict=True) if want is noun]
        for word in ("kind", "colour", "size"):
            if (asked := getattr(noun, word)) is not None:
                marks[f"{word} {k}"] = _all(WRONG if t is None else _mark(getattr(t, word), asked) for t in mine)
    if ask.relation not in (None, "and"):
        marks["relation"] = WRONG if None in given else _relation(ask.relation, *given)
    return marks


def _relation(asked: str, a: Found, b: Found) -> str:
    steep = sorted((abs(a.x - b.x), abs(a.y - b.y)))
    if steep[0] > DIAGONAL * steep[1]:
        return UNSURE
    return _mark(relation_between((a.x, a.y), (b.x, b.y)), asked)
