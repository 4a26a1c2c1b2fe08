"""What the commands share: how they fail, what they are given, how they show that they are at work."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from tqdm import tqdm

if TYPE_CHECKING:
    from lab.race import Outcome, Race
    from models.engine import Engine

app = typer.Typer(help="One prompt, four ways to paint it.", no_args_is_help=True, pretty_exceptions_enable=False)

FAMILIES = "latent,pixel,vqgan_clip,unclip"
SuiteOption = Annotated[str, typer.Option("--suite", help="a suite's name, or a folder laid out like classroom")]
FamiliesOption = Annotated[str, typer.Option("--families", help="the painters, by commas")]
KnobsOption = Annotated[list[str] | None, typer.Option("--set", help="a knob, as PAINTER.NAME=VALUE; may repeat")]
DEVICES = ("auto", "cpu", "cuda", "openvino", "openvino-bf16")  # written out: `--help` need not wait for torch
DeviceOption = Annotated[
    str | None, typer.Option("--device", help=f"{', '.join(DEVICES)}; default: cpu, and for the full suite auto")
]
JsonOption = Annotated[bool, typer.Option("--json", help="print the result as one line of JSON")]
COUNT = 64
SeedOption = Annotated[
    int, typer.Option("--seed", min=0, max=2**63 - COUNT, help="of the first picture; the others count up from it")
]
CountOption = Annotated[int, typer.Option("--count", min=1, max=COUNT, help="pictures of each painter")]
EnlargeOption = Annotated[bool, typer.Option("--enlarge", help="paint on: four times as wide at the end")]
NegativeOption = Annotated[str, typer.Option("--negative", help="what to keep away from")]


def fail(message: object, status: int = 2) -> NoReturn:
    """Say what is wrong in one line, and end: with status 2 for what cannot be, 1 for what did not work."""
    typer.echo(f"quartet: {message}", err=True)
    raise typer.Exit(status)


@contextmanager
def failing() -> Iterator[None]:
    """Errors as one line: what was asked for wrongly ends with 2, what broke on the way with 1."""
    try:
        yield
    except typer.Exit:  # itself a RuntimeError
        raise
    except ValueError as error:
        fail(error)
    except (RuntimeError, OSError, ArithmeticError, MemoryError) as error:
        fail(error, 1)


def open_engine(suite: str, device: str | None) -> tuple[Engine, str]:
    """An inline engine on a suite, where that usually paints or on `device`, and the name that requests call it by."""
    from transformers.utils.logging import disable_progress_bar

    from lab.race import default_engine, open_suite
    from lab.race.painters import leave_a_core, precision, usual_device

    disable_progress_bar()  # of transformers: it would run where nobody watches, and beside our own
    leave_a_core()  # as the app does: the number of threads decides the last bit of a picture
    with failing():
        device = present_device(device or usual_device(suite))
        table = open_suite(suite, precision(suite, device))
        return default_engine(table, device=device), table.name


def known_device(device: str, among: Sequence[str] = DEVICES) -> str:
    """`device`, if it is the name of one.  ValueError says which there are."""
    if device not in among:
        raise ValueError(f"device is {device!r}; give one of {', '.join(among)}")
    return device


def present_device(device: str, among: Sequence[str] = DEVICES) -> str:
    """`device`, if it is the name of one that this machine has.  ValueError says what to give."""
    import torch

    if known_device(device, among) == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is 'cuda', but torch finds no GPU of that kind here; give auto or cpu")
    return device


def writable(file: Path) -> Path:
    """`file`, if it can be written.  ValueError says why not: before the work that is to go into it, not after."""
    folder, given = file.parent, f"--out is {str(file)!r}"
    if file.is_dir():
        raise ValueError(f"{given}, which is a folder; name a file in it")
    if not folder.is_dir():
        raise ValueError(f"{given}, but there is no folder {str(folder)!r}; make it, or name another")
    if not os.access(file if file.exists() else folder, os.W_OK):
        raise ValueError(f"{given}, where nothing may be written; name another place")
    return file


def settings(pairs: Sequence[str]) -> dict[str, Any]:
    """["steps=10", "scheduler=ddim"] -> {"steps": 10, "scheduler": "ddim"}; values are JSON, or else text."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            fail(f"--set is {pair!r}; give NAME=VALUE")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def by_painter(pairs: Sequence[str] | None) -> dict[str, dict[str, Any]]:
    """["latent.steps=10"] -> {"latent": {"steps": 10}}."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in settings(pairs or ()).items():
        painter, dot, knob = name.partition(".")
        if not dot:
            fail(f"--set is {name!r}; with several painters give PAINTER.NAME=VALUE, as latent.steps=10")
        found.setdefault(painter, {})[knob] = value
    return found


def bar(total: int, name: str, quiet: bool = False) -> tqdm:
    """A progress bar on standard error, if that is a terminal and the bar is wanted."""
    form = "{l_bar}{bar}| {n_fmt}/{total_fmt} {elapsed} {postfix}"
    return tqdm(total=total, desc=name, bar_format=form, disable=quiet or not sys.stderr.isatty())


def told(outcome: Outcome) -> dict[str, Any]:
    """An outcome as plain data, without its pictures."""
    from lab.record.plain import plain

    names = ("lane", "state", "i", "n", "waited", "seconds", "looks", "evals", "rows", "workspace", "cut")
    more = {"covered": covers(outcome), "note": outcome.note or cover_note(outcome)}
    found = {name: getattr(outcome, name) for name in names} | more
    return plain(found | {"knobs": outcome.knobs, "facts": outcome.facts})


NEED = "{lane} will need {need} of memory, {weights} of it weights and {workspace} to work in; {limit}"


def foretell(race: Race, quiet: bool) -> dict[str, Any]:
    """By painter what it will need in memory, None where that cannot be told; said on standard error beforehand."""
    from lab.race.needs import need_of

    found = {lane: need_of(race.engine, request) for lane, request in race.requests.items()}
    for lane, need in found.items():
        if need is not None and not quiet:
            said = {name: f"{size / 1e6:,.0f} MB" for name, size in need.items() if type(size) is int}
            limit = "{budget} are allowed, so it fits" if need["fits"] else "only {budget} are allowed"
            limit = limit.format(**said) if "budget" in said else "there is no limit"
            typer.echo(NEED.format(lane=lane, limit=limit, **said), err=True)
    return found


def covers(outcome: Outcome) -> int:
    """How many of its pictures the safety checker had covered."""
    from models.samplers.guard import is_cover

    return 0 if outcome.images is None else sum(map(is_cover, outcome.images))


def cover_note(outcome: Outcome) -> str:
    """Why pictures are grey; empty where none is."""
    why = "the safety checker took it for something that is not shown; try another seed or other words"
    return f"covered {count}: {why}" if (count := covers(outcome)) else ""


def columns(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of the same fields as text, aligned: words to the left, numbers to the right."""
    head = list(rows[0])
    cells = [head, *([_cell(row[name]) for name in head] for row in rows)]
    widths = [max(len(line[k]) for line in cells) for k in range(len(head))]
    numeric = [all(isinstance(row[name], int | float | None) for row in rows) for name in head]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in cells
    )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
