"""What a run will need is known before it: peaks against closed forms, budgets of 8 and 24 GB on published sizes."""

import time
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lab.race import LANES, SAMPLERS
from lab.race.painters import BUCKETS, samplers_of
from models import loaders
from models.catalog.full import CHOICES, ONE_CLIP, WORK, full
from models.engine import Engine
from models.engine.forecast import forecast
from models.engine.peak import Fused, Peak
from models.engine.serve import Server
from models.protocol import Prompt, Request
from models.registry import Registry, WontFit
from tests import tinysuite

GB = 10**9
K = 4096  # bytes of 1024 floats
NOWHERE = full(root=Path("/nowhere"), dtype="float16")
GUARDED = samplers_of(NOWHERE)
FEW = {"latent": 2, "pixel": 2, "vqgan_clip": 1, "unclip": 2}


@cache
def need(lane, count=1, **settings):
    """A run as it is served, under guard of the safety checker, and what it needs."""
    knobs = {**NOWHERE.knobs.get(lane, {}), "steps": FEW[lane], **settings}
    request = Request(lane, Prompt("a cat", seeds=tuple(range(count))), SAMPLERS[lane].knobs(**knobs), "full", "me")
    return request, forecast(request, GUARDED[lane], NOWHERE)


def meta(*shape):
    return torch.empty(shape, device="meta")


def test_the_peak_is_what_is_alive_at_once():
    weight = meta(1024)
    with Peak([weight]) as peak:
        x = meta(1024)
        y = x + weight
        z = y.view(32, 32).t() * 2
        del y
        w = z + 1
        assert (peak.now, peak.most) == (3 * K, 3 * K)
        del x, w, z
        assert peak.now == 0


def test_a_gradient_keeps_what_it_needs_until_it_is_taken():
    with Peak() as peak:
        x = meta(1024).requires_grad_()
        y = x.sin().sin().sin()
        (grad,) = torch.autograd.grad(y.sum(), x)
    assert 5 * K <= peak.most <= 7 * K
    assert grad.shape == x.shape


def test_attention_needs_no_matrix_of_weights():
    with Fused(), Peak() as peak:
        q, k, v = (meta(1, 2, 1024, 8) for _ in range(3))
        F.scaled_dot_product_attention(q, k, v)
    assert peak.most == 4 * 1024 * 2 * 8 * 4


def test_weights_are_those_of_the_published_architectures():
    for lane in ("latent", "unclip"):
        table, found = NOWHERE.seen(lane), need(lane)[1]
        assert found.parts == {name: loaders.expect(NOWHERE.parts[table[name]]) for name in found.parts}
        assert 0 < found.workspace < 2 * GB


def test_the_catalog_knows_what_its_choices_take_to_work_in():
    """The four of the preset in half precision, and one of another size in float32."""
    for choice, lane in zip(ONE_CLIP, LANES, strict=True):
        assert WORK[choice][1] == pytest.approx(need(lane)[1].workspace / 10**6, rel=0.01)
    wide = full("sd-2.1", root=Path("/nowhere"))
    knobs = SAMPLERS["latent"].knobs(**wide.knobs["latent"] | {"steps": 2})
    found = forecast(Request("latent", Prompt("a cat", seeds=(0,)), knobs, wide.name, "me"), SAMPLERS["latent"], wide)
    assert WORK["sd-2.1"][0] == pytest.approx(found.workspace / 10**6, rel=0.01)
    assert set(WORK) == set(CHOICES)
    for choice, told in CHOICES.items():
        wide = all(row.wide for row in told.rows)  # the same networks on every device
        assert WORK[choice][0] == WORK[choice][1] or not wide, choice
    assert WORK["sd-turbo"] == WORK["sd-1.5"], "decoding by the same autoencoder, in float32, takes the most of both"
    assert WORK["ddpm-celebahq-256"] == WORK["ddpm-cat-256"]


def test_more_and_larger_pictures_need_more_and_a_part_that_is_not_used_is_not_counted():
    one, four, large = (need("latent", **how)[1] for how in ({}, {"count": 4}, {"width": 1024, "height": 1024}))
    assert four.targets["denoise"] == pytest.approx(4 * one.targets["denoise"], rel=0.1)
    assert large.targets["denoise"] > 3.5 * one.targets["denoise"]
    tiles = need("latent", width=1152, height=1024)[1]
    assert tiles.targets["decode"] < large.targets["decode"] / 2  # more pixels, in tiles
    whole, without = need("unclip")[1], need("unclip", upsample=False)[1]
    assert set(whole.parts) - set(without.parts) == {"upsampler"}


