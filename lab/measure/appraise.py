"""What CLIP and the judge say of finished pictures beside the sentence, through the engine, as plain data."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lab.measure.judge import check, fit, verdicts
from lab.storybook.grammar import parse
from models.engine import Engine, Run
from models.engine.endings import outcome
from models.loaders import fault
from models.protocol import Eval, Target, ask

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
    """Of pictures (B, H, W, 3) uint8; `tokens` are the run's own.  Waits.  Raises what the engine raises."""
    return said(engine, suite, text, engine.wait(asked(engine, suite, text, images, tokens)))


def asked(engine: Engine, suite: str, text: str, images: np.ndarray, tokens: Any) -> Run:
    """The same, not waited for: a run of which `said` tells what was found, once it is over."""
    pictures = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 255
    rows = tokens.ids[:1].expand(len(pictures), -1)
    reads = has_judge(engine, suite) and parse(text).ask is not None
    targets = {"similar": SIMILAR} | ({"judge": JUDGE} if reads else {})
    return engine.play(_looked_at(pictures, rows, reads), targets, client=CLIENT, suite=suite)


def _looked_at(pictures: Tensor, tokens: Tensor, reads: bool) -> Generator[Eval, Any, tuple[Any, ...]]:
    cosines = yield from ask("similar", pictures, tokens)
    return cosines, (yield from ask("judge", fit(pictures))) if reads else None


def said(engine: Engine, suite: str, text: str, run: Run) -> Appraisal:
    """What a run of `asked` that is over has found.  Raises what went wrong."""
    cosines, read = outcome(run)
    if read is None:
        return Appraisal(tuple(cosines.tolist()), None, has_judge(engine, suite))
    with engine.registry.borrow(suite, ["judge"]) as parts:
        found = verdicts(read, parts["judge"].config)
    asked = parse(text)
    marks = tuple(check(asked.ask, verdict, asked.more) for verdict in found)
    return Appraisal(tuple(cosines.tolist()), marks, True)
