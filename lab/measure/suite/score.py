"""From marked pictures to scores: shares with their 95% intervals, by category, held-out pairs apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lab.measure.distance import frechet, kid
from lab.measure.judge import RIGHT
from lab.measure.suite.prompts import HELD_OUT, Question
from lab.storybook.scene import CATEGORIES

Score = dict[str, float]


def wilson(right: int, count: int, z: float = 1.959964) -> tuple[float, float]:
    """The interval in which a share lies with 95% confidence when `right` of `count` were right (Wilson, 1927)."""
    if not 0 <= right <= count or count == 0:
        raise ValueError(f"right is {right} of {count}; it must lie in 0 ... count, and count above 0")
    share, over = right / count, z * z / count
    middle = (share + over / 2) / (1 + over)
    half = z / (1 + over) * math.sqrt(share * (1 - share) / count + over / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def score(rights: Sequence[bool]) -> Score:
    """{"right", "count", "share", "low", "high"}; shares are None where nothing was asked."""
    right, count = sum(rights), len(rights)
    if not count:
        return {"right": 0, "count": 0, "share": None, "low": None, "high": None}
    low, high = wilson(right, count)
    return {"right": right, "count": count, "share": right / count, "low": low, "high": high}


def plain(marks: Mapping[str, str]) -> bool | None:
    """Are the background and every colour asked for right?  None where neither was asked."""
    words = [mark for word, mark in marks.items() if word == "background" or word.startswith("colour")]
    return all(mark == RIGHT for mark in words) if words else None


def scores(asked: Sequence[Question], rows: Sequence[Mapping[str, Any]], reference: Tensor) -> dict[str, Any]:
    """The figures of one family: `rows[k]` holds marks, features, CLIP score and seconds of `asked[k]`'s picture.

    `reference` (M, D) are features of painted scenes.  `comparable` is the share over the categories that the held-out
    prompts come from: what theirs is to be held against.
    """
    overall = [row["marks"]["overall"] == RIGHT for row in rows]
    usual = [k for k, question in enumerate(asked) if not question.held_out]
    of = {name: [overall[k] for k in usual if asked[k].category == name] for name in CATEGORIES}
    features = torch.tensor([rows[k]["features"] for k in usual], dtype=torch.float64)
    enough = len(usual) > 1
    return {
        "categories": {name: score(rights) for name, rights in of.items()},
        "overall": score([overall[k] for k in usual]),
        "held_out": score([right for right, question in zip(overall, asked, strict=True) if question.held_out]),
        "comparable": score([right for name in HELD_OUT for right in of[name]]),
        "background_and_colour": score([p for k in usual if (p := plain(rows[k]["marks"])) is not None]),
        "frechet": frechet(features, reference) if enough else None,
        "kid": kid(features, reference) if enough else None,
        "clip_score": mean([rows[k]["clip"] for k in usual if rows[k]["clip"] is not None]),
        "seconds": mean([rows[k]["seconds"] for k in usual]),
        "verdicts": "".join(row["marks"]["overall"][0] for row in rows),  # right, wrong, cannot say; in their order
    }


def mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
