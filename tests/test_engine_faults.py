"""Whatever fails, only the culprit ends: the rest get the same bits, loans return, nothing stays referenced."""

import gc
import subprocess
import sys
import threading
import time
import weakref
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from models.engine import EngineStopped, NotFinite
from models.protocol import Step, Target, ask
from models.registry import Unavailable
from tests import tiny
from tests.rebound import burst, counted

KINDS = {"memory": torch.OutOfMemoryError, "nan": NotFinite, "raise": ZeroDivisionError}
ROUNDS = 30


def work(kind, parts, x, bad):
    return burst(kind, parts["vae"](x).sigmoid(), bad)


class Fragile:
    """Four Evals of a real network; the run whose prompt is `where` fails there, at the third step."""

    knobs = tiny.ToyKnobs

    def __init__(self, kind: str):
        self.targets = {"work": Target(partial(work, kind), ("vae",)), "look": Target(partial(work, kind), ("vae",))}
        self.seen: list[weakref.ref] = []

    def __call__(self, prompt, knobs, kit, start=None):
        x = kit.noise((4, 4, 4), [torch.Generator().manual_seed(seed) for seed in prompt.seeds])
        self.seen.append(weakref.ref(x))
        for i in range(4):
            bad = torch.full((len(x),), float(i == 2 and prompt.text == "eval"))
            picture = yield from ask("work", x, bad)
            x = x + picture.mean()
            mark = torch.full((len(x),), float(prompt.text == "look"))
            yield Step(i + 1, 4, partial(ask, "look", x, mark))
        return picture


def order(text: str, seed: int):
    return tiny.request("fragile", text, str(seed), seeds=(seed,))


def clear(run) -> bool:
    """What the run still holds is its own: no frame of a traceback, and so no tensor of anybody's."""
    return run.error.__traceback__ is None and run.error.__context__ is None


def left(engine, seen) -> tuple[int, int]:
    """Loans, and how many of `seen` are still alive."""
    engine.turn()  # whoever is over is forgotten when the next turn begins
    gc.collect()
    parts = engine.registry.report()["parts"].values()
    return sum(part["lent"] for part in parts), sum(ref() is not None for ref in seen)


def held_at_load(engine, kind, batches, seen) -> int:
    """That two culprits and two others in each of ROUNDS shared their batches, after the first `batches`, and that
    nothing is left of the runs `seen`; gives how many readings failed."""
    lent, alive = left(engine, seen)
    log, failures = list(engine.log)[batches:], engine.registry.report()["counts"].failures
    shared, failed = (sum(len(batch.runs) > 1 for batch in log if batch.failed is bad) for bad in (False, True))
    print(f"\n{ROUNDS} times {kind} at load: {2 * ROUNDS} culprits failed, two in each of {failed} batches; "
          f"{2 * ROUNDS} others bit-equal, two in each of {shared}; {failures} readings failed; "
          f"{lent} loans, {alive} of {len(seen)} runs left")  # fmt: skip
    assert (lent, alive) == (0, 0)
    assert shared >= ROUNDS
    assert failed == (ROUNDS if kind == "nan" else 0)
    return failures


