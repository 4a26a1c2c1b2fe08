"""The bench: that stock really paints our picture, and that every figure asked for is there."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from lab.measure.bench import TITLES, add, bench, empty, levers, line, stock, table
from lab.measure.bench.cases import LIKE_STOCK, Case
from lab.measure.bench.timing import bare, echoed, paired, several, times
from lab.race import LANES
from models.engine import Engine
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
        ("pixel", {"steps": 3}, (1, 3, 64, 64)),
        ("unclip", {"steps": 3, "prior_steps": 2, "upsample_steps": 2}, (1, 64, 64, 48)),  # stock cannot unfold it
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
    whole = Engine(engine().registry, engine().samplers, cap=8)  # no Eval is split, however busy the machine
    assert count == whole.wait(whole.submit(request)).meters.evals
    assert largest.target == "refine" or largest.rows[0].ndim == 4


def test_everything_is_timed_and_printed(results):
    assert json.loads(json.dumps(results)) == results
    against = [(row["family"], row["against"]) for row in results["single"]]
    assert [family for family, _ in against] == ["latent", "pixel", "vqgan_clip", "vqgan_clip", "unclip"]
    assert {"loop, crops stacked", "loop, crop by crop", "UnCLIPPipeline"} <= {name for _, name in against}
    assert [(row["family"], row["visitors"]) for row in results["visitors"]] == [(f, n) for n in (1, 2) for f in LANES]
    for name in ("previews", "engine", "wait"):
        assert [row["family"] for row in results[name]] == list(LANES)
    off = {(row["family"], row["against"]): row["off"] for row in results["single"] if "off" in row}
    assert [name for name, most in off.items() if most is not None] == [
        ("latent", "StableDiffusionPipeline"), ("pixel", "DDIMPipeline")
    ]  # fmt: skip
    assert max(most for most in off.values() if most is not None) < 1e-4
    for row in results["single"]:
        assert row["dtype"] == "float32"
        assert ("ours, it/s" in row) == (row["family"] == "vqgan_clip")
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


@pytest.fixture
def quickly(monkeypatch):
    """Conversions that are none: to trace a net takes longer than all the rest."""
    for name in levers.CONVERTED:
        monkeypatch.setitem(levers.CONVERTED, name, lambda net: net)


@pytest.mark.usefixtures("quickly")
def test_levers_are_each_timed_on_every_step_of_every_painter():
    found, told = empty(), {}
    for question, row in bench("tiny", repeats=1, suite=folder(), levers=True):
        add(found, question, row)
    for row in found["levers"]:
        told.setdefault((row["family"], row["step"], row["rows"]), []).append(row["lever"].partition(",")[0])
    pair, two = "guided pairs in one batch", "two pictures in one batch"
    keys, clocks, last = levers.CHANGED
    each = {
        ("latent", "denoise"): [pair, keys, clocks, last], ("pixel", "denoise"): [pair, keys, clocks, last],
        ("unclip", "guess"): [pair, clocks], ("unclip", "paint"): [pair, keys, clocks, last],
        ("unclip", "refine"): [two, clocks, last], ("vqgan_clip", "climb_robust"): [two, last],
    }  # fmt: skip
    forms = list(levers.CONVERTED)
    want = {(*step, rows): names for step, names in each.items() for rows in levers.ROWS}
    for family, step in each:
        want[family, step, 2] = want[family, step, 2] + (forms if family != "vqgan_clip" else [])
    assert told == want
    assert {"fewer Python layers", "torch.compile"} <= set(forms)
    assert all(row["ratio"] == pytest.approx(row["without"] / row["with"]) for row in found["levers"])  # of one round
    assert all((row["pays"] == "yes") == (row["ratio"] >= levers.PAYS) for row in found["levers"])
    shown = table(found)
    assert "nothing was timed" not in shown
    assert "| latent | denoise | guided pairs in one batch | 2 |" in shown
    assert " pays |" in shown


@torch.no_grad()
@pytest.mark.parametrize("family", LANES)
def test_a_lever_changes_when_a_net_computes_and_not_what(family):
    settings = {"steps": 2, "crops": 2} if family == "vqgan_clip" else {"steps": 2}
    knobs = engine().samplers[family].knobs(**LIKE_STOCK.get(family, {}) | settings)
    for work in levers.works_of(engine(), Case(family, knobs, "", {})):
        plain = work.among(4)()
        torch.testing.assert_close(work.among(4).apart(), plain, rtol=0, atol=1e-4)
        for name, change in levers.CHANGED.items():
            twin = work.under(change)
            if twin is not None:
                torch.testing.assert_close(twin.among(4)(), plain, rtol=0, atol=1e-4, msg=name)


@torch.no_grad()
def test_what_a_net_remembers_it_does_not_ask_anew():
    (work,) = levers.works_of(engine(), Case("latent", engine().samplers["latent"].knobs(steps=2), "", {}))
    x, t, states = work.rows
    plain, others = (
        work(),
        {"text keys and values cached": (x, t, -states), "time embeddings cached": (x, t / 2, states)},
    )
    for name, rows in others.items():
        twin = work.under(levers.CHANGED[name])
        twin()
        torch.testing.assert_close(replace(twin, rows=rows)(), plain, rtol=0, atol=1e-4)
        assert (replace(work, rows=rows)() - plain).abs().max() > 1e-3


@torch.no_grad()
def test_a_net_without_its_python_layers_computes_the_same():
    (work,) = levers.works_of(engine(), Case("pixel", engine().samplers["pixel"].knobs(steps=2), "", {}))
    straight = work.under(levers.CONVERTED["fewer Python layers"])
    torch.testing.assert_close(straight(), work(), rtol=0, atol=1e-6)
    (net,) = straight.parts.values()
    assert not any(type(module).__name__ == "ResnetBlock2D" for module in net.straight.modules())


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
        ({"levers": True, "size": "full"}, "size is 'full', and levers"),
    ],
)
def test_what_cannot_be_timed_is_named(wrong, says):
    with pytest.raises(ValueError, match=says):
        list(bench(**{"size": "tiny", **wrong}))
