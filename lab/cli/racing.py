"""`quartet race`: four painters, one sheet, one table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab.cli.common import (
    FAMILIES,
    CountOption,
    DeviceOption,
    FamiliesOption,
    JsonOption,
    KnobsOption,
    NegativeOption,
    SeedOption,
    SuiteOption,
    by_painter,
    columns,
    fail,
    failing,
    open_engine,
    told,
)
from lab.cli.painting import follow

if TYPE_CHECKING:
    import numpy as np

    from lab.race import Race

SCALE, GAP = 4, 8  # of the pictures on the sheet


def race(
    prompt: Annotated[str, typer.Argument(help="what all of them paint")],
    seed: SeedOption = 0,
    count: CountOption = 1,
    negative: NegativeOption = "",
    families: FamiliesOption = FAMILIES,
    budget: Annotated[float | None, typer.Option(min=0.01, help="device seconds for each")] = None,
    knobs: KnobsOption = None,
    out: Annotated[Path, typer.Option(help="PNG to write")] = Path("race.png"),
    suite: SuiteOption = "classroom",
    device: DeviceOption = "cpu",
    as_json: JsonOption = False,
) -> None:
    """Let the painters race, to one sheet that carries a receipt for every picture on it."""
    from lab.race import Race

    engine, name = open_engine(suite, device)
    with failing():
        run = Race(
            engine, name, prompt, seed, tuple(families.split(",")), by_painter(knobs), budget, "cli",
            negative=negative, count=count, exact=True, every=None,
        )  # fmt: skip
        outcomes = follow(run, as_json)
        done = [lane for lane in run.requests if outcomes[lane].images is not None]
        if not done:
            fail("nobody painted: " + "; ".join(f"{lane}: {each.note}" for lane, each in outcomes.items()), 1)
        verdicts = _verdicts(run, done)
        _save(run, done, verdicts, out)
    rows = [told(outcomes[lane]) | {"verdict": verdicts.get(lane)} for lane in run.requests]
    if as_json:
        typer.echo(json.dumps({"file": str(out), "prompt": prompt, "seeds": run.prompt.seeds, "lanes": rows}))
    else:
        typer.echo(columns([_row(row) for row in rows]))
        typer.echo(f"\n{out}: {', '.join(done)}, from left to right")


def _verdicts(run: Race, lanes: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Of each picture: similarity to the sentence, and the judge's marks of its words, where there is a judge."""
    from lab.measure.appraise import appraise

    found = {}
    for lane in lanes:
        request, images = run.requests[lane], run.outcomes[lane].images
        said = appraise(run.engine, request.suite, run.prompt.text, images, run.runs[lane].tokens)
        marks = said.marks or [None] * len(images)
        found[lane] = [{"similarity": value, "marks": mark} for value, mark in zip(said.similarity, marks, strict=True)]
    return found


def _save(run: Race, lanes: list[str], verdicts: dict[str, list[dict[str, Any]]], file: Path) -> None:
    """A column a painter, a row a seed."""
    from lab.record import receipt, save

    notes, sheet = [], _blank([run.outcomes[lane].images for lane in lanes])
    left = GAP
    for lane in lanes:
        images = run.outcomes[lane].images
        height, width = (side * SCALE for side in images.shape[1:3])
        for k, image in enumerate(images):
            top = GAP + k * (height + GAP)
            sheet[top : top + height, left : left + width] = image.repeat(SCALE, 0).repeat(SCALE, 1)
            notes.append(receipt(run.engine, run.runs[lane], k, verdicts[lane][k], (left, top, width, height)))
        left += width + GAP
    save(file, sheet, notes)


def _blank(groups: list[np.ndarray]) -> np.ndarray:
    """White paper on which every group has its column."""
    import numpy as np

    tall = max(len(images) * (images.shape[1] * SCALE + GAP) for images in groups) + GAP
    wide = sum(images.shape[2] * SCALE + GAP for images in groups) + GAP
    return np.full((tall, wide, 3), 255, np.uint8)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """What the table shows of a lane: means over its pictures."""
    verdict = row["verdict"] or []
    near = [each["similarity"] for each in verdict]
    right = [each["marks"]["overall"] == "right" for each in verdict if each["marks"]]
    return {
        "painter": row["lane"],
        "state": "cut" if row["cut"] else row["state"],
        "steps": f"{row['i']}/{row['n']}",
        "seconds": row["seconds"],
        "evals": row["evals"],
        "rows": row["rows"],
        "similarity": sum(near) / len(near) if near else None,
        "right": f"{sum(right)}/{len(right)}" if right else "-",
        "note": row["note"],
    }
