"""Painting on a GPU that is lent by call: a real fork, and the same picture as without."""

import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from lab.race import LANES, Race, default_engine, open_suite, pace, settle, small_of
from lab.ui import zero
from lab.ui.zero import errand
from models.engine import EngineStopped
from models.protocol import Prompt, Request, Target
from models.registry import WontFit
from tests import lending
from tests.tinysuite import ENDS, KNOBS, TEXT, folder, without

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture(autouse=True)
def lent(monkeypatch):
    """A Space that lends GPUs; one thread here, as in its forks, so that pictures are equal to the bit."""
    monkeypatch.setenv(zero.LENT, "true")
    monkeypatch.setitem(sys.modules, "spaces", lending)
    lending.asked.clear()
    lending.ends.clear()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def suite():
    return open_suite(folder())


@pytest.fixture
def engine(suite):
    running = zero.ZeroEngine(suite, zero.lender()).start()
    yield running
    running.stop()


def wanted(engine, lane, steps=None, seeds=(3, 4), **more):
    knobs = settle(engine, lane, KNOBS[lane] | ({"steps": steps} if steps else {}))
    return Request(lane, Prompt(TEXT, seeds=seeds), knobs, "classroom", "visitor", exact=True, **more)


def wait_for(holds, seconds=30):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def alone(suite, request):
    """The same request in this process: its run."""
    here = default_engine(suite)
    return here.wait(here.submit(request))


def test_without_such_a_space_nothing_is_lent(monkeypatch):
    assert zero.lender() is lending.GPU
    monkeypatch.delenv(zero.LENT)
    assert zero.lender() is None
    monkeypatch.setenv(zero.LENT, "true")
    monkeypatch.setitem(sys.modules, "spaces", None)  # not installed
    assert zero.lender() is None


def test_of_what_was_enlarged_on_a_lent_gpu_the_small_pictures_come_back_too(engine, suite):
    plain = wanted(engine, "latent")
    large = replace(plain, knobs=replace(plain.knobs, upsample=True, upsample_steps=2))
    run, here = engine.wait(engine.submit(large, keep=(-1,))), alone(suite, plain)
    assert run.state == "done", run.error
    assert run.newest.images.shape == (2, 256, 256, 3)
    assert list(run.states) == [ENDS["latent"] + 2]
    assert np.array_equal(small_of(run), here.newest.images)


@pytest.mark.parametrize("lane", LANES)
def test_the_fork_paints_what_this_process_paints(engine, suite, lane):
    request = wanted(engine, lane)
    run, here = engine.wait(engine.submit(request)), alone(suite, request)
    assert run.state == "done", run.error
    assert torch.equal(run.result, here.result)
    assert (run.newest.images == here.newest.images).all()
    assert [(fact.i, fact.n, fact.facts) for fact in run.facts] == [(f.i, f.n, f.facts) for f in here.facts]
    assert [note.target for note in run.evals if not note.look] == [n.target for n in here.evals if not n.look]
    assert run.newest.i == ENDS[lane]
    assert torch.equal(run.tokens.ids, here.tokens.ids)
    assert run.meters.device > 0
    assert lending.asked == [zero.FIRST]


def test_a_race_is_told_as_on_any_engine_and_teaches_the_pace(engine):
    race = Race(engine, "classroom", TEXT, 1, ["latent", "pixel"], {lane: KNOBS[lane] for lane in ("latent", "pixel")})
    states = {"latent": [], "pixel": []}
    for event in race:
        states[event.lane].append(event.state)
    assert all(list(dict.fromkeys(seen)) == ["queued", "running", "done"] for seen in states.values())
    request = race.requests["latent"]
    known = pace.known(engine, request)
    need = zero.WARM + zero.SLACK * (known.fixed + known.step * KNOBS["latent"]["steps"])
    assert engine.seconds(request, None) == max(zero.LEAST, need)
    longer = wanted(engine, "latent", 1000, seeds=(1,))
    assert zero.LEAST <= engine.seconds(request, None) <= engine.seconds(longer, None) <= zero.MOST


