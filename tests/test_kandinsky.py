"""Kandinsky 2.2 in its published layout, tiny: what is painted is stock's, what is not whole is refused."""

import json
import shutil
import threading
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from diffusers import KandinskyV22Pipeline, KandinskyV22PriorPipeline
from torch.nn import functional as F
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from lab.lessons.captions import captions, tokenized
from lab.lessons.prior import imagine
from lab.race import SAMPLERS
from lab.storybook.grammar import say
from lab.ui.acts import Refusal
from lab.ui.painters.unclip.asked import asked
from models import loaders
from models.catalog import shapes as at
from models.catalog.full import WORK, full
from models.engine.forecast import forecast
from models.protocol import Prompt, Request
from models.samplers.unclip import Unclip, UnclipKnobs
from tests import inline
from tests.test_layouts import SEEDS, close, generators, ours, quiet
from tests.tinyhub import engine, hub, suite

NAME = "kandinsky-2.2"
PROMPT = Prompt("a red cat", seeds=SEEDS)
FEW = {"prior_steps": 3, "steps": 4, "candidates": 1}


@cache
def pipes():
    folders = ((KandinskyV22PriorPipeline, at.K22_PRIOR), (KandinskyV22Pipeline, at.K22))
    return [quiet(kind.from_pretrained, hub() / repo, torch_dtype=torch.float64) for kind, repo in folders]


def imagined(guidance, rngs, negative=None):
    """Stock's image embeddings, and those that its decoder leads away from."""
    told = {"negative_prompt": [negative] * 2} if negative else {}
    found = pipes()[0]([PROMPT.text] * 2, num_inference_steps=3, guidance_scale=guidance, generator=rngs, **told)
    return found.image_embeds, found.negative_image_embeds


def stock(guidance, rngs, embedding, away):
    pictures = pipes()[1](
        embedding, away, height=16, width=24, num_inference_steps=4, guidance_scale=guidance, generator=rngs,
        output_type="pt",
    ).images  # fmt: skip
    return (pictures / 2 + 0.5).clamp(0, 1)


@cache
def table():
    """The parts by the names that targets use, and what the sampler may know of them."""
    told = suite(NAME)
    chosen = {
        name: replace(told[told.seen("unclip")[name]], name=name) for name in ("clip", "prior", "decoder", "movq")
    }
    nets = {name: loaders.load(part) for name, part in chosen.items()}
    return nets, {k: v for name, part in chosen.items() for k, v in loaders.config(part, nets[name]).items()}


def tools(prompt, **settings):
    """What `inline` plays a prompt with."""
    nets, config = table()
    kit = inline.kit(config, nets["clip"].tokenize(prompt.texts).ids)
    return Unclip(), prompt, UnclipKnobs(**{**FEW, **settings}), kit, nets


@pytest.mark.parametrize(("prior_guidance", "guidance"), [(1.0, 1.0), (7.5, 7.5), (1.0, 4.0)])
def test_prior_and_decoder_paint_what_stock_paints(prior_guidance, guidance):
    rngs = generators()
    want = stock(guidance, rngs, *imagined(prior_guidance, rngs))
    found = ours("unclip", NAME, prompt=PROMPT, prior_guidance=prior_guidance, guidance=guidance, **FEW)
    assert found.shape == (2, 3, 16, 24)
    assert (found[0] - found[1]).abs().max() > 1e-3
    close(found, want)


def test_a_negative_text_goes_through_the_prior_too_as_in_stock():
    first = generators()
    imagined(7.5, [*first, *generators()], "blue")
    then = [torch.Generator().set_state(rng.get_state()) for rng in first]  # ours has one generator a picture
    want = stock(7.5, then, *imagined(7.5, [*generators(), *then], "blue"))
    found = ours("unclip", NAME, prompt=replace(PROMPT, negative="blue"), prior_guidance=7.5, guidance=7.5, **FEW)
    close(found, want)
    assert (found - ours("unclip", NAME, prompt=PROMPT, prior_guidance=7.5, guidance=7.5, **FEW)).abs().max() > 1e-3


