"""VQGAN+CLIP against a plain loop over crops, torch's own Adam, and itself stopped half-way."""

import math
import pickle
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
import torch.nn.functional as F

from models.parts.clip import Clip
from models.parts.vqgan import CLASSROOM, Vqgan
from models.protocol import Eval, Prompt
from models.samplers.crops import Crops, draw_crops
from models.samplers.crops.cut import hashed_normal
from models.samplers.vqgan_clip import VqganClip, VqganClipKnobs, advance
from models.samplers.vqgan_clip.targets import TARGETS, Bounded, standard
from models.samplers.vqgan_clip.views import contact_sheet
from tests.inline import drain, kit, play, resumed_equals_unbroken
from tests.tinyclip import shake, write_open_clip

SHAPE = {**CLASSROOM["ddconfig"], "in_channels": 3, "out_ch": 3, "ch": 32, "ch_mult": [1, 2], "z_channels": 6}
PROMPT = Prompt("a red cat", "blue", seeds=(1, 2), more=(("a tree", 0.4), ("rain", -0.3)))
SMALL = VqganClipKnobs(steps=4, crops=3)


@cache
def parts():
    with TemporaryDirectory() as folder:
        towers = [Clip.from_folder(write_open_clip(Path(folder) / str(i), i), dtype=torch.float64) for i in (0, 1)]
    vqgan = shake(Vqgan({**CLASSROOM, "ddconfig": SHAPE, "n_embed": 24}), 4).double()
    torch.nn.init.normal_(vqgan.quantize.embedding.weight, 0.3, 2.0, generator=torch.Generator().manual_seed(1))
    named = {"vqgan": vqgan, "clip": towers[0], "clip_robust": towers[1]}
    return {name: part.eval().requires_grad_(False) for name, part in named.items()}


def kit_for(prompt=PROMPT, dtype=torch.float64):
    config = {name: part.config for name, part in parts().items()}
    return kit(config, parts()["clip"].tokenize(prompt.texts).ids, dtype)


def run(prompt=PROMPT, knobs=SMALL, **more):
    return play(VqganClip(), prompt, knobs, kit_for(prompt), parts(), **more)


def states(played):
    return [pickle.loads(state) for state in played.states]


def rows(knobs=SMALL, seeds=(1, 2)):
    """A latent, texts, weights and crops such as a step sends."""
    rng = torch.Generator().manual_seed(3)
    x = torch.randn(2, 8, 16, 16, generator=rng, dtype=torch.float64)
    texts = F.normalize(torch.randn(2, 3, 24, generator=rng, dtype=torch.float64), dim=-1)
    weights = torch.tensor([[1.0, -0.5, 0.3], [0.7, 0.0, -0.2]]).double()
    return x, texts, weights, draw_crops(knobs, [torch.Generator().manual_seed(seed) for seed in seeds], 32, 32)


def plain_crop(picture, crops, b, n, size=32):
    """One crop pixel by pixel position, one augmentation after the other."""
    at = (torch.arange(size).double() + 0.5) / size * 2 - 1
    points = torch.stack([torch.stack([x, y, torch.ones(()).double()]) for y in at for x in at])
    looked = points @ crops.place[b, n].T
    grid = (looked[:, :2] / looked[:, 2:]).view(1, size, size, 2)
    seen = F.grid_sample(picture[None], grid, padding_mode="border", align_corners=False)[0]
    colour = crops.colour[b, n]
    seen = torch.stack([sum(colour[c, k] * seen[k] for k in range(3)) + colour[c, 3] for c in range(3)])
    seen = seen + crops.noise[b, n] * hashed_normal(crops.seed[b, n], seen.numel()).view_as(seen).double()
    left, top, right, bottom = crops.erase[b, n]
    hole = ((at > left) & (at < right))[None, :] & ((at > top) & (at < bottom))[:, None]
    return seen.masked_fill(hole, 0.5)


