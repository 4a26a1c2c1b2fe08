"""`quartet measure`, `quartet bench`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from tqdm import tqdm

from lab.cli.common import (
    FAMILIES,
    DeviceOption,
    FamiliesOption,
    JsonOption,
    KnobsOption,
    SuiteOption,
    bar,
    by_painter,
    fail,
    failing,
    open_engine,
    present_device,
    writable,
)

if TYPE_CHECKING:
    from torch import Tensor

    from models.engine import Engine


def measure(
    families: FamiliesOption = FAMILIES,
    count: Annotated[int, typer.Option(min=1, help="prompts; a sixth as many ask for held-out pairs")] = 300,
    first_seed: Annotated[int | None, typer.Option(min=0, help="of the prompts; default: those of the report")] = None,
    batch: Annotated[int, typer.Option(min=1, max=64, help="prompts painted at once")] = 8,
    language: Annotated[str, typer.Option(help="en or zh")] = "en",
    reference: Annotated[int, typer.Option(min=2, help="painted scenes that distances are taken to")] = 1000,
    knobs: KnobsOption = None,
    resume: Annotated[Path | None, typer.Option(help="file of notes to write, and to go on from")] = None,
    out: Annotated[Path | None, typer.Option(help="JSON to write")] = None,
    suite: SuiteOption = "classroom",
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Paint seeded prompts with every painter, have the judge read the pictures, and print the scores."""
    from lab.measure.suite import measure as score
    from lab.measure.suite import table
    from lab.storybook.dataset import REPORT

    with failing(), _reported(as_json) as report:
        target = None if out is None else writable(out)
        engine, name = open_engine(suite, device)
        wanted, settings = tuple(families.split(",")), by_painter(knobs)
        _check(engine, name, wanted, settings, language)
        if resume and settings:
            fail("--resume knows the painters' own settings only; leave --set out, or do without it")
        folder, first = engine.registry.suite(name)["judge"].path.parent, REPORT if first_seed is None else first_seed
        results = score(
            folder, wanted, count, first, resume, paint=together(engine, name, settings), batch=batch,
            language=language, report=report, reference=reference, device=engine.form or engine.registry.device.type,
        ) | {"settings": settings}  # fmt: skip
        if target is not None:
            target.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    typer.echo(json.dumps(results) if as_json else table(results))


def _check(
    engine: Engine, suite: str, families: tuple[str, ...], settings: Mapping[str, Mapping[str, Any]], language: str
) -> None:
    """End where nothing could be measured, or not as it was asked for.  ValueError where a setting will not do."""
    from lab.race import missing, settle

    if unknown := [family for family in families if family not in engine.samplers]:
        fail(f"families names {', '.join(unknown)}; give some of {', '.join(engine.samplers)}")
    if stray := [painter for painter in settings if painter not in families]:
        fail(f"--set is given for {', '.join(stray)}; those that are measured are {', '.join(families)}")
    for family in families:
        settle(engine, family, settings.get(family), suite)
    if language not in ("en", "zh"):
        fail(f"language is {language!r}; give en or zh")
    if "judge" not in engine.registry.suite(suite).parts:
        fail(f"suite is {suite!r}, which has no judge; give classroom, or a folder laid out like it")
    judge = {part: why for part, why in engine.registry.faults(suite).items() if part == "judge"}
    for gone, why in (judge | missing(engine, suite, families)).items():
        fail(f"{gone} is not available: {why}", 1)


