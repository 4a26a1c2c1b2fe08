"""The bench of the full suite, on its published architectures made small: every row, and every reason for none."""

import json
import math
import time
from dataclasses import replace
from functools import partial

import pytest
import torch

from lab.measure.bench import add, bench, empty, line, rest, table
from lab.measure.bench.crowds import _queued
from lab.measure.bench.full import fitting, full_bench
from lab.measure.bench.plans import PLANS, chosen
from lab.measure.bench.twins import lent
from lab.race import LANES
from models.catalog import shapes as at
from models.engine import Engine
from models.loaders import blank
from models.registry import Registry
from tests.tinyfull import FEW, SMALLER, tiny_full


@pytest.fixture(scope="module")
def engine():
    with tiny_full() as made:
        yield made


@pytest.fixture(scope="module")
def results(engine):
    """Networks wear torch.compile's own face and run as they are: to trace them would take most of the time."""
    found = empty()
    with torch.compiler.set_stance("force_eager"):
        wrapped = partial(torch.compile, backend="eager")
        for question, row in full_bench(engine, FEW, math.inf, 1, 2, compiler=wrapped, cap=0):
            assert line(question, row).startswith(f"{question}: painter {row['family']}")
            add(found, question, row)
    return found


def test_every_row_is_measured_and_printed(results):
    titles = [plan.title for plan in FEW]
    assert json.loads(json.dumps(results)) == results
    assert [(row["family"], row["what"]) for row in results["out"]] == [
        ("all", "capped, stock offloaded"), *((who, what) for who, what, _ in rest.ELSEWHERE)
    ]  # fmt: skip
    assert "GPU" in results["out"][0]["why"]
    assert list(dict.fromkeys(row["family"] for row in results["single"])) == titles
    for name in ("compiled", "wait", "visitors", "alike"):
        assert [row["family"] for row in results[name]] == titles
    assert all(row["flops"] > 0 and row["ratio"] > 0 for row in results["single"])
    assert [row["to_batch"] > 0 for row in results["visitors"] if "to_batch" in row] == [True]
    (mixed,) = results["beside"]
    assert (mixed["family"], mixed["job"]) == ("latent", "vqgan_clip")
    shown = table(results | {"size": "full"})
    assert "TFLOP/s" in line("single", results["single"][0])
    assert all(f"| {title} |" in shown for title in titles)


def test_few_steps_the_prior_alone_and_visitors_one_by_one_have_rows_where_they_apply(results):
    assert [(row["family"], row["steps"], row["many"]) for row in results["fewer"]] == [
        ("pixel 32", 2, 5), ("latent 512", 2, 5)
    ]  # fmt: skip
    assert [(row["family"], row["steps"]) for row in results["prior"]] == [("unclip 256", 2), ("kandinsky 512", 2)]
    (row,) = results["arrivals"]
    assert (row["family"], row["visitors"]) == ("latent 512", 2)
    for side in ("together", "in turn", "stock, one batch"):
        assert 0 < row[f"{side}, p95"] <= row[side]
    against = {row["family"]: row["against"] for row in results["single"]}
    assert against["unclip 256"] == "UnCLIPPipeline"
    assert against["kandinsky 512"] == "KandinskyV22Pipeline"


def test_stock_paints_our_picture_where_it_draws_our_noise(results):
    rows = {row["family"]: row for row in results["single"] if "off" in row}
    climbing = rows.pop("vqgan_clip 256")
    assert list(rows) == [plan.title for plan in FEW if plan.family != "vqgan_clip"]
    assert max(row["off, mean"] for row in rows.values()) <= 1e-4
    rows.pop("unclip 256")  # its random networks are asked what pure noise hides: one rounding turns black to white
    assert max(row["off"] for row in rows.values()) <= 1e-4
    assert climbing["off"] is None
    assert "off another picture" in line("single", climbing)


def test_rows_say_their_precision_and_climbers_their_steps_a_second(results):
    for question in ("single", "compiled"):
        for row in results[question]:
            assert row["dtype"] == "float32"
            assert ("ours, it/s" in row) == row["family"].startswith("vqgan_clip")
            if "ours, it/s" in row:
                assert row["stock, it/s"] == pytest.approx(row["steps"] / row["stock"])
                assert f"stock, it/s {row['stock, it/s']:.3g}" in line(question, row)


def test_first_pictures_are_compared_with_first_pictures(results):
    for row in results["compiled"]:
        assert row["sooner"] == pytest.approx(row["cold"] / row["first"])
        assert row["first"] > 0
        assert f"first to first {row['sooner']:.2f}x" in line("compiled", row)


