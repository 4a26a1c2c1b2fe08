"""The contract of every painter on the weights that ship, and stock tools on the same folders."""

import pickle
import random
from dataclasses import replace
from functools import cache
from itertools import count

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from torch.nn.functional import cosine_similarity
from transformers import CLIPTextModel

from lab.lessons import captions
from lab.measure.parts import MEASURES
from lab.race import LANES, default_engine
from lab.storybook.dataset import FRESH, pictures, small
from lab.storybook.grammar import say
from lab.storybook.paint import paint
from lab.storybook.scene import Noun, sample
from lab.storybook.words import BACKGROUNDS, KINDS
from lab.train.near import MIRRORED
from models.catalog import ASSETS, classroom
from models.engine import Engine
from models.loaders import fault, load
from models.parts.clip import Clip
from models.protocol import Prompt, Request
from models.registry import Registry

ROOT = ASSETS / "classroom"
TEXT = "a large red cat in a meadow"
SHORT = {
    "latent": {"steps": 4},
    "pixel": {"steps": 4, "scheduler": "ddpm"},
    "vqgan_clip": {"steps": 4, "crops": 4},
    "unclip": {"prior_steps": 3, "steps": 3, "upsample": True, "upsample_steps": 2},
}


@cache
def engine() -> Engine:
    return default_engine("classroom")


def request(lane: str, client: str = "one", seeds=(1,), **more) -> Request:
    knobs = engine().samplers[lane].knobs.from_dict(SHORT[lane])
    return Request(lane, Prompt(TEXT, seeds=seeds), knobs, "classroom", client, **more)


@cache
def alone(lane: str, exact: bool = False) -> torch.Tensor:
    return engine().paint(request(lane, exact=exact))


def test_the_captions_that_ship_are_this_clips():
    known = captions.captions(running := default_engine(), "classroom")
    assert running.registry.report()["parts"] == {}, "they were embedded instead of read"
    clip, picked = Clip.from_folder(ROOT / "clip", picture=False), range(0, len(known.asks), 40)
    with torch.no_grad():
        own = clip.text(clip.tokenize([say(known.asks[k]) for k in picked]).ids).embedding
    assert cosine_similarity(own, known.rows[picked]).min() > 0.9999


def test_every_part_is_there_and_whole():
    assert {name: fault(part) for name, part in classroom().parts.items() if fault(part)} == {}


@pytest.mark.parametrize("lane", LANES)
def test_a_painter_paints_in_range_and_the_same_again(lane):
    picture = alone(lane)
    side = 256 if lane == "unclip" else 64
    assert picture.shape == (1, 3, side, side)
    assert 0 <= picture.min() <= picture.max() <= 1
    assert picture.std() > 0.02, "a flat picture"
    assert torch.equal(engine().paint(request(lane)), picture)


@pytest.mark.parametrize("lane", LANES)
def test_resumed_from_any_step_is_never_stopped(lane):
    ask = request(lane, exact=True)
    steps = sum(value for name, value in SHORT[lane].items() if name.endswith("steps"))
    run = engine().submit(ask, keep=tuple(range(1, steps)))
    engine().wait(run)
    assert run.state == "done", run.trace
    assert sorted(run.states) == list(range(1, steps))
    print(f"\n{lane}: resumed from each of {len(run.states)} States")
    for state in run.states.values():
        again = engine().paint(replace(ask, start=pickle.loads(pickle.dumps(state))))
        assert torch.equal(again, run.result), state.i


def test_interleaved_in_exact_mode_is_alone_bit_for_bit():
    runs = {lane: engine().submit(request(lane, client=lane, exact=True)) for lane in LANES}
    engine().wait(*runs.values())
    same = [lane for lane, run in runs.items() if torch.equal(run.result, alone(lane, exact=True))]
    print(f"\nthe four of the classroom interleaved: {len(same)} are alone bit for bit")
    assert same == list(LANES)


def test_two_races_share_batches_one_text_tower_and_one_picture_tower():
    registry, ticks = Registry([classroom()]), count()
    pair = Engine(registry, engine().samplers, clock=lambda: next(ticks) / 1000)  # turns go by counting, not by load
    runs = [pair.submit(request(lane, client=client)) for client in ("one", "two") for lane in LANES]
    pair.wait(*runs)
    assert [run.state for run in runs] == ["done"] * 8
    shared = {batch.target for batch in pair.log if len(set(batch.runs)) > 1}
    assert {"text", "denoise", "paint", "guess"} <= shared
    worst = max((run.result - alone(lane)).abs().max().item() for run, lane in zip(runs, 2 * LANES, strict=True))
    resident = list(registry.report()["parts"])
    with registry.borrow("classroom", resident) as parts:
        clips = [part for part in parts.values() if isinstance(part, Clip)]
    texts, pictures = (
        {id(getattr(clip, f"{kind}_tower")) for clip in clips} - {id(None)} for kind in ("text", "picture")
    )
    loads = registry.report()["counts"].loads
    print(f"\ntwo four-way races: {len(pair.log)} batches, {len(shared)} targets in batches of both: {sorted(shared)}; "
          f"off by {worst:.1e} from alone; {loads} loads for {len(resident)} parts, {len(texts)} text tower, "
          f"{len(pictures)} picture towers")  # fmt: skip
    assert {"clip", "clip_robust", "vae", "unet", "pixel", "vqgan", "prior", "decoder"} <= set(resident)
    assert loads == len(resident)
    assert (len(texts), len(pictures)) == (1, 2)  # the second is the robust one
    assert worst <= 1e-4  # other batches round otherwise, and the optimiser passes that on from step to step


