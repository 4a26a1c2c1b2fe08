"""Settings refuse what they do not allow, and say so."""

import json
from dataclasses import FrozenInstanceError, dataclass

import numpy as np
import pytest

from models.knobs import Knobs, knob


@dataclass(frozen=True)
class Sample(Knobs):
    steps: int = knob(20, low=1, high=1000, unit="steps")
    size: int = knob(64, low=8, high=256, step=8, unit="px")
    guidance: float = knob(7.5, low=1.0, high=30.0, step=0.5)
    scheduler: str = knob("ddim", choices=("ddpm", "ddim"))
    flip: bool = knob(True)
    cut: float | None = knob(None, low=0.0)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("steps", 0, "int from 1 to 1000 steps"),
        ("steps", 1001, "int from 1 to 1000 steps"),
        ("steps", 2.0, "int from 1 to 1000 steps"),
        ("steps", True, "int from 1 to 1000 steps"),
        ("steps", "20", "int from 1 to 1000 steps"),
        ("steps", None, "int from 1 to 1000 steps"),
        ("size", 65, "int from 8 to 256 in steps of 8 px"),
        ("guidance", float("nan"), "float from 1.0 to 30.0"),
        ("guidance", float("inf"), "float from 1.0 to 30.0"),
        ("guidance", 0.99, "float from 1.0 to 30.0"),
        ("guidance", False, "float from 1.0 to 30.0"),
        ("scheduler", "plms", "one of 'ddpm', 'ddim'"),
        ("scheduler", 3, "one of 'ddpm', 'ddim'"),
        ("flip", 1, "bool"),
        ("cut", float("nan"), "float from 0.0 or None"),
        ("cut", -1.0, "float from 0.0 or None"),
        pytest.param("guidance", 10**400, "float from 1.0 to 30.0", id="beyond-floats"),
        pytest.param("cut", 10**400, "float from 0.0 or None", id="beyond-floats-without-end"),
        pytest.param("steps", -(10**400), "int from 1 to 1000 steps", id="beyond-floats-below"),
        ("guidance", "7.5", "float from 1.0 to 30.0"),
        ("scheduler", ["ddim"], "one of 'ddpm', 'ddim'"),
    ],
)
def test_a_refusal_names_field_value_and_range(name, value, allowed):
    with pytest.raises(ValueError, match=name) as caught:
        Sample(**{name: value})
    assert str(caught.value).startswith(f"{name} is {value!r}; give {allowed} (default ")


def test_values_take_the_declared_type():
    knobs = Sample(steps=np.int64(5), guidance=2, cut=np.float32(0.5))
    assert [type(knobs.steps), type(knobs.guidance), type(knobs.cut)] == [int, float, float]
    assert (knobs.steps, knobs.guidance, knobs.cut) == (5, 2.0, 0.5)
    assert Sample(steps=1).steps == 1
    assert Sample(steps=1000).steps == 1000


def test_round_trip_through_json_and_unknown_fields():
    knobs = Sample(steps=7, scheduler="ddpm", cut=0.25)
    assert Sample.from_dict(json.loads(json.dumps(knobs.to_dict()))) == knobs
    assert Sample.from_dict({}) == Sample()
    with pytest.raises(ValueError, match="stepz is 3, but Sample has no such field"):
        Sample.from_dict({"stepz": 3})


def test_specs_carry_all_an_interface_needs():
    steps, _, guidance, scheduler, flip, cut = Sample.specs()
    assert (steps.type, steps.low, steps.high, steps.unit, steps.default) == (int, 1, 1000, "steps", 20)
    assert (guidance.type, guidance.step) == (float, 0.5)
    assert scheduler.choices == ("ddpm", "ddim")
    assert flip.type is bool
    assert not flip.optional
    assert cut.optional
    assert cut.default is None


def test_a_wrong_default_fails_when_the_settings_are_made():
    @dataclass(frozen=True)
    class Wrong(Knobs):
        n: int = knob(0, low=1)

    with pytest.raises(ValueError, match="n is 0; give int from 1"):
        Wrong()


def test_settings_are_frozen_and_odd_types_are_refused():
    with pytest.raises(FrozenInstanceError):
        Sample().steps = 3

    @dataclass(frozen=True)
    class Odd(Knobs):
        pair: tuple[int, int] = knob((1, 2))

    with pytest.raises(TypeError, match=r"Odd\.pair is declared"):
        Odd.specs()