@pytest.mark.parametrize("where", ["eval", "look"])
@pytest.mark.parametrize("kind", KINDS)
def test_thirty_faults_in_batches_end_only_the_culprit(kind, where):
    lender, fragile = tiny.registry(), Fragile(kind)
    engine = tiny.engine({"fragile": fragile}, lender=lender, buckets=(8,), cap=8, clock=counted())
    truth = [engine.paint(order("", seed)) for seed in range(3)]
    batches = len(engine.log)
    for round_ in range(ROUNDS):
        runs = [engine.submit(order("", seed)) for seed in range(3)]
        runs.insert(round_ % 4, engine.submit(order(where, 9)))
        for run in runs:
            run.wanted = True  # so that every look is taken, and the bad one with the others
        engine.wait(*runs)
        culprit = runs.pop(round_ % 4)
        assert (culprit.state, type(culprit.error)) == ("failed", KINDS[kind])
        assert clear(culprit)
        assert [run.state for run in runs] == ["done"] * 3
        assert all(torch.equal(run.result, picture) for run, picture in zip(runs, truth, strict=True))
    mixed = sum(batch.failed and len(batch.runs) > 1 for batch in list(engine.log)[batches:])
    del runs, run, culprit
    gc.collect()
    lent = sum(part["lent"] for part in lender.report()["parts"].values())
    alive = sum(ref() is not None for ref in fragile.seen)
    print(f"\n{ROUNDS} times {kind} in {where}: {mixed} failing batches held several runs; {ROUNDS} culprits failed, "
          f"{3 * ROUNDS} others bit-equal; {lent} loans and {alive} of {len(fragile.seen)} tensors left")  # fmt: skip
    assert mixed >= ROUNDS / 2
    assert len(fragile.seen) == 3 + 4 * ROUNDS
    assert (lent, alive) == (0, 0)
    assert torch.is_grad_enabled()
    engine.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_thirty_faults_at_load_end_only_those_who_need_that_part(kind):
    def read(part):
        if part.name != "critic" or not faulty:
            return tiny.net(part.kind)
        if kind == "nan":
            broken = nn.Conv2d(4, 3, 1)
            return nn.Module.requires_grad_(broken.apply(lambda m: nn.init.constant_(m.weight, torch.nan)), False)
        raise torch.OutOfMemoryError("injected") if kind == "memory" else Unavailable(part, "cut short")

    faulty, ends = True, {"memory": torch.OutOfMemoryError, "nan": NotFinite, "raise": Unavailable}
    lender, alive = tiny.registry(budget=210_000, read=read), []
    engine = tiny.engine(lender=lender, buckets=(8,), cap=8, clock=counted())
    good = [tiny.request(client=f"good {seed}", steps=1, guidance=1.0, seeds=(seed,)) for seed in range(2)]
    bad = [tiny.request("optimiser", client=f"bad {seed}", seeds=(seed,)) for seed in range(2)]
    truth, batches = [engine.paint(request) for request in good], len(engine.log)
    for _ in range(ROUNDS):
        runs = [engine.submit(request) for pair in zip(bad, good, strict=True) for request in pair]
        engine.wait(*runs)
        assert [(run.state, type(run.error)) for run in runs[::2]] == [("failed", ends[kind])] * 2
        assert all(clear(run) for run in runs[::2])
        assert all(torch.equal(run.result, picture) for run, picture in zip(runs[1::2], truth, strict=True))
        alive += [weakref.ref(run) for run in runs]
    del runs
    failures = held_at_load(engine, kind, batches, alive)
    assert failures == (0 if kind == "nan" else 2 * ROUNDS)  # whoever asks has it read again


def test_out_of_memory_above_three_rows_lets_all_finish_in_halves():
    def tight(parts, x):
        if len(x) > 3:
            raise torch.OutOfMemoryError("injected")
        return x + 1

    engine = tiny.engine(cap=8)
    runs = [engine.play(ask("tight", torch.zeros(2, 1)), {"tight": Target(tight, ())}, client="a") for _ in range(3)]
    runs.append(engine.play(ask("tight", torch.zeros(7, 1)), {"tight": Target(tight, ())}, client="a"))
    engine.wait(*runs)
    assert [run.state for run in runs] == ["done"] * 4, [run.trace for run in runs]
    assert torch.equal(runs[-1].result, torch.ones(7, 1))


class Metered:
    """Twenty Evals at 10 ms a row; a run whose prompt is a number fails at that step."""

    knobs = tiny.ToyKnobs

    def __init__(self, kind: str, cost: tiny.Cost):
        work = Target(lambda parts, x, bad: burst(kind, x, bad), ())
        self.targets = {"work": cost.target("work", work), "look": Target(lambda parts, x: x, ())}

    def __call__(self, prompt, knobs, kit, start=None):
        x = torch.zeros(1, 3, 4, 4)
        for i in range(20):
            x = yield from ask("work", x, torch.tensor([float(prompt.text == str(i + 1))]))
            yield Step(i + 1, 20, partial(ask, "look", x))
        return x


