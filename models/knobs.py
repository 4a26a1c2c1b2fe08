"""Typed settings that say what they allow.

A sampler declares one frozen dataclass; interfaces, command lines and receipts are made from it:

    @dataclass(frozen=True)
    class LatentKnobs(Knobs):
        steps: int = knob(20, low=1, high=1000, unit="steps")
        guidance: float = knob(7.5, low=1.0, high=30.0, step=0.5)
        scheduler: str = knob("ddim", choices=("ddpm", "ddim"))

Types are bool, int, float and str, or one of them with `| None`.  An int is taken for a float; a bool is no number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from numbers import Integral, Real
from types import NoneType
from typing import Any, Self, get_args, get_type_hints

TYPES = (bool, int, float, str)


@dataclass(frozen=True, slots=True)
class Spec:
    """One setting: its name, type and what it allows.  `low` and `high` are inclusive, None is open.

    `step` is the grid of a slider; an int must lie on it, counted from `low` (or from 0).
    """

    name: str
    type: type
    default: Any
    low: float | None = None
    high: float | None = None
    step: float | None = None
    unit: str = ""
    choices: tuple[Any, ...] | None = None
    optional: bool = False

    @property
    def allowed(self) -> str:
        """What may be given, in words of an error: `int from 1 to 1000 steps`."""
        if self.choices is not None:
            text = "one of " + ", ".join(map(repr, self.choices))
        else:
            low = "" if self.low is None else f" from {self.low}"
            high = "" if self.high is None else f" to {self.high}"
            grid = f" in steps of {self.step}" if self.step is not None and self.type is int else ""
            text = f"{self.type.__name__}{low}{high}{grid}" + (f" {self.unit}" if self.unit else "")
        return text + " or None" if self.optional else text

    def check(self, value: Any) -> Any:
        """`value` in the declared type; a ValueError that names field, value and range where it does not fit."""
        if value is None and self.optional:
            return None
        fits, value = _cast(self.type, value)
        if fits and self.choices is not None:
            fits = value in self.choices
        elif fits and self.type in (int, float):
            fits = self._within(value)
        if not fits:
            raise ValueError(f"{self.name} is {value!r}; give {self.allowed} (default {self.default!r})")
        return value

    def _within(self, value: float) -> bool:
        inside = (self.low is None or value >= self.low) and (self.high is None or value <= self.high)
        on_grid = self.type is float or self.step is None or (value - (self.low or 0)) % self.step == 0
        return inside and on_grid and abs(value) < math.inf


def _cast(kind: type, value: Any) -> tuple[bool, Any]:
    """Whether `value` is of `kind`, and the value as a plain Python object of it (NumPy scalars are welcome)."""
    is_bool = isinstance(value, bool)
    if kind is int and isinstance(value, Integral) and not is_bool:
        return True, int(value)
    if kind is float and isinstance(value, Real) and not is_bool:
        try:
            return True, float(value)
        except OverflowError:  # a whole number of hundreds of digits
            return False, value
    return (kind is bool and is_bool) or (kind is str and isinstance(value, str)), value


def knob(
    default: Any,
    *,
    low: float | None = None,
    high: float | None = None,
    step: float | None = None,
    unit: str = "",
    choices: tuple[Any, ...] | None = None,
) -> Any:
    """A dataclass field with its default and what it allows; see `Spec`."""
    return field(default=default, metadata={"low": low, "high": high, "step": step, "unit": unit, "choices": choices})


@dataclass(frozen=True)
class Knobs:
    """Base of every settings class: checks each field when it is made, and goes to plain data and back."""

    def __post_init__(self) -> None:
        for spec in self.specs():
            object.__setattr__(self, spec.name, spec.check(getattr(self, spec.name)))

    @classmethod
    def specs(cls) -> tuple[Spec, ...]:
        """What each field allows, in the order of declaration."""
        return _specs(cls)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Settings from plain data; absent fields take their default, an unknown field is a ValueError."""
        known = [spec.name for spec in cls.specs()]
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"{name} is {value!r}, but {cls.__name__} has no such field; give one of {known}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON; `from_dict` gives an equal object back."""
        return asdict(self)


@cache
def _specs(cls: type[Knobs]) -> tuple[Spec, ...]:
    hints = get_type_hints(cls)
    return tuple(_spec(cls, item, hints[item.name]) for item in fields(cls))


def _spec(cls: type[Knobs], item: Any, hint: Any) -> Spec:
    kinds = get_args(hint) or (hint,)
    plain = [kind for kind in kinds if kind is not NoneType]
    if len(plain) != 1 or plain[0] not in TYPES:
        raise TypeError(f"{cls.__name__}.{item.name} is declared {hint}; give bool, int, float or str, or one `| None`")
    return Spec(item.name, plain[0], item.default, optional=NoneType in kinds, **item.metadata)