@torch.no_grad()
def test_one_clip_gives_states_and_embeddings_of_both_towers_as_the_prior_has_them():
    clip, pipe = table()[0]["clip"], pipes()[0]
    ids = clip.tokenize([PROMPT.text, "blue"]).ids
    want = pipe.text_encoder(ids)
    states, embedding, mask = clip.text(ids)
    close(states, want.last_hidden_state, 1e-9)
    close(embedding, want.text_embeds, 1e-9)
    stocks = pipe.tokenizer([PROMPT.text, "blue"], padding="max_length", return_tensors="pt")
    assert torch.equal(ids, stocks.input_ids)
    assert torch.equal(mask.long(), stocks.attention_mask)
    pixels = torch.rand(2, 3, clip.size, clip.size, dtype=torch.float64)
    close(clip.image(pixels), pipe.image_encoder((pixels - clip.mean) / clip.std).image_embeds, 1e-9)
    assert clip.mean.flatten().tolist() == pytest.approx([0.5, 0.4, 0.3]), "of image_processor/"
    near = SAMPLERS["unclip"].targets["nothing"].fn({"clip": clip}, embedding)
    close(near, pipe.get_zero_embed(2), 1e-9)


def test_the_towers_lie_in_two_precisions_and_are_read_in_one():
    part = suite(NAME, dtype="float32")["unclip/clip"]
    kinds = {t["dtype"] for t in loaders.files.header(part.path / "image_encoder" / "model.safetensors").values()}
    assert kinds == {"F16"}
    net = loaders.load(part)
    assert {value.dtype for value in net.parameters()} == {torch.float32}
    assert loaders.weigh(part) == sum(value.numel() * 4 for value in net.parameters()) - 4  # no logit scale in files


@pytest.mark.parametrize(
    ("negative", "settings", "steps"),
    [("", {"scheduler": "dpm++", "candidates": 2}, 7), ("blue", {}, 10), ("blue", {"guidance": 1.0}, 7),
     ("blue", {"embedding": "text"}, 4)],
)  # fmt: skip
def test_every_stage_is_counted_and_seen(negative, settings, steps):
    found = inline.play(*tools(replace(PROMPT, negative=negative), **settings), look=True)
    assert found.counts == [(i, steps) for i in range(1, steps + 1)]
    assert all(look.shape == (2, 3, 16, 24) and 0 <= look.min() <= look.max() <= 1 for look in found.looks)
    assert found.facts[-1]["stage"] == 1


def test_going_on_from_any_step_is_never_having_stopped():
    prompt = replace(PROMPT, negative="blue")
    assert inline.resumed_equals_unbroken(*tools(prompt, prior_steps=2, steps=2)) == 6


def test_a_picture_has_variations_and_there_is_no_upsampler():
    prompt = Prompt("", seeds=SEEDS, image=torch.rand(3, 20, 28, generator=torch.Generator().manual_seed(1)).double())
    found = inline.play(*tools(prompt, embedding="image"))
    assert (found.picture[0] - found.picture[1]).abs().max() > 1e-3
    with pytest.raises(ValueError, match="this suite has no upsampler; give False"):
        inline.play(*tools(PROMPT, upsample=True))


def test_its_lessons_read_its_own_clip_and_not_the_other_painters():
    running, name = engine(NAME), suite(NAME).name
    said = captions(running, name)
    clip = table()[0]["clip"]
    with torch.no_grad():
        own = clip.text(tokenized(running, name, [say(ask) for ask in said.asks[:3]])).embedding
    close(said.rows[:3].double(), F.normalize(own, dim=-1), 1e-5)
    knobs, stop = UnclipKnobs(**FEW | {"candidates": 2}), threading.Event()
    found = list(imagine(running, name, "a red cat", 5, knobs, stop))[-1]
    words = clip.text(clip.tokenize(["a red cat"]).ids).embedding
    want = F.cosine_similarity(found.embeddings.double(), words)
    assert found.similarity == pytest.approx(want.tolist(), abs=1e-5)
    with pytest.raises(Refusal, match=r"unclip\.say\.noupsampler"):
        asked(running, name, "me", "a red cat", 1, [], upsample_steps=7)


