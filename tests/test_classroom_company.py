"""Company changes nothing on the weights that ship: batched, in another process, beside faults, after a switch."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch

from lab.race import LANES, SAMPLERS
from models.catalog import classroom
from models.engine import Engine, NotFinite
from models.protocol import Request, Target
from models.registry import Registry
from tests.rebound import Rebound, burst
from tests.shipped import BUCKET, engine, request

OTHERS = ("two yellow stars at night", "夜里有一只蓝色的小船")


def together(on: Engine, *requests: Request) -> list[torch.Tensor]:
    runs = [on.submit(each) for each in requests]
    on.wait(*runs)
    assert [run.state for run in runs] == ["done"] * len(runs), [run.trace for run in runs]
    return [run.result for run in runs]


@cache
def alone(lane: str) -> torch.Tensor:
    """In a bucket with nobody else in it."""
    return engine(**BUCKET).paint(request(lane))


@pytest.mark.parametrize("neighbour", OTHERS)
def test_batched_is_alone_bit_for_bit_in_the_same_bucket_whoever_the_neighbour(neighbour):
    on = engine(**BUCKET)
    mine, others = [request(lane) for lane in LANES], [request(lane, neighbour, 7) for lane in LANES]
    pictures = together(on, *others, *mine)[len(LANES) :]
    shared = {batch.target for batch in on.log if len(set(batch.runs)) > 1}
    same = [lane for lane, picture in zip(LANES, pictures, strict=True) if torch.equal(picture, alone(lane))]
    print(f"\nbeside {neighbour!r}: {len(on.log)} batches, {len(shared)} targets in batches of both; "
          f"{len(same)} of 4 are alone bit for bit")  # fmt: skip
    assert {"text", "denoise", "climb_robust", "guess", "paint"} <= shared
    assert same == list(LANES)


def test_across_buckets_1e_9_in_float64_and_whatever_float32_gives():
    for dtype in (torch.float64, torch.float32):
        off = {}
        for lane in LANES:
            single = engine(dtype=dtype).paint(request(lane))
            paired = together(on := engine(dtype=dtype), request(lane), request(lane, OTHERS[0], 7))[0]
            assert max(len(set(batch.runs)) for batch in on.log) == 2
            off[lane] = (paired - single).abs().max().item()
        print(f"\n{dtype}, two visitors in one batch against one alone: "
              + ", ".join(f"{lane} {worst:.1e}" for lane, worst in off.items()))  # fmt: skip
        assert dtype == torch.float32 or max(off.values()) <= 1e-9


def digests() -> dict[str, str]:
    """SHA-256 of what each painter paints in exact mode."""
    torch.set_num_threads(1)
    on = engine()
    pictures = {lane: on.paint(request(lane, exact=True)) for lane in LANES}
    return {lane: hashlib.sha256(picture.numpy().tobytes()).hexdigest() for lane, picture in pictures.items()}


def test_exact_is_bit_equal_in_a_new_process_for_every_painter():
    threads = torch.get_num_threads()
    try:
        here = digests()
    finally:
        torch.set_num_threads(threads)
    code = "from tests.test_classroom_company import digests; print(*digests().values())"
    root = Path(__file__).resolve().parents[1]
    there = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    for (lane, mine), theirs in zip(here.items(), there.stdout.split(), strict=True):
        print(f"\n{lane} exact, SHA-256 here and in a new process: {mine[:16]}, {theirs[:16]}")
    assert there.stdout.split() == list(here.values())
    assert len(set(here.values())) == len(LANES)


def spoilt(painter, target: str, kind: str) -> Rebound:
    """A painter one of whose targets fails, whoever asks."""
    of = painter.targets[target]
    broken = Target(lambda parts, *rows, **opts: burst(kind, of.fn(parts, *rows, **opts), torch.ones(len(rows[0]))),
                    of.parts)  # fmt: skip
    return Rebound(painter, {**painter.targets, target: broken})


@pytest.mark.parametrize(
    ("lane", "target", "kind", "error"),
    [
        ("latent", "decode", "nan", NotFinite),
        ("pixel", "denoise", "raise", ZeroDivisionError),
        ("vqgan_clip", "climb_robust", "nan", NotFinite),
        ("unclip", "paint", "memory", torch.OutOfMemoryError),
    ],
)
def test_a_fault_in_one_painter_leaves_the_others_as_they_were(lane, target, kind, error):
    on = engine({**SAMPLERS, lane: spoilt(SAMPLERS[lane], target, kind)}, **BUCKET)
    runs = {name: on.submit(request(name)) for name in LANES}
    on.wait(*runs.values())
    culprit = runs.pop(lane)
    same = [name for name, run in runs.items() if torch.equal(run.result, alone(name))]
    print(f"\n{kind} in {lane}'s {target}: {culprit.state}, {type(culprit.error).__name__}; {len(same)} of 3 unchanged")
    assert (culprit.state, type(culprit.error)) == ("failed", error)
    assert same == list(runs)
    assert all(part["lent"] == 0 for part in on.registry.report()["parts"].values())


def test_loaded_switched_away_under_a_budget_and_back_it_is_the_same_picture():
    registry = Registry([classroom()])
    on = Engine(registry, SAMPLERS)
    first, other = request("latent", exact=True), request("vqgan_clip", exact=True)
    budget = max(on.forecast(each).need for each in (first, other)) + 2**20
    registry.limit(budget)
    before = on.paint(first)
    held = set(registry.report()["parts"])
    on.paint(other)
    gone = held - set(registry.report()["parts"])
    again, report = on.paint(first), registry.report()
    print(f"\nunder {budget / 2**20:.0f} MiB: {sorted(gone)} left for VQGAN+CLIP and came back, "
          f"{report['counts'].evictions} evictions, {report['counts'].loads} loads")  # fmt: skip
    assert "unet" in gone
    assert report["peak"] <= budget
    assert torch.equal(again, before)
    assert torch.equal(again, on.paint(replace(first, client="another")))
