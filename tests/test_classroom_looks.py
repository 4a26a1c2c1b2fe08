"""What a consumer costs the four painters on the weights that ship: its looks, and nothing else."""

import time

import pytest
import torch

from lab.race import LANES, Race
from tests.shipped import TEXT, engine

CLOCK = time.thread_time
EVERY = 0.2  # seconds between two looks, as a race asks for them unless told otherwise
STEPS = {"latent": 12, "pixel": 12, "vqgan_clip": 16, "unclip": 12}


def raced(lane: str, every: float | None, blind: bool):
    """A painting at the painter's own settings, on a clock that goes by what this thread computes."""
    on, knobs = engine(clock=CLOCK), {lane: {"steps": STEPS[lane]}}
    race = Race(on, "classroom", TEXT, 1, (lane,), knobs, every=every, blind=(lane,) if blind else (), clock=CLOCK)
    for _ in race:
        pass
    return race.runs[lane]


@pytest.mark.parametrize(("lane", "blind"), [*((lane, False) for lane in LANES), ("unclip", True)])
def test_a_consumer_costs_a_painter_its_looks_and_nothing_else(lane, blind):
    quiet, slow = raced(lane, None, blind), raced(lane, EVERY, blind)
    assert (quiet.state, slow.state) == ("done", "done")
    looked, looks = slow.meters.served - slow.meters.device, slow.meters.looks - 1
    print(f"\n{lane}{', of which nobody sees the guesses' if blind else ''}, {slow.meters.steps} steps: "
          f"{quiet.meters.device:.3f} s unwatched, {slow.meters.device:.3f} s beside {looks} looks of "
          f"{1000 * looked / looks:.1f} ms, which are {looked / slow.meters.device:.1%} more")  # fmt: skip
    assert quiet.meters.looks == 1
    assert looks <= 1 + slow.meters.served / EVERY
    painting = [[(note.target, note.rows) for note in run.evals if not note.look] for run in (quiet, slow)]
    assert painting[0] == painting[1]
    assert torch.equal(slow.result, quiet.result)
    if not any(note.look for note in slow.evals):  # it shows what is painted already
        assert looked <= 0.05 * slow.meters.device
