"""The unCLIP painter, and the upsampler alone, against the stock pipeline built from the same components."""

import pickle
import warnings
from dataclasses import replace

import pytest
import torch
from diffusers import PriorTransformer, UnCLIPPipeline, UnCLIPScheduler
from torch.nn import functional as F

from models.parts.unclip_text import UnclipText
from models.protocol import Prompt
from models.samplers.latent import Latent, LatentKnobs
from models.samplers.unclip import Unclip, UnclipKnobs
from models.samplers.unclip.prior import choose, stand_in
from models.samplers.upsample import Enlarged, Upsample, UpsampleKnobs
from tests.inline import drain, kit, play, resumed_equals_unbroken
from tests.tinyclip import EMBED, LENGTH, WIDTH
from tests.tinynets import clips, latent_config, latent_parts, still, unclip_config, unclip_parts, unclip_stock

SEEDS = (2, 9)
PROMPT = Prompt("a red cat", seeds=SEEDS)
PICTURE = torch.rand(3, 20, 28, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
STEPS = {"prior_steps": 4, "steps": 5, "upsample_steps": 3}


def tools(prompt=PROMPT, fold=1, out=6, **changes):
    return kit(unclip_config(fold, out) | changes, clips(WIDTH)[0].tokenize(prompt.texts).ids)


def ours(prompt=PROMPT, fold=1, out=6, look=False, **settings):
    knobs = UnclipKnobs(**{**STEPS, **settings})
    return play(Unclip(), prompt, knobs, tools(prompt, fold, out), unclip_parts(fold, out), look=look)


def stock(prior_guidance, guidance):
    _, _, text_encoder, tokenizer = clips(WIDTH)
    nets, config = unclip_stock(), unclip_config()
    schedulers = [
        UnCLIPScheduler(**{k: v for k, v in config[f"{name}_scheduler"].items() if k[0] != "_"})
        for name in ("prior", "decoder", "upsampler")
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe = UnCLIPPipeline(
            prior=nets["prior"], text_proj=nets["text_proj"], decoder=nets["decoder"], text_encoder=text_encoder,
            tokenizer=tokenizer, super_res_first=nets["first"], super_res_last=nets["last"],
            prior_scheduler=schedulers[0], decoder_scheduler=schedulers[1], super_res_scheduler=schedulers[2],
        )  # fmt: skip
        pipe.set_progress_bar_config(disable=True)
        images = pipe(
            [PROMPT.text] * 2, prior_num_inference_steps=4, decoder_num_inference_steps=5,
            super_res_num_inference_steps=3, prior_guidance_scale=prior_guidance, decoder_guidance_scale=guidance,
            generator=[torch.Generator().manual_seed(s) for s in SEEDS], output_type="np",
        ).images  # fmt: skip
    return torch.from_numpy(images).movedim(-1, 1)


def close(a, b, most=1e-4):
    worst = (a.double() - b.double()).abs().max().item()
    assert worst <= most, f"off by {worst}"


@pytest.mark.parametrize(("prior_guidance", "guidance"), [(1.0, 1.0), (7.5, 7.5), (4.0, 1.0)])
def test_text_to_large_picture_is_stocks(prior_guidance, guidance):
    """Squares alone: stock has no other, its sides are `sample_size` of the decoder and of the upsampler."""
    played = ours(candidates=1, prior_guidance=prior_guidance, guidance=guidance, upsample=True)
    assert played.picture.shape == (2, 3, 32, 32)
    close(played.picture, stock(prior_guidance, guidance))
    assert played.counts == [(i, 12) for i in range(1, 13)]
    assert [fact["stage"] for fact in played.facts] == [0] * 4 + [1] * 5 + [2] * 3


def test_what_the_decoder_is_told_is_stocks():
    mine, theirs = unclip_parts()["text_proj"], unclip_stock()["text_proj"]
    image, text, states = (torch.randn(shape, dtype=torch.float64) for shape in ((2, WIDTH), (2, WIDTH), (2, 7, WIDTH)))
    words = {"text_encoder_hidden_states": states, "do_classifier_free_guidance": False}
    want = theirs(image_embeddings=image, prompt_embeds=text, **words)
    assert all(torch.equal(a, b) for a, b in zip(mine(image, text, states), want, strict=True))
    words = {k: torch.cat([v, v]) if k[0] == "t" else True for k, v in words.items()}
    want = theirs(image_embeddings=image, prompt_embeds=torch.cat([text, text]), **words)
    given = torch.tensor([0.0, 0, 1, 1])
    found = mine(*(torch.cat([rows, rows]) for rows in (image, text, states)), given)
    assert all(torch.equal(a, b) for a, b in zip(found, want, strict=True))


def test_a_text_proj_folder_of_stocks_is_read(tmp_path):
    unclip_stock()["text_proj"].save_pretrained(tmp_path)
    mine = UnclipText.from_folder(tmp_path).double()
    for name, value in unclip_stock()["text_proj"].state_dict().items():
        assert torch.equal(mine.state_dict()[name], value)


@torch.no_grad()
def test_of_several_candidates_the_most_similar_is_kept():
    parts, words = unclip_parts(), clips(WIDTH)[0]
    on = words.text(words.tokenize([PROMPT.text] * 2).ids)
    candidates = torch.randn(2, 5, WIDTH, dtype=torch.float64)
    kept = drain(Unclip(), choose(candidates, on), parts)
    found = parts["prior"].post_process_latents(candidates.flatten(0, 1)).unflatten(0, (2, 5))
    similar = F.cosine_similarity(found, on.embedding[:, None], dim=-1)
    assert torch.equal(kept, found[torch.arange(2), similar.argmax(1)])
    many, one = ours(candidates=6), ours(candidates=1)
    assert many.facts[-1]["similarity"] > one.facts[-1]["similarity"]
    assert ("guess", 24) in many.asked


@torch.no_grad()
def test_the_embedding_may_be_the_texts_or_a_pictures():
    clip = clips(WIDTH)[0]
    text = ours(embedding="text")
    assert "guess" not in dict(text.asked)
    assert text.facts[-1]["similarity"] == pytest.approx(1.0)
    prior, words = unclip_parts()["prior"], clip.text(clip.tokenize([PROMPT.text]).ids).embedding
    usual = (prior.clip_mean.square() + prior.clip_std.square()).sum().sqrt()
    torch.testing.assert_close(stand_in({"prior": prior}, words).norm(), usual)
    prompt = Prompt("", seeds=SEEDS, image=PICTURE)
    varied = ours(prompt, embedding="image")
    want = F.cosine_similarity(clip.image(PICTURE[None]), clip.text(clip.tokenize([""]).ids).embedding)
    assert varied.facts[-1]["similarity"] == pytest.approx(want.item())
    assert (varied.picture[0] - varied.picture[1]).abs().max() > 1e-3
    with pytest.raises(ValueError, match="image is None"):
        ours(embedding="image")


@pytest.mark.parametrize("name", ["ddpm", "ddim", "dpm++"])
@pytest.mark.parametrize(("fold", "out"), [(1, 6), (4, 3), (4, 6)])
def test_other_schedulers_and_folded_nets_decode_too(name, fold, out):
    played = ours(fold=fold, out=out, scheduler=name, upsample=True, look=True)
    assert played.picture.shape == (2, 3, 32, 32)
    assert played.picture.isfinite().all()
    assert [look.shape[-1] for look in played.looks] == [8] * 9 + [32] * 3


def test_a_decoder_led_only_near_its_end_is_not_led_before_and_takes_single_rows():
    settings = {**STEPS, "embedding": "text", "scheduler": "ddim"}
    partly = ours(**settings, guidance=7.5, guidance_from=0.5)
    rows = [count for name, count in partly.asked if name == "paint"]
    alone = rows.index(4)
    assert rows == [2] * alone + [4] * (5 - alone)
    assert 0 < alone < 5
    unled = play(Unclip(), PROMPT, UnclipKnobs(**settings, guidance=1.0), tools(), unclip_parts(), keep=True)
    led, state = UnclipKnobs(**settings, guidance=7.5), pickle.loads(unled.states[alone - 1])
    close(partly.picture, play(Unclip(), PROMPT, led, tools(), unclip_parts(), start=state).picture, 1e-9)
    assert (partly.picture - ours(**settings, guidance=7.5).picture).abs().max() > 0.01


def test_looks_change_nothing_and_show_every_stage():
    seen, blind = ours(look=True, upsample=True), ours(upsample=True)
    assert torch.equal(seen.picture, blind.picture)
    assert all(look.min() >= 0 and look.max() <= 1 and look.std() > 0 for look in seen.looks)
    assert (seen.looks[0] - seen.looks[1]).abs().max() > 1e-6


@pytest.mark.parametrize("settings", [{}, {"embedding": "text", "scheduler": "dpm++"}, {"embedding": "image"}])
def test_going_on_from_any_step_is_never_having_stopped(settings):
    prompt, knobs = replace(PROMPT, image=PICTURE), UnclipKnobs(**STEPS, upsample=True, **settings)
    count = resumed_equals_unbroken(Unclip(), prompt, knobs, tools(prompt), unclip_parts())
    assert count == (12 if not settings else 8)


def test_a_seed_means_the_same_picture_in_any_company():
    both, alone = ours(candidates=3), ours(replace(PROMPT, seeds=SEEDS[1:]), candidates=3)
    close(both.picture[1:], alone.picture, 1e-9)
    assert (both.picture[0] - both.picture[1]).abs().max() > 1e-3


def test_a_prior_as_wide_as_its_states_serves_a_clip_with_smaller_embeddings():
    prior = PriorTransformer(
        num_attention_heads=4, attention_head_dim=WIDTH // 4, num_layers=1, embedding_dim=EMBED,
        num_embeddings=LENGTH, encoder_hid_proj_type=None,
    )  # fmt: skip
    proj = UnclipText(clip_embeddings_dim=EMBED, time_embed_dim=32, cross_attention_dim=WIDTH, text_width=WIDTH)
    parts = unclip_parts() | {"prior": still(prior, 1), "text_proj": still(proj, 2), "clip": clips()[0]}
    config = {"prior": prior.config, "text_proj": proj.config}
    played = play(Unclip(), PROMPT, UnclipKnobs(**STEPS), tools(**config), parts)
    assert played.picture.isfinite().all()


def test_the_upsampler_enlarges_any_picture_and_follows_any_painter():
    config, parts = unclip_config(4) | latent_config(), unclip_parts(4) | latent_parts()
    alone = play(
        Upsample(), Prompt("", seeds=SEEDS, image=PICTURE), UpsampleKnobs(steps=3), kit(config, None), parts, look=True
    )
    assert alone.picture.shape == (2, 3, 80, 112)
    resumed_equals_unbroken(
        Upsample(), Prompt("", image=PICTURE), UpsampleKnobs(steps=3, augment=0.2), kit(config, None), parts
    )
    painter = Enlarged(Latent())
    knobs = LatentKnobs(steps=4, width=24, height=16, upsample=True, upsample_steps=3)
    both = kit(config, clips()[0].tokenize(PROMPT.texts).ids)
    parts = parts | {"clip": clips()[0]}
    assert resumed_equals_unbroken(painter, PROMPT, knobs, both, parts) == 7
    played = play(painter, PROMPT, knobs, both, parts, keep=True)
    assert played.picture.shape == (2, 3, 64, 96)
    assert played.counts == [(i, 7) for i in range(1, 8)]
    small = pickle.loads(played.states[-1]).x["small"]
    alone = play(Latent(), PROMPT, knobs, both, parts).picture
    assert torch.equal(small, alone * 2 - 1)
    without = play(painter, PROMPT, replace(knobs, upsample=False), both, parts)
    assert torch.equal(without.picture, alone)
    lacking = kit({name: found for name, found in config.items() if name != "upsampler"}, both.tokens)
    with pytest.raises(ValueError, match="this suite has no upsampler; give False"):
        play(painter, PROMPT, knobs, lacking, parts)


def test_settings_that_do_not_fit_say_what_would():
    for settings, says in (({"candidates": 0}, "candidates is 0"), ({"prior_steps": 1}, "prior_steps is 1")):
        with pytest.raises(ValueError, match=says):
            UnclipKnobs(**settings)
    with pytest.raises(ValueError, match="image is None"):
        play(Upsample(), Prompt(""), UpsampleKnobs(), kit(unclip_config(), None), {})
    wide = {"upsampler": dict(unclip_config()["upsampler"]) | {"in_channels": 54}}
    prompt = Prompt("", image=PICTURE)
    with pytest.raises(ValueError, match="divide by 6"):
        play(Upsample(), prompt, UpsampleKnobs(), kit(unclip_config() | wide, None), {})