def plain_loss(b, x, texts, weights, crops, tower):
    """Crowson's loop: quantise straight through, decode, crop by crop through CLIP, spherical distance."""
    vqgan, clip = parts()["vqgan"], parts()[tower]
    codes = vqgan.quantize.embedding.weight
    latent = x * codes.std(0).view(-1, 1, 1) + codes.mean(0).view(-1, 1, 1)
    nearest = codes[torch.cdist(latent.flatten(1).T, codes).argmin(1)].T.view_as(latent)
    picture = (vqgan.decode((latent + (nearest - latent).detach())[None])[0] + 1) / 2
    picture = Bounded.apply(picture)
    losses = torch.zeros(texts.shape[1], dtype=torch.float64)
    for n in range(crops.place.shape[1]):
        found = clip.image(plain_crop(picture, crops, b, n)[None])
        found = found / found.norm()
        for k, (text, weight) in enumerate(zip(texts[b], weights[b], strict=True)):
            distance = (found - text).norm().div(2).arcsin().pow(2).mul(2)
            losses[k] = losses[k] + weight.sign() * distance * weight.abs() / crops.place.shape[1]
    return losses


@pytest.mark.parametrize("name", ["robust", "ordinary"])
def test_the_gradient_is_that_of_a_plain_loop_over_crops(name):
    x, texts, weights, crops = rows(VqganClipKnobs(crops=3, whole=False, erase=0.3, perspective=0.2))
    target = TARGETS[f"climb_{name}"]
    held = {part: parts()[part] for part in target.parts}
    with torch.no_grad():
        grad, losses, cosines, used = target.fn(held, x, texts, weights, *crops, noisy=True)
        assert not torch.is_grad_enabled()
    for b in range(2):
        leaf = x[b].clone().requires_grad_()
        plain = plain_loss(b, leaf, texts, weights, crops, target.parts[1])
        (truth,) = torch.autograd.grad(plain.sum(), leaf)
        torch.testing.assert_close(losses[b], plain.detach(), rtol=0, atol=1e-10)
        torch.testing.assert_close(grad[b], truth, rtol=1e-7, atol=1e-12)
        assert truth.abs().max() > 1e-6
    assert losses[0, 1] < 0 < losses[0, 0]
    assert (cosines.abs() <= 1).all()
    mean, std = standard(parts()["vqgan"], torch.float64)
    indices = parts()["vqgan"].quantize.nearest(x * std + mean)
    assert used.tolist() == [len(set(picture.flatten().tolist())) for picture in indices]
    assert all(p.grad is None for part in parts().values() for p in part.parameters())


def test_rows_are_independent():
    x, texts, weights, crops = rows()
    fn, held = TARGETS["climb_robust"].fn, parts()
    both = fn(held, x, texts, weights, *crops, noisy=True)
    for b in range(2):
        own = [value[b : b + 1] for value in (x, texts, weights, *crops)]
        for whole, alone in zip(both, fn(held, *own, noisy=True), strict=True):
            torch.testing.assert_close(whole[b : b + 1], alone, rtol=0, atol=1e-9)


