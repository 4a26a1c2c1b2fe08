"""Runs from submission to their one end: frames, cancels, pauses, budgets, calls; many clients at once."""

import itertools
import os
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from models.engine import EngineStopped, drive
from models.protocol import Target, ask
from models.registry import WontFit
from tests import tiny
from tests.crowd import Wary, hold_under_a_crowd
from tests.rebound import Guarded, Paced


@pytest.fixture
def engine():
    made = tiny.engine().start()
    yield made
    made.stop()


def light(**more):
    """A request of few milliseconds: guidance off, one row."""
    return tiny.request(**{"guidance": 1.0, "size": 4} | more)


def test_8_clients_200_runs_with_cancels_and_drops():
    def make(draw, name, visit):
        sampler = draw.choice(("toy", "optimiser", "optimiser"))
        return light(sampler=sampler, steps=6, client=name, seeds=(visit,))

    guarded, clock = Guarded(tiny.SAMPLERS), Wary()
    engine = tiny.engine(guarded.samplers, clock=clock).start()
    hold_under_a_crowd(engine, guarded, clock, make, patience=0.01)


def test_frames_are_uint8_pictures_of_rising_steps_and_the_last_is_the_result(engine):
    run = engine.submit(tiny.request(seeds=(1, 2), steps=5))
    frames = list(run.frames())
    steps = [frame.i for frame in frames]
    assert steps == sorted(set(steps))
    assert (frames[-1].i, frames[-1].n, run.state) == (5, 5, "done")
    assert all(frame.images.shape == (2, 16, 16, 3) and frame.images.dtype == np.uint8 for frame in frames)
    assert np.array_equal(frames[-1].images, (run.result * 255).round().byte().movedim(1, -1).numpy())
    assert frames[-1].facts["noise"] < 1e-9
    assert [fact.i for fact in run.facts] == [1, 2, 3, 4, 5]
    assert len(run.evals) == 5 + run.meters.looks
    assert run.meters.evals == 6  # five steps, and the decoding of what they came to
    assert all(a.end <= b.end for a, b in zip(run.evals, list(run.evals)[1:], strict=False))
    assert run.pull(1) is None


def test_looking_changes_nothing():
    watched, unwatched = tiny.engine(), tiny.engine()
    request = tiny.request(steps=6)
    assert len(list(watched.drive(request))) == 6
    run = watched.wait(watched.submit(request))
    assert torch.equal(run.result, unwatched.paint(request))


def test_a_slow_consumer_gets_the_newest_and_one_look_a_frame(engine):
    run, frames = engine.submit(tiny.request(steps=60)), 0
    while run.pull() is not None:
        frames += 1
        time.sleep(0.05)
    quiet = engine.submit(tiny.request(steps=60))
    quiet.wait(300)
    print(f"\na consumer of 50 ms a frame: {frames} frames, {run.meters.looks} looks in 60 steps; "
          f"unwatched {quiet.meters.looks} look")  # fmt: skip
    assert run.meters.looks - 2 <= frames <= run.meters.looks
    assert run.meters.evals == quiet.meters.evals == 61
    assert quiet.meters.looks == 1


def consumed(pause: float | None):
    """60 steps of 10 ms on the engine's own clock, which only networks move; looks take 3 ms.

    The consumer takes a frame and comes back after `pause` seconds of that clock; None: there is none.
    """
    cost, frames, due, asked = Paced(tiny.SAMPLERS, denoise=0.005, decode=0.003), [], 0.0, pause is None
    on = tiny.engine(cost.samplers, clock=cost)
    run = on.submit(tiny.request(steps=60))
    while not run.over:
        if not asked and cost.now >= due:
            run.wanted = asked = True
        on.turn()
        if pause is not None and run.newest is not None and run.newest not in frames:
            frames, due, asked = [*frames, run.newest], cost.now + pause, False
    return run, cost.now, [frame.i for frame in frames]


