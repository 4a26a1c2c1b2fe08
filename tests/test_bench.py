"""The bench: that stock really paints our picture, and that every figure asked for is there."""

import json

import numpy as np
import pytest
import torch

from lab.measure.bench import LIKE_STOCK, bench, stock, table
from lab.measure.bench.timing import bare, paired
from lab.race import LANES
from models.protocol import Prompt, Request
from tests.tinysuite import TEXT, engine, folder


@pytest.fixture(scope="module")
def results():
    return bench("tiny", visitors=(1, 2), repeats=1, suite=folder())


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
    assert bare(engine(), request) == engine().wait(engine().submit(request)).meters.evals


def test_everything_is_timed_and_printed(results):
    assert json.loads(json.dumps(results)) == results
    against = [(row["family"], row["against"]) for row in results["single"]]
    assert [family for family, _ in against] == ["latent", "pixel", "vqgan_clip", "vqgan_clip", "unclip"]
    assert {"loop, crops stacked", "loop, crop by crop", "UnCLIPPipeline"} <= {name for _, name in against}
    assert [(row["family"], row["visitors"]) for row in results["visitors"]] == [(f, n) for f in LANES for n in (1, 2)]
    for name in ("previews", "engine", "wait"):
        assert [row["family"] for row in results[name]] == list(LANES)
    for row in results["single"]:
        assert row["ratio"] == pytest.approx(row["stock"] / row["ours"])
    assert all(row["first_look"] > 0 and row["queue"] > 0 for row in results["wait"])
    shown = table(results)
    assert f"threads {torch.get_num_threads()}" in shown
    assert all(f"| {lane} |" in shown for lane in LANES)
    assert shown.count("\n| ---") == 5


def test_pairs_are_taken_in_turns_and_the_first_round_does_not_count():
    order = []
    found = paired({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3, torch.device("cpu"))
    assert order == ["a", "b"] * 4
    assert set(found) == {"a", "b"}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"size": "vast"}, "size is 'vast'"),
        ({"families": ("oil",)}, "families names"),
        ({"visitors": (0,)}, "visitors is"),
        ({"repeats": 0}, "repeats 0"),
    ],
)
def test_what_cannot_be_timed_is_named(wrong, says):
    with pytest.raises(ValueError, match=says):
        bench(**{"size": "tiny", **wrong})
