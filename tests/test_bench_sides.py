"""What the bench puts beside us: stock in our precision, on our noise, compiled, offloaded; and a device's peak."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from diffusers import DiffusionPipeline
from torch.nn import functional as F

from lab.measure.bench import full, line, rest
from lab.measure.bench.made_up import full_engine
from lab.measure.bench.memory import unable
from lab.measure.bench.pictures import unlike
from lab.measure.bench.plans import WHOLE
from lab.measure.bench.questions import alone
from lab.measure.bench.twins import lent
from tests.tinyfull import FEW, tiny_full


@pytest.fixture(scope="module")
def engine():
    with tiny_full() as made:
        yield made


def widely(x, *rest, resize=F.interpolate, **more):
    """UnCLIPPipeline enlarges in its own precision, and a CPU has no kernel for that."""
    return resize(x.float(), *rest, **more).to(x.dtype)


def plan_of(title):
    return next(plan for plan in FEW if plan.title == title)


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("title", "net", "dtype", "most"),
    [
        ("pixel 32", "pixel", "bfloat16", 0.05),
        ("latent 512", "unet", "float16", 0.05),
        ("unclip 256", "decoder", "bfloat16", 0.25),  # all black and white: another noise is half a pixel off
        ("kandinsky 512", "decoder", "bfloat16", 0.05),
    ],
)
def test_both_sides_are_in_the_half_precision_that_a_gpu_has(monkeypatch, title, net, dtype, most):
    monkeypatch.setattr("lab.measure.bench.made_up.precision", lambda suite, device: "bfloat16")
    monkeypatch.setattr(F, "interpolate", widely)
    plan = plan_of(title)
    with (
        full_engine((plan.suite,), "random", "cpu") as (made, _),
        lent(made, plan, plan.request(made, 2)) as (case, _),
        made.registry.borrow(plan.suite, [net]) as parts,
    ):
        (stock,) = case.stock.values()
        nets = [part for pipe in stock.pipes for part in pipe.components.values()]
        (row,) = alone(made, case, 1, math.inf)
    assert any(parts[net] in (part, getattr(part, "net", None)) for part in nets), "stock runs the very same network"
    assert str(parts[net].dtype) == f"torch.{dtype}"
    assert row["dtype"] == dtype
    assert row["off, mean"] < most, "half precision rounds, and no more"
    print(f"\n{title} in {dtype}: off {row['off']:.1e}, on average {row['off, mean']:.1e}")
    assert f"in {dtype}" in line("single", row)


def test_what_a_device_cannot_do_ends_one_question_and_is_said(engine, monkeypatch):
    def broken(*_, **__):
        raise NotImplementedError("no kernel for BFloat16\nand a stack of C++")

    asked = [("single", 0, broken), ("alike", 0, lambda *_, **__: [{"family": "pixel 32", "others": 3, "off": 0.0}])]
    monkeypatch.setattr(full, "_questions", lambda *_: iter(asked))
    rows = list(full.full_bench(engine, [plan_of("pixel 32")], math.inf, compiler=lambda net: net))
    why = "NotImplementedError: no kernel for BFloat16"
    assert rows[:2] == [("out", {"family": "pixel 32", "what": "single", "why": why}), ("alike", asked[1][2]()[0])]


def test_another_noise_is_another_picture(engine):
    plan = plan_of("pixel 32")
    with lent(engine, plan, plan.request(engine, 2)) as (case, _):
        (name, stock) = next(iter(case.stock.items()))
        other = replace(case, stock={name: lambda text, seed: stock(text, seed + 1)})
        assert unlike(engine, other)["off"] > 0.1 > 1e-4 > unlike(engine, case)["off"]


def test_the_loop_is_compiled_too_and_paints_the_same(engine):
    plan, ran = plan_of("vqgan_clip 256"), []

    def compiler(work):
        return lambda *rows: ran.append(work.__name__) or work(*rows)

    with lent(engine, plan, plan.request(engine, 2)) as (case, twin):
        plain, quick = next(iter(case.stock.values())), twin(compiler)
        assert torch.equal(quick("a cat", 0), plain("a cat", 0))
        assert ran == ["decode", "image"] * 2 + ["decode"]


def test_stock_offloaded_is_asked_for_the_same_under_the_cap(engine, monkeypatch):
    moved = []
    monkeypatch.setattr(rest, "unable", lambda device: "")
    monkeypatch.setattr(DiffusionPipeline, "enable_model_cpu_offload", lambda pipe: moved.append(pipe))
    plans = [plan for plan in FEW if plan.suite == WHOLE]
    with engine.registry.borrow(WHOLE, ["unet"]) as parts:
        ours = parts["unet"]
    ((question, row),) = rest._capped(engine, plans, math.inf, 1e9, 0)
    assert question == "capped"
    assert sorted(type(pipe).__name__ for pipe in moved) == ["StableDiffusionPipeline", "UnCLIPPipeline"]
    assert all(pipe.components.get("unet") is not ours for pipe in moved), "stock has networks of its own"
    assert row["to_offloaded"] == pytest.approx(row["offloaded"] / row["seconds"])
    assert "stock offloaded, ms" in line("capped", row)
    assert engine.registry.report()["used"] == 0, "what was seen is stock's alone"


def test_why_stock_cannot_be_offloaded_is_said(monkeypatch):
    assert "one memory" in unable(torch.device("cpu"))
    monkeypatch.setattr("lab.measure.bench.memory.find_spec", lambda name: None)
    assert "pip install accelerate" in unable(torch.device("cuda"))
    monkeypatch.setattr("lab.measure.bench.memory.find_spec", lambda name: name)
    assert unable(torch.device("cuda")) == ""


@pytest.mark.parametrize(("name", "peak"), [("NVIDIA H200", 0.5), ("NVIDIA A100-SXM4-80GB", None)])
def test_the_share_of_a_known_devices_peak_is_given(monkeypatch, name, peak):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: name)
    on = SimpleNamespace(registry=SimpleNamespace(device=torch.device("cuda")))
    found = full.worked(on, 790e12, 2.0)
    assert found == {"flops": 790e12} | ({"peak": peak} if peak else {})
    times = {"against": "stock", "dtype": "float16", "steps": 2, "ours": 2.0, "stock": 4.0, "ratio": 2.0}
    shown = line("single", {"family": "latent", **times, **found})
    assert ("of the peak 50%" in shown) == bool(peak)
    assert "TFLOP/s 395" in shown
