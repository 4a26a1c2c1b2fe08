"""`quartet paint`, `quartet rerun`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab.cli.common import (
    CountOption,
    DeviceOption,
    JsonOption,
    NegativeOption,
    SeedOption,
    SuiteOption,
    bar,
    fail,
    failing,
    open_engine,
    settings,
    told,
)

if TYPE_CHECKING:
    from torch import Tensor

    from lab.race import Race


def paint(
    family: Annotated[str, typer.Argument(help="latent, pixel, vqgan_clip, unclip or upsample")],
    prompt: Annotated[str, typer.Argument(help="what to paint")] = "",
    seed: SeedOption = 0,
    count: CountOption = 1,
    negative: NegativeOption = "",
    knobs: Annotated[list[str] | None, typer.Option("--set", help="a knob, as NAME=VALUE; repeat for more")] = None,
    image: Annotated[Path | None, typer.Option(help="a picture to start from")] = None,
    mask: Annotated[Path | None, typer.Option(help="white where the picture is to be repainted")] = None,
    out: Annotated[Path | None, typer.Option(help="PNG to write; default FAMILY.png")] = None,
    suite: SuiteOption = "classroom",
    device: DeviceOption = "cpu",
    as_json: JsonOption = False,
) -> None:
    """Paint one prompt with one painter, to a PNG that carries its receipt."""
    from lab.race import Race
    from models.protocol import Prompt

    engine, name = open_engine(suite, device)
    with failing():
        given = {label: _picture(file, mode) for label, file, mode in (("image", image, "RGB"), ("mask", mask, "L"))}
        asked = Prompt(prompt, negative, tuple(range(seed, seed + count)), **given)
        if family not in engine.samplers:
            fail(f"family is {family!r}; give one of {', '.join(engine.samplers)}")
        race = Race(
            engine, name, lanes=(family,), knobs={family: settings(knobs or [])}, client="cli", prompt=asked,
            exact=True, every=None,
        )  # fmt: skip
        outcome = follow(race, as_json)[family]
        if outcome.state != "done":
            fail(f"{family} is {outcome.state}: {outcome.note}", 1)
        files = _save(race, family, out or Path(f"{family}.png"))
    if as_json:
        typer.echo(json.dumps({"files": [str(file) for file in files], "seeds": asked.seeds, **told(outcome)}))
    else:
        about = f"{outcome.i} steps, {outcome.evals} evaluations, {outcome.seconds:.2f} s"
        typer.echo("\n".join(f"{file}: seed {one}, {about}" for file, one in zip(files, asked.seeds, strict=True)))


def rerun(
    file: Annotated[Path, typer.Argument(help="a PNG that quartet saved")],
    out: Annotated[Path | None, typer.Option(help="PNG to write the new picture to")] = None,
    most: Annotated[int | None, typer.Option(min=0, max=255, help="end with status 1 above this difference")] = None,
    suite: SuiteOption = "classroom",
    device: DeviceOption = "cpu",
    as_json: JsonOption = False,
) -> None:
    """Paint a saved picture again from its receipt, and say by how much the two differ."""
    from lab.record import read
    from lab.record import rerun as again

    with failing():
        found = read(file)
        engine, _ = open_engine(suite, device)
        repainted = list(again(found, engine))
    if out is not None:
        _write(out, repainted[0].painted)
    report = [
        {
            "sampler": each.receipt["sampler"], "seed": each.receipt["seeds"][each.receipt["index"]],
            "max": each.most, "mean": each.mean, "changed": list(each.changed),
        }
        for each in repainted
    ]  # fmt: skip
    for row in report:
        apart = f"off by {row['max']} at most, {row['mean']:.3f} on average"
        same = apart if row["max"] else "the same, pixel by pixel"
        why = f" ({', '.join(row['changed'])} changed)" if row["changed"] else ""
        if not as_json:
            typer.echo(f"{row['sampler']}, seed {row['seed']}: {same}{why}")
    if as_json:
        typer.echo(json.dumps({"file": str(file), "pictures": report}))
    if most is not None and max(row["max"] for row in report) > most:
        raise typer.Exit(1)


def follow(race: Race, quiet: bool) -> dict[str, Any]:
    """Play a race to its end under progress bars; its outcomes."""
    bars = {}
    for event in race:
        if event.n and event.lane not in bars:
            bars[event.lane] = bar(event.n, event.lane, quiet)
        if event.lane in bars:
            bars[event.lane].update(event.i - bars[event.lane].n)
    for each in bars.values():
        each.close()
    return race.outcomes


def _picture(file: Path | None, mode: str) -> Tensor | None:
    """A picture file as (C, H, W) in [0, 1]."""
    if file is None:
        return None
    import numpy as np
    import torch
    from PIL import Image

    try:
        with Image.open(file) as found:
            values = np.array(found.convert(mode))
    except (OSError, Image.DecompressionBombError) as error:
        fail(f"{file} is no picture that can be read: {error}")
    return torch.from_numpy(values).reshape(*values.shape[:2], -1).permute(2, 0, 1).float() / 255


def _save(race: Race, lane: str, file: Path) -> list[Path]:
    """One PNG a picture, each with its receipt; several are numbered by their seeds."""
    from lab.record import receipt, save

    seeds, images = race.prompt.seeds, race.outcomes[lane].images
    names = [file] if len(seeds) == 1 else [file.with_stem(f"{file.stem}-{seed}") for seed in seeds]
    notes = [receipt(race.engine, race.runs[lane], index) for index in range(len(seeds))]
    return [save(name, image, note) for name, image, note in zip(names, images, notes, strict=True)]


def _write(file: Path, image: Any) -> None:
    from PIL import Image

    Image.fromarray(image).save(file)
