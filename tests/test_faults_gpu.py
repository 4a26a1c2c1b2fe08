"""Faults at every stage of a run, in batches of several: the others finish, and the device's memory comes back.

Networks are tiny, but every Eval takes a scratch that is larger than what may stay behind.  On a GPU, out of memory is
real; the same runs on a CPU, where it is only said, and where what is left of the scratch is counted instead.
"""

import copy
import gc
import itertools
import weakref
from functools import partial

import pytest
import torch

from models.engine import Engine
from models.protocol import Step, Target, ask
from models.registry import Unavailable
from tests import tiny

LEFT, ROUNDS = 64 * 2**20, 8  # bytes that may stay behind
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def strain(kind, scratch):
    """What a bad row does to the network that it is given to."""
    if kind == "raise":
        raise ZeroDivisionError("injected")
    if kind == "memory" and scratch.is_cuda:
        scratch.new_empty(torch.cuda.mem_get_info()[1])  # bytes: all that the device has, beside what is taken
    if kind == "memory":
        raise torch.OutOfMemoryError("injected")


class Straining:
    """Three Evals and as many looks through a real network; a run whose prompt names a stage fails there."""

    knobs = tiny.ToyKnobs

    def __init__(self, kind):
        self.kind, self.scratches = kind, []
        self.targets = {name: Target(self.work, ("vae",)) for name in ("first", "work", "look")}

    def work(self, parts, x, bad):
        scratch = torch.empty(2 * LEFT if x.is_cuda else 1, dtype=torch.uint8, device=x.device)
        self.scratches.append(weakref.ref(scratch))
        if bad.any():
            strain(self.kind, scratch)
        (net,) = parts.values()
        return net(x).sigmoid()

    def __call__(self, prompt, knobs, kit, start=None):
        x = kit.noise((4, 4, 4), [torch.Generator().manual_seed(seed) for seed in prompt.seeds])

        def at(stage):
            return x.new_full((len(x),), float(prompt.text == stage))

        picture = yield from ask("first", x, at("first"))
        for i in range(3):
            x = x + picture.mean()
            picture = yield from ask("work", x, at("work") * (i == 1))
            yield Step(i + 1, 3, partial(ask, "look", x, at("look")))
        return picture


def order(text, seed):
    return tiny.request("straining", text, f"{text} {seed}", seeds=(seed,))


def left(device):
    gc.collect()
    return torch.cuda.memory_allocated() if device == "cuda" else 0


def reader(kind):
    """Reads copies, for what is cached is nobody's to move; and of the critic nothing at all."""

    def read(part):
        if part.name == "critic":
            raise torch.OutOfMemoryError("injected") if kind == "memory" else Unavailable(part, "cut short")
        return copy.deepcopy(tiny.net(part.kind))

    return read


def afflicted(engine, stage, device):
    """A run that ends at a stage, if nobody ends it before."""
    if stage != "load":
        run = engine.submit(order(stage, 9))
        run.wanted = True
        return run
    lame, rows = Target(engine.samplers["straining"].work, ("critic",)), torch.zeros(1, 4, 4, 4, device=device)
    return engine.play(ask("lame", rows, rows[:, 0, 0, 0]), {"lame": lame}, client="culprit", suite="tiny")


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("kind", "stage"),
    [*((kind, stage) for kind in ("memory", "raise") for stage in ("load", "first", "work", "look")), ("cancel", "")],
)
def test_the_others_finish_and_memory_comes_back(kind, stage, device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    ticks, sampler, lender = itertools.count(), Straining(kind), tiny.registry(read=reader(kind), device=device)
    engine = Engine(lender, {"straining": sampler}, buckets=(8,), cap=8, clock=lambda: next(ticks) / 1000)
    truth = [engine.paint(order("", seed)) for seed in range(3)]
    before, ends = left(device), set()
    for place in range(ROUNDS):
        runs = [engine.submit(order("", seed)) for seed in range(3)]
        runs.insert(place % 4, culprit := afflicted(engine, stage, device))
        if kind == "cancel":
            for _ in range(place // 2):  # from before it is let in to its middle
                engine.turn()
            culprit.cancel()
        engine.wait(*runs)
        runs.remove(culprit)
        ends.add(culprit.state)
        for run, want in zip(runs, truth, strict=True):
            torch.testing.assert_close(run.result, want, rtol=0, atol=0 if device == "cpu" else 1e-5)
    del run, runs, culprit
    engine.turn()  # whoever is over is forgotten when the next turn begins
    over, alive = left(device) - before, sum(scratch() is not None for scratch in sampler.scratches)
    lent = sum(part["lent"] for part in lender.report()["parts"].values())
    print(f"\n{kind} {stage} on {device}, {ROUNDS} times: {ends}; {3 * ROUNDS} others painted; {over} bytes left")
    assert ends == {"cancelled" if kind == "cancel" else "failed"}
    assert (lent, alive) == (0, 0)
    assert over < LEFT
    engine.stop()