def test_time_that_is_nearly_over_hands_over_its_state_and_the_next_call_goes_on(engine, suite, monkeypatch):
    monkeypatch.setattr(errand, "LEAVE", zero.FIRST)  # so that every call leaves at its first step
    request = wanted(engine, "latent")
    run, here = engine.wait(engine.submit(request)), alone(suite, request)
    assert len(lending.asked) == KNOBS["latent"]["steps"]
    assert torch.equal(run.result, here.result)
    assert [fact.i for fact in run.facts] == [fact.i for fact in here.facts]
    seconds = [fact.seconds for fact in run.facts]
    assert seconds == sorted(seconds)
    assert run.meters.steps == here.meters.steps


@pytest.mark.parametrize("lane", ["latent", "vqgan_clip"])
def test_a_call_that_is_killed_is_gone_on_from_the_last_state(engine, suite, monkeypatch, lane):
    monkeypatch.setattr(errand, "EVERY", 0.0)
    request = wanted(engine, lane, 8, seeds=(3,))
    lending.ends[:] = [8, 8]
    run, here = engine.wait(engine.submit(request)), alone(suite, request)
    assert run.state == "done", run.error
    assert len(lending.asked) == 3
    assert torch.equal(run.result, here.result)
    assert [fact.i for fact in run.facts] == [fact.i for fact in here.facts]


def test_a_call_that_reached_nothing_fails_with_the_reason(engine, monkeypatch):
    lending.ends[:] = [1]
    run = engine.wait(engine.submit(wanted(engine, "pixel")))
    assert run.state == "failed"
    assert isinstance(run.error, lending.Aborted)


def test_cancel_and_pause_reach_the_fork(engine, suite):
    request = wanted(engine, "latent", 300, seeds=(3,))
    run = engine.submit(request)
    wait_for(lambda: run.meters.steps >= 2)
    run.pause()
    wait_for(lambda: run.state == "paused")
    reached, calls = run.facts[-1].i, len(lending.asked)
    assert reached < 300
    run.resume()
    wait_for(lambda: run.facts[-1].i > reached)
    assert len(lending.asked) == calls + 1
    run.cancel()
    wait_for(lambda: run.over)
    assert run.state == "cancelled"
    assert [fact.i for fact in run.facts] == list(range(1, len(run.facts) + 1))


def test_a_state_that_was_asked_for_comes_back_and_can_be_gone_on_from(engine, suite):
    request = wanted(engine, "pixel", seeds=(3,))
    run = engine.wait(engine.submit(request, keep=(2,)))
    assert set(run.states) == {2}
    again = engine.wait(engine.submit(wanted(engine, "pixel", seeds=(3,), start=run.states[2])))
    assert torch.equal(again.result, run.result)


def test_a_budget_ends_it_with_the_best_it_has(engine):
    run = engine.wait(engine.submit(wanted(engine, "latent", 1000, seeds=(1,), budget=0.2)))
    assert (run.state, run.cut) == ("done", True)
    assert run.newest.i < 1000


def test_what_goes_wrong_in_the_fork_is_said_here(tmp_path, engine):
    lacking = zero.ZeroEngine(open_suite(without(tmp_path / "suite", "pixel")), zero.lender())
    run = lacking.submit(wanted(lacking, "pixel"))
    assert run.wait(30) == "failed"
    assert "pixel" in str(run.error)
    assert not lending.asked, "a GPU was asked for in vain"
    lacking.stop()
    with pytest.raises(EngineStopped):
        lacking.submit(wanted(lacking, "latent"))
    with pytest.raises(ValueError, match="sampler is 'nobody'"):
        engine.submit(Request("nobody", Prompt(TEXT), None, "classroom", "visitor"))


def test_errors_travel_whole_or_by_name():
    error = errand._sendable(WontFit(5, 3, ["clip"]))
    assert (error.need, error.have, error.held_by) == (5, 3, ("clip",))
    strange = type("Strange", (Exception,), {"__reduce__": lambda self: (open, ("/nowhere",))})("why")
    assert str(errand._sendable(strange)) == "Strange: why"


def test_judging_stays_in_this_process(engine):
    found = engine.call(Target(lambda parts, x: x + 1, ()), torch.zeros(2, 3))
    assert np.allclose(found, 1)
    assert not lending.asked