@pytest.mark.parametrize("kind", KINDS)
def test_a_budget_does_not_pay_for_the_failures_of_others(kind):
    """Alone and beside three culprits the run is cut at the same step, after the same seconds."""
    cuts = {}
    for beside in ((), ("3", "5", "8")):
        cost = tiny.Cost(work=0.010)
        engine = tiny.engine({"metered": Metered(kind, cost)}, clock=cost, cap=8)
        asked = [tiny.request("metered", text, text, budget=None if text else 0.105) for text in ("", *beside)]
        run, *culprits = [engine.submit(request) for request in asked]
        engine.wait(run, *culprits)
        assert [culprit.state for culprit in culprits] == ["failed"] * len(beside)
        assert (run.state, run.cut) == ("done", True)
        cuts[beside] = run.newest.i, round(run.meters.device, 9)
        lost = run.meters.served - run.meters.device
    print(f"\na budget beside {kind}: cut at step and after seconds {cuts}; {lost:.3f} s lost with the culprits")
    assert set(cuts.values()) == {(11, 0.11)}
    assert (lost > 0.02) == (kind != "nan")  # which fails no batch


@pytest.mark.parametrize(("scale", "fits"), [(0.125, True), (1.0, False)])
def test_a_nan_is_retried_once_on_upcast_copies_and_is_sent_if_the_narrow_type_holds_it(scale, fits):
    def half(parts, x):
        seen.append(next(parts["net"].parameters()).dtype)
        return parts["net"](x.to(seen[-1])) * scale

    seen, net = [], nn.Linear(4, 4, bias=False).half().requires_grad_(False)
    nn.init.constant_(net.weight, 60_000.0)  # the sum is 240 000, and 65 504 the most of float16
    engine = tiny.engine()
    run = engine.wait(engine.play(ask("half", torch.ones(1, 4)), {"half": Target(half, ("net",))}, client="a",
                                  parts={"net": net}))  # fmt: skip
    assert seen == [torch.float16, torch.float32]
    assert net.weight.dtype == torch.float16
    if fits:
        assert (run.result.dtype, run.result.tolist()) == (torch.float16, [[30_000.0] * 4])
    else:
        assert (run.state, type(run.error), run.result) == ("failed", NotFinite, None)


def play(engine, painting, **targets):
    return engine.play(painting, {name: Target(fn, ()) for name, fn in targets.items()}, client="odd")


def stubborn():
    try:
        while True:
            yield from ask("same", torch.zeros(1))
    finally:
        yield from ask("same", torch.zeros(1))
        yield from ask("same", torch.zeros(1))


def test_a_sampler_that_yields_in_finally_is_ended_and_the_engine_lives():
    engine = tiny.engine().start()
    run = play(engine, stubborn(), same=lambda parts, x: x)
    while not run.evals:
        time.sleep(0.001)
    run.cancel()
    assert run.wait(300) == "cancelled"
    assert engine.paint(tiny.request(steps=1)).shape == (1, 3, 16, 16)
    engine.stop()
    print(f"\na sampler that yields in finally: {run.state} after {run.meters.evals} Evals, and the next run is done")
    gc.collect()  # and no second closing complains


def test_a_foreign_close_ends_the_run_as_failed_and_never_as_done():
    for at_work in (False, True):
        engine, inside, leave = tiny.engine().start(), threading.Event(), threading.Event()

        def slow(parts, x, inside=inside, leave=leave):
            inside.set()
            leave.wait(300)
            return x

        def painting(inside=inside, leave=leave, at_work=at_work):
            if at_work:
                slow({}, None, inside, leave)
            yield from ask("slow", torch.zeros(1))
            return "whole"

        mine = painting()
        run = play(engine, mine, slow=slow)
        assert inside.wait(300)
        if at_work:
            with pytest.raises(ValueError, match="already executing"):
                mine.close()
        else:
            mine.close()
        leave.set()
        assert run.wait(300) == ("done" if at_work else "failed")
        assert run.result == ("whole" if at_work else None)
        engine.stop()
        print(f"\na foreign close {'while at work' if at_work else 'between Evals'}: {run.state}, {run.result}")


