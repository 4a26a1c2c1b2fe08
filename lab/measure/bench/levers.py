"""What might make a step quicker, each alone against the same step without it: `quartet bench --levers`.

Two rows in one batch (a guided pair, or two visitors), text keys and values and time embeddings that are remembered,
channels last; and, asked for last since they begin with a conversion: fewer Python layers, the OpenVINO form of a
network, and torch.compile, whose first call may take minutes on a processor.
A step is what a painter asks of a network, as it asked for it; a lever that a network has no use for is left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from statistics import median
from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

from lab.measure.bench.cases import TEXT, Case
from lab.measure.bench.timing import evals, paired, times
from models.engine import Engine
from models.parts.openvino import KINDS, Swift, settled, swift

Row = dict[str, Any]
STEPS = {  # what a painter asks for at every step
    "latent": ("denoise",), "pixel": ("denoise",), "unclip": ("guess", "paint", "refine"),
    "vqgan_clip": ("climb_robust", "climb_ordinary"),
}  # fmt: skip
PAIRED = ("denoise", "guess", "paint")  # whose rows are pairs: under the text, and without it
ROWS = (2, 8)  # of a batch: one visitor's guided pair, and four visitors'
PAYS = 1.05  # times sooner that make a lever worth its lines


@dataclass(frozen=True, slots=True)
class Work:
    """A target, the parts that it is bound to, and its rows."""

    name: str
    fn: Callable[..., Any]
    parts: Mapping[str, nn.Module]
    rows: tuple[Tensor, ...]
    opts: Mapping[str, Any]

    def __call__(self) -> Tensor:
        out = self.fn(self.parts, *self.rows, **self.opts)
        return out if isinstance(out, Tensor) else out[0]

    def under(self, lever: Callable[[nn.Module], nn.Module | None]) -> Work | None:
        """The same over parts that `lever` changed; None where it has no use for any of them."""
        changed = {name: lever(part) for name, part in self.parts.items()}
        kept = {name: part for name, part in changed.items() if part is not None}
        return replace(self, parts={**self.parts, **kept}) if kept else None

    def among(self, count: int) -> Work:
        """The same of `count` rows, which repeat."""
        at = torch.arange(count) % len(self.rows[0])
        return replace(self, rows=tuple(row[at.to(row.device)] for row in self.rows))

    def apart(self) -> Tensor:
        """Each half of the rows in a batch without the other."""
        halves = zip(*(row.chunk(2) for row in self.rows), strict=True)
        return torch.cat([replace(self, rows=rows)() for rows in halves])


class Remembered(nn.Module):
    """A layer that answers for the first it sees of as many rows: nothing is sooner than not to ask."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer, self.found = layer, {}

    def forward(self, first: Tensor, *rest: Any) -> Tensor:
        if len(first) not in self.found:
            self.found[len(first)] = self.layer(first, *rest)
        return self.found[len(first)]


def keeping(net: nn.Module, layers: Callable[[nn.Module], tuple[str, ...]]) -> nn.Module | None:
    """A copy that remembers what `layers` names of each of its modules; None where there is none of them."""
    twin = deepcopy(net)
    named = [(module, name) for module in twin.modules() for name in layers(module)]
    for module, name in named:
        setattr(module, name, Remembered(getattr(module, name)))
    return twin if named else None


def _of_text(module: nn.Module) -> tuple[str, ...]:
    return ("to_k", "to_v") if isinstance(module, Attention) and module.is_cross_attention else ()


def _of_time(module: nn.Module) -> tuple[str, ...]:
    return tuple(name for name in ("time_embedding", "time_emb_proj") if getattr(module, name, None) is not None)


def channels_last(net: nn.Module) -> nn.Module | None:
    """A copy whose weights have their channels last; None where nothing is convolved."""
    convolves = any(isinstance(module, nn.Conv2d) for module in net.modules())
    return nn.Module.to(deepcopy(net), memory_format=torch.channels_last) if convolves else None


