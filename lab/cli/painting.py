"""`quartet paint`, `quartet rerun`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab.cli.beginning import carried, opened, varied
from lab.cli.common import (
    CountOption,
    DeviceOption,
    EnlargeOption,
    JsonOption,
    NegativeOption,
    SeedOption,
    SuiteOption,
    fail,
    failing,
    foretell,
    open_engine,
    settings,
    told,
    writable,
)
from lab.cli.playing import follow, verdicts, watcher

if TYPE_CHECKING:
    from lab.record import Record
    from models.engine import Engine, Run


def paint(
    family: Annotated[str, typer.Argument(help="latent, pixel, vqgan_clip, unclip or upsample")],
    prompt: Annotated[str, typer.Argument(help="what to paint")] = "",
    seed: SeedOption = 0,
    count: CountOption = 1,
    negative: NegativeOption = "",
    knobs: Annotated[list[str] | None, typer.Option("--set", help="a knob, as NAME=VALUE; repeat for more")] = None,
    image: Annotated[Path | None, typer.Option(help="a picture to start from; pixel takes none")] = None,
    mask: Annotated[Path | None, typer.Option(help="white where latent is to repaint --image")] = None,
    enlarge: EnlargeOption = False,
    out: Annotated[Path | None, typer.Option(help="PNG to write; default FAMILY.png")] = None,
    suite: SuiteOption = "classroom",
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Paint one prompt with one painter, to a PNG that carries its receipt."""
    from lab.race import Race, settle
    from models.protocol import Prompt

    with failing():
        names = _names(out or Path(f"{family}.png"), range(seed, seed + count))
        engine, name = open_engine(suite, device)
        if family not in engine.samplers:
            fail(f"family is {family!r}; give one of {', '.join(engine.samplers)}")
        chosen = settle(engine, family, varied(family, settings(knobs or []), image), name, enlarge)
        given = opened(engine, name, family, chosen, image, mask)
        asked = Prompt(prompt, negative, tuple(range(seed, seed + count)), **given)
        race = Race(
            engine, name, lanes=(family,), knobs={family: chosen}, client="cli", prompt=asked, exact=True, every=None
        )
        carried(engine, race.requests[family])
        need, outcome = foretell(race, as_json)[family], follow(race, as_json)[family]
        if outcome.state != "done":
            fail(f"{family} is {outcome.state}: {outcome.note}", 1)
        said = verdicts(engine, race.runs[family])
        files = _save(engine, race.runs[family], said, dict(enumerate(names)))
    report = {"files": files, "seeds": asked.seeds, **told(outcome), "forecast": need, "verdict": said}
    typer.echo(json.dumps(report) if as_json else _lines(report))


def rerun(
    file: Annotated[Path, typer.Argument(help="a PNG that quartet saved")],
    out: Annotated[Path | None, typer.Option(help="PNG to write; those of a sheet are numbered")] = None,
    most: Annotated[int | None, typer.Option(min=0, max=255, help="end with status 1 above this difference")] = None,
    suite: Annotated[str | None, typer.Option(help="a suite's name, or a folder; default: what painted it")] = None,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Paint a saved picture again from its receipt, and say by how much the two differ."""
    from lab.record import read
    from lab.record import rerun as again

    with failing():
        found = read(file)
        names = [] if out is None else _numbered(out, len(found.receipts))
        engine, _ = open_engine(suite or _suite_of(found), device)
        repainted = list(again(found, engine, watch=watcher(engine, as_json)))
        said = {run: verdicts(engine, run) for run in (dict.fromkeys(each.run for each in repainted) if names else ())}
        for each, name in zip(repainted, names, strict=False):
            _save(engine, each.run, said[each.run], {each.receipt["index"]: name})
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


def _suite_of(found: Record) -> str:
    """The suite that a picture says it is of; a file is believed names alone, never a folder."""
    told = next((note["suite"] for note in found.receipts), "")
    return told if told.partition(":")[0] == "full" else "classroom"


def _lines(report: Mapping[str, Any]) -> str:
    """A line a picture: its file and seed, what it cost, and why it is grey where it is."""
    about = f"{report['i']} steps, {report['evals']} evaluations, {report['seconds']:.2f} s"
    about += f"; {report['note']}" if report["covered"] else ""
    return "\n".join(f"{file}: seed {one}, {about}" for file, one in zip(report["files"], report["seeds"], strict=True))


def _names(file: Path, seeds: Sequence[int]) -> list[Path]:
    """One a picture; several are numbered by their seeds.  ValueError where one cannot be written."""
    names = [file] if len(seeds) == 1 else [file.with_stem(f"{file.stem}-{seed}") for seed in seeds]
    return [writable(name) for name in names]


def _numbered(file: Path, count: int) -> list[Path]:
    """One a picture of a file; several are numbered as they stand.  ValueError where one cannot be written."""
    names = [file] if count == 1 else [file.with_stem(f"{file.stem}-{k + 1}") for k in range(count)]
    return [writable(name) for name in names]


def _save(engine: Engine, run: Run, said: Sequence[Any], files: Mapping[int, Path]) -> list[str]:
    """One PNG for each picture of a run that `files` names by its index, with its receipt and what was said of it."""
    from lab.record import receipt, save

    return [str(save(file, run.newest.images[k], receipt(engine, run, k, said[k]))) for k, file in files.items()]
