"""The race: four painters from files, told as plain data, on an inline engine and on a thread of its own."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from lab.race import LANES, SAMPLERS, Event, Race, default_engine, missing, open_suite, pace, parts_of, weight_of
from models.engine import Engine
from models.protocol import Prompt, Request
from models.registry import Registry
from models.samplers.latent import LatentKnobs
from models.samplers.vqgan_clip import VqganClipKnobs
from tests.tinysuite import ENDS, KNOBS, STEPS, TEXT, engine, folder, without


class Ticks:
    """A clock that moves by a millisecond whenever it is read: device seconds then count reads, on any machine."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 0.001
        return self.now


def race(on=None, lanes=LANES, **more):
    settings = {"text": TEXT, "seed": 1, "knobs": {lane: KNOBS[lane] for lane in lanes}, "every": 0.0} | more
    return Race(on or engine(), "classroom", lanes=lanes, **settings)


def ticking():
    return Engine(Registry([open_suite(folder())]), SAMPLERS, clock=Ticks())


def images(result):
    return (result.clamp(0, 1) * 255).round().byte().movedim(1, -1).numpy()


def lent(on):
    return sum(part["lent"] for part in on.registry.report()["parts"].values())


def test_every_lane_tells_its_whole_run():
    run = race(exact=True)
    events = list(run)
    assert all(isinstance(event, Event) for event in events)
    assert set(run.outcomes) == set(LANES)
    for lane in LANES:
        own, outcome = [event for event in events if event.lane == lane], run.outcomes[lane]
        assert (own[0].state, own[-1].state, own[-1].over) == ("queued", "done", True)
        assert [fact.i for event in own for fact in event.history] == list(range(1, ENDS[lane] + 1))
        assert (outcome.i, outcome.n) == (ENDS[lane], ENDS[lane])
        assert sorted(event.time for event in own) == [event.time for event in own]
        dots = [dot for event in own for dot in event.evals]
        painting = [dot for dot in dots if not dot.look]
        assert len(painting) == outcome.evals == own[-1].evaluations
        assert sum(dot.rows for dot in painting) == outcome.rows
        assert all(0 <= dot.begin <= dot.end <= own[-1].time + 1e-3 for dot in dots)
        assert any(dot.look for dot in dots) == (lane != "pixel")  # its x0 is the picture: nothing to decode
        assert outcome.images.shape == (1, 64, 64, 3)
        assert own[-1].frame is not None or own[-2].frame is not None
        assert outcome.knobs["steps"] == STEPS[lane]
        assert 0 <= outcome.waited <= own[1].time  # own[0] is told while it still waits
    assert lent(engine()) == 0


@pytest.mark.parametrize("lane", LANES)
def test_frame_k_is_step_k_of_an_inline_run(lane):
    run = race(exact=True)
    shown = {event.shown: event.frame for event in run if event.lane == lane and event.frame is not None}
    truth = {frame.i: frame.images for frame in engine().drive(replace(run.requests[lane], client="alone"))}
    assert ENDS[lane] in shown
    assert len(shown) > 1
    for i in set(shown) & set(truth):
        assert np.array_equal(shown[i], truth[i]), f"frame {i}"
    alone = engine().paint(run.requests[lane])
    assert np.array_equal(images(alone), run.outcomes[lane].images)


def test_several_pictures_are_seeded_one_after_another():
    run = race(lanes=("latent",), count=2, exact=True)
    list(run)
    alone = [race(lanes=("latent",), seed=seed, exact=True) for seed in (1, 2)]
    for each in alone:
        list(each)
    both = run.outcomes["latent"].images.astype(int)
    for k, each in enumerate(alone):
        assert np.abs(both[k] - each.outcomes["latent"].images[0].astype(int)).max() <= 1  # another batch size
    assert np.abs(both[0] - both[1]).max() > 1


def test_nobody_looks_where_no_look_is_asked_for():
    run = race(every=None)
    frames = [event for event in run if event.frame is not None]
    assert sorted(event.lane for event in frames) == sorted(LANES)
    assert all(event.shown == ENDS[event.lane] for event in frames)


