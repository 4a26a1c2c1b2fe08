"""The four painters, the engine that runs them on a suite, and what each of them needs of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from models import loaders
from models.catalog import Suite, classroom
from models.engine import Engine
from models.protocol import Sampler
from models.registry import Registry
from models.samplers.latent import Latent
from models.samplers.pixel import Pixel
from models.samplers.unclip import Unclip
from models.samplers.upsample import Upsample
from models.samplers.vqgan_clip import VqganClip

SAMPLERS: Mapping[str, Sampler] = {
    "latent": Latent(),
    "pixel": Pixel(),
    "vqgan_clip": VqganClip(),
    "unclip": Unclip(),
    "upsample": Upsample(),
}
LANES = ("latent", "pixel", "vqgan_clip", "unclip")  # as they stand on the stage
SUITES = {"classroom": classroom}
SPARE = ("clip_robust", "upsampler")  # parts that painters can do without
BUCKETS = (1, 2, 4, 8)


def open_suite(suite: str | Path = "classroom", dtype: str = "float32") -> Suite:
    """A suite by name, or one laid out like the classroom's under a folder of your own.

    Spare parts whose files are missing are left out, so that painters go without them.  ValueError for neither.
    """
    if str(suite) in SUITES:
        found = SUITES[str(suite)](dtype=dtype)
    elif Path(suite).is_dir():
        found = classroom(Path(suite), dtype)
    else:
        raise ValueError(f"suite is {str(suite)!r}; give one of {sorted(SUITES)}, or a folder laid out like it")
    gone = [name for name in SPARE if name in found.parts and loaders.fault(found.parts[name])]
    return replace(found, parts={name: part for name, part in found.parts.items() if name not in gone})


def default_engine(
    suite: str | Path | Suite = "classroom", *, budget: int | None = None, device: str = "cpu", threads: bool = True
) -> Engine:
    """The engine that app, command line and tests share.  Call `.start()` to give it a thread; else it runs inline.

    `device` is auto, cpu or cuda; `budget` limits the bytes of parts and workspace; `threads=False` for a fork.
    """
    where = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    table = suite if isinstance(suite, Suite) else open_suite(suite)
    registry = Registry([table], budget, where, threads=threads)
    return Engine(registry, SAMPLERS, buckets=BUCKETS if where.startswith("cuda") else None)


def parts_of(engine: Engine, suite: str, name: str) -> tuple[str, ...]:
    """The parts of `suite` that a run of the sampler `name` borrows."""
    has = engine.registry.suite(suite).parts
    wanted = (part for target in engine.samplers[name].targets.values() for part in target.parts)
    return tuple(dict.fromkeys(part for part in wanted if part in has))


def missing(engine: Engine, suite: str, names: tuple[str, ...] = LANES) -> dict[str, str]:
    """Samplers that cannot run, with the reason; the others can."""
    faults = engine.registry.faults(suite)
    found = {}
    for name in names:
        gone = [part for part in parts_of(engine, suite, name) if part in faults]
        if gone:
            found[name] = "; ".join(f"{part}: {faults[part]}" for part in gone)
    return found


def weight_of(engine: Engine, suite: str, name: str) -> dict[str, int]:
    """What a sampler's parts weigh: `bytes` in memory, and `parameters`.  Raises Unavailable."""
    table = engine.registry.suite(suite).parts
    parts = [table[part] for part in parts_of(engine, suite, name)]
    sizes = [(loaders.weigh(part), getattr(torch, part.dtype).itemsize) for part in parts]
    return {"bytes": sum(size for size, _ in sizes), "parameters": sum(size // width for size, width in sizes)}