def test_a_dying_engine_fails_every_run_with_the_cause_and_refuses_more(monkeypatch):
    lender = tiny.registry()
    engine = tiny.engine(lender=lender).start()
    runs = [engine.submit(tiny.request(steps=1000, client=str(i))) for i in range(3)]
    assert runs[0].pull(300) is not None

    def die(jobs):
        raise MemoryError("no room for the list of jobs")

    monkeypatch.setattr(engine._core.fair, "order", die)
    assert [run.wait(300) for run in runs] == ["failed"] * 3
    print(f"\na dying engine: {len(runs)} of 3 runs failed, each with: {runs[0].error}")
    assert all(isinstance(run.error, EngineStopped) for run in runs)
    assert "MemoryError: no room for the list of jobs" in str(runs[0].error)
    with pytest.raises(EngineStopped, match="no room"):
        engine.submit(tiny.request())
    assert all(part["lent"] == 0 for part in lender.report()["parts"].values())
    engine.stop()


EXIT = """
import torch
from models.engine import Engine
from models.protocol import Target, ask
from models.registry import Registry

def painting():
    while True:
        yield from ask("work", torch.ones(1, 200, 200))

run = Engine(Registry([]), {}).start().play(painting(), {"work": Target(lambda parts, x: x @ x / 200, ())}, client="a")
while not run.evals:
    pass
print(run.state)
"""


def test_exit_in_mid_run_is_clean():
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-c", EXIT], cwd=root, capture_output=True, text=True, timeout=900)
    print(f"\nexit in mid-run: status {done.returncode}, {len(done.stderr)} bytes of complaint")
    assert (done.returncode, done.stdout.strip(), done.stderr.strip()) == (0, "running", "")


@pytest.mark.parametrize(
    ("painting", "message"),
    [
        (lambda: (yield from ask("nothing", torch.zeros(1))), r"target is 'nothing'; this run has \['flat', 'same'\]"),
        (lambda: (yield from ask("same", torch.zeros(2), torch.zeros(3))), r"number \[2, 3\]; give every tensor"),
        (lambda: (yield from ask("same", 3)), "give at least one tensor, row-first"),
        (lambda: (yield from ask("flat", torch.zeros(2, 2))), r"flat gave \(\) for 2 rows; give outputs row-first"),
        (lambda: (yield "something"), "a sampler yielded str; yield Eval or Step"),
        (lambda: (yield Step(3, 2, look=list)), "step is 3 of 2"),
        (lambda: (yield Step(1, 2, look=list)), "ended at step 1 of 2"),
        (lambda: (yield from ()), "ended before any step and gave NoneType"),
    ],
)
def test_what_breaks_the_protocol_is_told_to_its_run(painting, message):
    engine = tiny.engine()
    run = engine.wait(play(engine, painting(), same=lambda parts, *x: x[0], flat=lambda parts, x: x.sum()))
    assert run.state == "failed"
    assert run.error.__class__ in (ValueError, TypeError, RuntimeError)
    with pytest.raises(type(run.error), match=message):
        raise run.error


def test_grad_mode_is_nobodys_business_but_the_engines():
    def meddling():
        torch.set_grad_enabled(True)
        yield from ask("same", torch.zeros(1))
        torch.set_grad_enabled(True)
        return "ended"

    def leaking(parts, x):
        torch.set_grad_enabled(True)
        return x

    engine = tiny.engine()
    for mode in (True, False):
        with torch.set_grad_enabled(mode):
            assert engine.wait(play(engine, meddling(), same=leaking)).result == "ended"
            engine.paint(tiny.request("optimiser"))
            assert torch.is_grad_enabled() is mode
