"""What a bench asks of a painter.  Each question gives its rows: times in seconds, ratios above 1 in our favour."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any

from lab.measure.bench.cases import Case
from lab.measure.bench.made_up import on
from lab.measure.bench.pictures import unlike
from lab.measure.bench.timing import bare, echoed, first_look, newcomer, now, paired, several, times, until
from models.engine import Engine
from models.protocol import Request

Row = dict[str, Any]
LOOKS = 3  # runs that a wait or a preview is the median of
FEW, MANY = 25, 1000  # steps of a good solver, and all that a net was trained on


def alone(engine: Engine, case: Case, repeats: int, seconds: float) -> list[Row]:
    """One picture, against each stock painter of it, and how far a pixel of the first one's is off."""
    sides = {"ours": lambda: engine.paint(case.request())}
    sides |= {name: partial(paint, case.text, 0) for name, paint in case.stock.items()}
    took = paired(sides, repeats, engine.registry.device, seconds)
    about = {"family": case.name, "dtype": case.dtype, "steps": case.knobs.steps, "ours": median(took["ours"])}
    rows = [
        about | {"against": name, "stock": median(took[name]), "ratio": times(took[name], took["ours"])}
        for name in case.stock
    ]
    rows[0] |= unlike(engine, case)
    return [row | _rates(case, row) for row in rows]


def _rates(case: Case, row: Row) -> Row:
    """Steps a second, which is what climbers are known by."""
    return {f"{side}, it/s": row["steps"] / row[side] for side in ("ours", "stock")} if case.climbs else {}


def newcomers(engine: Engine, case: Case, repeats: int, seconds: float) -> list[Row]:
    """A guest's wait behind a long job, on the engine and in a queue; and the first preview, alone and warm."""
    looks = several(lambda: first_look(engine, case.request()), LOOKS, seconds / 4)
    job, guest = case.request("job", steps=case.long), case.request("guest", 1)
    waits = several(lambda: newcomer(engine, job, guest), min(repeats, LOOKS), seconds * 3 / 4)
    found = {name: median(wait[name] for wait in waits) for name in ("engine", "queue")}
    ratio = median(wait["queue"] / wait["engine"] for wait in waits)
    return [{"family": case.name, **found, "ratio": ratio, "first_look": median(looks)}]


def previews(engine: Engine, case: Case, repeats: int, seconds: float) -> list[Row]:
    """What a look costs beside a step, from runs that are looked at whenever they can be."""
    found = several(lambda: _looked_at(engine, case), min(repeats, LOOKS), seconds)
    look, step = (median(column) for column in zip(*found, strict=True))
    return [{"family": case.name, "look": look, "step": step, "share": look / step}]


def _looked_at(engine: Engine, case: Case) -> tuple[float, float]:
    """Seconds of a look and of a step."""
    run = engine.submit(case.request())
    for _ in engine.frames(run):
        pass
    meters, looks = run.meters, max(1, run.meters.looks - 1)  # the last is the picture itself
    return (meters.served - meters.device) / looks, meters.device / max(1, meters.steps)


def engine_cost(engine: Engine, case: Case, repeats: int, seconds: float) -> list[Row]:
    """What the engine adds to an Eval: one of this painter's, its network taken out, sent around many times."""
    request = case.request()
    evals, said = bare(engine, request)
    whole = several(lambda: engine.wait(engine.submit(request)).meters.device, repeats, seconds / 2)
    cost = median(several(lambda: echoed(engine, said), repeats, seconds / 2))
    share = cost * evals / median(whole)
    return [{"family": case.name, "evals": evals, "seconds": cost, "share": share}]


def crowd(engine: Engine, case: Case, repeats: int, count: int, seconds: float) -> list[Row]:
    """`count` visitors at once, against our own one after another, and stock one after another."""
    asked = [case.request(f"visitor {k}", k) for k in range(count)]
    name, paint = next(iter(case.stock.items()))
    sides = {
        "together": lambda: engine.wait(*[engine.submit(each) for each in asked]),
        "in turn": lambda: [engine.paint(each) for each in asked],
        "stock": lambda: [paint(case.text, k) for k in range(count)],
    }
    if case.family == "latent":
        sides["stock, one batch"] = lambda: paint(case.text, *range(count))
    took = paired(sides, repeats, engine.registry.device, seconds, warm=("together",))
    row = {"family": case.name, "visitors": count, "against": name}
    row |= {side: median(taken) for side, taken in took.items()}
    gains = {"to_stock": times(took["stock"], took["together"]), "to_own": times(took["in turn"], took["together"])}
    if "stock, one batch" in took:
        gains["to_batch"] = times(took["stock, one batch"], took["together"])
    return [row | gains]