CHANGED: Mapping[str, Callable[[nn.Module], nn.Module | None]] = {
    "text keys and values cached": partial(keeping, layers=_of_text),
    "time embeddings cached": partial(keeping, layers=_of_time),
    "channels last": channels_last,
}


class Straight(nn.Module):
    """A network as the operations that it comes down to, for the shapes it is first called with: no Python layers."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net, self.config, self.straight = net, net.config, None

    def forward(self, *given: Any, **named: Any) -> Any:
        if self.straight is None:
            self.straight = torch.export.export(self.net, given, named, strict=False).module()
        return self.straight(*given, **named)


def formed(net: nn.Module) -> nn.Module:
    """The network's OpenVINO form in float32, where it has one: made after its first call."""
    return swift(deepcopy(net), "openvino", often=1)


CONVERTED: Mapping[str, Callable[[nn.Module], nn.Module]] = {
    "fewer Python layers": lambda net: Straight(deepcopy(net)),
    **({"OpenVINO": formed} if find_spec("openvino") else {}),
    "torch.compile": lambda net: torch.compile(deepcopy(net)),
}


@torch.no_grad()
def levers(engine: Engine, case: Case, repeats: int, seconds: float) -> Iterator[Row]:
    """How many times sooner each of a painter's steps is with each lever, for each of ROWS."""
    works = works_of(engine, case)
    for work in works:
        twins = {name: work.under(change) for name, change in CHANGED.items()}
        for rows in ROWS:
            sides = {"plain": work.among(rows)} | {name: twin.among(rows) for name, twin in twins.items() if twin}
            halves = f"{'guided pairs' if work.name in PAIRED else 'two pictures'} in one batch"
            share = seconds / len(works) / len(ROWS)
            took = paired(sides | {halves: sides["plain"].apart}, repeats, engine.registry.device, share)
            yield _row(case, work, halves, rows, took[halves], took["plain"])
            yield from (_row(case, work, name, rows, took["plain"], took[name]) for name in list(sides)[1:])


@torch.no_grad()
def converted(lever: str, engine: Engine, case: Case, repeats: int, seconds: float) -> Iterator[Row]:
    """The same of one of CONVERTED, at the fewer rows, for networks run without gradients; and what its first takes."""
    works = [work.among(ROWS[0]) for work in works_of(engine, case)]
    for work in works:
        twin = work.under(lambda net: CONVERTED[lever](net) if isinstance(net, KINDS) else None)
        if twin is None:
            continue
        begin = time.perf_counter()
        twin()
        settled()
        cold = time.perf_counter() - begin
        took = paired({"plain": work, "under": twin}, repeats, engine.registry.device, seconds / len(works))
        yield _row(case, work, f"{lever}, its first {cold:.1f} s", ROWS[0], took["plain"], took["under"], cold=cold)


def works_of(engine: Engine, case: Case) -> list[Work]:
    """The steps that a painter asks of its networks, with the rows of one of its own runs under a text."""
    found = []
    _, asked = evals(engine, replace(case, text=TEXT).request(steps=2))
    targets = engine.samplers[case.family].targets
    for said in (asked[name] for name in STEPS[case.family] if name in asked):
        target = targets[said.target]
        with engine.registry.ask(case.suite, target.parts) as lent:
            parts = {name: part.net if isinstance(part, Swift) else part for name, part in lent.wait().items()}
        rows = tuple(row.to(engine.registry.device) for row in said.rows)
        found.append(Work(said.target, target.fn, parts, rows, dict(said.opts)))
    return found


def _row(
    case: Case, work: Work, lever: str, rows: int, without: list[float], under: list[float], **more: float
) -> Row:  # fmt: skip
    about = {"family": case.name, "step": work.name, "lever": lever, "rows": rows, **more}
    found = {"without": median(without), "with": median(under), "ratio": times(without, under)}
    return about | found | {"pays": "yes" if found["ratio"] >= PAYS else "no"}