@cache
def need(negative="", **settings):
    told = full(NAME, root=Path("/nowhere"), dtype="float16")
    knobs = UnclipKnobs(**{**told.knobs["unclip"], "steps": 2, **settings})
    request = Request("unclip", Prompt("a cat", negative, seeds=(1,)), knobs, told.name, "me")
    return told, forecast(request, Unclip(), told)


def test_what_the_published_sizes_need_is_known_before_there_is_a_file():
    told, found = need()
    seen = told.seen("unclip")
    assert set(found.parts) == {"clip", "prior", "decoder", "movq"}
    assert found.parts["clip"] == loaders.expect(told[seen["clip"]]) + 2  # the logit scale
    assert all(found.parts[name] == loaders.expect(told[seen[name]]) for name in ("prior", "decoder", "movq"))
    assert 9.7e9 < found.weights < found.need < 16e9
    assert WORK[NAME][1] == pytest.approx(found.workspace / 10**6, rel=0.01)
    prior, tower = 81 * 2 * 1.026e9, 257 * 2 * 1.845e9  # tokens times parameters, of one row
    again = need("blue")[1].flops - found.flops
    assert again == pytest.approx(25 * prior - tower, rel=0.03), "the prior once more, and no picture of nothing"


def bent(folder, file, **changes):
    told = folder / file
    told.write_text(json.dumps(json.loads(told.read_text()) | changes))


@pytest.fixture
def copied(tmp_path):
    """A part of the suite, its folder copied to where it may be spoiled."""

    def make(name):
        part = suite(NAME, dtype="float32")[name]
        shutil.copytree(part.path, tmp_path / "part")
        return replace(part, path=tmp_path / "part")

    return make


def test_a_movq_that_is_not_whole_not_safe_or_too_greedy_is_refused(copied):
    part = copied("movq")
    file, greedy = part.path / "diffusion_pytorch_model.safetensors", {"block_out_channels": [32, 100_000]}
    bent(part.path, "config.json", **greedy)
    with pytest.raises(loaders.Unavailable, match="asks for far more than its weights"):
        loaders.load(part)
    bent(part.path, "config.json", block_out_channels=[32, 64])
    with pytest.raises(loaders.Unavailable, match=r"is \[.*, the configuration wants \["):
        loaders.load(part)
    file.write_bytes(file.read_bytes()[:-8])
    assert "is no safetensors file, or not all of one" in loaders.fault(part)
    file.unlink()
    assert "it has diffusion_pytorch_model.bin: `quartet convert`" in loaders.fault(part)


def test_a_clip_without_one_of_its_towers_or_with_a_strangers_is_refused(copied):
    part = copied("unclip/clip")
    bent(part.path, "image_encoder/config.json", hidden_size=100_000)
    with pytest.raises(loaders.Unavailable, match="asks for far more than its weights"):
        loaders.load(part)
    shutil.copy(suite(NAME)["unclip/clip"].path / "image_encoder" / "config.json", part.path / "image_encoder")
    bent(part.path, "image_encoder/config.json", projection_dim=16)
    with pytest.raises(loaders.Unavailable, match=r"visual_projection.weight is \[32, 32\].* wants \[16, 32\]"):
        loaders.load(part)
    tower = CLIPVisionConfig.from_pretrained(part.path / "image_encoder")
    CLIPVisionModelWithProjection(tower).save_pretrained(part.path / "image_encoder")
    with pytest.raises(loaders.Unavailable, match="texts have 32 dimensions, pictures 16; take both towers of one"):
        loaders.load(part)
    shutil.rmtree(part.path / "image_encoder")
    assert "no .safetensors file in" in loaders.fault(part)
    assert "image_encoder" in loaders.fault(part)
