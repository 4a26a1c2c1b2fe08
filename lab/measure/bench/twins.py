"""A painter of the full suite with its parts in memory, and its stock twins around the same parts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

from torch import nn

from lab.measure.bench import stock
from lab.measure.bench.cases import PIPELINES, Case, narrow
from lab.measure.bench.plans import Plan
from lab.measure.bench.stock import kandinsky
from lab.race import parts_of
from models.engine import Engine
from models.protocol import Request

Compiler = Callable[[Any], Any]
Twin = Callable[..., stock.Painter]


@contextmanager
def lent(engine: Engine, plan: Plan, request: Request, own: bool = False) -> Iterator[tuple[Case, Twin]]:
    """The painter with its parts in memory, and what makes stock ones, around the very same parts or `own` copies.

    `twin(compiler, of, **knobs)`: on compiled networks, or as it is (None); `of` a part of its way, the prior; with
    other settings.
    """
    names, suite = parts_of(engine, plan.suite, plan.family), plan.suite
    with engine.registry.borrow(suite, names, engine.forecast(request).workspace) as borrowed:
        config = {name.rpartition("/")[2]: value for name, value in engine.registry.config(suite, borrowed).items()}
        parts = {name.rpartition("/")[2]: part for name, part in borrowed.items()}
        for part in parts.values():
            part.to(engine.registry.device)
        parts = {name: copy.deepcopy(part) for name, part in parts.items()} if own else parts
        folder, way = engine.registry.suite(suite)["vae"].path.parent, kandinsky if "movq" in parts else stock

        def twin(compiler: Compiler | None = None, of: str = plan.family, **knobs: Any) -> stock.Painter:
            nets = parts | quickened(parts, compiler) if compiler else parts
            return getattr(way, of)(nets, config, replace(request.knobs, **knobs), folder)

        if plan.family == "vqgan_clip":
            loop = partial(stock.vqgan_clip, parts, config, request.knobs, folder, stacked=False)
            twins = {"loop, crops stacked": twin(), "loop, crop by crop": loop()}
        else:
            twins = {"KandinskyV22Pipeline" if way is kandinsky else PIPELINES[plan.family]: twin()}
        yield Case(
            plan.family, request.knobs, request.prompt.text, twins, request.knobs.steps, suite, plan.title,
            plan.family != "vqgan_clip", narrow(parts, plan.family),
        ), twin  # fmt: skip


def offloaded(engine: Engine, plan: Plan, request: Request) -> stock.Painter:
    """Stock with networks of its own, which wait in the computer's memory and come to the device one at a time.

    A loop has no pipeline to do that for it, and keeps its own on the device.
    """
    with lent(engine, plan, request, own=True) as (case, _):
        paint = next(iter(case.stock.values()))
    for pipe in paint.pipes:
        pipe.enable_model_cpu_offload()
    return paint


def quickened(parts: Mapping[str, Any], compiler: Compiler) -> dict[str, Any]:
    """Compiled: the networks that steps run, and an autoencoder's decoder; the parts themselves stay as they are."""
    found = {name: compiler(parts[name]) for name in ("unet", "pixel", "prior", "decoder") if name in parts}
    if "upsampler" in parts:
        found["upsampler"] = SimpleNamespace(**{name: compiler(parts["upsampler"][name]) for name in ("first", "last")})
    if "vae" in parts:
        found["vae"] = nn.Module.to(copy.deepcopy(parts["vae"]), parts["unet"].dtype)
        found["vae"].decode = compiler(found["vae"].decode)
    if "vqgan" in parts:  # what the loop asks of either
        found |= {name: copy.copy(parts[name]) for name in ("vqgan", "clip")}
        found["vqgan"].decode, found["clip"].image = compiler(parts["vqgan"].decode), compiler(parts["clip"].image)
    return found
