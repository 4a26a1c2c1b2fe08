"""The bench: that stock really paints our picture, and that every figure asked for is there."""

import json

import numpy as np
import pytest
import torch

from lab.measure.bench import TITLES, add, bench, empty, levers, line, stock, table
from lab.measure.bench.cases import LIKE_STOCK
from lab.measure.bench.timing import bare, echoed, paired, several, times
from lab.race import LANES
from models.protocol import Prompt, Request
from tests.tinysuite import TEXT, engine, folder


@pytest.fixture(scope="module")
def results():
    found = empty()
    for question, row in bench("tiny", visitors=(1, 2), repeats=1, suite=folder()):
        add(found, question, row)
    return found


def made(family, **settings):
    """The stock twin of a painter, and our request for the same picture."""
    knobs = engine().samplers[family].knobs(**LIKE_STOCK.get(family, {}) | settings)
    parts = engine().registry.suite("classroom").parts
    with engine().registry.borrow("classroom", [name for name in parts if name != "judge"]) as lent:
        config = engine().registry.config("classroom", lent)
        paint = getattr(stock, family)(lent, config, knobs, parts["vae"].path.parent)
    return paint, Request(family, Prompt(TEXT, seeds=(3,)), knobs, "classroom", "bench")


def test_the_stock_twin_of_latent_paints_our_picture():
    paint, request = made("latent", steps=4)
    assert (paint(TEXT, 3) - engine().paint(request)).abs().max() < 1e-3


@pytest.mark.parametrize(
    ("family", "settings", "shape"),
    [
        ("pixel", {"steps": 3}, (1, 16, 16, 48)),  # folded: stock does not know how to unfold
        ("unclip", {"steps": 3, "prior_steps": 2, "upsample_steps": 2}, (1, 64, 64, 48)),
        ("vqgan_clip", {"steps": 2, "crops": 2, "width": 64, "height": 64}, (1, 3, 64, 64)),
    ],
)
def test_the_other_twins_run_as_often_and_finish(family, settings, shape):
    paint, _ = made(family, **settings)
    found = np.asarray(paint(TEXT, 3))
    assert found.shape == shape
    assert np.isfinite(found).all()
    assert found.std() > 0


def test_without_the_engine_a_run_asks_for_as_many_evaluations():
    _, request = made("unclip", steps=3, prior_steps=2)
    count, largest = bare(engine(), request)
    assert count == engine().wait(engine().submit(request)).meters.evals
    assert largest.target == "refine" or largest.rows[0].ndim == 4


def test_everything_is_timed_and_printed(results):
    assert json.loads(json.dumps(results)) == results
    against = [(row["family"], row["against"]) for row in results["single"]]
    assert [family for family, _ in against] == ["latent", "pixel", "vqgan_clip", "vqgan_clip", "unclip"]
    assert {"loop, crops stacked", "loop, crop by crop", "UnCLIPPipeline"} <= {name for _, name in against}
    assert [(row["family"], row["visitors"]) for row in results["visitors"]] == [(f, n) for n in (1, 2) for f in LANES]
    for name in ("previews", "engine", "wait"):
        assert [row["family"] for row in results[name]] == list(LANES)
    for row in results["single"]:
        assert row["ratio"] == pytest.approx(row["stock"] / row["ours"])  # of one round
    assert all(row["first_look"] > 0 and row["queue"] > 0 for row in results["wait"])
    shown = table(results)
    assert results["complete"]
    assert "Cut short" not in shown
    assert f"threads {torch.get_num_threads()}" in shown
    assert all(f"| {lane} |" in shown for lane in LANES)
    assert shown.count("\n| ---") == 5


def test_each_row_is_given_as_soon_as_it_is_measured_and_a_bench_cut_short_shows_what_there_is():
    found, timing = empty(), bench("tiny", ("pixel", "latent"), (1,), 1, suite=folder())
    for question, row in (next(timing) for _ in range(3)):
        add(found, question, row)
    timing.close()
    assert [row["family"] for row in found["single"]] == ["pixel", "latent"]  # before anybody's next question
    assert "ratio" in line("single", found["single"][0])
    shown = table(found)
    assert "Cut short" in shown
    assert "| pixel |" in shown
    assert shown.count("nothing was timed") == len(TITLES) - 1