@contextmanager
def _reported(quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """`report(family, done, total)`, a progress bar a family."""
    bars: dict[str, Any] = {}

    def report(family: str, done: int, total: int) -> None:
        if family not in bars:
            bars[family] = bar(total, family, quiet)
        bars[family].update(done - bars[family].n)

    try:
        yield report
    finally:
        for each in bars.values():
            each.close()


def together(
    engine: Engine, suite: str, settings: Mapping[str, Mapping[str, Any]]
) -> Callable[[str, Sequence[str], Sequence[int]], Tensor]:
    """`paint(family, prompts, seeds)`: every prompt a run of its own, all at once, so that they share batches."""
    import torch

    from lab.race import settle
    from models.protocol import Prompt, Request

    def paint(family: str, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        knobs = settle(engine, family, settings.get(family), suite)
        runs = [
            engine.submit(Request(family, Prompt(text, seeds=(seed,)), knobs, suite, f"measure {k}"))
            for k, (text, seed) in enumerate(zip(prompts, seeds, strict=True))
        ]
        engine.wait(*runs)
        for run in runs:
            if run.state != "done":
                raise run.error or RuntimeError(f"{family} was {run.state}")
        return torch.cat([run.result for run in runs])

    return paint


def card(
    folder: Annotated[Path, typer.Argument(help="a suite's folder")],
    count: Annotated[int, typer.Option(min=100, help="fresh scenes to measure on, a multiple of 100")] = 400,
    as_json: JsonOption = False,
) -> None:
    """Measure each part by itself on fresh scenes, and write the suite's MODEL_CARD.md and its captions' embeddings."""
    from lab.lessons.captions import keep
    from lab.measure.card import write_card
    from lab.measure.parts import figures
    from lab.race import default_engine

    if count % 100 or not folder.is_dir():
        fail(f"count is {count}, folder {str(folder)!r}; give a multiple of 100, and a suite's folder")
    with failing(), bar(1, "parts", as_json) as progress:

        def report(part: str, done: int, total: int) -> None:
            progress.total = total
            progress.set_description(part, refresh=False)
            progress.update(done - progress.n)
            progress.refresh()

        found = figures(folder, count, report)
        if (folder / "clip").is_dir():
            keep(default_engine(folder), "classroom")
        written = write_card(folder, found)
    typer.echo(json.dumps(found) if as_json else f"{written}: {', '.join(found)}")


def bench(
    size: Annotated[str, typer.Option(help="classroom, tiny, or full: the published ones")] = "classroom",
    families: FamiliesOption = FAMILIES,
    visitors: Annotated[str, typer.Option(help="how many paint at once, by commas")] = "1,4,8",
    repeats: Annotated[int, typer.Option(min=1, help="of every pair at most; the median counts")] = 5,
    steps: Annotated[int | None, typer.Option(min=2, help="of every picture; default: 8 to 10")] = None,
    minutes: Annotated[float, typer.Option(help="how long it may take; fewer repeats keep it within")] = 4.5,
    suite: Annotated[str | None, typer.Option(help="whose weights; default: the shipped ones")] = None,
    weights: Annotated[str | None, typer.Option(help="random: for speed alone")] = None,
    levers: Annotated[bool, typer.Option("--levers", help="time instead what might make a step quicker")] = False,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Time our painters against the stock pipelines with the same weights: ratios, paired in one run.

    Each row is shown as soon as it is measured; Ctrl-C ends the bench with the tables of what there is.
    """
    from lab.measure.bench import add, empty, line, table
    from lab.measure.bench import bench as run
    from lab.race.painters import usual_device

    try:
        crowd = tuple(int(word) for word in visitors.split(","))
    except ValueError:
        fail(f"visitors is {visitors!r}; give numbers by commas, as 1,4,8")
    results, begun, shown = empty(), time.monotonic(), sys.stderr if as_json else sys.stdout
    with failing(), suppress(KeyboardInterrupt), bar(round(60 * minutes), "seconds", as_json) as progress:
        where = present_device(device or usual_device(size))
        timing = run(size, tuple(families.split(",")), crowd, repeats, steps, minutes, suite, where, weights, levers)
        for question, row in timing:
            add(results, question, row)
            progress.update(min(round(time.monotonic() - begun), progress.total) - progress.n)
            if question != "about":
                tqdm.write(line(question, row), shown)  # above the bar
    typer.echo(json.dumps(results) if as_json else "\n" + table(results))
