"""`quartet storybook`, `quartet train`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from lab.cli.common import JsonOption, bar, fail


def storybook(
    out: Annotated[Path, typer.Option(help="PNG to write")] = Path("storybook.png"),
    seed: Annotated[int, typer.Option(help="the first scene's seed; the others count up from it")] = 0,
    columns: Annotated[int, typer.Option(min=1, max=40)] = 6,
    rows: Annotated[int, typer.Option(min=1, max=40)] = 4,
    as_json: JsonOption = False,
) -> None:
    """Paint a contact sheet of Storybook scenes, unpicked."""
    from lab.storybook.sheet import contact_sheet

    count = columns * rows
    with bar(count, "scenes", as_json) as progress:
        contact_sheet(seed, columns, rows, painted=progress.update).save(out)
    if as_json:
        typer.echo(json.dumps({"file": str(out), "seeds": list(range(seed, seed + count))}))
    else:
        typer.echo(f"{count} scenes, seeds {seed} to {seed + count - 1}: {out}")


def train(
    part: Annotated[str, typer.Argument(help="a part of the classroom suite, or all")],
    minutes: Annotated[float, typer.Option(help="minutes to train; with all, together")] = 10.0,
    out: Annotated[Path, typer.Option(help="suite folder to write")] = Path("runs/classroom"),
    resume: Annotated[bool, typer.Option(help="go on from the checkpoint, or else from the weights in OUT")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    processes: Annotated[int, typer.Option(help="that share the training, on a CPU: one a core sees most")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Train one part of the classroom suite, or all in their order."""
    import torch

    from lab.train import PARTS, run

    where = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    done: list[dict[str, Any]] = []
    for name in PARTS if part == "all" else (part,):
        share, facts = minutes * PARTS[name][1] if part == "all" else minutes, {}
        try:
            with bar(1000, name, as_json) as progress:
                for step in run(name, share, out, resume, where, processes):
                    facts = {key: round(float(value), 4) for key, value in step.facts.items()}
                    progress.update(step.i - progress.n)
                    progress.set_postfix({key: f"{value:.3g}" for key, value in facts.items()}, refresh=False)
        except ValueError as error:
            fail(error)
        done.append({"part": name, "minutes": share, **facts})
        if not as_json:
            typer.echo(f"{name}, {share:g} minutes: {', '.join(f'{key} {value:g}' for key, value in facts.items())}")
    if as_json:
        typer.echo(json.dumps({"folder": str(out), "parts": done}))
