"""The four painters, the engine that runs them on a suite, and what each of them needs of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models import loaders
from models.catalog import Part, Suite, classroom
from models.catalog.full import full, home
from models.catalog.own import read_own, with_own
from models.engine import Engine
from models.parts import openvino
from models.protocol import Sampler
from models.registry import Registry
from models.samplers.guard import Guarded
from models.samplers.latent import Latent
from models.samplers.pixel import Pixel
from models.samplers.unclip import Unclip
from models.samplers.upsample import Enlarged, Upsample
from models.samplers.vqgan_clip import VqganClip

SAMPLERS: Mapping[str, Sampler] = {
    "latent": Enlarged(Latent()),
    "pixel": Enlarged(Pixel()),
    "vqgan_clip": Enlarged(VqganClip()),
    "unclip": Unclip(),
    "upsample": Upsample(),
}
LANES = ("latent", "pixel", "vqgan_clip", "unclip")  # as they stand on the stage
SUITES = ("classroom", "full")
SPARE = ("clip_robust", "upsampler", "safety")  # parts that painters can do without
BUCKETS = (1, 2, 4, 8)
LENT = "SPACES_ZERO_GPU"  # set on a Space that lends its GPUs by call


def plan(suite: str | Path = "classroom", dtype: str = "float32") -> Suite:
    """A suite as it is meant, whether or not its files are here: by name, or by a folder laid out like the classroom's.

    `full:sd-2.1,clip-vit-b-32` is the full suite with those choices, and with what `quartet.toml` says in the folder
    at hand, or the file that QUARTET_TOML names.  ValueError says what there is.
    """
    name, _, choices = str(suite).partition(":")
    if name == "full":
        return with_own(full(*filter(None, choices.split(",")), dtype=dtype), _own(), home())
    if str(suite) in SUITES:
        return classroom(dtype=dtype)
    if Path(suite).is_dir():
        return classroom(Path(suite), dtype)
    raise ValueError(f"suite is {str(suite)!r}; give one of {sorted(SUITES)}, or a folder laid out like classroom")


def own_file() -> Path:
    """Where the visitor's own weights are named; unless QUARTET_TOML says so, it need not be there."""
    return Path(os.environ.get("QUARTET_TOML") or "quartet.toml")


def _own() -> Mapping[str, Any]:
    file = own_file()
    if file.exists():
        return read_own(file)
    if os.environ.get("QUARTET_TOML"):
        raise ValueError(
            f"QUARTET_TOML is {file}, and no such file is there; name one that is, or unset it: then quartet.toml is "
            "read in the folder at hand, if there is one"
        )
    return {}


def open_suite(suite: str | Path = "classroom", dtype: str = "float32") -> Suite:
    """A suite by name or folder, as `plan` has it, without those spare parts whose files are missing.

    Painters go without them; what else is missing is said when it is asked for.
    """
    found = plan(suite, dtype)
    gone = [name for name in SPARE if name in found.parts and loaders.fault(found.parts[name])]
    return replace(found, parts={name: part for name, part in found.parts.items() if name not in gone})


def precision(suite: str | Path, device: str) -> str:
    """What the networks of a suite compute in on a device: half precision for the full one on a GPU.

    That is bfloat16, with float32's range, where the GPU computes in it itself, as all do that are lent;
    `models.catalog.full` says which networks then take float16 all the same, and which bear neither.
    """
    lent = bool(os.environ.get(LENT))  # no GPU is to be seen then but in a call
    gpu = lent or device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    if not gpu or usual_device(suite) == "cpu":
        return "float32"
    if lent:
        return "bfloat16"
    native = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    return "bfloat16" if native else "float16"


def usual_device(suite: str | Path) -> str:
    """Where a suite paints unless told otherwise: the classroom on the processor, the full one on a GPU if there is."""
    return "auto" if str(suite).partition(":")[0] == "full" else "cpu"


