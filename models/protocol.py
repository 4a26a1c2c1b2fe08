"""What a sampler and an engine say to each other.

A sampler is a Python generator.  It yields an `Eval` when it needs a network run and is sent the
result; it yields a `Step` when it has something to show; it returns the finished pictures.
It holds no module, lock, grad mode, device or clock: all of those belong to the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

Look = Generator["Eval", Any, Tensor]  # -> (B, 3, H, W) in [0, 1]; changes nothing
Painting = Generator["Eval | Step", Any, Tensor]  # -> (B, 3, H, W) in [0, 1]


@dataclass(frozen=True, slots=True, eq=False)
class Eval:
    """One network run asked for.  `rows` are row-first and independent of one another."""

    target: str
    rows: tuple[Tensor, ...]
    opts: tuple[tuple[str, Hashable], ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """A plain function over parts: `fn(parts, *rows, **opts)`, outputs row-first, inputs never written."""

    fn: Callable[..., Tensor | tuple[Tensor, ...]]
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """All that crosses a step, picklable: resumed from any step equals never stopped, bit for bit."""

    i: int
    x: Mapping[str, Tensor]
    rng: tuple[Tensor, ...]
    scheduler: object | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Step `i` of `n` (1-based) is done.  Call `look` and `state` before the sampler moves on, or never.

    `glance`, where there is one, is a coarser look at a small part of its cost: for whoever watches, never a result.
    """

    i: int
    n: int
    look: Callable[[], Look]
    facts: Mapping[str, float] = field(default_factory=dict)
    state: Callable[[], State] | None = None
    glance: Callable[[], Look] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """What is asked for: text, what to avoid, one seed a picture, and optionally a picture to start from.

    `more` holds further (text, weight) pairs, which the optimiser weighs against one another.
    `image` is (3, H, W) in [0, 1]; `mask` is (1, H, W), 1 where the picture is to be repainted.
    """

    text: str
    negative: str = ""
    seeds: tuple[int, ...] = (0,)
    more: tuple[tuple[str, float], ...] = ()
    image: Tensor | None = None
    mask: Tensor | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """Every text that is tokenised, in the order of `Kit.tokens`' rows."""
        return (self.text, self.negative, *(text for text, _ in self.more))


@dataclass(frozen=True, slots=True, eq=False)
class Kit:
    """What a sampler may know of its suite: configurations, tokens (one row a text of the prompt), noise.

    `noise(shape, rngs)` draws `shape` once per CPU generator and delivers (len(rngs), *shape) on the device.
    """

    config: Mapping[str, Any]
    tokens: Tensor | None
    noise: Callable[..., Tensor]


class Sampler(Protocol):
    """The algorithm and its targets."""

    targets: Mapping[str, Target]

    def __call__(self, prompt: Prompt, knobs: Any, kit: Kit, start: State | None = None) -> Painting: ...


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """A run as plain data: what receipts, forks and worker processes carry."""

    sampler: str
    prompt: Prompt
    knobs: Any
    suite: str
    client: str
    exact: bool = False
    budget: float | None = None  # device seconds, without looks, loading and judging
    start: State | None = None
    stop: int | None = None  # the step whose look is the result, as if the budget had ended there


def ask(target: str, *rows: Tensor, **opts: Hashable) -> Generator[Eval, Any, Any]:
    """`result = yield from ask("denoise", x, t, context)`: a typed way to write `yield Eval(...)`."""
    return (yield Eval(target, rows, tuple(sorted(opts.items()))))
