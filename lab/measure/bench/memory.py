"""What the registry promises, on whatever device there is: a cap that holds, and a swap that is quick.

Under a cap stock brings one network after another to the device, which diffusers calls model offloading.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lab.measure.bench.timing import now, paired, times, until
from models.catalog import Part, Suite
from models.engine import Engine
from models.protocol import Request
from models.registry import Registry

Row = dict[str, Any]
CAP, REQUESTS = 12 * 10**9, 1000
AT_ONCE = 4  # requests that are there at once


def drawn(kinds: int) -> Iterator[list[int]]:
    """Which painters are asked, some at once, REQUESTS in all: the same at every call."""
    draw = Random(0)
    for begin in range(0, REQUESTS, AT_ONCE):
        yield draw.choices(range(kinds), k=min(AT_ONCE, REQUESTS - begin))


def capped(engine: Engine, asked: Sequence[Request], cap: int, seconds: float) -> Row:
    """Requests drawn from `asked`, one of each painter, while weights and workspace may take `cap` bytes at most.

    As many of REQUESTS as `seconds` allow, in any order.  `peak` is what was predicted, at the worst moment, and on a
    GPU `seen` what was allocated then; `stock` is what a pipeline a painter, all held at once, would take.
    """
    registry, foretold = engine.registry, [engine.forecast(each) for each in asked]
    before, states, peak, seen = registry.report(), Counter(), 0, 0
    registry.limit(cap)
    cuda = registry.device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    begin = perf_counter()

    def over() -> bool:
        nonlocal peak, seen
        seen = max(seen, torch.cuda.max_memory_allocated() if cuda else 0)  # the engine counts anew for each network
        running = [foretold[k].workspace for k, run in runs if run.state == "running"]
        peak = max(peak, registry.report()["used"] + max(running, default=0))
        return all(run.over for _, run in runs)

    try:
        for some in drawn(len(asked)):
            runs = [(k, engine.submit(asked[k])) for k in some]
            until(engine, over)
            states.update(run.state for _, run in runs)
            if perf_counter() - begin > seconds:
                break
    finally:
        registry.limit(before["budget"])
    took, after = perf_counter() - begin, registry.report()["counts"]
    return {
        "family": f"{len(asked)} painters", "requests": states.total(), "failed": states.total() - states["done"],
        "cap": cap, "peak": peak, "seen": seen if cuda else None,
        "stock": sum(each.weights for each in foretold) + max(each.workspace for each in foretold),
        "loads": after.loads - before["counts"].loads, "seconds": took / states.total(),
    }  # fmt: skip


def unable(device: torch.device) -> str:
    """Why stock cannot keep its networks off a device until they are asked for: empty where it can."""
    if device.type == "cpu":
        return "brings networks from the computer's memory to a GPU's; here there is one memory"
    return "" if find_spec("accelerate") else "diffusers needs accelerate for it; pip install accelerate"


def in_turn(asked: Sequence[Callable[[], Any]], device: torch.device, seconds: float) -> Row:
    """The requests that `capped` draws, one after another: seconds of each and, on a GPU, what was allocated."""
    for paint in asked:
        paint()
    cuda, taken = device.type == "cuda", []
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    begin = now(device)
    for some in drawn(len(asked)):
        for k in some:
            asked[k]()
        taken += some
        if now(device) - begin > seconds:
            break
    seen = torch.cuda.max_memory_allocated() if cuda else None
    return {"offloaded": (now(device) - begin) / len(taken), "offloaded, seen": seen}


def swapped(title: str, net: nn.Module, device: torch.device, repeats: int, seconds: float) -> Row:
    """A part that is put away and asked for again, its file still in the system's memory, against `from_pretrained`
    of the same folder, and against copying the same bytes to the device and nothing else."""
    kind, dtype = type(net).__name__, next(net.parameters()).dtype
    with TemporaryDirectory() as folder:
        net.save_pretrained(folder)
        part = Part("net", kind, Path(folder), dtype=str(dtype).removeprefix("torch."))
        registry = Registry([Suite("swap", {"net": part})], None, device, threads=False)
        master = [value for file in sorted(Path(folder).glob("*.safetensors")) for value in load_file(file).values()]
        master = [value.pin_memory() for value in master] if device.type == "cuda" else master

        def ours() -> None:
            registry.evict("swap", "net")
            with registry.ask("swap", ["net"]) as ticket:
                ticket.wait()

        sides = {
            "ours": ours,
            "stock": lambda: type(net).from_pretrained(folder, torch_dtype=dtype).to(device),
            "raw": partial(_copied, master, device),
        }
        took = paired(sides, repeats, device, seconds)
    row = {"family": title, "part": kind, "bytes": sum(value.nbytes for value in master)}
    row |= {side: median(taken) for side, taken in took.items()}
    return row | {"ratio": times(took["stock"], took["ours"]), "to_raw": times(took["ours"], took["raw"])}


def _copied(values: Sequence[Tensor], device: torch.device) -> list[Tensor]:
    return [value.to(device, non_blocking=True, copy=True) for value in values]
