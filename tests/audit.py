"""The audit of the judge on generators' pictures: `python -m tests.audit` paints them, an eye labels them.

Thirty prompts a family from seeds of their own, painted at the defaults of the suite, all of them kept.  What it
leaves: `data/audit-FAMILY.png`, six pictures a row, and a row of `data/judge_audit.csv` for each, with every word
that is asked of it.  An eye then moves what it does not see as asked to the column `not_seen`, before any verdict
is read; `test_judge_audit.py` asks the judge.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from lab.cli.measuring import together
from lab.measure.judge import Verdict, check, read
from lab.measure.suite import Question, questions
from lab.race import LANES, default_engine
from lab.storybook.dataset import AUDIT

DATA = Path(__file__).parent / "data"
TABLE = DATA / "judge_audit.csv"
COUNT, ACROSS, SIDE = 30, 6, 64
FIELDS = ("family", "number", "seed", "prompt", "asked", "not_seen")


@dataclass(frozen=True)
class Labelled:
    family: str
    number: int
    asked: tuple[str, ...]
    not_seen: tuple[str, ...]


def asked_of(family: str) -> list[Question]:
    """The prompts of a family: other ones for each, seeds fixed beforehand."""
    return questions(COUNT, AUDIT + 1000 * LANES.index(family))


def words(question: Question) -> list[str]:
    """What is asked, under the judge's names: count, background, "kind 1", "colour 2", relation."""
    nothing = Verdict(True, None, (), 0, 1.0, 1.0)
    return [word.replace(" ", "") for word in check(question.ask, nothing) if word != "overall"]


def sheet(family: str) -> Path:
    return DATA / f"audit-{family}.png"


def pictures(family: str) -> np.ndarray:
    """The audited pictures (30, 64, 64, 3) uint8 of a family, from its sheet."""
    whole = np.asarray(Image.open(sheet(family)).convert("RGB"))
    rows = whole.reshape(COUNT // ACROSS, SIDE, ACROSS, SIDE, 3)
    return rows.transpose(0, 2, 1, 3, 4).reshape(COUNT, SIDE, SIDE, 3)


def labels() -> list[Labelled]:
    with TABLE.open(encoding="utf-8") as file:
        return [
            Labelled(row["family"], int(row["number"]), tuple(row["asked"].split()), tuple(row["not_seen"].split()))
            for row in csv.DictReader(file)
        ]


def verdict(family: str, judge) -> list[dict[str, str]]:
    """The judge's marks of each audited picture, by the names of the table."""
    seen = torch.from_numpy(pictures(family).copy()).permute(0, 3, 1, 2).float() / 255
    marks = [check(q.ask, v) for q, v in zip(asked_of(family), read(seen, judge), strict=True)]
    return [{word.replace(" ", ""): mark for word, mark in each.items()} for each in marks]


def main() -> None:
    engine = default_engine("classroom").start()
    paint, rows = together(engine, "classroom", {}), []
    for family in LANES:
        asked = asked_of(family)
        found = paint(family, [q.text for q in asked], [q.seed for q in asked])
        tiles = (found.permute(0, 2, 3, 1) * 255).round().byte().numpy()
        tiles = tiles.reshape(COUNT // ACROSS, ACROSS, SIDE, SIDE, 3).transpose(0, 2, 1, 3, 4)
        Image.fromarray(tiles.reshape(-1, ACROSS * SIDE, 3)).save(sheet(family), optimize=True)
        rows += [[family, k, q.seed, q.text, " ".join(words(q)), ""] for k, q in enumerate(asked)]
    engine.stop()
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([FIELDS, *rows])
    print(f"{TABLE.name}: {len(rows)} pictures to label")


if __name__ == "__main__":
    main()
