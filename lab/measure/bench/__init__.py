"""`quartet bench`: what our engine costs and gains, as ratios of times taken in turns within one run.

    for question, row in bench(minutes=4.5): add(found, question, row)       # each as soon as it is measured
    print(table(found))                                                      # of all of them, or of those so far

Stock is a diffusers pipeline around the same networks, steps and dtype; for VQGAN+CLIP, which has none, the usual
loop with kornia's augmentations (lab/measure/reference_vqgan.py), crops stacked and crop by crop.  Questions are asked
of every painter before the next question, so that a bench that is cut short has answers for all of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from lab.measure.bench.cases import Case, make_case, open_engine
from lab.measure.bench.full import full_bench
from lab.measure.bench.levers import CONVERTED, converted
from lab.measure.bench.levers import levers as levers_of
from lab.measure.bench.made_up import full_engine
from lab.measure.bench.plans import chosen
from lab.measure.bench.questions import alone, crowd, engine_cost, newcomers, previews
from lab.measure.bench.table import TITLES, line, table
from lab.measure.bench.weights import SIZES
from lab.race import LANES, parts_of
from models.engine import Engine

__all__ = ["TITLES", "add", "bench", "empty", "line", "table"]

Row = dict[str, Any]


def bench(
    size: str = "classroom",
    families: Sequence[str] = LANES,
    visitors: Sequence[int] = (1, 4, 8),
    repeats: int = 5,
    steps: int | None = None,
    minutes: float | None = None,
    suite: str | Path | None = None,
    device: str = "cpu",
    weights: str | None = None,
    levers: bool = False,
) -> Iterator[tuple[str, Row]]:
    """Pairs of a question (a key of TITLES, or "about" for what was timed) and one row of its answer.

    `suite` None takes the shipped weights where they are whole, else random ones, as `weights` "random" always does.
    `steps` None takes few.  Every time is the median of at most `repeats`, and of fewer, but at least one, where
    `minutes` would not do; no question is begun when they are over.  `size` full is another bench: see `full.py`.
    `levers` asks instead what might make a step quicker: see `levers.py`.
    Raises ValueError for what cannot be timed.
    """
    if weights not in (None, "random") or (weights and suite):
        raise ValueError(f"weights is {weights!r}, suite {suite!r}; give random and no suite, or leave weights out")
    _check(size, families, visitors, repeats, minutes, levers)
    end = time.perf_counter() + (60 * minutes if minutes else float("inf"))
    if size == "full":
        yield from _published(families, max(visitors), repeats, steps, end, device, weights)
        return
    with open_engine(size, families, suite, device, weights) as (engine, kind):
        about = {"size": size, "weights": kind, "device": device, "repeats": repeats}
        yield "about", {**about, "threads": torch.get_num_threads(), "torch": torch.__version__, "complete": False}
        names = dict.fromkeys(part for family in families for part in parts_of(engine, "classroom", family))
        with engine.registry.ask("classroom", names) as ticket:
            parts = ticket.wait()
            cases = [make_case(engine, parts, family, size, steps) for family in families]
            asked = _levers(engine, cases, repeats) if levers else _questions(engine, cases, visitors, repeats)
            yield from _answers(asked, end)


def _check(
    size: str, families: Sequence[str], visitors: Sequence[int], repeats: int, minutes: float | None, levers: bool
) -> None:
    """ValueError names what cannot be timed."""
    if size not in (*SIZES, "full"):
        raise ValueError(f"size is {size!r}; give one of {(*SIZES, 'full')}")
    if (stray := [family for family in families if family not in LANES]) or not families:
        raise ValueError(f"families names {stray or 'none'}; give some of {LANES}")
    if not visitors or min(visitors) < 1 or repeats < 1:
        raise ValueError(f"visitors is {tuple(visitors)}, repeats {repeats}; give numbers of at least 1")
    if minutes is not None and not minutes > 0:
        raise ValueError(f"minutes is {minutes}; give more than 0")
    if levers and size == "full":
        raise ValueError(f"size is {size!r}, and levers are asked for; give one of {SIZES}")


def _published(
    families: Sequence[str], visitors: int, repeats: int, steps: int | None, end: float, device: str,
    weights: str | None,
) -> Iterator[tuple[str, Row]]:  # fmt: skip
    """The bench of the full suite."""
    plans = chosen(families, steps)
    with full_engine(dict.fromkeys(plan.suite for plan in plans), weights, device) as (engine, kind):
        about = {"size": "full", "weights": kind, "device": str(engine.registry.device), "repeats": repeats}
        yield "about", {**about, "threads": torch.get_num_threads(), "torch": torch.__version__, "complete": False}
        yield from full_bench(engine, plans, end, repeats, visitors)
        yield "about", {"complete": True}


def _questions(
    engine: Engine, cases: Sequence[Case], visitors: Sequence[int], repeats: int
) -> list[tuple[str, float, Callable[[float], list[Row]]]]:
    """Name, share of the time, and how to answer it in about so many seconds."""
    each = [("single", 3, alone), ("wait", 2, newcomers), ("previews", 1, previews), ("engine", 1, engine_cost)]
    asked = [(name, share, partial(ask, engine, case, repeats)) for name, share, ask in each for case in cases]
    groups = [(count, case) for count in visitors for case in cases]
    return asked + [("visitors", 1 + count, partial(crowd, engine, case, repeats, count)) for count, case in groups]


def _levers(engine: Engine, cases: Sequence[Case], repeats: int) -> list[tuple[str, float, Callable]]:
    """As `_questions`; conversions come last, the longest of them at the end."""
    asked = [("levers", 2, partial(levers_of, engine, case, repeats)) for case in cases]
    return asked + [
        ("levers", 1, partial(converted, name, engine, case, repeats)) for name in CONVERTED for case in cases
    ]


def _answers(questions: list[tuple[str, float, Callable[[float], list[Row]]]], end: float) -> Iterator[tuple[str, Row]]:
    """Ask one after another; what one leaves of its share of the time is there for those that follow."""
    while questions:
        name, share, ask = questions.pop(0)
        left = end - time.perf_counter()
        if left <= 0:
            return
        for row in ask(left * share / (share + sum(others for _, others, _ in questions))):
            yield name, row
    yield "about", {"complete": True}


def empty() -> dict[str, Any]:
    """Results before anything was measured."""
    return {name: [] for name in TITLES}


def add(found: dict[str, Any], question: str, row: Row) -> None:
    """Put what `bench` yields to the results so far."""
    if question == "about":
        found.update(row)
    else:
        found.setdefault(question, []).append(row)
