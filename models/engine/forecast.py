"""What a run will need, known before it: its parts' weights, and the most memory that any of its networks takes.

The sampler itself is run, on a CPU and with nothing in its hands: every Eval it yields is answered with zeros of the
shape that the networks, on torch's meta device, say they would give.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from models.catalog import Part, Suite
from models.engine.batch import SIZES, over
from models.engine.orders import targets_of
from models.engine.peak import Fused, Peak
from models.knobs import Knobs
from models.loaders.blank import of_part
from models.protocol import Eval, Kit, Request, Sampler, Step, Target

# Knobs that change no shape, and how much is led at all: of a few steps all are to be left, and led.
PACE = {"eta": 0.0, "rate": 0.1, "strength": 1.0, "guidance_from": 1.0}


@dataclass(frozen=True, slots=True)
class Forecast:
    """Bytes: of the parts, by name, and of what each target needs beside them, rows and results included.

    `flops` is the work of the whole run, unwatched; see `models.engine.peak`.
    """

    parts: Mapping[str, int]
    targets: Mapping[str, int]
    flops: int = 0

    @property
    def weights(self) -> int:
        return sum(self.parts.values())

    @property
    def workspace(self) -> int:
        """One network runs at a time: the dearest."""
        return max(self.targets.values(), default=0)

    @property
    def need(self) -> int:
        return self.weights + self.workspace


def brief(request: Request) -> Request:
    """`request` in as few steps as take the memory of all, from its beginning; the same for any pace and strength."""
    if not isinstance(request.knobs, Knobs):
        return request
    few = {}
    for spec in request.knobs.specs():
        if spec.unit == "steps":
            few[spec.name] = min(getattr(request.knobs, spec.name), max(spec.low or 0, 2))
        elif spec.name in PACE:
            few[spec.name] = PACE[spec.name]
    return replace(request, knobs=replace(request.knobs, **few), start=None)


def forecast(
    request: Request,
    sampler: Sampler,
    suite: Suite,
    dtype: torch.dtype = torch.float32,
    size: Callable[[int], int] = int,
) -> Forecast:
    """What `request` will need in `suite`, as far as its published architectures or its files tell.

    `size` says to how many rows a batch is padded.  Takes a second or two.  ValueError where a part is neither here nor
    of a known architecture.
    """
    seen = suite.seen(request.sampler)
    targets = targets_of(sampler, request)
    names = {name for target in targets.values() for name in target.parts if name in seen}
    table = {name: suite.parts[seen[name]] for name in sorted(names)}
    nets = {name: of_part(part) for name, part in table.items()}
    weights = {name: sum(value.numel() * value.element_size() for value in nets[name].parameters()) for name in table}
    config = {key: value for name, part in table.items() for key, value in _config(name, part, nets[name]).items()}

    def noise(shape: Any, rngs: Any) -> Tensor:
        return torch.zeros(len(rngs), *shape, dtype=dtype)

    length = config.get("clip", {}).get("length", 77)
    tokens = torch.zeros(len(request.prompt.texts), length, dtype=torch.int64) if "clip" in nets else None
    serve = _Blind(targets, nets, size)
    with torch.no_grad():
        _follow(sampler(request.prompt, request.knobs, Kit(config, tokens, noise), request.start), serve)
    return Forecast(weights, serve.most, serve.flops)


def _follow(painting: Any, serve: _Blind) -> None:
    """Run a painting to its end; look at its first step, and at nothing else."""
    value, looked = None, False
    try:
        while True:
            said = painting.send(value)
            value = serve(said) if isinstance(said, Eval) else None
            if isinstance(said, Step) and not looked:
                looked, before = True, serve.flops
                _follow(said.look(), serve)
                serve.flops = before
    except StopIteration:
        return


class _Blind:
    """Answers Evals with zeros; remembers the most bytes that each target took, and the work of all."""

    def __init__(self, targets: Mapping[str, Target], nets: Mapping[str, nn.Module], size: Callable[[int], int]):
        self.targets, self.nets, self.size = targets, nets, size
        self.most: dict[str, int] = {}
        self.flops = 0
        self._shapes: dict[Any, Any] = {}

    def __call__(self, said: Eval) -> Any:
        key = said.target, said.opts, tuple((row.shape, row.dtype) for row in said.rows)
        if key not in self._shapes:
            self._shapes[key] = self._measure(said)
        out, flops = self._shapes[key]
        self.flops += flops
        return over(out, lambda value: torch.zeros(value.shape, dtype=value.dtype))

    def _measure(self, said: Eval) -> tuple[Any, int]:
        """Run it as the engine will: padded, and rows beyond the largest batch after the others, kept all the while."""
        target, count = self.targets[said.target], len(said.rows[0])
        first = min(count, SIZES[-1])
        size = self.size(first)
        parts = {name: self.nets[name] for name in target.parts}
        known = [value for part in parts.values() for value in (*part.parameters(), *part.buffers())]
        with Fused() as fused, Peak(known) as peak:
            rows = [torch.empty((size, *row.shape[1:]), dtype=row.dtype, device="meta") for row in said.rows]
            out = target.fn(parts, *rows, **dict(said.opts))
        outs = (out,) if isinstance(out, Tensor) else out
        kept = sum(value[:1].nbytes for value in (*rows, *outs)) * (count - first)
        self.most[said.target] = max(peak.most + kept, self.most.get(said.target, 0))
        work = round((peak.flops + fused.flops) * count / size)
        return over(out, lambda value: value.new_empty((count, *value.shape[1:]))), work


def _config(name: str, part: Part, net: nn.Module) -> dict[str, Mapping[str, Any]]:
    """Configurations as a sampler gets them; a scheduler's file that is not here yet, by what its net shows."""
    found = {name: dict(getattr(net, "config", {}))}
    for called, path in part.configs:
        key = f"{name}_scheduler" if called.endswith("_scheduler") else called
        if path.is_file():
            found[key] = json.loads(path.read_text(encoding="utf-8"))
        else:
            two = found[name].get("out_channels") == 2 * found[name].get("in_channels", 0)
            found[key] = {"num_train_timesteps": 1000} | ({"variance_type": "learned_range"} if two else {})
    return found
