"""`quartet storybook`, `quartet train`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from lab.cli.common import JsonOption, bar, failing, present_device, writable

WHERE = ("auto", "cpu", "cuda")
NEEDS = {  # the parts in OUT that a training begins with
    "vae": ("clip",), "latent": ("clip", "vae"), "vqgan": ("clip",), "robust": ("clip", "vqgan"),
    "pixel": ("clip", "latent"), "prior": ("clip",), "decoder": ("clip", "pixel"),
}  # fmt: skip
OWN = {"pixel": "latent", "decoder": "pixel"}  # whose nets begin as another's, unless they go on from their own


def storybook(
    out: Annotated[Path, typer.Option(help="PNG to write")] = Path("storybook.png"),
    seed: Annotated[int, typer.Option(help="the first scene's seed; the others count up from it")] = 0,
    columns: Annotated[int, typer.Option(min=1, max=40)] = 6,
    rows: Annotated[int, typer.Option(min=1, max=40)] = 4,
    as_json: JsonOption = False,
) -> None:
    """Paint a contact sheet of Storybook scenes, unpicked."""
    from PIL import Image

    from lab.storybook.sheet import contact_sheet

    count = columns * rows
    with failing():
        if Image.registered_extensions().get(writable(out).suffix.lower()) not in Image.SAVE:
            raise ValueError(f"--out is {str(out)!r}, of no kind that can be written; give a name that ends in .png")
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
    device: Annotated[str, typer.Option(help=", ".join(WHERE))] = "auto",
    processes: Annotated[int, typer.Option(help="that share the training, on a CPU: one a core sees most")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Train one part of the classroom suite, or all in their order."""
    import torch

    from lab.train import ALONE, PARTS, run

    done: list[dict[str, Any]] = []
    with failing():
        where = present_device(device, WHERE)
        where = ("cuda" if torch.cuda.is_available() else "cpu") if where == "auto" else where
        for name in PARTS if part == "all" else (part,):
            _ready(name, out, resume)
            share, facts = minutes * PARTS[name][1] if part == "all" else minutes, {}
            team = 1 if (part, name) == ("all", ALONE) else processes
            with bar(1000, name, as_json) as progress:
                for step in run(name, share, out, resume, where, team):
                    facts = {key: round(float(value), 4) for key, value in step.facts.items()}
                    progress.update(step.i - progress.n)
                    progress.set_postfix({key: f"{value:.3g}" for key, value in facts.items()}, refresh=False)
            done.append({"part": name, "minutes": share, **facts})
            if not as_json:
                said = ", ".join(f"{key} {value:g}" for key, value in facts.items())
                typer.echo(f"{name}, {share:g} minutes: {said}")
    if as_json:
        typer.echo(json.dumps({"folder": str(out), "parts": done}))


def _ready(part: str, out: Path, resume: bool) -> None:
    """ValueError where nothing can be written to `out`, or where it lacks what the training of `part` begins with."""
    from lab.train.card import FOLDERS

    standing = next(place for place in (out, *out.absolute().parents) if place.exists())
    if not standing.is_dir() or not os.access(standing, os.W_OK):
        raise ValueError(f"--out is {str(out)!r}, but nothing can be written into {str(standing)!r}; name another")
    there = {name for name, folder in FOLDERS.items() if any((out / folder).glob("*.safetensors"))}
    known = {OWN.get(part)} if resume and part in there else set()
    if gone := [name for name in NEEDS.get(part, ()) if name not in there | known]:
        first = " and ".join(f"`quartet train {name} --out {out}`" for name in gone)
        raise ValueError(f"{part} begins with {', '.join(gone)}, which {str(out)!r} has not; run {first} before it")