def test_a_slow_consumer_slows_the_engine_by_its_looks_alone():
    """A consumer holds nothing up: what it costs is a look for every frame that it comes for, and no step."""
    quiet, alone, _ = consumed(None)
    slow, watched, frames = consumed(0.2)
    extra = watched / alone - 1
    print(f"\n60 steps unwatched {alone:.3f} s, with a consumer of 200 ms a frame {watched:.3f} s: {extra:.1%} more, "
          f"all of it {slow.meters.looks - 1} looks; frames of steps {frames}")  # fmt: skip
    assert slow.meters.steps == quiet.meters.steps == 60
    assert slow.meters.device == pytest.approx(quiet.meters.device, abs=1e-9)
    assert watched - alone == pytest.approx(0.003 * (slow.meters.looks - 1), abs=1e-9)
    assert extra <= 0.05
    assert len(frames) == slow.meters.looks >= 4
    assert all(later - earlier >= 19 for earlier, later in itertools.pairwise(frames[:-1])), "an old frame was kept"


def test_a_consumer_that_never_returns_holds_nothing_up(engine):
    run = engine.submit(light(steps=20))
    run.pull(300)
    assert run.wait(300) == "done"
    assert run.newest.i == 20


@pytest.mark.parametrize("when", ["queued", "running", "over"])
def test_cancel_at_any_time_ends_in_one_state(when):
    engine = tiny.engine()
    run = engine.submit(light(steps=200))
    if when == "running":
        next(iter(engine.frames(run)))
    if when == "over":
        engine.wait(run)
    run.cancel()
    run.cancel()
    assert engine.wait(run).state == ("done" if when == "over" else "cancelled")
    assert (run.result is None) == (when != "over")
    engine.stop()
    assert run.state == ("done" if when == "over" else "cancelled")


def test_pause_holds_the_run_at_a_step_and_changes_no_bit(engine):
    request = tiny.request(steps=12)
    run = engine.submit(request)
    run.pull(300)
    run.pause()
    while run.state != "paused":
        time.sleep(0.001)
    held = len(run.evals)
    other = engine.submit(light(client="b"))
    assert other.wait(300) == "done"
    assert len(run.evals) - held <= 1  # a look at the held step, at most
    run.resume()
    assert run.wait(300) == "done"
    assert torch.equal(run.result, tiny.engine().paint(request))


def test_what_goes_on_from_its_last_step_ends_with_a_picture_to_be_seen():
    engine = tiny.engine()
    whole = engine.submit(tiny.request(steps=4), keep=(4,))
    engine.wait(whole)
    rest = engine.submit(tiny.request(steps=4, start=whole.states[4]))
    engine.wait(rest)
    assert (rest.state, rest.newest.i, rest.newest.n) == ("done", 4, 4)
    assert (rest.newest.images == whole.newest.images).all()


def test_a_long_pause_becomes_a_state_and_returns_its_loans():
    lender = tiny.registry()
    engine = tiny.engine(lender=lender, patience=0.0).start()
    request = tiny.request(steps=12)
    run = engine.submit(request)
    run.pull(300)
    run.pause()
    while run.state != "paused" or any(part["lent"] for part in lender.report()["parts"].values()):
        time.sleep(0.001)
    assert not run.over
    run.resume()
    assert run.wait(300) == "done"
    engine.stop()
    assert torch.equal(run.result, tiny.engine().paint(request))
    assert run.meters.steps == 12
    assert [fact.i for fact in run.facts] == list(range(1, 13))


def test_a_budget_ends_the_run_with_the_best_it_has():
    engine = tiny.engine()
    engine.paint(light())
    whole = engine.wait(engine.submit(light(steps=40)))
    budget = whole.meters.device / 4
    run = engine.wait(engine.submit(light(steps=40, budget=budget)))
    at = run.newest.i
    print(f"\na quarter of the time: step {at} of 40, {run.meters.device / whole.meters.device:.2f} of the time")
    assert (run.state, run.cut) == ("done", True)
    assert 1 <= at < 40
    assert run.result.shape == whole.result.shape
    assert np.array_equal(run.newest.images, (run.result * 255).round().byte().movedim(1, -1).numpy())
    rest = engine.paint(light(steps=40, start=run.states[at]))
    assert torch.equal(rest, whole.result)
    with pytest.raises(ValueError, match="budget is -1"):
        engine.submit(light(budget=-1))


