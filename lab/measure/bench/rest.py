"""What the bench of the full suite asks of several painters at once, and of the registry."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from lab.measure.bench.cases import NETS
from lab.measure.bench.memory import CAP, capped, in_turn, swapped, unable
from lab.measure.bench.plans import WHOLE, Plan
from lab.measure.bench.questions import beside
from lab.measure.bench.timing import minutes, reason
from lab.measure.bench.twins import offloaded
from models.engine import Engine
from models.loaders import expect
from models.protocol import Request

__all__ = ["CAP", "GOALS", "ask"]

Row = dict[str, Any]
GOALS = {
    "beside": "2.5x at most",
    "capped": "0 failed, seen within 5% of the peak, 1.5x stock offloaded",
    "swap": "10x, 1.3x of raw",
}
SWAPPED = ("latent", "pixel", "unclip")  # whose networks `from_pretrained` reads
ELSEWHERE = (  # what is worth knowing and no bench of full-size networks tells, by painter
    ("pixel", "how good few steps are (KID)", "needs published weights, and pictures to compare with"),
    ("vqgan_clip", "off", "the loop draws its crops from other random numbers, so its picture is another"),
    ("vqgan_clip", "CLIP score to the loop's over 20 seeds", "needs published weights"),
    ("all", "FID, KID and CLIP score to library calls", "needs an Inception network, which nobody paints with"),
    ("all", "faults, and memory afterwards", "counted, not timed: test_engine_faults.py; on a GPU test_faults_gpu.py"),
    ("all", "mix-ups among 10,000 requests", "counted, not timed: the engine's tests, on hundreds by tiny networks"),
    ("all", "the classroom's networks", "`quartet bench` times them"),
)
PACE = 12e-9  # seconds a byte that a swap takes to be compared: written once, read a few times


def ask(
    engine: Engine, plans: Sequence[Plan], timed: Mapping[str, tuple[Request, float]], end: float, rate: float,
    repeats: int, cap: int,
) -> Iterator[tuple[str, Row]]:  # fmt: skip
    """Pairs of a question and a row; `timed` are requests that were timed, and their seconds, by painter."""
    if {"latent", "vqgan_clip"} <= set(timed):
        (guest, first), (job, second) = timed["latent"], timed["vqgan_clip"]
        need = engine.forecast(guest).need + engine.forecast(job).need  # at most: they may share a CLIP
        if why := _lacking(engine, need, 5 * first + 2 * second, end):
            yield "out", {"family": "latent", "what": "beside", "why": why}
        else:
            yield from (("beside", row) for row in beside(engine, guest, job, repeats, _left(end) / 2))
    every = {plan.family: plan for plan in plans if plan.suite == WHOLE}
    if len(every) > 1:
        yield from _capped(engine, list(every.values()), end, rate, cap)
    if nets := [(plan.title, NETS[family]) for family in SWAPPED if (plan := every.get(family))]:
        yield _swapped(engine, *nets[0], end, repeats)
    asked = {"all"} | {plan.family for plan in plans}
    yield from (("out", {"family": who, "what": what, "why": why}) for who, what, why in ELSEWHERE if who in asked)


def _capped(engine: Engine, plans: Sequence[Plan], end: float, rate: float, cap: int) -> Iterator[tuple[str, Row]]:
    """The cap's row, with stock's under offloading where there is that."""
    asked = [plan.request(engine, 2) for plan in plans]
    needs = [engine.forecast(each) for each in asked]
    work = sum(each.flops for each in needs) / rate
    cap = max(cap, *(each.need for each in needs))  # no cap is below what one painter needs alone
    if why := _lacking(engine, cap, 2 * work, end):
        yield "out", {"family": "all", "what": "capped", "why": why}
        return
    row = capped(engine, asked, cap, _left(end) / 3)
    if not (why := unable(engine.registry.device) or _lacking(engine, 0, 4 * work, end)):
        try:
            row |= _stock_of(engine, plans, asked, _left(end) / 2)
            row["to_offloaded"] = row["offloaded"] / row["seconds"]
        except RuntimeError as error:  # out of memory, say
            why = reason(error)
    if why:
        yield "out", {"family": "all", "what": "capped, stock offloaded", "why": why}
    yield "capped", row


def _stock_of(engine: Engine, plans: Sequence[Plan], asked: Sequence[Request], seconds: float) -> Row:
    """Stock's answer to the capped requests, while nothing of ours is in the device's memory."""
    paints = [offloaded(engine, *pair) for pair in zip(plans, asked, strict=True)]
    for suite in engine.registry.suites.values():
        for name in suite.parts:
            engine.registry.evict(suite.name, name)
    calls = [partial(paint, each.prompt.text, 0) for paint, each in zip(paints, asked, strict=True)]
    return in_turn(calls, engine.registry.device, seconds)


def _swapped(engine: Engine, title: str, name: str, end: float, repeats: int) -> tuple[str, Row]:
    size = expect(engine.registry.suite(WHOLE)[name])
    why, disk = _lacking(engine, 4 * size, PACE * size, end), shutil.disk_usage(tempfile.gettempdir()).free
    if disk < 2 * size:
        why = f"needs {2 * size / 1e9:.1f} GB of disk, {disk / 1e9:.1f} GB are free"
    if why:
        return "out", {"family": title, "what": "swap", "why": why}
    with engine.registry.ask(WHOLE, [name]) as ticket:
        return "swap", swapped(title, ticket.wait()[name], engine.registry.device, repeats, _left(end) / 2)


def _lacking(engine: Engine, need: int, seconds: float, end: float) -> str:
    """Why there is not the memory or the time: empty where there is."""
    if need > (free := engine.registry.report()["budget"]):
        return f"needs {need / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free"
    if seconds > _left(end):
        return f"about {minutes(seconds)}, {minutes(max(0.0, _left(end)))} are left for it"
    return ""


def _left(end: float) -> float:
    return end - time.perf_counter()
