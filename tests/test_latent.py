"""The latent painter against the stock Stable Diffusion pipelines, with the same weights, noise and scheduler."""

import warnings
from dataclasses import replace
from itertools import count

import pytest
import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
)

from models.protocol import Prompt
from models.samplers.diffusion import SCHEDULERS
from models.samplers.latent import Latent, LatentKnobs
from tests.inline import kit, play, resumed_equals_unbroken
from tests.tinynets import LATENT, clips, latent_config, latent_parts

NAMES = LatentKnobs.specs()[2].choices
SEEDS = (5, 11)
WIDE = {"width": 24, "height": 16}
PROMPT = Prompt("a red cat", negative="blue", seeds=SEEDS)
PICTURE = torch.rand(3, 16, 24, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
MASK = torch.zeros(1, 16, 24)
MASK[:, 4:12, 6:20] = 1


def ours(prompt, **settings):
    return play(Latent(), prompt, LatentKnobs(**WIDE, **settings), tools(prompt), latent_parts(), look=True)


def tools(prompt, **changes):
    return kit(latent_config() | changes, clips()[0].tokenize(prompt.texts).ids)


def stock(pipeline, name, steps, guidance, **inputs):
    _, text_encoder, _, tokenizer = clips()
    scheduler = SCHEDULERS[name].from_config(LATENT)
    if "clip_sample" in scheduler.config:
        scheduler = SCHEDULERS[name].from_config(LATENT, clip_sample=False)
    if name == "dpm++":
        scheduler = DPMSolverMultistepScheduler.from_config(LATENT, algorithm_type="dpmsolver++", solver_order=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe = pipeline(
            vae=latent_parts()["vae"], text_encoder=text_encoder, tokenizer=tokenizer, unet=latent_parts()["unet"],
            scheduler=scheduler, safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        )  # fmt: skip
        pipe.set_progress_bar_config(disable=True)
        return pipe(
            [PROMPT.text] * 2, negative_prompt=[PROMPT.negative] * 2, num_inference_steps=steps,
            guidance_scale=guidance, generator=[torch.Generator().manual_seed(s) for s in SEEDS],
            output_type="pt", **inputs,
        ).images  # fmt: skip


def close(a, b):
    worst = (a.double() - b.double()).abs().max().item()
    assert worst <= 1e-4, f"off by {worst}"


@pytest.mark.parametrize("guidance", [1.0, 7.5])
@pytest.mark.parametrize("name", NAMES)
def test_text_to_image_is_stocks(name, guidance):
    played = ours(PROMPT, scheduler=name, steps=5, guidance=guidance)
    want = stock(StableDiffusionPipeline, name, 5, guidance, **WIDE)
    assert want.shape == (2, 3, 16, 24)
    close(played.picture, want)
    assert played.counts[-1] == ((9, 9) if name == "heun" else (5, 5))
    assert dict(played.asked)["denoise"] == (2 if guidance == 1 else 4)


@pytest.mark.parametrize("name", NAMES)
def test_a_single_step_is_stocks(name):
    close(
        ours(PROMPT, scheduler=name, steps=1, guidance=7.5).picture,
        stock(StableDiffusionPipeline, name, 1, 7.5, **WIDE),
    )


def test_ddim_with_eta_is_stocks():
    close(
        ours(PROMPT, scheduler="ddim", eta=1.0, steps=6, guidance=5.0).picture,
        stock(StableDiffusionPipeline, "ddim", 6, 5.0, eta=1.0, **WIDE),
    )
    some = {"guidance": 7.5, "strength": 0.6}
    played = ours(replace(PROMPT, image=PICTURE), scheduler="ddim", eta=0.5, steps=5, **some)
    images = PICTURE.expand(2, -1, -1, -1)
    want = stock(StableDiffusionImg2ImgPipeline, "ddim", 5, 7.5, strength=0.6, image=images, eta=0.5)
    close(played.picture, want)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "ddim"])
def test_eta_is_nothing_to_any_other_scheduler(name):
    with_eta, without = (ours(PROMPT, scheduler=name, steps=3, eta=eta).picture for eta in (1.0, 0.0))
    assert torch.equal(with_eta, without)


@pytest.mark.parametrize("name", NAMES)
def test_where_all_is_to_be_repainted_inpainting_is_image_to_image(name):
    prompt, knobs = replace(PROMPT, image=PICTURE), {"scheduler": name, "steps": 4, "strength": 0.75}
    masked = ours(replace(prompt, mask=torch.ones(1, 16, 24)), **knobs)
    assert torch.equal(masked.picture, ours(prompt, **knobs).picture)


@pytest.mark.parametrize(("guidance", "strength"), [(1.0, 0.6), (7.5, 1.0)])
@pytest.mark.parametrize("name", NAMES)
def test_image_to_image_is_stocks(name, guidance, strength):
    prompt = replace(PROMPT, image=PICTURE)
    played = ours(prompt, scheduler=name, steps=5, guidance=guidance, strength=strength)
    images = PICTURE.expand(2, -1, -1, -1)
    close(played.picture, stock(StableDiffusionImg2ImgPipeline, name, 5, guidance, strength=strength, image=images))


