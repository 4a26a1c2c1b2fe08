"""Visitors who come one by one: a Poisson stream of them, twice as dense as pictures one after another can serve."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from random import Random
from statistics import median
from typing import Any

from lab.measure.bench.cases import Case
from lab.measure.bench.timing import now, paired, times
from models.engine import Engine

Row = dict[str, Any]
BATCH = 8  # visitors whom stock takes at once
LOAD = 2.0  # visitors that come while one picture is painted alone


def arrivals(engine: Engine, case: Case, repeats: int, count: int, seconds: float) -> list[Row]:
    """`count` visitors on the engine, in our own queue one by one, and by stock in batches of all who wait then.

    Each side's seconds until all are served, and what 95 of 100 waited at most, from coming to the picture.
    """
    device, (name, paint) = engine.registry.device, next(iter(case.stock.items()))
    begin = now(device)
    engine.paint(case.request())
    gap = (now(device) - begin) / LOAD
    rng = Random(count)
    at = [0.0, *accumulate(rng.expovariate(1 / gap) for _ in range(count - 1))]
    clock, waits = partial(now, device), {}

    def kept(side: str, found: list[float]) -> None:
        waits.setdefault(side, []).append(sorted(found)[math.ceil(0.95 * count) - 1])

    alone = partial(_queued, at, lambda ks: engine.paint(case.request("guest", *ks)), 1, clock)
    batched = partial(_queued, at, lambda ks: paint(case.text, *ks), BATCH, clock)
    sides = {
        "together": lambda: kept("together", _joining(engine, case, at)),
        "in turn": lambda: kept("in turn", alone()),
        "stock, one batch": lambda: kept("stock, one batch", batched()),
    }
    took = paired(sides, repeats, device, seconds, warm=("together",))
    waits["together"] = waits["together"][1:]
    row = {"family": case.name, "visitors": count, "against": name, "gap": gap}
    row |= {side: median(taken) for side, taken in took.items()}
    row |= {f"{side}, p95": median(waits[side]) for side in sides}
    gains = {"to_batch": times(took["stock, one batch"], took["together"])}
    return [row | gains | {"p95": times(waits["in turn"], waits["together"])}]


def _queued(
    at: Sequence[float], take: Callable[[list[int]], Any], most: int, clock: Callable[[], float]
) -> list[float]:
    """Seconds from each coming to its picture, when `take` paints up to `most` of those who wait, and then the next."""
    begin, waits = clock(), []
    while len(waits) < len(at):
        time.sleep(max(0.0, begin + at[len(waits)] - clock()))
        past = clock() - begin
        ready = [k for k in range(len(waits), len(at)) if at[k] <= past][:most] or [len(waits)]
        take(ready)
        waits += [clock() - begin - at[k] for k in ready]
    return waits


def _joining(engine: Engine, case: Case, at: Sequence[float]) -> list[float]:
    """The same on the engine, which lets everybody in as they come."""
    begin, runs, waits = time.perf_counter(), [], {}
    while len(waits) < len(at):
        past = time.perf_counter() - begin
        while len(runs) < len(at) and at[len(runs)] <= past:
            runs.append(engine.submit(case.request(f"visitor {len(runs)}", len(runs))))
        waits |= {k: past - at[k] for k, run in enumerate(runs) if run.over and k not in waits}
        if len(waits) < len(runs):
            engine.turn()
        elif len(runs) < len(at):
            time.sleep(max(0.0, begin + at[len(runs)] - time.perf_counter()))
    return list(waits.values())
