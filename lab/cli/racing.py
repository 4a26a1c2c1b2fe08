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
    EnlargeOption,
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
    foretell,
    open_engine,
    told,
)
from lab.cli.playing import follow, verdicts

if TYPE_CHECKING:
    import numpy as np

    from lab.race import Race

SIDE, GAP = 256, 8  # pixels that a picture on the sheet is brought to, by whole multiples, and between two


def race(
    prompt: Annotated[str, typer.Argument(help="what all of them paint")],
    seed: SeedOption = 0,
    count: CountOption = 1,
    negative: NegativeOption = "",
    families: FamiliesOption = FAMILIES,
    budget: Annotated[float | None, typer.Option(min=0.01, help="device seconds for each")] = None,
    knobs: KnobsOption = None,
    enlarge: EnlargeOption = False,
    out: Annotated[Path, typer.Option(help="PNG to write")] = Path("race.png"),
    suite: SuiteOption = "classroom",
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let the painters race, to one sheet that carries a receipt for every picture on it."""
    from lab.race import Race

    engine, name = open_engine(suite, device)
    with failing():
        run = Race(
            engine, name, prompt, seed, tuple(families.split(",")), by_painter(knobs), budget, "cli",
            negative=negative, count=count, exact=True, every=None, enlarge=enlarge,
        )  # fmt: skip
        needs, outcomes = foretell(run, as_json), follow(run, as_json)
        done = [lane for lane in run.requests if outcomes[lane].images is not None]
        if not done:
            fail("nobody painted: " + "; ".join(f"{lane}: {each.note}" for lane, each in outcomes.items()), 1)
        said = {lane: verdicts(engine, run.runs[lane]) for lane in done}
        _save(run, done, said, out)
    rows = [told(outcomes[lane]) | {"forecast": needs[lane], "verdict": said.get(lane)} for lane in run.requests]
    if as_json:
        typer.echo(json.dumps({"file": str(out), "prompt": prompt, "seeds": run.prompt.seeds, "lanes": rows}))
    else:
        typer.echo(columns([_row(row) for row in rows]))
        typer.echo(f"\n{out}: {', '.join(done)}, from left to right")


def _save(run: Race, lanes: list[str], said: dict[str, list[dict[str, Any]]], file: Path) -> None:
    """A column a painter, a row a seed."""
    from lab.record import receipt, save

    notes, sheet = [], _blank([run.outcomes[lane].images for lane in lanes])
    left = GAP
    for lane in lanes:
        images = run.outcomes[lane].images
        times = _times(images)
        height, width = (side * times for side in images.shape[1:3])
        for k, image in enumerate(images):
            top = GAP + k * (height + GAP)
            sheet[top : top + height, left : left + width] = image.repeat(times, 0).repeat(times, 1)
            notes.append(receipt(run.engine, run.runs[lane], k, said[lane][k], (left, top, width, height)))
        left += width + GAP
    save(file, sheet, notes)


def _blank(groups: list[np.ndarray]) -> np.ndarray:
    """White paper on which every group has its column."""
    import numpy as np

    tall = max(len(images) * (images.shape[1] * _times(images) + GAP) for images in groups) + GAP
    wide = sum(images.shape[2] * _times(images) + GAP for images in groups) + GAP
    return np.full((tall, wide, 3), 255, np.uint8)


def _times(images: np.ndarray) -> int:
    """How many times as large pictures (B, H, W, 3) stand on the sheet."""
    return max(1, SIDE // max(images.shape[1:3]))


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
