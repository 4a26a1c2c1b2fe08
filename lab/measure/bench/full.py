"""`quartet bench --size full`: the published architectures, one painter after another, each against stock.

What will not fit into the memory that is free, or into the minutes, is found before anything is built (the forecast
tells bytes and operations) and said in a row of its own: fewer steps are taken first, then a question is left out,
then the painter.  Figures of steps stay true at fewer of them: both sides take the same.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from lab.measure.bench import stock
from lab.measure.bench.cases import LIKE_STOCK, PIPELINES, TEXT, Case
from lab.measure.bench.questions import alike, alone, beside, compiled, crowd, newcomers
from lab.race import parts_of
from models.engine import Engine
from models.protocol import Prompt, Request

Row = dict[str, Any]
FEWER = (50, 25, 10, 5, 2)  # steps to come down to where time is short
COLD = {"cpu": 600.0, "cuda": 120.0}  # seconds that compiling a large network takes; nothing stops it on the way
SHARE = 0.4  # of what large products reach: what networks reach, about
WHOLE = "full:clip-vit-b-32"  # the usual guide of VQGAN+CLIP; the others keep the one CLIP
SMALL = "full:ddpm-cifar10-32,clip-vit-b-32"


@dataclass(frozen=True, slots=True)
class Plan:
    """A painter as it is to be timed.  `goals` are those of a GPU, by question; `knobs` are beside the steps."""

    title: str
    family: str
    suite: str
    steps: int
    knobs: Mapping[str, Any] = field(default_factory=dict)
    goals: Mapping[str, str] = field(default_factory=dict)

    def request(self, engine: Engine, steps: int) -> Request:
        settings = LIKE_STOCK.get(self.family, {}) | self.knobs | {"steps": steps}
        if self.family == "unclip":
            settings |= {"prior_steps": steps, "upsample_steps": min(steps, 7)}
        text = "" if self.family == "pixel" else TEXT
        knobs = engine.samplers[self.family].knobs(**settings)
        return Request(self.family, Prompt(text, seeds=(0,)), knobs, self.suite, "bench")


def _climb(side: int, goal: str) -> Plan:
    knobs = {"tower": "ordinary", "rule": "adam", "crops": 32, "width": side, "height": side}
    return Plan(f"vqgan_clip {side}", "vqgan_clip", WHOLE, 20, knobs, {"single": goal, "visitors": "1.8x our own"})


PLANS = (  # the least work first
    Plan("pixel 32", "pixel", SMALL, 50, {"clip_guidance": 0.0}, {"single": "4x"}),
    Plan("pixel 256", "pixel", WHOLE, 50, {"clip_guidance": 0.0}, {"single": "2.5x"}),
    _climb(256, "4x"),
    _climb(512, "2.5x"),
    Plan("latent 512", "latent", WHOLE, 50, {"guidance": 7.5}, {
        "single": "2x", "compiled": "1.15x", "wait": "10x", "visitors": "4x stock, 1.8x our own, 1.2x its batch"}),
    Plan("unclip 256", "unclip", WHOLE, 25, {"prior_guidance": 4.0, "guidance": 8.0}, {"single": "2x"}),
)  # fmt: skip


def full_bench(
    engine: Engine, plans: Sequence[Plan], end: float, repeats: int = 5, visitors: int = 8,
    compiler: Callable[[Any], Any] | None = None,
) -> Iterator[tuple[str, Row]]:  # fmt: skip
    """Pairs of a question and a row, each as soon as it is measured; none is begun that would not end by `end`.

    `compiler` is what stock's networks are compiled with; None: torch.compile, with its graphs on a GPU.
    """
    rate, cuda = SHARE * products(engine), engine.registry.device.type == "cuda"
    cold = 0.0 if compiler else COLD[engine.registry.device.type]
    compiler = compiler or partial(torch.compile, mode="reduce-overhead" if cuda else None)
    timed: dict[str, tuple[Request, float]] = {}
    for at, plan in enumerate(plans):
        left = (end - time.perf_counter()) / (len(plans) - at)
        request, work, why = fitting(engine, plan, left, rate)
        if why:
            yield "out", {"family": plan.title, "what": "all", "why": why}
            continue
        for question, row in _ask(engine, plan, request, work, rate, left, repeats, visitors, compiler, cold):
            if question == "single":
                timed[plan.family] = request, row["ours"]
            yield question, row | ({"goal": plan.goals[question]} if cuda and question in plan.goals else {})
    if {"latent", "vqgan_clip"} <= set(timed):
        (guest, first), (job, second) = timed["latent"], timed["vqgan_clip"]
        both = engine.forecast(guest).need + engine.forecast(job).need  # at most: they may share a CLIP
        if both <= engine.registry.report()["budget"] and 5 * first + 2 * second < end - time.perf_counter():
            yield from (("beside", row) for row in beside(engine, guest, job, repeats, end - time.perf_counter()))


def fitting(engine: Engine, plan: Plan, seconds: float, rate: float) -> tuple[Request, float, str]:
    """The request with as many of its steps as fit, its operations, and why it is left out: empty when it is not."""
    few = [plan.request(engine, steps) for steps in (2, 4)]
    needs = [engine.forecast(each) for each in few]
    each = (needs[1].flops - needs[0].flops) / 2
    if (need := needs[0].need) > (free := engine.registry.report()["budget"]):
        return few[0], 0, f"needs {need / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free"
    for steps in (plan.steps, *(fewer for fewer in FEWER if fewer < plan.steps)):
        work = needs[0].flops + (steps - 2) * each
        if 8 * work / rate <= seconds:
            return plan.request(engine, steps), work, ""
    told = f"two steps are {work / 1e12:.1f} TFLOP, about {_minutes(8 * work / rate)} to compare"
    return few[0], work, f"{told}; {_minutes(max(0.0, seconds))} are left for it"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes"


def _ask(
    engine: Engine, plan: Plan, request: Request, work: float, rate: float, seconds: float, repeats: int,
    visitors: int, compiler: Callable[[Any], Any], cold: float,
) -> Iterator[tuple[str, Row]]:  # fmt: skip
    """Every question about one painter that time allows; pictures are what a question costs."""
    end, picture = time.perf_counter() + seconds, work / rate
    with lent(engine, plan, request) as (case, made):
        asked = [("single", 2 + 2 * len(case.stock), alone), ("wait", 5, newcomers),
                 ("visitors", 4 * visitors, partial(crowd, count=visitors)), ("alike", 8, alike)]  # fmt: skip
        if plan.family != "vqgan_clip":
            asked.insert(1, ("compiled", 5, partial(compiled, made=partial(made, compiler))))
        for name, pictures, ask in asked:
            left = end - time.perf_counter()
            wanted = pictures * picture + (cold if name == "compiled" else 0.0)
            if left < wanted:
                why = f"about {_minutes(wanted)}, {_minutes(max(0.0, left))} are left for it"
                yield "out", {"family": plan.title, "what": name, "why": why}
                continue
            for row in ask(engine, case, repeats, seconds=left / 2):
                if name == "single":
                    row, picture = row | {"flops": work}, row["ours"]
                yield name, row


@contextmanager
def lent(engine: Engine, plan: Plan, request: Request) -> Iterator[tuple[Case, Callable[..., stock.Painter]]]:
    """The painter with its parts in memory, and `made(compiler)`: its stock twin on compiled networks."""
    names, suite = parts_of(engine, plan.suite, plan.family), plan.suite
    with engine.registry.borrow(suite, names, engine.forecast(request).workspace) as borrowed:
        config = {name.rpartition("/")[2]: value for name, value in engine.registry.config(suite, borrowed).items()}
        parts = {name.rpartition("/")[2]: part for name, part in borrowed.items()}
        for part in parts.values():
            part.to(engine.registry.device)
        folder = engine.registry.suite(suite)["vae"].path.parent
        make = partial(getattr(stock, plan.family), config=config, knobs=request.knobs, folder=folder)
        if plan.family == "vqgan_clip":
            twins = {"loop, crops stacked": make(parts), "loop, crop by crop": make(parts, stacked=False)}
        else:
            twins = {PIPELINES[plan.family]: make(parts)}
        case = Case(plan.family, request.knobs, request.prompt.text, twins, request.knobs.steps, suite, plan.title)
        yield case, lambda compiler: make(parts | quickened(parts, compiler))


def quickened(parts: Mapping[str, Any], compiler: Callable[[Any], Any]) -> dict[str, Any]:
    """Compiled: the networks that steps run, and the autoencoder's decoder; the parts themselves stay as they are."""
    found = {name: compiler(parts[name]) for name in ("unet", "pixel", "prior", "decoder") if name in parts}
    if "upsampler" in parts:
        found["upsampler"] = SimpleNamespace(**{name: compiler(parts["upsampler"][name]) for name in ("first", "last")})
    if "vae" in parts:
        found["vae"] = nn.Module.to(copy.deepcopy(parts["vae"]), parts["unet"].dtype)
        found["vae"].decode = compiler(found["vae"].decode)
    return found


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


def chosen(families: Sequence[str], steps: int | None = None) -> list[Plan]:
    """The plans of some painters, at `steps` where given."""
    found = [plan for plan in PLANS if plan.family in families]
    return [replace(plan, steps=steps) for plan in found] if steps else found
