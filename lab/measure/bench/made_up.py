"""The full suite to time: on weights that are here, or as published but with random weights, for speed alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

from lab.race.commands import typed
from lab.race.painters import BUCKETS, SAMPLERS, plan, precision
from lab.race.suites import Machine
from lab.storybook.dataset import captions
from lab.train.tokens import train_tokenizer
from models import loaders
from models.catalog import Part, Suite
from models.catalog import shapes as at
from models.catalog.full import full
from models.engine import Engine
from models.loaders.blank import made_up
from models.loaders.build import LENGTH
from models.registry import Registry

KARLO = {"_class_name": "UnCLIPScheduler", "num_train_timesteps": 1000, "variance_type": "fixed_small_log"}
SCHEDULES: dict[str, dict[str, Any]] = {  # what decides how much work a step is; for the rest, each class's defaults
    "prior_scheduler": KARLO | {"prediction_type": "sample", "clip_sample_range": 5.0},
    "decoder_scheduler": KARLO | {"variance_type": "learned_range"},
    "upsampler_scheduler": KARLO,
}
KANDINSKY = {  # its decoder's
    "_class_name": "DDPMScheduler", "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012,
    "clip_sample": False,
}  # fmt: skip


@contextmanager
def full_engine(names: Collection[str], weights: str | None, device: str) -> Iterator[tuple[Engine, str]]:
    """An inline engine on choices of the full suite, within the memory that is free, and what its weights are.

    `weights` is "random", or None for those that are here: ValueError where some are not.  Pixel nets are served in
    float32, but stock is measured in half precision wherever a GPU is: so here they are in that, on both sides.
    """
    where = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    if where not in ("cpu", "cuda"):
        raise ValueError(f"device is {device!r}; the full suite is timed on cpu or cuda")
    dtype = precision("full", where)
    with TemporaryDirectory() as folder:
        if weights == "random":
            suites = [full(*name.partition(":")[2].split(","), root=Path(folder), dtype=dtype) for name in names]
            write_schedules(suites)
            read = reader(Path(folder), where)
        else:
            suites, read = [plan(name, dtype) for name in names], loaders.load
            _all_here(suites, where)
        suites = [narrowed(suite, dtype) for suite in suites]
        registry = Registry(suites, free_memory(where), where, read, loaders.expect, threads=False)
        yield on(registry), weights or "given"


def on(registry: Registry) -> Engine:
    """A fresh engine that lends from `registry`."""
    return Engine(registry, SAMPLERS, buckets=BUCKETS if registry.device.type == "cuda" else None)


def narrowed(suite: Suite, dtype: str) -> Suite:
    """The same with its pixel net in `dtype`."""
    return replace(suite, parts=suite.parts | {"pixel": replace(suite.parts["pixel"], dtype=dtype)})


def reader(folder: Path, device: str) -> Callable[[Part], nn.Module]:
    """Reads nothing: makes up the network of a part on `device`, and for a CLIP a tokenizer of its own."""
    tokenizer = train_tokenizer(captions(range(200), 2), folder / "words", 64, LENGTH)
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.backend_tokenizer.no_truncation()

    def read(part: Part) -> nn.Module:
        net = made_up(part, device).requires_grad_(False)
        if part.kind == "clip":
            net.tokenizer = tokenizer
        return net

    return read


def write_schedules(suites: Collection[Suite]) -> None:
    """The schedulers' files that parts name."""
    for part in {part for suite in suites for part in suite.parts.values()}:
        for name, path in part.configs:
            path.parent.mkdir(parents=True, exist_ok=True)
            about = KANDINSKY if part.source.repo == at.K22 else SCHEDULES.get(name, {"num_train_timesteps": 1000})
            path.write_text(json.dumps(about), encoding="utf-8")


def free_memory(device: str) -> int:
    """Bytes that are free on a device; of a computer that does not tell, all that it has, or no limit."""
    if device == "cuda":
        return torch.cuda.mem_get_info()[0]
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return Machine.here().memory or sys.maxsize


def _all_here(suites: Collection[Suite], device: str) -> None:
    gone, seen = {}, set()
    for suite in suites:
        more = {name: part for name, part in suite.parts.items() if name != "safety" and part not in seen}
        gone[suite.name] = [name for name, part in more.items() if loaders.fault(part)]
        seen |= {*more.values()}
    if names := sorted({name for lost in gone.values() for name in lost}):
        told = ", ".join(f"`{typed('fetch', lost, name, device)}`" for name, lost in gone.items() if lost)
        raise ValueError(
            f"weights of the full suite are not here: {', '.join(names)}; to bring them run {told}; "
            "--weights random times the same networks without"
        )