def test_noiseless_steps_may_skip_the_noise():
    x, texts, weights, crops = rows(VqganClipKnobs(crops=2, noise=0.0))
    fn = TARGETS["climb_robust"].fn
    pairs = zip(*(fn(parts(), x, texts, weights, *crops, noisy=noisy) for noisy in (True, False)), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_the_clamp_lets_only_gradients_pass_that_lead_back():
    x = torch.tensor([-0.5, -0.5, 0.5, 1.5, 1.5], requires_grad=True)
    out = Bounded.apply(x)
    (grad,) = torch.autograd.grad(out, x, torch.tensor([1.0, -1, 1, 1, -1]))
    assert out.tolist() == [0, 0, 0.5, 1, 1]
    assert grad.tolist() == [0, -1, 1, 1, 0]


def test_adam_is_torchs():
    knobs = VqganClipKnobs(rule="adam", rate=0.05, final=1.0, limit=10.0, steps=9)
    goal = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    leaf = torch.zeros_like(goal).requires_grad_()
    optimiser = torch.optim.Adam([leaf], lr=0.05)
    held = {"x": torch.zeros_like(goal), "shown": torch.zeros_like(goal)}
    for i in range(9):
        held = advance(held, 2 * (held["x"] - goal), i, knobs)
        optimiser.zero_grad()
        (leaf - goal).square().sum().backward()
        optimiser.step()
        torch.testing.assert_close(held["x"], leaf.detach(), rtol=0, atol=1e-12)


def test_a_climb_goes_its_rate_however_steep():
    knobs = VqganClipKnobs(rate=0.2, final=0.5, limit=10.0, steps=3)
    x = torch.zeros(2, 3, 4, 4)
    slope = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    slope[1] *= 1e-6
    for i, rate in enumerate((0.2, 0.15, 0.1)):
        moved = advance({"x": x, "shown": x}, slope, i, knobs)["x"]
        lengths = moved.square().mean((1, 2, 3)).sqrt()
        torch.testing.assert_close(lengths, torch.full((2,), rate))
        torch.testing.assert_close(F.cosine_similarity(moved.flatten(1), -slope.flatten(1)), torch.ones(2))
    assert advance({"x": x, "shown": x}, torch.zeros_like(x), 0, knobs)["x"].isfinite().all()
    close = VqganClipKnobs(rate=1.0, limit=0.5)
    assert advance({"x": x, "shown": x}, slope, 0, close)["x"].abs().max() == 0.5


def test_the_running_average_is_a_mean_first_and_then_fades():
    knobs = VqganClipKnobs(average=0.75, rate=0.1, final=1.0, limit=10.0, steps=8)
    held = {"x": torch.zeros(1, 1, 2, 2), "shown": torch.zeros(1, 1, 2, 2)}
    path = []
    for i in range(8):
        held = advance(held, -torch.ones(1, 1, 2, 2), i, knobs)
        path.append(held["x"])
        truth = torch.stack(path[:4]).mean(0)
        for x in path[4:]:
            truth = 0.75 * truth + 0.25 * x
        if i < 4:
            truth = torch.stack(path).mean(0)
        torch.testing.assert_close(held["shown"], truth)


@pytest.mark.parametrize("changes", [{}, {"rule": "adam"}, {"average": 0.6, "begin": "codes", "tower": "ordinary"}])
def test_resumed_is_never_stopped(changes):
    assert resumed_equals_unbroken(VqganClip(), PROMPT, replace(SMALL, **changes), kit_for(), parts()) == 4


def test_a_seed_is_its_picture_in_any_company():
    both = run(look=True)
    alone = run(replace(PROMPT, seeds=(2,)), look=True)
    for a, b in zip(both.looks, alone.looks, strict=True):
        torch.testing.assert_close(a[1:], b, rtol=0, atol=1e-9)
    assert (both.picture[0] - both.picture[1]).abs().max() > 0.01
    assert torch.equal(run().picture, both.picture)


def test_the_tower_is_chosen_and_a_suite_with_one_uses_that():
    assert {"climb_ordinary"} < {name for name, _ in run(knobs=replace(SMALL, tower="ordinary")).asked}
    single = kit_for()
    del single.config["clip_robust"]
    played = play(VqganClip(), PROMPT, SMALL, single, parts())
    assert torch.equal(played.picture, run(knobs=replace(SMALL, tower="ordinary")).picture)


def test_every_step_can_be_looked_at_and_the_last_is_the_picture():
    played = run(look=True)
    assert played.counts == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert torch.equal(played.looks[-1], played.picture)
    assert played.picture.shape == (2, 3, 32, 32)
    for look in played.looks:
        assert 0 <= look.min() < look.max() <= 1
    assert {name for name, _ in played.asked} == {"text", "climb_robust", "decode"}


def test_facts_tell_each_prompts_share():
    for facts in run().facts:
        shares = [value for name, value in facts.items() if name.startswith("loss of")]
        assert list(facts)[:2] == ["loss", "loss of text"]
        assert len(shares) == 4
        assert facts["loss"] == pytest.approx(sum(shares))
        assert facts["loss of text"] > 0 > facts["loss of negative"]
        assert facts["loss of more 1"] > 0 > facts["loss of more 2"]
        assert -1 <= facts["similarity"] <= 1
        assert 1 <= facts["codes"] <= 24
    assert run(Prompt("a red cat")).facts[0]["loss of negative"] == 0


@pytest.mark.parametrize("changes", [{}, {"rule": "adam"}, {"tower": "ordinary"}])
def test_the_climb_comes_closer(changes):
    """With one view, the whole picture, nothing is random: similarity must rise."""
    knobs = replace(SMALL, crops=1, whole=True, steps=20, **changes)
    facts = run(Prompt("a red cat", seeds=(0,)), knobs).facts
    assert facts[-1]["similarity"] > facts[0]["similarity"] + 0.01
    assert facts[-1]["loss"] < facts[0]["loss"]


def test_a_negative_prompt_pushes_away():
    knobs = replace(SMALL, crops=1, whole=True, steps=20, negative=2.0)
    facts = run(Prompt("", "a red cat", seeds=(0,)), knobs).facts
    assert facts[-1]["loss of negative"] < facts[0]["loss of negative"]


def test_a_picture_is_where_the_climb_begins():
    image = torch.rand(3, 40, 48, generator=torch.Generator().manual_seed(2))
    knobs = replace(SMALL, steps=1, rate=0.01, limit=10.0, height=32, width=48)
    played = run(replace(PROMPT, image=image), knobs, keep=True)
    sized = F.interpolate(image[None].double(), (32, 48), mode="bilinear", antialias=True)
    mean, std = standard(parts()["vqgan"], torch.float64)
    begun = (parts()["vqgan"].encode(2 * sized - 1) - mean) / std
    moved = states(played)[0].x["x"] - begun
    torch.testing.assert_close(moved.square().mean((1, 2, 3)).sqrt(), torch.full((2,), 0.01).double())
    assert played.picture.shape == (2, 3, 32, 48)


def test_random_codes_begin_on_the_codebook():
    knobs = replace(SMALL, steps=1, rate=0.01, limit=10.0, begin="codes")
    x = states(run(knobs=knobs, keep=True))[0].x["x"]
    vqgan = parts()["vqgan"]
    mean, std = standard(vqgan, torch.float64)
    indices = vqgan.quantize.nearest(x * std + mean)
    away = x - (vqgan.quantize.lookup(indices) - mean) / std
    torch.testing.assert_close(away.square().mean((1, 2, 3)).sqrt(), torch.full((2,), 0.01).double())
    assert indices.unique().numel() == 24
    assert not torch.equal(indices[0], indices[1])


def test_views_show_the_next_steps_crops_and_the_codes():
    sampler = VqganClip()
    state = states(run(keep=True))[1]
    painting = sampler(PROMPT, SMALL, kit_for(), state)
    said = painting.send(None)
    said = painting.send(TARGETS["text"].fn(parts(), *said.rows))
    assert isinstance(said, Eval)
    assert said.target == "climb_robust"
    x, crops = said.rows[0], Crops(*said.rows[3:])
    truth = TARGETS["see"].fn(parts(), x, *crops, size=32, noisy=True).clamp(0, 1)
    sheet = drain(sampler, sampler.views["crops"](state, SMALL, kit_for()), parts())
    assert sheet.shape == (2, 3, 64, 64)
    for n, (row, column) in enumerate(((0, 0), (0, 1), (1, 0))):
        assert torch.equal(sheet[..., row * 32 :, column * 32 :][..., :32, :32], truth[:, n])
    assert (sheet[..., 32:, 32:] == 1).all()
    codes = drain(sampler, sampler.views["codes"](state, SMALL, kit_for()), parts())
    _, indices = TARGETS["decode"].fn(parts(), state.x["shown"])
    assert codes.shape == (2, 3, 16, 16)
    colours = codes.permute(0, 2, 3, 1).reshape(-1, 3)
    assert len(colours.unique(dim=0)) == indices.unique().numel()
    assert 0 <= codes.min() <= codes.max() <= 1
    painting.close()


def test_a_contact_sheet_keeps_the_order_of_reading():
    sheet = contact_sheet(torch.arange(5.0).view(1, 5, 1, 1, 1).expand(1, 5, 3, 2, 2))
    assert sheet[0, 0, ::2, ::2].tolist() == [[0, 1, 2], [3, 4, 1]]


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("steps", 0, "int from 1 to 1000 steps"),
        ("rate", math.nan, "float from 0.001 to 1.0"),
        ("rule", "sgd", "one of 'climb', 'adam'"),
        ("tower", "large", "one of 'robust', 'ordinary'"),
        ("crops", 1.5, "int from 1 to 128"),
        ("height", 20, "in steps of 16"),
    ],
)
def test_settings_out_of_range_name_field_value_and_range(field, value, allowed):
    with pytest.raises(ValueError, match=rf"{field} is {value!r}; give .*{allowed}"):
        VqganClipKnobs(**{field: value})


def test_prompts_and_sizes_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r"more\[0\] \('a tree'\) weighs nan; give a finite number"):
        run(replace(PROMPT, more=(("a tree", math.nan),)))
    wide = kit_for()
    wide.config["vqgan"] = {**wide.config["vqgan"], "ddconfig": {**SHAPE, "ch_mult": [1] * 7}}
    with pytest.raises(ValueError, match=r"height is 32; give a multiple of 64"):
        play(VqganClip(), PROMPT, SMALL, wide, parts())
