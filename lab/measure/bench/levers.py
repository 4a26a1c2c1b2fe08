"""What might make a step quicker, each alone against the same network without it: `quartet bench --levers`.

Guided pairs in one batch, text keys and values that are remembered, channels last, and torch.compile, which is asked
for last since its first call may take minutes on a processor.  OpenVINO is timed by `quartet bench --device openvino`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from statistics import median
from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

from lab.measure.bench.cases import Case
from lab.measure.bench.timing import paired, times
from models.engine import Engine
from models.parts.openvino import Swift

Row = dict[str, Any]
NETS = {"latent": "unet", "pixel": "pixel"}  # what is run at every step, under a text, by painter
compiler: Callable[..., Any] = torch.compile
ROWS = (2, 8)  # of a batch: one visitor's guided pair, and four visitors'


class Remembered(nn.Module):
    """A layer that answers for the first text it sees, whatever it is given: nothing is sooner than not to ask."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer, self.found = layer, {}

    def forward(self, states: Tensor) -> Tensor:
        if len(states) not in self.found:
            self.found[len(states)] = self.layer(states)
        return self.found[len(states)]


def cached(net: nn.Module) -> nn.Module:
    """A copy whose text keys and values are computed once for each number of rows."""
    twin = deepcopy(net)
    for layer in twin.modules():
        if isinstance(layer, Attention) and layer.is_cross_attention:
            layer.to_k, layer.to_v = Remembered(layer.to_k), Remembered(layer.to_v)
    return twin


def apart(net: nn.Module, x: Tensor, t: Tensor, states: Tensor) -> Tensor:
    """Each row of a guided pair in a batch without the other."""
    halves = zip(x.chunk(2), t.chunk(2), states.chunk(2), strict=True)
    return torch.cat([net(x, t, encoder_hidden_states=states).sample for x, t, states in halves])


def whole(net: nn.Module, x: Tensor, t: Tensor, states: Tensor) -> Tensor:
    return net(x, t, encoder_hidden_states=states).sample


CHANGED = {
    "text keys and values cached": cached,
    "channels last": lambda net: nn.Module.to(deepcopy(net), memory_format=torch.channels_last),
}


@torch.no_grad()
def levers(engine: Engine, case: Case, repeats: int, seconds: float) -> list[Row]:
    """How many times sooner a step is with each lever, for each of ROWS."""
    net, tokens = _net(engine, case)
    twins, found = {name: change(net) for name, change in CHANGED.items()}, []
    for rows in ROWS:
        given = rows_of(net, rows, tokens)
        sides = {"plain": partial(whole, net, *given), "apart": partial(apart, net, *given)}
        sides |= {name: partial(whole, twin, *given) for name, twin in twins.items()}
        took = paired(sides, repeats, engine.registry.device, seconds / len(ROWS))
        found.append(_row(case, "guided pairs in one batch", rows, took["apart"], took["plain"]))
        found += [_row(case, name, rows, took["plain"], took[name]) for name in twins]
    return found


@torch.no_grad()
def compiling(engine: Engine, case: Case, repeats: int, seconds: float) -> list[Row]:
    """The same of torch.compile, at the fewer rows, and the seconds of its first call."""
    net, tokens = _net(engine, case)
    twin, given, begin = compiler(deepcopy(net)), rows_of(net, ROWS[0], tokens), time.perf_counter()
    whole(twin, *given)
    cold = time.perf_counter() - begin
    sides = {"plain": partial(whole, net, *given), "compiled": partial(whole, twin, *given)}
    took = paired(sides, repeats, engine.registry.device, seconds)
    row = _row(case, f"torch.compile, its first {cold:.1f} s", ROWS[0], took["plain"], took["compiled"])
    return [row | {"cold": cold}]


def _net(engine: Engine, case: Case) -> tuple[nn.Module, int]:
    """The painter's net, and how many tokens its text has."""
    with engine.registry.borrow(case.suite, [NETS[case.family], "clip"]) as parts:
        net, clip = parts[NETS[case.family]], parts["clip"]
    return net.net if isinstance(net, Swift) else net, clip.config["length"]


def rows_of(net: nn.Module, rows: int, tokens: int) -> tuple[Tensor, Tensor, Tensor]:
    """Random latents or pictures of the net's own size, a time, and text states."""
    rng, weight, config = torch.Generator().manual_seed(0), next(net.parameters()), net.config
    shapes = (config.in_channels, config.sample_size, config.sample_size), (tokens, config.cross_attention_dim)
    x, states = (torch.randn(rows, *shape, generator=rng).to(weight) for shape in shapes)
    return x, torch.full((rows,), 500.0, device=weight.device), states


def _row(case: Case, lever: str, rows: int, without: list[float], under: list[float]) -> Row:
    about = {"family": case.name, "lever": lever, "rows": rows}
    return about | {"without": median(without), "with": median(under), "ratio": times(without, under)}