def test_a_cap_holds_for_all_painters_together_and_what_is_put_away_comes_back(results, engine):
    (row,) = results["capped"]
    assert (row["requests"], row["failed"], row["seen"]) == (10, 0, None)
    assert row["loads"] > 0, "under so low a cap parts have to go and come"
    assert row["peak"] <= row["cap"] < row["stock"]
    assert engine.registry.report()["budget"] > row["cap"], "the cap was for this question alone"
    (row,) = results["swap"]
    assert (row["family"], row["part"]) == ("latent 512", "UNet2DConditionModel")
    assert row["bytes"] == 4 * sum(
        value.numel() for value in blank.blank(at.UNET, SMALLER[at.SD15, "unet"]).parameters()
    )
    assert row["ratio"] > 0 < row["to_raw"]


@pytest.mark.parametrize("title", ["unclip 256", "kandinsky 512"])
def test_stocks_prior_alone_is_the_prior_and_nothing_after_it(engine, title):
    (plan,) = [plan for plan in FEW if plan.title == title]
    ran = []
    request = plan.request(engine, 3)
    with lent(engine, plan, request) as (case, twin), engine.registry.borrow(plan.suite, ["prior", "decoder"]) as nets:
        hooks = [net.register_forward_hook(lambda *_, name=name: ran.append(name)) for name, net in nets.items()]
        twin(of="prior")("a cat", 0)
        assert ran == ["prior"] * 3
        next(iter(case.stock.values()))("a cat", 0)
        assert ran[3:] == ["prior"] * 3 + ["decoder"] * 3
        for hook in hooks:
            hook.remove()


def test_a_queue_serves_who_came_first_and_a_batch_all_who_wait():
    clock, served = [0.0], []

    def take(ready):
        served.append(ready)
        clock[0] += 10.0

    at = [0.0, 0.0, 0.0, 0.0]
    assert _queued(at, take, 1, lambda: clock[0]) == [10.0, 20.0, 30.0, 40.0]
    assert served == [[0], [1], [2], [3]]
    served.clear()
    assert _queued([0.0, 1e-4, 1e-4, 1e-4], take, 2, lambda: clock[0])[-1] == pytest.approx(30.0, abs=0.01)
    assert served == [[0], [1, 2], [3]]


def test_company_changes_no_picture(results):
    """Off by what float32 rounds, no more; that it is no bit in a bucket is the engine's to hold, and its tests'."""
    assert max(row["off"] for row in results["alike"]) <= 1e-5


def test_the_memory_is_given_back_between_painters(results, engine):
    report = engine.registry.report()
    assert all(part["lent"] == 0 for part in report["parts"].values())
    assert report["peak"] <= report["budget"]


def test_what_does_not_fit_is_said_before_it_is_built(engine):
    def unread(part):
        raise AssertionError(f"{part.name} was built")

    suites = list(engine.registry.suites.values())
    tight = Engine(Registry(suites, 1000, read=unread, weigh=lambda part: 1, threads=False), engine.samplers)
    rows = list(full_bench(tight, FEW[:3], math.inf))
    asked = [(name, row["what"]) for name, row in rows]
    few = [what for who, what, _ in rest.ELSEWHERE if who in ("all", *(plan.family for plan in FEW[:3]))]
    assert asked == [("out", what) for what in ["all"] * 3 + ["capped", "swap", *few]]
    assert "GB are free" in rows[0][1]["why"]
    late = list(full_bench(engine, FEW[:1], time.perf_counter() - 1))
    told = [what for who, what, _ in rest.ELSEWHERE if who in ("pixel", "all")]
    assert [(name, row["what"]) for name, row in late] == [("out", what) for what in ["all", *told]]
    assert "minutes are left for it" in late[0][1]["why"]


def test_steps_come_down_to_the_time_that_there_is(engine):
    plan = replace(FEW[0], steps=40)
    _, most, _ = fitting(engine, plan, math.inf, 1e9)
    request, work, why = fitting(engine, plan, 8 * most / 1e9 / 2, 1e9)
    assert (request.knobs.steps, why) == (10, "")
    assert work < most / 2
    assert fitting(engine, plan, 1e9, 1e9)[0].knobs.steps == 40


def test_plans_are_chosen_by_painter():
    assert {plan.family for plan in PLANS} == set(LANES)
    assert [plan.title for plan in chosen(("pixel",))] == ["pixel 32", "pixel 256"]
    assert [plan.title for plan in chosen(("unclip",))] == ["unclip 256", "kandinsky 512"]
    assert [plan.steps for plan in chosen(("latent",), 3)] == [3]


def test_weights_that_are_not_here_are_named_with_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("QUARTET_HOME", str(tmp_path))
    with pytest.raises(ValueError, match=r"weights of the full suite are not here: clip, .*--weights random"):
        list(bench("full"))
    with pytest.raises(ValueError, match="device is 'openvino'"):
        list(bench("full", weights="random", device="openvino"))
    with pytest.raises(ValueError, match="weights is 'mine'"):
        list(bench("tiny", weights="mine"))
