"""`quartet race`: four painters, one sheet, one table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab.cli.beginning import carried
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
    writable,
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

    with failing():
        writable(out)
        engine, name = open_engine(suite, device)
        run = Race(
            engine, name, prompt, seed, tuple(families.split(",")), by_painter(knobs), budget, "cli",
            negative=negative, count=count, exact=True, every=None, enlarge=enlarge,
        )  # fmt: skip
        for request in run.requests.values():
            carried(engine, request)
        needs, outcomes = foretell(run, as_json), follow(run, as_json)
        done = [lane for lane in run.requests if outcomes[lane].images is not None]
        if not done:
            fail("nobody painted: " + "; ".join(f"{lane}: {each.note}" for lane, each in outcomes.items()), 1)
        said = {lane: verdicts(engine, run.runs[lane]) for lane in done}
        files = _save(run, done, said, out)
    rows = [told(outcomes[lane]) | {"forecast": needs[lane], "verdict": said.get(lane)} for lane in run.requests]
    if as_json:
        typer.echo(json.dumps({"files": files, "prompt": prompt, "seeds": run.prompt.seeds, "lanes": rows}))
    else:
        typer.echo(columns([_row(row) for row in rows]))
        typer.echo(f"\n{', '.join(files)}: {', '.join(done)}, from left to right")


def _save(run: Race, lanes: list[str], said: dict[str, list[dict[str, Any]]], file: Path) -> list[str]:
    """A column a painter, a row a seed; on as many sheets, numbered, as can be read back."""
    from lab.record import save

    sheets = list(_sheets(run, lanes, range(len(run.prompt.seeds)), said))
    names = [file] if len(sheets) == 1 else [file.with_stem(f"{file.stem}-{k + 1}") for k in range(len(sheets))]
    return [str(save(name, *sheet)) for name, sheet in zip(names, sheets, strict=True)]


def _sheets(
    run: Race, lanes: Sequence[str], rows: range, said: Mapping[str, list[dict[str, Any]]]
) -> Iterator[tuple[np.ndarray, list[dict[str, Any]]]]:
    """The sheet and its receipts, or those of its halves where it would be too much to read back."""
    import numpy as np

    from lab.record import fits, receipt

    places, (tall, wide) = _laid_out({lane: run.outcomes[lane].images for lane in lanes}, rows)
    notes = [receipt(run.engine, run.runs[lane], k, said[lane][k], box) for lane, k, box in places]
    if not fits(notes, (tall, wide)) and len(places) > 1:
        half = len(rows) // 2
        parts = [(lanes, rows[:half]), (lanes, rows[half:])] if half else [((lane,), rows) for lane in lanes]
        for part in parts:
            yield from _sheets(run, *part, said)
        return
    sheet = np.full((tall, wide, 3), 255, np.uint8)
    for lane, k, (left, top, width, height) in places:
        image = run.outcomes[lane].images[k]
        times = height // len(image)
        sheet[top : top + height, left : left + width] = image.repeat(times, 0).repeat(times, 1)
    yield sheet, notes


def _laid_out(
    groups: Mapping[str, np.ndarray], rows: range
) -> tuple[list[tuple[str, int, tuple[int, int, int, int]]], tuple[int, int]]:
    """Painter, index and box (left, top, width, height) of every picture, painter by painter; the sheet's (H, W)."""
    places, left, tall = [], GAP, 0
    for lane, images in groups.items():
        height, width = (side * _times(images) for side in images.shape[1:3])
        for row, k in enumerate(rows):
            places.append((lane, k, (left, GAP + row * (height + GAP), width, height)))
        left, tall = left + width + GAP, max(tall, GAP + len(rows) * (height + GAP))
    return places, (tall, left)


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