def test_batches_are_reckoned_as_they_run_padded_and_of_eight_rows_at_most():
    engine = tinysuite.engine()
    knobs = engine.samplers["latent"].knobs(**tinysuite.KNOBS["latent"])

    def rows(count, **how):  # of pictures, two rows each
        request = Request("latent", Prompt("a cat", seeds=tuple(range(count))), knobs, "classroom", "me")
        return forecast(request, engine.samplers["latent"], engine.registry.suite("classroom"), **how)

    one, three, four, eight = map(rows, (1, 3, 4, 8))
    padded = rows(3, size=Server(torch.device("cpu"), time.perf_counter, BUCKETS).size)
    assert three.targets["denoise"] < padded.targets["denoise"] == four.targets["denoise"]
    assert padded.flops == three.flops, "what is painted for nobody is no work"
    more = eight.targets["denoise"] - four.targets["denoise"]
    assert 0 < more < four.targets["denoise"] / 4, "the second eight rows wait for the first"
    assert eight.flops - four.flops == 2 * (three.flops - one.flops)  # the text is read once


def test_work_is_what_the_architectures_take():
    """Floating-point operations of published networks, counted by hand from their layers."""
    unet, vae, prior, decoder, larger, pixel = 0.803e12, 2.51e12, 0.164e12, 0.606e12, 8.5e12, 0.497e12
    guard = 2 * 257 * 24 * (12 * 1024**2 + 2 * 257 * 1024)  # tokens, layers, their products, and of their attention
    assert need("latent")[1].flops == pytest.approx(2 * 2 * unet + vae + guard, rel=0.02)
    assert need("unclip")[1].flops == pytest.approx(25 * 2 * 2 * prior + 2 * 2 * decoder + 7 * larger + guard, rel=0.02)
    assert need("pixel", clip_guidance=0.0)[1].flops == pytest.approx(2 * pixel + guard, rel=0.02)


class Empty(nn.Module):
    def __init__(self):
        super().__init__()
        self.config = {}


def registry(budget):
    return Registry([NOWHERE], budget, read=lambda part: Empty(), weigh=loaders.expect, threads=False)


def test_24_gigabytes_hold_all_four_at_once():
    lender = registry(24 * GB)
    tickets = []
    for lane in LANES:
        found = need(lane)[1]
        seen = NOWHERE.seen(lane)
        tickets.append(lender.ask("full", [seen[name] for name in found.parts], found.workspace))
    assert [ticket.state for ticket in tickets] == ["ready"] * 4
    assert lender.report()["counts"].evictions == 0
    assert lender.report()["parts"]["clip"]["lent"] == lender.report()["parts"]["safety"]["lent"] == 4


def test_8_gigabytes_hold_one_after_the_other_and_say_what_would_fit():
    lender = registry(8 * GB)
    smaller = {"unclip": {"upsample": False}}
    for lane in ("latent", "pixel", "unclip", "latent"):
        found = need(lane, **smaller.get(lane, {}))[1]
        with lender.borrow("full", [NOWHERE.seen(lane)[name] for name in found.parts], found.workspace):
            assert lender.report()["used"] + found.workspace <= 8 * GB
    assert lender.report()["counts"].evictions > 0
    climb = need("vqgan_clip")[1]
    assert climb.need - climb.parts["safety"] < 8 * GB < climb.need, "but for the checker it would fit, just so"
    for settings, fits in (({}, False), ({"upsample": False}, True)):
        found = need("unclip", **settings)[1]
        assert (found.need <= 8 * GB) is fits
    whole = need("unclip")[1]
    with pytest.raises(
        WontFit, match="the largest are upsampler with 2766318092 bytes and prior with 2044060160 bytes"
    ):
        lender.ask("full", whole.parts, whole.workspace)
    wide = full(root=Path("/nowhere"))
    with pytest.raises(WontFit, match="in float16 they would need"):
        Registry([wide], 7 * GB, weigh=loaders.expect).ask("full", ["clip", "prior", "decoder"])
    with pytest.raises(WontFit, match="the parts alone would fit: 6280958072 bytes"):
        lender.ask("full", ["unet"], 7 * GB)


def test_an_engine_with_a_budget_refuses_before_it_begins():
    running = Engine(registry(8 * GB), GUARDED)
    request, found = need("unclip")
    run = running.submit(request)
    running.wait(run)
    assert isinstance(run.error, WontFit)
    assert run.error.need == found.need
    assert run.meters.evals == 0