def test_a_painter_without_its_parts_says_why_and_the_others_race(tmp_path):
    on = default_engine(without(tmp_path / "suite", "unclip/prior", "unclip/super_res", "clip-robust"))
    assert set(missing(on, "classroom")) == {"unclip"}
    assert "prior" in missing(on, "classroom")["unclip"]
    run = race(on)
    events = list(run)
    gone = [event for event in events if event.lane == "unclip"]
    assert [event.state for event in gone] == ["missing"]
    assert "no .safetensors file" in gone[0].note
    assert {lane: outcome.state for lane, outcome in run.outcomes.items()} == {
        "latent": "done", "pixel": "done", "vqgan_clip": "done", "unclip": "missing",
    }  # fmt: skip
    assert parts_of(on, "classroom", "vqgan_clip") == ("clip", "vqgan")


def test_what_a_painter_weighs():
    found = weight_of(engine(), "classroom", "latent")
    with engine().registry.borrow("classroom", parts_of(engine(), "classroom", "latent")) as parts:
        count = sum(value.numel() for part in parts.values() for value in part.state_dict().values())
    assert found["parameters"] == pytest.approx(count, rel=1e-3)
    assert found["bytes"] == pytest.approx(4 * count, rel=1e-2)


def test_one_that_fails_leaves_the_others_alone():
    knobs = KNOBS | {"pixel": {"steps": 3, "width": 8, "height": 8}}  # too small for its net's two levels
    knobs |= {"vqgan_clip": {"steps": 3, "crops": 2, "begin": "codes"}}
    run = Race(engine(), "classroom", TEXT, prompt=Prompt(TEXT, more=(("x", float("nan")),)), knobs=knobs)
    list(run)
    assert run.outcomes["vqgan_clip"].state == "failed"
    assert "more[0]" in run.outcomes["vqgan_clip"].note
    assert run.outcomes["latent"].state == "done"
    assert lent(engine()) == 0


def test_equal_seconds_choose_the_steps_by_measured_pace():
    on = ticking()
    for budget in (0.05, 0.12):
        run = race(on, budget=budget, clock=on._core.clock)
        events = list(run)
        assert ("latent", "measuring") in {(event.lane, event.state) for event in events} or budget == 0.12
        for lane, outcome in run.outcomes.items():
            assert outcome.state == "done"
            assert outcome.images is not None
            step = pace.known(on, run.requests[lane]).step
            assert outcome.seconds <= budget + step + 0.01, lane
            assert not outcome.cut or outcome.note == "budget"
    steps = {lane: request.knobs.steps for lane, request in run.requests.items()}
    assert all(count != STEPS[lane] for lane, count in steps.items())
    dear = [run.outcomes[lane].seconds for lane in ("latent", "pixel", "vqgan_clip")]
    assert max(dear) / min(dear) < 1.3  # equal time, whatever a step costs


def test_whoever_wants_ticks_gets_them_while_paces_are_timed():
    on = ticking()
    told = [event and event.state for event in race(on, budget=0.1, clock=on._core.clock, ticks=True)]
    last, first = len(told) - 1 - told[::-1].index("measuring"), told.index("queued")
    assert None in told[last:first]


def test_what_is_stopped_while_it_is_timed_has_nothing_more_timed_or_painted():
    on, states = ticking(), []
    run = race(on, budget=0.1, clock=on._core.clock)
    for event in run:
        states.append((event.lane, event.state))
        if event.state == "measuring":
            run.stop()
    assert states[0] == ("latent", "measuring")
    assert [state for _, state in states].count("measuring") == 1
    assert {outcome.state for outcome in run.outcomes.values()} == {"cancelled"}
    assert set(run.outcomes) == set(LANES)
    assert len(on.log) <= 1
    assert lent(on) == 0


def test_the_time_that_timing_takes_is_charged_apart():
    on = ticking()
    run = race(on, lanes=("latent", "pixel"), budget=0.1, clock=on._core.clock)
    list(run)
    timed = sum(probe.meters.served for probe in run._probes)
    assert len(run._probes) == 2
    for outcome in run.outcomes.values():
        assert outcome.waited > timed > 0
    again = race(on, lanes=("latent", "pixel"), budget=0.1, clock=on._core.clock)
    list(again)
    assert max(outcome.waited for outcome in again.outcomes.values()) < timed, "nothing had to be timed"


