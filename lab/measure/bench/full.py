"""`quartet bench --size full`: the published architectures, one painter after another, each against stock.

What will not fit into the memory that is free, or into the minutes, is found before anything is built (the forecast
tells bytes and operations) and said in a row of its own: fewer steps are taken first, then a question is left out,
then the painter.  Figures of steps stay true at fewer of them: both sides take the same.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch

from lab.measure.bench import questions, rest
from lab.measure.bench.cases import Case
from lab.measure.bench.crowds import arrivals
from lab.measure.bench.plans import Plan
from lab.measure.bench.questions import FEW, MANY, alike, alone, compiled, crowd, fewer, newcomers
from lab.measure.bench.timing import minutes, reason
from lab.measure.bench.twins import Compiler, Twin, lent
from models.engine import Engine
from models.protocol import Request

Row = dict[str, Any]
FEWER = (50, 25, 10, 5, 2)  # steps to come down to where time is short
COLD = {"cpu": 600.0, "cuda": 120.0}  # seconds that compiling a large network takes; nothing stops it on the way
PEAKS = {"H200": 790e12}  # operations a second in half precision that a device can do, where that is known
SHARE = 0.4  # of what large products reach: what networks reach, about


def full_bench(
    engine: Engine, plans: Sequence[Plan], end: float, repeats: int = 5, visitors: int = 8,
    compiler: Compiler | None = None, cap: int = rest.CAP,
) -> Iterator[tuple[str, Row]]:  # fmt: skip
    """Pairs of a question and a row, each as soon as it is measured; none is begun that would not end by `end`.

    `compiler` is what stock's networks are compiled with; None: torch.compile, with its graphs on a GPU.  `cap`: bytes
    that all painters together may take when the registry is asked.
    """
    rate, cuda = SHARE * products(engine), engine.registry.device.type == "cuda"
    cold = 0.0 if compiler else COLD[engine.registry.device.type]
    compiler = compiler or partial(torch.compile, mode="reduce-overhead" if cuda else None)
    timed: dict[str, tuple[Request, float]] = {}

    def aimed(goals: Mapping[str, str], question: str, row: Row) -> tuple[str, Row]:
        return question, row | ({"goal": goals[question]} if cuda and question in goals else {})

    for at, plan in enumerate(plans):
        left = (end - time.perf_counter()) / (len(plans) - at + 1)  # one share more: for the rest
        request, work, why = fitting(engine, plan, left, rate)
        if why:
            yield "out", {"family": plan.title, "what": "all", "why": why}
            continue
        for question, row in _ask(engine, plan, request, work, rate, left, repeats, visitors, compiler, cold):
            if question == "single":
                timed[plan.family] = request, row["ours"]
            yield aimed(plan.goals, question, row)
    for question, row in rest.ask(engine, plans, timed, end, rate, repeats, cap):
        yield aimed(rest.GOALS, question, row)


def fitting(engine: Engine, plan: Plan, seconds: float, rate: float) -> tuple[Request, float, str]:
    """The request with as many of its steps as fit, its operations, and why it is left out: empty when it is not."""
    few = [plan.request(engine, steps) for steps in (2, 4)]
    needs = [engine.forecast(each) for each in few]
    each = (needs[1].flops - needs[0].flops) / 2
    if (need := needs[0].need) > (free := engine.registry.report()["budget"]):
        return few[0], 0, f"needs {need / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free"
    for steps in (plan.steps, *(less for less in FEWER if less < plan.steps)):
        work = needs[0].flops + (steps - 2) * each
        if 8 * work / rate <= seconds:
            return plan.request(engine, steps), work, ""
    told = f"two steps are {work / 1e12:.1f} TFLOP, about {minutes(8 * work / rate)} to compare"
    return few[0], work, f"{told}; {minutes(max(0.0, seconds))} are left for it"


def _ask(
    engine: Engine, plan: Plan, request: Request, work: float, rate: float, seconds: float, repeats: int,
    visitors: int, compiler: Compiler, cold: float,
) -> Iterator[tuple[str, Row]]:  # fmt: skip
    """Every question about one painter that time allows; pictures are what a question costs."""
    end, picture = time.perf_counter() + seconds, work / rate
    with lent(engine, plan, request) as (case, twin):
        for name, pictures, ask in _questions(case, twin, compiler, visitors):
            left = end - time.perf_counter()
            wanted = pictures * picture + (cold if name == "compiled" else 0.0)
            if left < wanted:
                why = f"about {minutes(wanted)}, {minutes(max(0.0, left))} are left for it"
                yield "out", {"family": plan.title, "what": name, "why": why}
                continue
            try:
                rows = ask(engine, case, repeats, seconds=left / 2)
            except RuntimeError as error:  # what a device has no kernel or no memory for ends one question, not all
                yield "out", {"family": plan.title, "what": name, "why": reason(error)}
                continue
            for row in rows:
                if name == "single":
                    row, picture = row | worked(engine, work, row["ours"]), row["ours"]
                yield name, row


def _questions(
    case: Case, twin: Twin, compiler: Compiler, visitors: int
) -> Iterator[tuple[str, float, Callable[..., list[Row]]]]:
    """Name, what it costs in pictures, and how to answer it: those that apply to a painter."""
    yield "single", 4 + 2 * len(case.stock), alone
    if case.family == "unclip":
        yield "prior", 4, partial(questions.prior, made=twin)
    yield "compiled", 6, partial(compiled, made=partial(twin, compiler))
    yield "wait", 5, newcomers
    yield "visitors", 4 * visitors, partial(crowd, count=visitors)
    if case.family == "latent":
        yield "arrivals", 4 * visitors, partial(arrivals, count=visitors)
    if case.family in ("latent", "pixel"):
        yield "fewer", (MANY + 2 * FEW) / case.knobs.steps, partial(fewer, made=twin)
    yield "alike", 8, alike


def worked(engine: Engine, work: float, seconds: float) -> Row:
    """What was done: operations, and their share of the device's peak where that is known."""
    device = engine.registry.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    most = next((most for known, most in PEAKS.items() if known in name), None)
    return {"flops": work} | ({"peak": work / seconds / most} if most else {})


def products(engine: Engine) -> float:
    """Operations a second of large matrix products, the best of three, in the precision of the networks there."""
    device = engine.registry.device
    side, dtype = (8192, torch.float16) if device.type == "cuda" else (1024, torch.float32)
    x, best = torch.randn(side, side, device=device, dtype=dtype), math.inf
    for _ in range(3):
        begin = time.perf_counter()
        (x @ x)[0, 0].item()
        best = min(best, time.perf_counter() - begin)
    return 2 * side**3 / best