def compiled(
    engine: Engine, case: Case, repeats: int, seconds: float, made: Callable[[], Callable[..., Any]]
) -> list[Row]:
    """One picture against stock on compiled networks, which `made` makes; and each side's first of all.

    Ours is a fresh engine's; weights are in memory by then, and the device's libraries awake, on both sides.
    """
    device = engine.registry.device
    begin = now(device)
    on(engine.registry).paint(case.request())
    first, begin = now(device) - begin, now(device)
    paint = made()
    paint(case.text, 0)
    cold = now(device) - begin
    sides = {"ours": lambda: engine.paint(case.request()), "stock": partial(paint, case.text, 0)}
    took = paired(sides, repeats, device, seconds)
    row = {"family": case.name, "dtype": case.dtype, "steps": case.knobs.steps, "first": first, "cold": cold}
    row |= {side: median(taken) for side, taken in took.items()} | {"sooner": cold / first}
    return [row | {"ratio": times(took["stock"], took["ours"])} | _rates(case, row)]


def fewer(engine: Engine, case: Case, repeats: int, seconds: float, made: Callable[..., Any]) -> list[Row]:
    """A picture in few steps against stock's in all that there are; how good either is, times do not tell."""
    paint = made(steps=MANY, scheduler="ddim")
    sides = {"ours": lambda: engine.paint(case.request(steps=FEW)), "stock": partial(paint, case.text, 0)}
    took = paired(sides, repeats, engine.registry.device, seconds, warm=("ours",))
    row = {"family": case.name, "steps": FEW, "many": MANY}
    return [row | {k: median(v) for k, v in took.items()} | {"ratio": times(took["stock"], took["ours"])}]


def prior(engine: Engine, case: Case, repeats: int, seconds: float, made: Callable[..., Any]) -> list[Row]:
    """From the text to the image embedding, and no further."""
    paint, steps = made(of="prior"), case.knobs.prior_steps

    def imagine() -> None:
        run = engine.submit(case.request())
        until(engine, lambda: run.meters.steps >= steps or run.over)
        run.cancel()
        engine.wait(run)

    sides = {"ours": imagine, "stock": partial(paint, case.text, 0)}
    took = paired(sides, repeats, engine.registry.device, seconds)
    row = {"family": case.name, "steps": steps}
    return [row | {k: median(v) for k, v in took.items()} | {"ratio": times(took["stock"], took["ours"])}]


def alike(engine: Engine, case: Case, repeats: int, seconds: float) -> list[Row]:
    """The furthest that a pixel is off when three others ride along, in batches padded to the same four rows."""
    padded = Engine(engine.registry, engine.samplers, buckets=(4,), cap=4)
    alone = padded.paint(case.request())
    runs = [padded.submit(case.request(f"visitor {k}", k)) for k in range(4)]
    padded.wait(*runs)
    off = (runs[0].result - alone).abs().max().item()
    return [{"family": case.name, "others": 3, "off": off}]


def beside(engine: Engine, guest: Request, job: Request, repeats: int, seconds: float) -> list[Row]:
    """A picture of one painter while another's long job runs, against the same picture alone."""
    job = replace(job, client="job", knobs=replace(job.knobs, steps=500))

    def during() -> None:
        long = engine.submit(job)
        until(engine, lambda: long.meters.steps >= 1 or long.over)
        begin = time.perf_counter()
        engine.paint(guest)
        waits.append(time.perf_counter() - begin)
        long.cancel()
        engine.wait(long)

    waits: list[float] = []
    took = paired({"solo": lambda: engine.paint(guest), "during": during}, min(repeats, LOOKS),
                  engine.registry.device, seconds)  # fmt: skip
    waits = waits[-len(took["solo"]) :]  # without the round that only warms
    row = {"family": guest.sampler, "job": job.sampler, "solo": median(took["solo"]), "beside": median(waits)}
    return [row | {"ratio": times(waits, took["solo"])}]
