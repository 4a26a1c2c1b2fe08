"""The four painters on the weights that ship, in a crowd: 200 runs of 8 clients; device time, visitor by visitor."""

import time
from functools import cache, partial

import pytest

from lab.race import LANES, SAMPLERS
from tests.crowd import Wary, apart, beside, hold_under_a_crowd
from tests.rebound import Guarded
from tests.shipped import LEAST, TEXT, engine, long, request


def test_8_clients_200_runs_of_the_four_painters_with_cancels_and_drops():
    def make(draw, name, visit):
        return request(draw.choice(LANES), seed=visit, client=name, knobs=LEAST)

    guarded, clock = Guarded(SAMPLERS), Wary()
    on = engine(guarded.samplers, clock=clock).start()
    hold_under_a_crowd(on, guarded, clock, make, patience=0.2)


@cache
def met() -> None:
    """Every shape once: a first call is slower."""
    for lane in LANES:
        engine().paint(request(lane, knobs=LEAST))


def warm():
    """An engine whose clock goes by what this thread computes, whatever else the machine does."""
    met()
    return engine(clock=time.thread_time)


@pytest.mark.parametrize("lane", LANES)
def test_a_long_painting_beside_newcomers_of_all_four_painters(lane):
    on = warm()
    forever = on.submit(request(lane, client="long", knobs=long(1000)))
    visits = (
        partial(on.submit, request(name, TEXT, seed, f"newcomer {seed}", long(16))) for seed, name in enumerate(LANES)
    )
    served = beside(time.thread_time, on, forever, visits)
    print(f"\na long {lane} beside newcomers of {LANES}, seconds: {served}, ratio {apart(served.values()):.3f}")
    assert apart(served.values()) <= 1.2


@pytest.mark.parametrize("lane", LANES)
def test_a_race_of_four_painters_beside_one_painting_of_another_visitor(lane):
    on = warm()
    four = [on.submit(request(name, client="four", knobs=long(1000))) for name in LANES]
    one = on.wait(on.submit(request(lane, seed=2, client="one", knobs=long(24))))
    served = [sum(run.meters.served for run in four), one.meters.served]
    on.stop()
    assert one.state == "done", one.trace
    print(f"\na race of four beside one {lane}, seconds: {served[0]:.3f} : {served[1]:.3f}, ratio {apart(served):.3f}")
    assert apart(served) <= 1.2
