"""What CLIP and the judge say of finished pictures beside the sentence, through the engine, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lab.measure.judge import Verdict, check, fit, verdicts
from lab.storybook.grammar import parse
from models.engine import Engine
from models.loaders import fault
from models.protocol import Target

CLIENT = "appraisal"  # charged apart from what visitors paint


@dataclass(frozen=True, slots=True)
class Appraisal:
    """Of each picture: its CLIP similarity to the sentence, and the judge's marks of the sentence's words.

    `marks` is None without a judge, or where the sentence asks for nothing that a judge knows.
    """

    similarity: tuple[float, ...]
    marks: tuple[Mapping[str, str], ...] | None
    judged: bool

    def verdict(self, index: int) -> dict[str, Any]:
        """What a receipt holds of one picture."""
        marks = None if self.marks is None else dict(self.marks[index])
        return {"similarity": self.similarity[index], "marks": marks}


def similar(parts: Mapping[str, nn.Module], pictures: Tensor, tokens: Tensor) -> Tensor:
    """Cosines (B,) of pictures (B, 3, H, W) in [0, 1] to their texts' tokens (B, L)."""
    clip = parts["clip"]
    return F.cosine_similarity(clip.image(pictures), clip.text(tokens).embedding)


def judge(parts: Mapping[str, nn.Module], pictures: Tensor) -> tuple[Tensor, ...]:
    """What the judge's net says of pictures (B, 3, 64, 64)."""
    return tuple(parts["judge"](pictures))


def of_pictures(parts: Mapping[str, nn.Module], pictures: Tensor) -> Tensor:
    """CLIP embeddings (B, D) of pictures (B, 3, H, W) in [0, 1]."""
    return parts["clip"].image(pictures)


def of_texts(parts: Mapping[str, nn.Module], tokens: Tensor) -> Tensor:
    """CLIP embeddings (B, D) of tokens (B, L)."""
    return parts["clip"].text(tokens).embedding


SIMILAR, JUDGE = Target(similar, ("clip",)), Target(judge, ("judge",))
IMAGE, TEXT = Target(of_pictures, ("clip",)), Target(of_texts, ("clip",))


def has_judge(engine: Engine, suite: str) -> bool:
    """Whether the suite's judge can be had."""
    part = engine.registry.suite(suite).parts.get("judge")
    return part is not None and fault(part) is None


def appraise(engine: Engine, suite: str, text: str, images: np.ndarray, tokens: Any) -> Appraisal:
    """Of pictures (B, H, W, 3) uint8; `tokens` are the run's own.  Raises what the engine raises."""
    pictures = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 255
    rows = tokens.ids[:1].expand(len(pictures), -1)
    cosines = engine.call(SIMILAR, pictures, rows, client=CLIENT, suite=suite).tolist()
    if not has_judge(engine, suite):
        return Appraisal(tuple(cosines), None, False)
    asked = parse(text).ask
    if asked is None:
        return Appraisal(tuple(cosines), None, True)
    return Appraisal(tuple(cosines), tuple(check(asked, verdict) for verdict in _read(engine, suite, pictures)), True)


def _read(engine: Engine, suite: str, pictures: Tensor) -> list[Verdict]:
    said = engine.call(JUDGE, fit(pictures), client=CLIENT, suite=suite)
    with engine.registry.borrow(suite, ["judge"]) as parts:
        return verdicts(said, parts["judge"].config)
