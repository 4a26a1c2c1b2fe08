"""What the bench of the full suite asks of several painters at once, and of the registry."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lab.measure.bench.memory import CAP, capped, swapped
from lab.measure.bench.plans import WHOLE, Plan
from lab.measure.bench.questions import beside
from lab.measure.bench.timing import minutes
from models.engine import Engine
from models.loaders import expect
from models.protocol import Request

__all__ = ["CAP", "GOALS", "ask"]

Row = dict[str, Any]
GOALS = {"beside": "2.5x at most", "capped": "0 failed, seen within 5% of the peak", "swap": "10x, 1.3x of raw"}
NETS = {"latent": "unet", "pixel": "pixel", "unclip": "decoder"}  # the part that is swapped, by painter
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
        yield _capped(engine, [plan.request(engine, 2) for plan in every.values()], end, rate, cap)
    if nets := [(plan.title, part) for family, part in NETS.items() if (plan := every.get(family))]:
        yield _swapped(engine, *nets[0], end, repeats)


def _capped(engine: Engine, asked: Sequence[Request], end: float, rate: float, cap: int) -> tuple[str, Row]:
    needs = [engine.forecast(each) for each in asked]
    cap = max(cap, *(each.need for each in needs))  # no cap is below what one painter needs alone
    if why := _lacking(engine, cap, 2 * sum(each.flops for each in needs) / rate, end):
        return "out", {"family": "all", "what": "capped", "why": why}
    return "capped", capped(engine, asked, cap, _left(end) / 2)


def _swapped(engine: Engine, title: str, name: str, end: float, repeats: int) -> tuple[str, Row]:
    size = expect(engine.registry.suite(WHOLE)[name])
    why, disk = _lacking(engine, 4 * size, PACE * size, end), shutil.disk_usage(tempfile.gettempdir()).free
    if disk < 2 * size:
        why = f"needs {2 * size / 1e9:.1f} GB of disk, {disk / 1e9:.1f} GB are free"
    if why:
        return "out", {"family": title, "what": "swap", "why": why}
    with engine.registry.borrow(WHOLE, [name]) as parts:
        return "swap", swapped(title, parts[name], engine.registry.device, repeats, _left(end) / 2)


def _lacking(engine: Engine, need: int, seconds: float, end: float) -> str:
    """Why there is not the memory or the time: empty where there is."""
    if need > (free := engine.registry.report()["budget"]):
        return f"needs {need / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free"
    if seconds > _left(end):
        return f"about {minutes(seconds)}, {minutes(max(0.0, _left(end)))} are left for it"
    return ""


def _left(end: float) -> float:
    return end - time.perf_counter()