def default_engine(
    suite: str | Path | Suite = "classroom",
    *,
    budget: int | None = None,
    device: str = "cpu",
    threads: bool = True,
    read: Callable[[Part], nn.Module] = loaders.load,
) -> Engine:
    """The engine that app, command line and tests share.  Call `.start()` to give it a thread; else it runs inline.

    `device` is auto, cpu, cuda, or of openvino.FORMS: the CPU, and networks in that form.  `budget` limits the bytes of
    parts and workspace, on a GPU to nine tenths of its memory unless told otherwise; `threads=False` for a fork, which
    may `read` parts from where its parent left them.
    """
    where = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    form = where if where in openvino.FORMS else ""
    if form:
        read, where = openvino.reader(read, form), "cpu"
    table = suite if isinstance(suite, Suite) else open_suite(suite)
    if budget is None and where.startswith("cuda"):
        budget = budget_of(where)
    registry = Registry([table], budget, where, read, threads=threads)
    return Engine(registry, samplers_of(table), buckets=BUCKETS if where.startswith("cuda") else None, form=form)


def leave_a_core() -> None:
    """Have the painters leave one core to the page, its server and the browser, which are often on this machine.

    On two cores that want all the time the second thread waits for the first at the end of every small layer: a race
    in Chromium beside it took 25 s with two threads and 13 s with one.  A smaller number, from OMP_NUM_THREADS, stays.
    """
    torch.set_num_threads(max(1, min(torch.get_num_threads(), (os.cpu_count() or 1) - 1)))


def budget_of(device: str) -> int:
    """Bytes of a GPU that parts and workspace may take: nine tenths."""
    return torch.cuda.get_device_properties(device).total_memory * 9 // 10


def samplers_of(suite: Suite) -> Mapping[str, Sampler]:
    """The painters, under guard where the suite has a safety checker."""
    if "safety" not in suite.parts:
        return SAMPLERS
    return {name: Guarded(sampler) for name, sampler in SAMPLERS.items()}


def parts_of(engine: Engine, suite: str, name: str) -> tuple[str, ...]:
    """The parts of `suite` that a run of the sampler `name` borrows, but what may enlarge its pictures afterwards."""
    has = engine.registry.suite(suite).seen(name)
    return tuple(dict.fromkeys(has[part] for part in named_by(engine.samplers[name]) if part in has))


def named_by(sampler: Sampler) -> list[str]:
    """The parts that a sampler's targets name, but those of what may follow it."""
    guests = getattr(sampler, "guests", ())
    return [part for target in sampler.targets.values() for part in target.parts if part not in guests]


def led(suite: Suite) -> list[str]:
    """Painters whose net was taught no words, so that a sentence reaches their pictures by CLIP's guidance alone."""
    return [lane for lane in ("pixel",) if suite.parts[lane].kind == "UNet2DModel"]


def missing(engine: Engine, suite: str, names: tuple[str, ...] = LANES) -> dict[str, str]:
    """Samplers that cannot run, with the reason; the others can."""
    faults = engine.registry.faults(suite)
    found = {}
    for name in names:
        gone = [part for part in parts_of(engine, suite, name) if part in faults]
        if gone:
            found[name] = "; ".join(f"{part}: {faults[part]}" for part in gone)
    return found


def weight_of(engine: Engine, suite: str, name: str, weigh: Callable[[Part], int] = loaders.weigh) -> dict[str, int]:
    """What a sampler needs: `bytes` of its parts in memory, their `parameters`, and `workspace`, the bytes that runs
    were measured to need beside them, 0 where nobody measured yet.  Raises Unavailable.
    """
    table = engine.registry.suite(suite).parts
    parts = [table[part] for part in parts_of(engine, suite, name)]
    sizes = [(weigh(part), getattr(torch, part.dtype).itemsize) for part in parts]
    parameters = sum(size // width for size, width in sizes)
    return {"bytes": sum(size for size, _ in sizes), "parameters": parameters, "workspace": engine.workspace(name)}
