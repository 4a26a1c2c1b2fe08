"""Quick previews of Stable Diffusion's latents, and decoding row by row and in tiles."""

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import ClassVar

import pytest
import torch
from diffusers import AutoencoderKL

from lab.race.events import Follower
from lab.record import receipt
from models.catalog import Suite
from models.engine import Engine
from models.engine.peak import Peak
from models.protocol import Prompt, Request, Step
from models.registry import Registry
from models.samplers.latent import LINEAR, Latent, LatentKnobs, decode, drawable, glance, look
from tests.inline import drain, kit, play
from tests.tinynets import clips, latent_config, latent_parts, still

MEANS = ("sliced", "tiled")
SD = {"latent_channels": 4, "block_out_channels": (8, 8, 8, 8)}


def vae():
    return still(
        AutoencoderKL(
            **SD, down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
            norm_num_groups=4, layers_per_block=1, sample_size=32,
        ), 2,
    )  # fmt: skip


def test_only_stable_diffusions_latents_are_drawn_by_the_matrix():
    assert drawable(SD)
    assert drawable(SD | {"scaling_factor": 0.18215})
    assert not drawable(SD | {"scaling_factor": 0.13025})  # SDXL
    assert not drawable(SD | {"block_out_channels": (8, 8)})
    assert not drawable(SD | {"latent_channels": 16})


def test_a_glance_is_the_matrix_and_asks_no_network():
    z = torch.zeros(1, 4, 3, 5)
    z[0, 2] = 1.0
    found = drain(Latent(), glance(z), {})
    assert found.shape == (1, 3, 24, 40)
    want = (torch.tensor(LINEAR[2]) / 2 + 0.5).view(1, 3, 1, 1).expand_as(found)
    torch.testing.assert_close(found, want)


def test_steps_offer_a_glance_and_the_last_one_only_its_look():
    parts = latent_parts() | {"vae": vae()}
    tools = kit(latent_config() | {"vae": parts["vae"].config}, clips()[0].tokenize(["a cat", ""]).ids)
    painting, value, steps = Latent()(Prompt("a cat"), LatentKnobs(steps=3), tools), None, []
    with suppress(StopIteration), torch.no_grad():
        while True:
            said, value = painting.send(value), None
            if isinstance(said, Step):
                steps.append((said.glance is not None, said.look is not None))
            else:
                value = Latent.targets[said.target].fn(parts, *said.rows, **dict(said.opts))
    assert steps == [(True, True), (True, True), (False, True)]
    assert play(Latent(), Prompt("a cat"), LatentKnobs(steps=2), tools, parts).picture.shape == (1, 3, 64, 64)


@torch.no_grad()
def test_tiles_are_stocks_and_large_pictures_alone_are_decoded_so():
    net, z = vae(), torch.randn(1, 4, 6, 9, dtype=torch.float64)
    tiled, whole = (decode({"vae": net}, z, tiled=each) for each in (True, False))
    net.enable_tiling()
    torch.testing.assert_close(tiled, net.decode(z / net.config.scaling_factor).sample, rtol=0, atol=1e-9)
    assert (tiled - whole).abs().max() > 1e-6


@torch.no_grad()
def test_row_by_row_is_the_whole_decode_in_the_room_of_one_row():
    net, z = vae().float(), torch.randn(5, 4, 6, 9)
    whole, sliced, both = (decode({"vae": net}, z, **how) for how in ({}, {"sliced": True}, dict.fromkeys(MEANS, True)))
    torch.testing.assert_close(sliced, whole, rtol=0, atol=1e-5)
    torch.testing.assert_close(both, decode({"vae": net}, z, tiled=True), rtol=0, atol=1e-5)
    torch.testing.assert_close(sliced[3:4], net.decode(z[3:4] / net.config.scaling_factor).sample, rtol=0, atol=1e-5)
    empty, need = net.to("meta"), {}
    for how in (False, True):
        with Peak(list(empty.parameters())) as peak:
            decode({"vae": empty}, torch.empty(5, 4, 6, 9, device="meta"), sliced=how)
        need[how] = peak.most
    assert need[True] < need[False] / 3


@pytest.mark.parametrize(
    ("count", "side", "how"),
    [(1, 64, []), (4, 64, []), (5, 64, ["sliced"]), (1, 136, ["tiled"]), (2, 136, ["sliced", "tiled"]), (64, 8, [])],
)
def test_only_what_would_take_much_memory_is_decoded_in_pieces(count, side, how):
    """Latents of 8 pixels each: four pictures of 512 pixels a side are a million in all, 1088 a side are more."""
    asked = next(look(torch.empty(count, 4, side, side, device="meta"), 8))
    assert sorted(name for name, _ in asked.opts) == how


class Shades:
    """Paints grey: a look is white, a glance is black."""

    targets: ClassVar = {}

    def __call__(self, prompt, knobs, kit, start=None):
        def show(value):
            yield from ()
            return torch.full((1, 3, 2, 2), value)

        for i in range(1, 5):
            yield Step(i, 4, partial(show, 1.0), glance=partial(show, 0.0) if i < 4 else None)
        return torch.full((1, 3, 2, 2), 0.5)


class Nothing:
    """Settings of a painter that has none."""

    def to_dict(self):
        return {}


def test_watchers_see_glances_and_no_result_is_one():
    engine = Engine(Registry([Suite("empty")]), {"shades": Shades()})
    ask = Request("shades", Prompt("", seeds=(0,)), None, "empty", "me")
    seen = [frame.images.max().item() for frame in engine.drive(ask)]
    assert seen[0] == 0
    assert seen[-1] == 128
    cut = engine.submit(replace(ask, stop=2))
    engine.wait(cut)
    assert cut.result.min() == 1


def test_a_glance_is_no_outcome_of_a_race_that_was_stopped():
    engine = Engine(Registry([Suite("empty")]), {"shades": Shades()})
    run = engine.submit(Request("shades", Prompt("", seeds=(0,)), Nothing(), "empty", "me"))
    follower, run.wanted = Follower("shades", run, 0.0, 0.2, 0.0), True
    while run.newest is None:
        engine.turn()
    assert run.newest.glance
    run.cancel()
    engine.wait(run)
    follower.news(1.0)
    assert follower.outcome().images is None
    with pytest.raises(ValueError, match="left no picture"):
        receipt(engine, run)
