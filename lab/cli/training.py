"""`quartet storybook`, `quartet train`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from lab.cli.common import bar, fail


def storybook(
    out: Annotated[Path, typer.Option(help="PNG to write")] = Path("storybook.png"),
    seed: Annotated[int, typer.Option(help="the first scene's seed; the others count up from it")] = 0,
    columns: Annotated[int, typer.Option(min=1, max=40)] = 6,
    rows: Annotated[int, typer.Option(min=1, max=40)] = 4,
) -> None:
    """Paint a contact sheet of Storybook scenes, unpicked."""
    from lab.storybook.sheet import contact_sheet

    contact_sheet(seed, columns, rows).save(out)
    typer.echo(f"{columns * rows} scenes, seeds {seed} to {seed + columns * rows - 1}: {out}")


def train(
    part: Annotated[str, typer.Argument(help="a part of the classroom suite, or all")],
    minutes: Annotated[float, typer.Option(help="minutes to train; with all, together")] = 10.0,
    out: Annotated[Path, typer.Option(help="suite folder to write")] = Path("runs/classroom"),
    resume: Annotated[bool, typer.Option(help="go on from the checkpoint, or else from the weights in OUT")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
) -> None:
    """Train one part of the classroom suite, or all in their order."""
    import torch

    from lab.train import PARTS, run

    where = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    for name in PARTS if part == "all" else (part,):
        share = minutes * PARTS[name][1] if part == "all" else minutes
        progress = bar(1000, name)
        try:
            for step in run(name, share, out, resume, where):
                progress.update(step.i - progress.n)
                progress.set_postfix({key: f"{value:.3g}" for key, value in step.facts.items()}, refresh=False)
        except ValueError as error:
            fail(error)
        progress.close()
        typer.echo(
            json.dumps({"part": name, "minutes": share, **{k: round(float(v), 4) for k, v in step.facts.items()}})
        )