def test_clip_leads_the_pixel_painter_towards_the_sentence():
    pictures, text = {}, "two pink flowers at night"  # a large red cat comes too near to it by itself
    for climb in (0.0, 0.01):
        knobs = engine().samplers["pixel"].knobs.from_dict({"steps": 8, "clip_guidance": climb})
        pictures[climb] = engine().paint(Request("pixel", Prompt(text, seeds=(1, 2, 3)), knobs, "classroom", "one"))
    with engine().registry.borrow("classroom", ["clip"]) as parts, torch.no_grad():
        words = parts["clip"].text(parts["clip"].tokenize([text]).ids).embedding
        alone, led = (cosine_similarity(parts["clip"].image(each), words) for each in pictures.values())
    print(f"\nCLIP guidance 0.01: similarity {alone.mean():.3f} -> {led.mean():.3f}")
    assert (pictures[0.0] != pictures[0.01]).flatten(1).any(1).all()
    assert led.mean() > alone.mean() + 0.02


def test_stock_stable_diffusion_reads_our_folder_and_paints_what_we_paint():
    pipe = StableDiffusionPipeline.from_pretrained(
        ROOT / "stable-diffusion", safety_checker=None, requires_safety_checker=False, local_files_only=True
    ).to(torch.float64)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    registry = Registry([classroom(dtype="float64")])
    ours = Engine(registry, engine().samplers, dtype=torch.float64)
    knobs = ours.samplers["latent"].knobs.from_dict({"steps": 4, "scheduler": "ddim", "guidance": 5.0})
    mine = ours.paint(Request("latent", Prompt(TEXT, seeds=(1,)), knobs, "classroom", "one"))
    noise = torch.randn((4, 16, 16), generator=torch.Generator().manual_seed(1), dtype=torch.float64)[None]
    stock = pipe(TEXT, num_inference_steps=4, guidance_scale=5.0, latents=noise, output_type="pt").images
    assert (mine - stock).abs().max() <= 1e-4


def test_the_text_encoder_is_a_copy_of_the_one_clip():
    clip = Clip.from_folder(ROOT / "clip")
    stock = CLIPTextModel.from_pretrained(ROOT / "stable-diffusion" / "text_encoder", dtype=torch.float32)
    tokens = clip.tokenize([TEXT, "夜里有三颗黄色的星星"]).ids
    with torch.no_grad():
        assert (stock(tokens).last_hidden_state - clip.text(tokens).states).abs().max() <= 1e-5


@pytest.mark.parametrize("language", ["en", "zh"])
def test_clip_tells_a_picture_from_its_caption_with_one_thing_wrong(language):
    clip, rng = Clip.from_folder(ROOT / "clip"), random.Random(5)
    wrongs = {
        "kind": ("single object", lambda ask: replace(ask, nouns=(_other(ask.nouns[0], rng),))),
        "count": ("counting", lambda ask: replace(ask, nouns=(replace(ask.nouns[0], count=5 - ask.nouns[0].count),))),
        "place": ("position", lambda ask: replace(ask, relation=MIRRORED[ask.relation])),
        "order": ("position", lambda ask: replace(ask, nouns=ask.nouns[::-1])),
        "background": ("position", lambda ask: replace(ask, background=_elsewhere(ask.background, rng))),
    }
    shares = {}
    for fault_, (category, wrong) in wrongs.items():
        asked, scenes = zip(*(sample(FRESH + k, category) for k in range(60)), strict=True)
        bare = [replace(ask, nouns=tuple(Noun(n.kind, count=n.count) for n in ask.nouns)) for ask in asked]
        pictures = torch.from_numpy(np.stack([small(paint(scene).picture) for scene in scenes]))
        image = clip.image(pictures.permute(0, 3, 1, 2).float() / 255)
        texts = [
            clip.text(clip.tokenize([say(ask, language) for ask in asks]).ids).embedding
            for asks in (bare, [wrong(ask) for ask in bare])
        ]
        right, other = (cosine_similarity(image, text) for text in texts)
        shares[fault_] = float((right > other).float().mean())
    print(f"{language}: similarity prefers the right caption:", shares)
    assert min(shares.values()) >= 0.9, shares


def _elsewhere(background, rng):
    return rng.choice([name for name in BACKGROUNDS if name != background])


def _other(noun: Noun, rng: random.Random) -> Noun:
    return replace(noun, kind=rng.choice([kind for kind in KINDS if kind != noun.kind]))


def test_the_robust_part_is_a_picture_tower_and_no_second_text_tower():
    part = load(classroom()["clip_robust"])
    assert part.text_tower is None
    assert part.picture_tower is not None


@pytest.mark.parametrize(("name", "alike"), [("vae", 0.98), ("vqgan", 0.95)])
def test_an_autoencoder_rebuilds_fresh_scenes_and_the_judge_reads_them_alike(name, alike):
    suite, seeds = classroom(), range(FRESH, FRESH + 120)
    with torch.no_grad():
        found = MEASURES[name]({part: load(suite[part]) for part in (name, "judge")}, pictures(seeds) / 255, seeds)
    print(f"\n{name}, {len(seeds)} fresh scenes: {found}")
    assert found["psnr"] >= 31
    assert found["read alike"] >= alike  # the goals, 0.99 and 0.97, less what so few scenes cannot tell
    assert found.get("codes used", 1.0) >= 0.9
