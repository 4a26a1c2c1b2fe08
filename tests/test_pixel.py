"""The pixel painter against the stock pipelines, against the papers' equations, and against a net that knows."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from diffusers import DDIMPipeline, DDIMScheduler, DDPMPipeline, DDPMScheduler, UNet2DModel
from torch import nn
from torch.nn import functional as F

from models.protocol import Prompt
from models.samplers.pixel import Pixel, PixelKnobs, ascend
from tests.inline import kit, play, resumed_equals_unbroken
from tests.tinynets import PIXEL, clips, pixel_net, still

SEEDS = (3, 8)
PROMPT = Prompt("a red cat", negative="blue", seeds=SEEDS)
NAMES = next(spec.choices for spec in PixelKnobs.specs() if spec.name == "scheduler")


def tools(net, prompt=PROMPT, **changes):
    config = {"pixel": net.config, "pixel_scheduler": PIXEL | changes}
    return kit(config, clips()[0].tokenize(prompt.texts).ids)


def ours(net, prompt=PROMPT, changes=None, **settings):
    parts = {"clip": clips()[0], "pixel": net}
    return play(Pixel(), prompt, PixelKnobs(**settings), tools(net, prompt, **changes or {}), parts, look=True)


def generators():
    return [torch.Generator().manual_seed(seed) for seed in SEEDS]


def stock(pipeline, scheduler, net, steps, **inputs):
    pipe = pipeline(unet=net, scheduler=scheduler)
    pipe.set_progress_bar_config(disable=True)
    found = pipe(batch_size=2, generator=generators(), num_inference_steps=steps, output_type="np", **inputs)
    return torch.from_numpy(found.images).movedim(-1, 1)


def close(a, b, most=1e-4):
    worst = (a.double() - b.double()).abs().max().item()
    assert worst <= most, f"off by {worst}"


@pytest.mark.parametrize(("total", "steps"), [(60, 60), (1000, 7), (1000, 1)])
@pytest.mark.parametrize(("variance", "kind"), [("posterior", "fixed_small"), ("beta", "fixed_large")])
def test_ancestral_sampling_is_stocks_over_the_whole_chain_and_respaced(total, steps, variance, kind):
    net, changes = pixel_net(), {"num_train_timesteps": total}
    want = stock(DDPMPipeline, DDPMScheduler(**PIXEL | changes, variance_type=kind), net, steps)
    played = ours(net, changes=changes, scheduler="ddpm", steps=steps, variance=variance)
    assert played.picture.shape == (2, 3, 16, 24)
    assert played.asked == [("denoise", 2)] * steps
    close(played.picture, want)
    own = ours(net, changes=changes | {"variance_type": kind}, scheduler="ddpm", steps=steps)
    assert torch.equal(own.picture, played.picture)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim_is_stocks(eta):
    net = pixel_net()
    want = stock(DDIMPipeline, DDIMScheduler(**PIXEL), net, 9, eta=eta)
    close(ours(net, scheduler="ddim", steps=9, eta=eta).picture, want)


def paper(net, fold, guidance, steps, begin):
    """Algorithm 2 of arXiv 2006.11239 on folded pixels, guided from timestep `begin` on (as in arXiv 2404.07724),
    written out; variance beta-tilde, x0 clipped."""
    clip, tokenizer_texts = clips()[0], (PROMPT.text, PROMPT.negative)
    on, off = clip.text(clip.tokenize(tokenizer_texts).ids).states[:, None].expand(-1, 2, -1, -1)
    betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    bar = (1 - betas).cumprod(0)
    rngs = generators()
    draw = lambda: torch.stack([torch.randn(3, 16, 24, generator=g, dtype=torch.float64) for g in rngs])  # noqa: E731
    x, times = draw(), [i * (1000 // steps) for i in range(steps)][::-1]
    for t, before in zip(times, [*times[1:], -1], strict=True):
        eps = [
            F.pixel_shuffle(
                net(F.pixel_unshuffle(x, fold), torch.full((2,), t), encoder_hidden_states=words).sample, fold
            )
            for words in (on, off)
        ]
        eps = eps[1] + guidance * (eps[0] - eps[1]) if t <= begin else eps[0]
        x0 = ((x - (1 - bar[t]).sqrt() * eps) / bar[t].sqrt()).clamp(-1, 1)
        past = bar[before] if before >= 0 else torch.ones((), dtype=torch.float64)
        beta = 1 - bar[t] / past
        mean = past.sqrt() * beta / (1 - bar[t]) * x0 + (1 - beta).sqrt() * (1 - past) / (1 - bar[t]) * x
        x = mean + ((1 - past) / (1 - bar[t]) * beta).sqrt() * draw() if t else mean
    return (x / 2 + 0.5).clamp(0, 1)


@torch.no_grad()
@pytest.mark.parametrize("guidance", [1.0, 7.5])
def test_a_text_conditional_folded_net_is_sampled_as_the_paper_says(guidance):
    net = pixel_net(fold=4, words=True)
    played = ours(net, scheduler="ddpm", steps=6, guidance=guidance, variance="posterior")
    close(played.picture, paper(net, 4, guidance, 6, 1000))
    assert dict(played.asked)["denoise"] == (2 if guidance == 1 else 4)


@torch.no_grad()
def test_what_is_led_only_near_its_end_takes_single_rows_before():
    net = pixel_net(fold=4, words=True)
    settings = {"scheduler": "ddpm", "steps": 6, "guidance": 7.5, "variance": "posterior"}
    played = ours(net, **settings, guidance_from=0.35)  # timesteps 830, 664, 498, 332, 166, 0
    assert [rows for name, rows in played.asked if name == "denoise"] == [2, 2, 2, 4, 4, 4]
    close(played.picture, paper(net, 4, 7.5, 6, 350))
    assert (played.picture - ours(net, **settings).picture).abs().max() > 0.01


def test_the_empty_prompt_runs_single_rows():
    played = ours(pixel_net(fold=2, words=True), Prompt("", seeds=SEEDS), steps=3, guidance=5.0)
    assert played.asked == [("text", 2), *[("denoise", 2)] * 3]


class Config(dict):
    """A configuration as diffusers gives it: a mapping with attributes."""

    __getattr__ = dict.__getitem__


class Knows(nn.Module):
    """A net for which only one picture exists: its epsilon is exact, so every sampler must paint that picture."""

    def __init__(self, target, channels=3):
        super().__init__()
        self.target, self.channels, self.dtype = target, channels, torch.float64
        self.config = Config(in_channels=3, sample_size=tuple(target.shape[1:]))
        self.bar = (1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)).cumprod(0)

    def epsilon(self, x, bar):
        return (x - bar.sqrt() * self.target) / (1 - bar).sqrt()

    def forward(self, x, t):
        eps = self.epsilon(x, self.bar[t.long()].view(-1, 1, 1, 1))
        return SimpleNamespace(sample=torch.cat([eps, torch.ones_like(eps)], 1)[:, : self.channels])


class Grey(Knows):
    """A net whose pictures are Gaussian noise around grey, deviation 1/4: its epsilon is exact, too."""

    def epsilon(self, x, bar):
        return (1 - bar).sqrt() * x / (bar / 16 + 1 - bar)


@pytest.mark.parametrize("channels", [3, 6])
@pytest.mark.parametrize("name", NAMES)
def test_a_net_that_knows_one_picture_paints_it(name, channels):
    target = torch.rand(3, 8, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 1.8 - 0.9
    played = ours(Knows(target, channels), scheduler=name, steps=12)
    close(played.picture, (target / 2 + 0.5).expand(2, -1, -1, -1), 1e-3)
    close(played.looks[0], (target / 2 + 0.5).expand(2, -1, -1, -1), 1e-3)


def test_a_learned_variance_is_used_where_it_can_be():
    net = pixel_net(out=6)
    learned = ours(net, changes={"variance_type": "learned_range"}, scheduler="ddpm", steps=5)
    scheduler = DDPMScheduler(**PIXEL, variance_type="learned_range")
    scheduler.set_timesteps(5)
    rngs = generators()
    x = torch.cat([torch.randn((1, 3, 16, 24), generator=rng, dtype=torch.float64) for rng in rngs])
    for t in scheduler.timesteps:
        x = scheduler.step(net(x, t).sample, t, x, generator=rngs).prev_sample
    close(learned.picture, (x / 2 + 0.5).clamp(0, 1))


def test_clip_climbs_where_the_text_is():
    clip, net = clips()[0], Grey(torch.zeros(3, 16, 24))
    words = clip.text(clip.tokenize([PROMPT.text]).ids).embedding.expand(2, -1)
    with torch.no_grad():
        x0 = torch.rand(2, 3, 16, 24, generator=generators()[0], dtype=torch.float64) * 2 - 1
        uphill = ascend({"clip": clip}, x0, words)
        near = [F.cosine_similarity(clip.image((x0 + s * uphill) / 2 + 0.5), words) for s in (-1e-4, 1e-4)]
        assert (near[1] > near[0]).all()
        torch.testing.assert_close(uphill.square().mean((1, 2, 3)), torch.ones(2, dtype=torch.float64))
        plain, alone = ours(net, scheduler="ddim", steps=8).picture, replace(PROMPT, negative="")
        climbed = ours(net, alone, scheduler="ddim", steps=8, clip_guidance=0.3)
        alike = [F.cosine_similarity(clip.image(picture), words) for picture in (plain, climbed.picture)]
    assert (alike[1] > alike[0] + 0.05).all()
    assert climbed.asked[:3] == [("text", 2), ("denoise", 2), ("ascend", 2)]


def test_clip_climbs_away_from_the_negative_prompt():
    clip, net = clips()[0], Grey(torch.zeros(3, 16, 24))
    with torch.no_grad():
        on, off = clip.text(clip.tokenize([PROMPT.text, PROMPT.negative]).ids).embedding[:, None].expand(-1, 2, -1)

        def height(pictures, *away):
            found = clip.image(pictures / 2 + 0.5)
            return F.cosine_similarity(found, on) - sum(F.cosine_similarity(found, text) for text in away)

        x0, way = (torch.rand(2, 3, 16, 24, generator=rng, dtype=torch.float64) * 2 - 1 for rng in generators())
        uphill = ascend({"clip": clip}, x0, on, off)
        slopes = [(height(x0 + 1e-4 * v, off) - height(x0 - 1e-4 * v, off)) / 2e-4 for v in (uphill, way)]
        length = slopes[0] / uphill.square().sum((1, 2, 3))  # of the gradient itself, by central differences
        torch.testing.assert_close(slopes[1], length * (uphill * way).sum((1, 2, 3)), rtol=1e-3, atol=1e-6)
        settings = {"scheduler": "ddim", "steps": 8, "clip_guidance": 0.3}
        pictures = [ours(net, replace(PROMPT, negative=text), **settings).picture * 2 - 1 for text in ("", "blue")]
        one, both = (height(picture, off) for picture in pictures)
    assert (both > one + 0.01).all()


class Says(nn.Module):
    """What an epsilon net knows, said as x0 or as v."""

    def __init__(self, net, kind):
        super().__init__()
        self.net, self.kind, self.config, self.dtype = net, kind, net.config, net.dtype
        self.bar = DDPMScheduler(**PIXEL).alphas_cumprod

    def forward(self, x, t):
        found, bar = self.net(x, t).sample, self.bar[t.long()].view(-1, 1, 1, 1)
        signal, noise = bar.sqrt(), (1 - bar).sqrt()
        x0 = (x - noise * found) / signal
        return SimpleNamespace(sample=x0 if self.kind == "sample" else signal * found - noise * x0)


@pytest.mark.parametrize("kind", ["sample", "v_prediction"])
@pytest.mark.parametrize("name", NAMES)
def test_clip_leads_a_net_the_same_way_whatever_it_predicts(name, kind):
    net = Grey(torch.zeros(3, 16, 24))
    settings = {"scheduler": name, "steps": 5, "clip_guidance": 0.3, "variance": "posterior"}
    want = ours(net, **settings).picture
    close(ours(Says(net, kind), changes={"prediction_type": kind}, **settings).picture, want, 1e-6)
    assert (want - ours(net, **settings | {"clip_guidance": 0.0}).picture).abs().max() > 0.01


@pytest.mark.parametrize("name", NAMES)
def test_going_on_from_any_step_is_never_having_stopped(name):
    net = pixel_net(fold=2, words=True)
    parts, knobs = {"clip": clips()[0], "pixel": net}, PixelKnobs(scheduler=name, steps=5, eta=0.7, clip_guidance=0.5)
    assert resumed_equals_unbroken(Pixel(), PROMPT, knobs, tools(net), parts) == 5


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_means_the_same_picture_in_any_company(name):
    net = pixel_net(fold=2, words=True)
    both = ours(net, scheduler=name, steps=5, eta=1.0).picture
    close(
        both[1:], ours(net, Prompt(PROMPT.text, PROMPT.negative, SEEDS[1:]), scheduler=name, steps=5, eta=1.0).picture
    )
    assert (both[0] - both[1]).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"steps": 2000}, "steps is 2000"),
        ({"variance": "gamma"}, "variance is 'gamma'"),
        ({"clip_guidance": float("inf")}, "clip_guidance is inf"),
        ({"scheduler": "heun"}, "scheduler is 'heun'"),
    ],
)
def test_settings_out_of_range_name_themselves(settings, says):
    with pytest.raises(ValueError, match=says):
        PixelKnobs(**settings)


def test_a_side_that_a_deep_net_cannot_halve_is_refused_and_the_next_is_painted():
    kinds = {"down_block_types": ("DownBlock2D",) * 5, "up_block_types": ("UpBlock2D",) * 5}
    body = {"block_out_channels": (4,) * 5, "norm_num_groups": 2, "layers_per_block": 1}
    net = still(UNet2DModel(sample_size=48, in_channels=3, out_channels=3, add_attention=False, **kinds, **body), 4)
    with pytest.raises(ValueError, match="width is 40; give a multiple of 16, as the net halves it"):
        ours(net, steps=1, width=40)
    assert ours(net, steps=1, width=48, height=32).picture.shape == (2, 3, 32, 48)


def test_settings_that_do_not_fit_the_net_say_what_would():
    net = pixel_net()
    wide = dict(net.config) | {"in_channels": 768}  # folded 16 x 16
    with pytest.raises(ValueError, match="width is 24; give a multiple of 32"):  # halved once besides
        play(Pixel(), PROMPT, PixelKnobs(width=24), kit({"pixel": wide, "pixel_scheduler": PIXEL}, None), {})
    with pytest.raises(ValueError, match="in_channels is 5"):
        play(
            Pixel(), PROMPT, PixelKnobs(), kit({"pixel": wide | {"in_channels": 5}, "pixel_scheduler": PIXEL}, None), {}
        )