def test_call_runs_one_eval_between_the_others(engine):
    run = engine.submit(light(steps=30))
    rows = torch.randn(3, 4, 8, 8)
    found = engine.call(tiny.Toy.targets["decode"], rows, suite="tiny")
    assert torch.equal(found, tiny.net("vae")(rows).sigmoid())
    twice = engine.call(Target(lambda parts, x, by: (x * by, parts["own"](x)), ("own",)), rows, by=2,
                        parts={"own": torch.nn.Identity()})  # fmt: skip
    assert torch.equal(twice[0], rows * 2)
    assert torch.equal(twice[1], rows)
    with pytest.raises(ZeroDivisionError):
        engine.call(Target(lambda parts, x: 1 / 0, ()), rows)
    assert run.wait(300) == "done"


def test_waiting_on_the_engines_own_thread_is_refused(engine):
    with pytest.raises(RuntimeError, match="waited for on the engine's own thread"):
        engine.call(Target(lambda parts, x: engine.call(Target(lambda parts, x: x, ()), x), ()), torch.zeros(1))


def test_drive_gives_every_step_inline_and_leaving_early_ends_the_run():
    frames = drive(tiny.registry(), tiny.SAMPLERS, light(steps=5))
    assert [frame.i for frame in frames] == [1, 2, 3, 4, 5]
    lender = tiny.registry()
    for frame in drive(lender, tiny.SAMPLERS, light(steps=500)):
        if frame.i == 3:
            break
    assert all(part["lent"] == 0 for part in lender.report()["parts"].values())
    assert torch.is_grad_enabled()


def test_drive_on_a_started_engine(engine):
    def returned(frames):
        return (yield from frames)

    frames = [frame.i for frame in returned(engine.drive(light(steps=5)))]
    assert frames[-1] == 5


def test_what_cannot_be_met_is_said_at_once():
    engine = tiny.engine()
    with pytest.raises(ValueError, match=r"sampler is 'oil'; give one of \['optimiser', 'toy'\]"):
        engine.submit(replace(light(), sampler="oil"))
    with pytest.raises(ValueError, match="suite is 'full'"):
        engine.submit(replace(light(), suite="full"))
    with pytest.raises(ValueError, match=r"seeds is \(\)"):
        engine.submit(light(seeds=()))
    with pytest.raises(ValueError, match="knobs is dict; give ToyKnobs"):
        engine.submit(replace(light(), knobs={}))
    engine.stop()
    with pytest.raises(EngineStopped):
        engine.submit(light())


def test_a_run_that_can_never_fit_fails_and_one_that_must_wait_waits():
    unet, vae, critic = (tiny.size_of(tiny.net(name)) for name in ("unet", "vae", "critic"))
    engine = tiny.engine(lender=tiny.registry(budget=unet + vae))
    runs = [engine.submit(light(sampler=sampler)) for sampler in ("toy", "optimiser", "toy")]
    engine.wait(*runs)
    assert [run.state for run in runs] == ["done"] * 3
    assert engine.registry.report()["peak"] <= unet + vae
    small = tiny.engine(lender=tiny.registry(budget=unet + vae - 1))
    with pytest.raises(WontFit, match=f"need {unet + vae} bytes, the budget is {unet + vae - 1}"):
        small.paint(light())
    assert small.paint(light(sampler="optimiser")).shape == (1, 3, 8, 8)
    assert critic + vae < unet


def test_an_engine_left_behind_in_a_fork_says_so(engine, monkeypatch):
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(EngineStopped, match="build a fresh engine"):
        engine.submit(light())
    monkeypatch.undo()
    assert engine.call(Target(lambda parts, x: x, ()), torch.ones(1)).item() == 1


def test_a_coroutine_without_steps_is_done_when_it_returns(engine):
    def judge():
        first = yield from ask("twice", torch.ones(2))
        return (yield from ask("twice", first))

    run = engine.play(judge(), {"twice": Target(lambda parts, x: 2 * x, ())}, client="judge")
    assert run.wait(300) == "done"
    assert run.result.tolist() == [4, 4]
    assert run.newest is None