def drawing_once_more(found):
    """Stock also encodes what is left of the masked picture, for nets that take it: a draw more before the steps."""
    draws = count()

    def noise(shape, rngs):
        drawn = found.noise(shape, rngs)
        if shape != (0,) and next(draws) == 1:  # the first was the picture's own, the second is the noise on it
            found.noise(shape, rngs)
        return drawn

    return replace(found, noise=noise)


@pytest.mark.parametrize(("guidance", "strength"), [(1.0, 1.0), (7.5, 0.8)])
@pytest.mark.parametrize("name", NAMES)
def test_inpainting_is_stocks(name, guidance, strength):
    prompt = replace(PROMPT, image=PICTURE.float().double(), mask=MASK)
    knobs = LatentKnobs(**WIDE, scheduler=name, steps=5, guidance=guidance, strength=strength)
    played = play(Latent(), prompt, knobs, drawing_once_more(tools(prompt)), latent_parts())
    inputs = {"image": PICTURE.float().expand(2, -1, -1, -1), "mask_image": MASK.expand(2, -1, -1, -1)}
    with torch.no_grad():
        want = stock(StableDiffusionInpaintPipeline, name, 5, guidance, strength=strength, **inputs, **WIDE)
    close(played.picture, want)


@pytest.mark.parametrize("name", NAMES)
def test_going_on_from_any_step_is_never_having_stopped(name):
    prompt = replace(PROMPT, image=PICTURE, mask=MASK)
    knobs = LatentKnobs(scheduler=name, steps=4, eta=0.5, strength=0.75, **WIDE)
    count = resumed_equals_unbroken(Latent(), prompt, knobs, tools(prompt), latent_parts())
    assert count == (5 if name == "heun" else 3)
    plain = replace(knobs, steps=3)
    resumed_equals_unbroken(Latent(), PROMPT, plain, tools(PROMPT), latent_parts())


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_means_the_same_picture_in_any_company(name):
    both = ours(PROMPT, scheduler=name, steps=4, eta=1.0).picture
    alone = ours(replace(PROMPT, seeds=SEEDS[1:]), scheduler=name, steps=4, eta=1.0).picture
    torch.testing.assert_close(both[1:], alone, rtol=0, atol=1e-6)
    assert (both[0] - both[1]).abs().max() > 1e-3


def test_looks_come_closer_and_change_nothing():
    seen, blind = (
        ours(PROMPT, steps=8),
        play(Latent(), PROMPT, LatentKnobs(steps=8, **WIDE), tools(PROMPT), latent_parts()),
    )
    assert torch.equal(seen.picture, blind.picture)
    far = [(look - seen.picture).abs().mean().item() for look in seen.looks]
    assert far[-1] < 1e-6 < far[0]
    assert all(look.shape == (2, 3, 16, 24) and look.min() >= 0 and look.max() <= 1 for look in seen.looks)
    noise = [fact["noise"] for fact in seen.facts]
    assert noise == sorted(noise, reverse=True)


def test_the_known_region_of_an_inpainting_stays_the_autoencoders_reconstruction():
    prompt = replace(PROMPT, image=PICTURE, mask=torch.zeros(1, 16, 24))
    played = ours(prompt, steps=4, strength=1.0)
    z = latent_parts()["vae"].encode(PICTURE[None] * 2 - 1).latent_dist
    rngs = [torch.Generator().manual_seed(s) for s in SEEDS]
    draws = torch.stack([torch.randn(4, 8, 12, generator=rng, dtype=torch.float64) for rng in rngs])
    want = latent_parts()["vae"].decode(z.mean + z.std * draws).sample / 2 + 0.5
    torch.testing.assert_close(played.picture, want.clamp(0, 1), rtol=0, atol=1e-6)


def test_a_stripe_thinner_than_a_latent_is_repainted_too():
    stripe = torch.zeros(1, 16, 24)
    stripe[..., 1] = 1
    inside, nothing = (replace(PROMPT, image=PICTURE, mask=mask) for mask in (stripe, stripe * 0))
    assert not torch.equal(ours(inside, steps=2).picture, ours(nothing, steps=2).picture)


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"steps": 0}, "steps is 0"), ({"guidance": float("nan")}, "guidance is nan"), ({"scheduler": "x"}, "scheduler"),
     ({"eta": 1.5}, "eta is 1.5"), ({"strength": -0.1}, "strength"), ({"width": 20}, "width is 20")],
)  # fmt: skip
def test_settings_out_of_range_name_themselves(settings, says):
    with pytest.raises(ValueError, match=says):
        LatentKnobs(**settings)


def test_settings_that_do_not_fit_the_suite_or_the_prompt_say_what_would():
    with pytest.raises(ValueError, match=r"strength is 0\.1; give 0\.2 to 1"):
        ours(replace(PROMPT, image=PICTURE), steps=5, strength=0.1)
    with pytest.raises(ValueError, match=r"strength is 0\.333; give 0\.334 to 1"):
        ours(replace(PROMPT, image=PICTURE), steps=3, strength=0.333)
    assert ours(replace(PROMPT, image=PICTURE), steps=3, strength=0.334).counts == [(1, 1)]
    with pytest.raises(ValueError, match="mask is given, but image is None"):
        ours(replace(PROMPT, mask=MASK))
    config = {"unet_scheduler": LATENT | {"num_train_timesteps": 10}}
    with pytest.raises(ValueError, match="steps is 12; give 1 to 10"):
        play(Latent(), PROMPT, LatentKnobs(), tools(PROMPT, **config), latent_parts())