def test_at_the_deadline_the_best_so_far_is_handed_over():
    on = ticking()
    request = Request("latent", Prompt(TEXT, seeds=(1,)), LatentKnobs(steps=50), "classroom", "a", True, budget=0.03)
    run = on.wait(on.submit(request))
    assert run.cut
    stopped = on.wait(on.submit(replace(request, budget=None, stop=run.newest.i)))
    assert 1 <= run.newest.i < 50
    assert np.array_equal(stopped.newest.images, run.newest.images)
    assert torch.equal(stopped.result, run.result)


def test_steps_that_fit_are_what_is_left_by_the_price_of_one():
    known = pace.Pace(fixed=1.0, step=0.5)
    assert pace.fit(LatentKnobs(), known, 11 / pace.MARGIN).steps == 20
    assert pace.fit(LatentKnobs(), known, 0.1).steps == 1
    assert pace.fit(VqganClipKnobs(), known, 1e6).steps == 1000


def test_leaving_early_gives_everything_back():
    run = race()
    for event in run:
        if event.i == 1:
            break
    assert engine().wait(*run.runs.values()).over
    assert {each.state for each in run.runs.values()} <= {"cancelled", "done"}
    assert "cancelled" in {each.state for each in run.runs.values()}
    assert lent(engine()) == 0


def test_a_queue_lets_one_finish_before_the_next():
    run = race(lanes=("latent", "pixel"), order="queue")
    dots = {"latent": [], "pixel": []}
    for event in run:
        dots[event.lane] += event.evals
    assert max(dot.end for dot in dots["latent"]) <= min(dot.begin for dot in dots["pixel"])


def test_two_visitors_share_batches_and_parts():
    on = default_engine(folder())
    pair = [race(on, lanes=("latent", "pixel"), client=name) for name in "ab"]
    turns = [iter(each) for each in pair]
    while turns:
        turns = [turn for turn in turns if next(turn, None) is not None]
    ids = [{run.id for run in each.runs.values()} for each in pair]
    shared = [batch for batch in on.log if set(batch.runs) & ids[0] and set(batch.runs) & ids[1]]
    assert {batch.target for batch in shared} >= {"denoise"}
    assert on.registry.report()["counts"].loads == 4  # clip, unet, vae, pixel: each once


def test_on_a_thread_a_race_pauses_goes_on_and_ends_as_if_it_never_had():
    on = default_engine(folder()).start()
    try:
        plain = race(on, lanes=("latent",), knobs={"latent": {"steps": 12}}, exact=True, every=None)
        list(plain)
        run = race(on, lanes=("latent",), knobs={"latent": {"steps": 12}}, exact=True)
        states = []
        for event in run:
            states.append(event.state)
            if event.i == 2 and not run.paused and "paused" not in states:
                run.pause()
            if event.state == "paused":
                assert event.i < 12
                threading.Timer(0.05, run.resume).start()
        assert "paused" in states
        assert states[-1] == "done"
        assert np.array_equal(plain.outcomes["latent"].images, run.outcomes["latent"].images)
    finally:
        on.stop()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"lanes": ("oil",)}, "lanes is"),
        ({"lanes": ()}, "lanes is"),
        ({"lanes": ("latent", "latent")}, "each once"),
        ({"order": "random"}, "order is 'random'"),
        ({"knobs": {"latent": {"steps": 0}}}, "latent: steps is 0"),
        ({"knobs": {"latent": {"brush": 1}}}, "no such field"),
        ({"knobs": {"oil": {}}}, "knobs is given for"),
        ({"suite": "palace"}, "suite is 'palace'"),
    ],
)
def test_what_cannot_be_met_is_named(wrong, says):
    with pytest.raises(ValueError, match=says.replace("[", r"\[")):
        Race(engine(), **{"text": TEXT, **wrong})


def test_a_suite_that_is_nowhere_is_named(tmp_path):
    with pytest.raises(ValueError, match="give one of"):
        default_engine(tmp_path / "nowhere")
