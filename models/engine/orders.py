"""From what was submitted to a job: claim the parts, bind the targets, build the kit, open the painting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from models.engine.batch import Bound
from models.engine.run import Run
from models.parts.openvino import plain
from models.protocol import Kit, Painting, Prompt, Request, Sampler, State, Target
from models.registry import Registry, Ticket

if TYPE_CHECKING:
    from models.engine.job import Job

Open = Callable[[Mapping[str, nn.Module]], Painting]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a run may use: where it computes, its clock, whom it is charged to, and how long it may take.

    `looks` remembers what the last look of each sampler cost: a budget leaves room for the last one.
    """

    device: torch.device
    clock: Callable[[], float]
    charge: Callable[[Job, float], None]
    looks: dict[str, float]
    sampler: str = ""
    budget: float | None = None
    stop: int | None = None
    exact: bool = False
    start: int = 0  # the step that it goes on from


@dataclass(eq=False)
class Order:
    """A run that waits for its parts.  `open` makes the painting once they are lent."""

    run: Run
    targets: Mapping[str, Target]
    open: Open
    suite: str | None = None
    own: Mapping[str, nn.Module] = field(default_factory=dict)  # parts that are the caller's, not the registry's
    ticket: Ticket | None = None
    sampler: str | None = None  # which may have parts of its own in that suite
    start: int = 0  # the step that it goes on from

    def claim(self, registry: Registry, workspace: int, wake: Callable[[], None]) -> None:
        """Queue at the registry for every part that a target names and the suite has.  Raises what `ask` raises."""
        if self.suite is None:
            return
        has = registry.suite(self.suite).seen(self.sampler)
        names = [name for target in self.targets.values() for name in target.parts]
        wanted = [has[name] for name in names if name in has and name not in self.own]
        self.ticket = registry.ask(self.suite, wanted, max([workspace, *self.run.needs.values()]), wake)

    @property
    def ready(self) -> bool:
        """Whether the parts are here; copies one of them to the device a call.  Raises why they never will be."""
        if self.ticket is None:
            return True
        if self.ticket.error is not None:
            raise self.ticket.error
        return self.ticket.state == "ready" and self.ticket.place()

    @property
    def parts(self) -> dict[str, nn.Module]:
        """By the names that targets use; an exact run has those that give the same bits at every call."""
        lent = dict(self.ticket.parts) if self.ticket else {}
        if self.run.request is not None and self.run.request.exact:
            lent = {name: plain(part) for name, part in lent.items()}
        return {name.rpartition("/")[2]: part for name, part in lent.items()} | dict(self.own)

    def bind(self) -> dict[str, Bound]:
        """Targets whose parts are all here; a suite without a part is one without the targets that need it."""
        parts, bound = self.parts, {}
        for name, target in self.targets.items():
            if all(part in parts for part in target.parts):
                bound[name] = Bound(name, target.fn, {part: parts[part] for part in target.parts})
        return bound

    def release(self) -> None:
        if self.ticket is not None:
            self.ticket.release()


def of_request(run: Run, sampler: Sampler, registry: Registry, dtype: torch.dtype, start: State | None) -> Order:
    """The order of a request; its kit is built when its parts are here."""
    request = run.request

    def open_(parts: Mapping[str, nn.Module]) -> Painting:
        run.tokens = _tokens(request.prompt, parts)
        noise = _noise(registry.device, dtype)
        kit = Kit(_config(request, registry, parts), run.tokens.ids if run.tokens else None, noise)
        return sampler(request.prompt, request.knobs, kit, start)

    begin = start.i if start else 0
    return Order(run, targets_of(sampler, request), open_, request.suite, sampler=request.sampler, start=begin)


def targets_of(sampler: Sampler, request: Request) -> dict[str, Target]:
    """The targets of a run: without those over parts that its settings leave unused, if the sampler names such."""
    spare = sampler.spare(request.knobs) if hasattr(sampler, "spare") else frozenset()
    return {name: target for name, target in sampler.targets.items() if spare.isdisjoint(target.parts)}


def check(request: Request, samplers: Mapping[str, Sampler], registry: Registry) -> None:
    """ValueError that names the field of a request that cannot be met."""
    if request.sampler not in samplers:
        raise ValueError(f"sampler is {request.sampler!r}; give one of {sorted(samplers)}")
    registry.suite(request.suite)
    if not isinstance(request.client, str):
        raise ValueError(f"client is {request.client!r}; give a text, the same for all that one visitor asks for")
    if not request.prompt.seeds:
        raise ValueError("seeds is (); give at least one, one a picture")
    if request.budget is not None and not 0 < request.budget < float("inf"):
        raise ValueError(f"budget is {request.budget!r}; give device seconds above 0, or None")
    kind = getattr(samplers[request.sampler], "knobs", None)
    if kind is not None and not isinstance(request.knobs, kind):
        raise ValueError(f"knobs is {type(request.knobs).__name__}; give {kind.__name__}")


def _config(request: Request, registry: Registry, parts: Mapping[str, nn.Module]) -> dict[str, Mapping[str, Any]]:
    """Configurations of `parts`, by the names that targets use."""
    seen = registry.suite(request.suite).seen(request.sampler)
    found = registry.config(request.suite, {seen[name]: part for name, part in parts.items()})
    return {name.rpartition("/")[2]: value for name, value in found.items()}


def _tokens(prompt: Prompt, parts: Mapping[str, nn.Module]) -> Any:
    """The prompt's texts by the first part that can tokenise: `ids` (N, L), pieces `kept` and `dropped`."""
    readers = [part for part in parts.values() if hasattr(part, "tokenize")]
    return readers[0].tokenize(prompt.texts) if readers else None


def _noise(device: torch.device, dtype: torch.dtype) -> Callable[..., Tensor]:
    def noise(shape: Sequence[int], rngs: Sequence[torch.Generator]) -> Tensor:
        """Normal noise (len(rngs), *shape), drawn on the CPU one generator a picture, delivered on the device."""
        return torch.stack([torch.randn(tuple(shape), generator=rng, dtype=dtype) for rng in rngs]).to(device)

    return noise
