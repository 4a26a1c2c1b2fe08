"""Out of memory: nothing of a failed attempt is left beside the next one, and what is too large is not tried again."""

import weakref

import pytest
import torch

from models.engine.batch import AGAIN
from models.engine.forecast import Forecast
from models.protocol import Target, ask
from tests import tiny


def rows(count, evals=1):
    for _ in range(evals):
        x = yield from ask("tight", torch.zeros(count, 1))
    return x


def tight(most, alive, calls):
    """A target that holds memory while it runs, and runs out of it above `most` rows."""

    def run(parts, x):
        held = torch.zeros(16)
        calls.append((len(x), sum(ref() is not None for ref in alive)))
        alive.append(weakref.ref(held))
        if len(x) > most:
            raise torch.OutOfMemoryError("injected")
        return x + 1

    return {"tight": Target(run, ())}


@pytest.mark.parametrize("counts", [(1,) * 8, (8,)], ids=["eight runs", "eight rows"])
def test_nothing_of_a_failed_attempt_is_left_while_its_halves_run(counts):
    calls, engine = [], tiny.engine(cap=8)
    targets = tight(1, [], calls)
    runs = [engine.play(rows(count), targets, client=str(i)) for i, count in enumerate(counts)]
    engine.wait(*runs)
    print(f"\nrows of an attempt, and failed attempts alive beside it: {calls}")
    assert [run.state for run in runs] == ["done"] * len(runs), [run.trace for run in runs]
    assert calls[0] == (8, 0)
    assert len(calls) == 15
    assert not any(left for _, left in calls)


def test_who_runs_out_of_memory_alone_is_told_where():
    engine = tiny.engine()
    run = engine.wait(engine.play(rows(2), tight(0, [], []), client="a"))
    assert (run.state, type(run.error), run.error.__traceback__) == ("failed", torch.OutOfMemoryError, None)
    assert 'raise torch.OutOfMemoryError("injected")' in run.trace


def test_a_processor_without_memory_is_told_and_halved_like_any_device():
    """What torch raises there is a RuntimeError: a real one, of more bytes than any machine has."""
    calls, engine = [], tiny.engine()

    def run(parts, x):
        calls.append(len(x))
        if len(x) > 1:
            torch.empty(10**17, dtype=torch.uint8)
        return x + 1

    run = engine.wait(engine.play(rows(2), {"tight": Target(run, ())}, client="a"))
    assert (run.state, calls) == ("done", [2, 1, 1])
    never = Target(lambda parts, x: torch.empty(10**17, dtype=torch.uint8), ())
    run = engine.wait(engine.play(rows(1), {"tight": never}, client="a"))
    assert type(run.error) is torch.OutOfMemoryError
    assert "DefaultCPUAllocator" in str(run.error)


def test_a_size_that_ran_out_of_memory_is_not_tried_at_every_step():
    calls, cost = [], tiny.Cost()
    engine = tiny.engine(clock=cost)  # no time passes: whatever size is as quick as any
    run = engine.wait(engine.play(rows(8, evals=100), tight(3, [], calls), client="a"))
    tried = [count for count, _ in calls]
    print(f"\n100 Evals of 8 rows, of which 3 fit: {tried.count(8)} batches of 8, {tried.count(4)} of 4, "
          f"{tried.count(2)} of 2")  # fmt: skip
    assert run.state == "done"
    assert tried[:7] == [8, 4, 2, 2, 4, 2, 2]
    assert len([count for count in tried[7:] if count > 3]) <= 2 * (len(tried) // AGAIN)  # both sizes, now and then
    assert tried.count(2) >= 396


def test_a_run_that_fails_alone_teaches_nothing_about_sizes():
    def burst(parts, x):
        if x.any():
            raise torch.OutOfMemoryError("injected")
        return x

    engine = tiny.engine(clock=tiny.Cost())
    targets = {"burst": Target(burst, ())}
    runs = [engine.play(ask("burst", torch.full((1, 1), float(i == 2))), targets, client=str(i)) for i in range(4)]
    engine.wait(*runs)
    assert [run.state for run in runs] == ["done", "done", "failed", "done"]
    engine.call(targets["burst"], torch.zeros(8, 1))
    assert engine.log[-1].rows == 8


@pytest.mark.parametrize(("spare", "most"), [(1000, 1), (2500, 2), (None, 4)])
def test_riders_take_no_more_memory_than_the_budget_leaves(monkeypatch, spare, most):
    """Four visitors whose Evals take 1000 bytes each, beside parts and `spare` bytes."""
    weights = sum(tiny.size_of(tiny.net(name)) for name in ("unet", "vae"))
    lender = tiny.registry(budget=None if spare is None else weights + spare)
    engine = tiny.engine(lender=lender, cap=8)
    monkeypatch.setattr(engine, "forecast", lambda request: Forecast({}, {"denoise": 1000}))
    runs = [engine.submit(tiny.request(client=str(i), guidance=1.0)) for i in range(4)]
    engine.wait(*runs)
    held = {
        name: max(len(batch.runs) for batch in engine.log if batch.target == name) for name in ("denoise", "decode")
    }
    print(f"\n{spare} bytes are left for Evals of 1000: {held['denoise']} runs in a batch")
    assert [run.state for run in runs] == ["done"] * 4
    assert held["denoise"] == most
    assert held["decode"] > 1  # of which nobody knows that it takes any
