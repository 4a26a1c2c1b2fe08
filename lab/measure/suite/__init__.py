"""How well a suite's generators paint what is asked: `quartet measure`.

Every family paints the same seeded prompts; the judge reads the pictures; what comes out is plain data, and a table.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab.measure.distance import clip_score, frechet
from lab.measure.judge import check, fit, read
from lab.measure.suite.notes import Notes
from lab.measure.suite.prompts import Question, questions
from lab.measure.suite.score import scores
from lab.measure.suite.table import table
from lab.storybook.dataset import FRESH, REPORT, small
from lab.storybook.paint import paint as paint_scene
from lab.storybook.scene import stage
from models.parts.clip import Clip
from models.parts.judge import Judge

__all__ = ["Paint", "Question", "measure", "painted", "questions", "table", "weights"]

Paint = Callable[[str, Sequence[str], Sequence[int]], Tensor]
"""`paint(family, prompts, seeds)`: one picture a prompt, (N, 3, H, W) in [0, 1], each from its own seed."""


def measure(
    suite_folder: Path,
    families: Sequence[str],
    count: int = 300,
    first_seed: int = REPORT,
    resume_file: Path | None = None,
    *,
    paint: Paint,
    held_out: int | None = None,
    batch: int = 10,
    reference: int = 1000,
    language: str = "en",
    device: str = "cpu",
    report: Callable[[str, int, int], None] | None = None,
) -> dict[str, Any]:
    """Paint `count` prompts, and `held_out` more (default: a sixth of `count`), with each family, and judge them.

    The judge and the CLIP are read from `suite_folder` (`judge/` must be there, `clip/` may be missing).  What is
    painted is noted in `resume_file`, so that a stopped measurement goes on where it was; `report(family, done,
    total)` is called after every batch.  `reference` is how many painted scenes the Frechet distance is taken to.
    `device` is what `paint` works on, for the record.  The result is what json.dumps takes, and `table` prints.
    """
    asked = questions(count, first_seed, count // 6 if held_out is None else held_out, language)
    judge = Judge.from_folder(suite_folder / "judge")
    clip = Clip.from_folder(suite_folder / "clip") if (suite_folder / "clip").exists() else None
    about = {"weights": weights(suite_folder), "count": count, "first_seed": first_seed, "language": language}
    notes = Notes(resume_file, about := about | {"device": device})
    for family in families:
        todo = [k for k in range(len(asked)) if (family, k) not in notes]
        for done, rows in _painted_rows(family, asked, todo, paint, judge, clip, batch):
            notes.add(family, rows)
            if report:
                report(family, len(asked) - len(todo) + done, len(asked))
    features, floor = _floor(judge, count, reference)
    return {
        "suite": suite_folder.name, **about, "held_out": len(asked) - count, "threads": torch.get_num_threads(),
        "floor": floor,
        "families": {f: scores(asked, [notes[f, k] for k in range(len(asked))], features) for f in families},
    }  # fmt: skip


def _painted_rows(
    family: str, asked: list[Question], todo: list[int], paint: Paint, judge: Judge, clip: Clip | None, batch: int
) -> Iterator[tuple[int, dict[int, dict[str, Any]]]]:
    """Batch by batch: how many are done, and the notes on each picture by the number of its question."""
    for start in range(0, len(todo), batch):
        numbers = todo[start : start + batch]
        texts, seeds = [asked[k].text for k in numbers], [asked[k].seed for k in numbers]
        began = time.perf_counter()
        pictures = paint(family, texts, seeds)
        seconds = (time.perf_counter() - began) / len(numbers)
        if len(pictures) != len(numbers):
            raise ValueError(f"{family} painted {len(pictures)} pictures of {len(numbers)} prompts; one each is needed")
        pictures = fit(pictures.detach().cpu()).nan_to_num(0.5).clamp(0, 1)
        with torch.no_grad():
            features = judge.features(pictures)
        similar = clip_score(clip, pictures, texts).tolist() if clip else [None] * len(numbers)
        yield (
            start + len(numbers),
            {
                k: {"marks": check(asked[k].ask, verdict), "features": f.tolist(), "clip": c, "seconds": seconds}
                for k, verdict, f, c in zip(numbers, read(pictures, judge), features, similar, strict=True)
            },
        )


def painted(asked: Sequence[Question]) -> Tensor:
    """The painter's own pictures (N, 3, 64, 64) in [0, 1] of what is asked: what a perfect generator would give."""
    scenes = [stage(q.ask, random.Random(f"stage {q.seed}"), None if q.held_out else False) for q in asked]
    pictures = np.stack([small(paint_scene(scene).picture) for scene in scenes])
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255


@torch.no_grad()
def _floor(judge: Judge, count: int, reference: int) -> tuple[Tensor, float | None]:
    """Features of `reference` painted scenes, and the distance to them of `count` others: nobody can be nearer."""
    first, other = (
        judge.features(painted(questions(n, at))) for n, at in ((reference, FRESH), (count, FRESH + reference))
    )
    return first, frechet(other, first) if count > 1 else None


def weights(folder: Path) -> dict[str, str]:
    """The first 16 digits of the SHA-256 of every weights file of a suite's parts, by its path in the suite."""
    files = sorted(folder.glob("*/**/*.safetensors"))
    return {f.relative_to(folder).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest()[:16] for f in files}
