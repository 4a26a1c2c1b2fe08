"""The four painters on the weights that ship, in a crowd: 200 runs of 8 clients; how they share."""

from functools import partial

import pytest

from lab.race import LANES, SAMPLERS
from tests.crowd import Wary, apart, beside, hold_under_a_crowd
from tests.rebound import Guarded, Paced
from tests.shipped import LEAST, TEXT, engine, long, request


def test_8_clients_200_runs_of_the_four_painters_with_cancels_and_drops():
    def make(draw, name, visit):
        return request(draw.choice(LANES), seed=visit, client=name, knobs=LEAST)

    guarded, clock = Guarded(SAMPLERS), Wary()
    on = engine(guarded.samplers, clock=clock).start()
    hold_under_a_crowd(on, guarded, clock, make, patience=0.2)


SECONDS = {"denoise": 0.015, "climb_robust": 0.016, "paint": 0.024}  # a row at 16 px, as one core takes them


def paced():
    """An engine on a clock that the networks move: they run, and what a row of theirs takes is counted, not timed."""
    clock = Paced(SAMPLERS, **SECONDS)
    return clock, engine(clock.samplers, clock=clock)


@pytest.mark.parametrize("lane", LANES)
def test_a_long_painting_beside_newcomers_of_all_four_painters(lane):
    clock, on = paced()
    forever = on.submit(request(lane, client="long", knobs=long(1000)))
    visits = (
        partial(on.submit, request(name, TEXT, seed, f"newcomer {seed}", long(16))) for seed, name in enumerate(LANES)
    )
    served = beside(clock, on, forever, visits)
    print(f"\na long {lane} beside newcomers of {LANES}, by counted rows: {served}, ratio {apart(served.values()):.3f}")
    assert apart(served.values()) <= 1.2


@pytest.mark.parametrize("lane", LANES)
def test_a_race_of_four_painters_beside_one_painting_of_another_visitor(lane):
    _, on = paced()
    four = [on.submit(request(name, client="four", knobs=long(1000))) for name in LANES]
    one = on.wait(on.submit(request(lane, seed=2, client="one", knobs=long(24))))
    served = [sum(run.meters.served for run in four), one.meters.served]
    on.stop()
    assert one.state == "done", one.trace
    print(
        f"\na race of four beside one {lane}, by counted rows: {served[0]:.3f} : {served[1]:.3f}, {apart(served):.3f}"
    )
    assert apart(served) <= 1.2