def test_levers_are_each_timed_against_the_same_net_without(monkeypatch):
    monkeypatch.setattr(levers, "compiler", lambda net: net)  # to trace a net takes longer than all of this
    found = empty()
    for question, row in bench("tiny", ("latent", "unclip", "pixel"), repeats=1, suite=folder(), levers=True):
        add(found, question, row)
    told = [(row["family"], row["rows"], row["lever"].partition(",")[0]) for row in found["levers"]]
    each = ["guided pairs in one batch", "text keys and values cached", "channels last"]
    pairs = [(lane, rows, name) for lane in ("latent", "pixel") for rows in levers.ROWS for name in each]
    assert told == [*pairs, ("latent", 2, "torch.compile"), ("pixel", 2, "torch.compile")]
    assert all(row["ratio"] == pytest.approx(row["without"] / row["with"]) for row in found["levers"])  # of one round
    shown = table(found)
    assert "nothing was timed" not in shown
    assert "| latent | guided pairs in one batch | 2 |" in shown


@torch.no_grad()
def test_a_lever_changes_when_a_net_computes_and_not_what():
    with engine().registry.borrow("classroom", ["unet"]) as parts:
        net = parts["unet"]
    x, t, states = levers.rows_of(net, 2, 40)
    plain = levers.whole(net, x, t, states)
    for name, change in levers.CHANGED.items():
        torch.testing.assert_close(levers.whole(change(net), x, t, states), plain, rtol=0, atol=1e-4, msg=name)
    torch.testing.assert_close(levers.apart(net, x, t, states), plain, rtol=0, atol=1e-4)
    twin, other = levers.cached(net), -states
    levers.whole(twin, x, t, states)
    torch.testing.assert_close(levers.whole(twin, x, t, other), plain, rtol=0, atol=1e-4)  # it did not ask anew
    assert (levers.whole(net, x, t, other) - plain).abs().max() > 1e-3


def test_no_question_is_begun_when_time_is_up():
    found = dict(bench("tiny", ("pixel",), (1,), suite=folder(), minutes=1e-9))
    assert list(found) == ["about"]
    assert not found["about"]["complete"]


def test_steps_are_those_asked_for():
    (row,) = [row for name, row in bench("tiny", ("latent",), (1,), 1, 2, suite=folder()) if name == "single"]
    assert row["steps"] == 2


def test_pairs_are_taken_in_turns_and_the_first_round_does_not_count():
    order = []
    sides = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    found = paired(sides, 3, torch.device("cpu"))
    assert order == ["a", "b"] * 4
    assert {name: len(taken) for name, taken in found.items()} == {"a": 3, "b": 3}
    order.clear()
    assert len(paired(sides, 3, torch.device("cpu"), seconds=0.0, warm=("b",))["a"]) == 1
    assert order == ["b", "a", "b"]


def test_a_budget_decides_how_often():
    counted = iter(range(100))
    assert several(lambda: next(counted), 3, 60.0) == [1, 2, 3]
    assert several(lambda: next(counted), 3, 0.0) == [4]


def test_ratios_are_medians_of_what_each_round_says():
    assert times([2.0, 9.0, 40.0], [1.0, 3.0, 10.0]) == 3.0


def test_an_echo_costs_the_engine_something():
    _, said = bare(engine(), made("latent", steps=2)[1])
    assert 0 < echoed(engine(), said, 5) < 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"size": "vast"}, "size is 'vast'"),
        ({"families": ("oil",)}, "families names"),
        ({"visitors": (0,)}, "visitors is"),
        ({"repeats": 0}, "repeats 0"),
        ({"minutes": 0.0}, "minutes is 0"),
        ({"levers": True, "families": ("unclip",)}, "levers, size 'tiny'"),
    ],
)
def test_what_cannot_be_timed_is_named(wrong, says):
    with pytest.raises(ValueError, match=says):
        list(bench(**{"size": "tiny", **wrong}))
