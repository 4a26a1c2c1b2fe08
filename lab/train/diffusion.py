"""What latent, pixel and decoder nets share: one body, captions with some left empty, and a quick look at samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor

from models.parts.clip import Clip

FOCUS = 6.0  # how much more an error counts where things stand, at the start of a training
EMPTY = 0.1  # share of captions left empty, for guidance (Ho & Salimans, arXiv 2207.12598)
ALONE = (0.75, 0.2)  # share of large things alone at the start of a new and of a resumed training, falling to none
PLACED = 0.25  # share of the others that shows one thing beside another: where is decided in a few noisy steps
WIDTHS, GROUPS, HEADS = (80, 120), 20, 4

# The whole sentence beside the time step too, so that every block knows what is asked (as in DeepFloyd IF's networks);
# attention over its words stands at 8 x 8 alone, and what a thing looks like is decided at 16 x 16 as well.
POOLED = {"addition_embed_type": "text", "addition_embed_type_num_heads": HEADS}

PROMPTS = (
    "a large red cat in a meadow",
    "a blue boat in the sea",
    "a yellow moon at night",
    "a small pink house left of a green tree in the snow",
    "an orange fish above a purple car on a beach",
    "a large white rocket at sunset",
    "a black umbrella in the snow",
    "a red heart and a green star at night",
    "three yellow stars at night",
    "two pink flowers in a meadow",
    "a cup",
    "a brown kite",
    "草地上的一只大红猫",
    "夜里有三颗黄色的星星",
    "沙滩上，一个红球在一把蓝雨伞的左边",
    "一顶紫色的皇冠",
)


def body(channels_in: int, channels_out: int, text_width: int, **extra: Any) -> UNet2DConditionModel:
    """4 M parameters: convolutions at 16 x 16, attention at 8 x 8 only, where a CPU can afford it."""
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=channels_in,
        out_channels=channels_out,
        block_out_channels=WIDTHS,
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=GROUPS,
        attention_head_dim=HEADS,
        cross_attention_dim=text_width,
        **extra,
    )


def start_from(net: UNet2DConditionModel, other: UNet2DConditionModel) -> None:
    """Copy every weight of `other` whose name and shape `net` shares: words and layout need not be learned twice."""
    mine, theirs = net.state_dict(), other.state_dict()
    shared = [name for name in mine if name in theirs and mine[name].shape == theirs[name].shape]
    net.load_state_dict({name: theirs[name].float() for name in shared}, strict=False)


class Words:
    """Token states of captions, by the frozen CLIP; a tenth of a batch reads the empty text instead."""

    def __init__(self, clip: Clip) -> None:
        self.clip = clip.requires_grad_(False)
        self.empty = clip.tokenize([""]).ids

    def drop(self, tokens: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Tokens with a tenth emptied, and which ones (B,) bool."""
        gone = torch.rand(len(tokens), generator=rng) < EMPTY
        return torch.where(gone[:, None], self.empty, tokens), gone

    @torch.no_grad()
    def states(self, tokens: Tensor, device: torch.device) -> Tensor:
        self.clip.to(device)
        return self.clip.text(tokens.to(device)).states.float()


def weight(alphas: Tensor, t: Tensor) -> Tensor:
    """Weight (B, 1, 1, 1) of an error of x0 at timesteps `t`: that of v-prediction, 1 + SNR (Salimans & Ho,
    arXiv 2202.00512, sec. 4), held at 10 so that the last traces of noise do not rule (Hang et al., arXiv 2303.09556).
    """
    return (1 / (1 - alphas[t])).clamp(max=10).view(-1, 1, 1, 1)


def focused(error: Tensor, shown: Tensor, done: float) -> Tensor:
    """Mean of `error` (B, C, 16, 16) that looks more at cells of `shown` (B, 16, 16), where things stand.

    Most of a picture is background, and most of the gradient's noise.  But the weight leans to full pictures, so it is
    gone when two thirds of the time are `done`.
    """
    return weighted(error, shown, FOCUS * max(0.0, 1 - 1.5 * done))


def weighted(error: Tensor, shown: Tensor, focus: float) -> Tensor:
    """Mean of `error` (B, C, H, W) in which it counts 1 + `focus` times where things are `shown` (B, H, W)."""
    weights = 1 + focus * shown[:, None].to(error)
    return (weights * error).mean() / weights.mean()


def times(rng: torch.Generator, count: int, centre: float = 0.0) -> Tensor:
    """Timesteps (count,) of 1000: half uniform, half logit-normal about `centre`, where shapes are decided
    (Esser et al., arXiv 2403.03206, sec. 3.1)."""
    middle = torch.sigmoid(centre + torch.randn(count, generator=rng))
    flat = torch.rand(count, generator=rng)
    return (1000 * torch.where(torch.rand(count, generator=rng) < 0.5, middle, flat)).long().clamp(max=999)


@torch.no_grad()
def sample(
    predict: Callable[[Tensor, Tensor, Tensor], Tensor],
    scheduler: DDIMScheduler,
    states: Tensor,
    empty: Tensor,
    shape: tuple[int, ...],
    steps: int = 20,
    guidance: float = 4.0,
) -> Tensor:
    """DDIM with guidance, for looks in training: `predict(x, t, states)` over (2B, ...) rows; returns x (B, ...)."""
    scheduler.set_timesteps(steps)
    x = torch.randn((len(states), *shape), generator=torch.Generator().manual_seed(0)).to(states.device)
    context = torch.cat([states, empty.expand_as(states)])
    for t in scheduler.timesteps:
        cond, uncond = predict(torch.cat([x, x]), t.expand(2 * len(x)).to(x.device), context).float().chunk(2)
        x = scheduler.step(uncond.lerp(cond, guidance), t, x).prev_sample
    return x


def fold(pixels: Tensor) -> Tensor:
    """(B, 3, 64, 64) -> (B, 48, 16, 16): still pixels, but 2 to 4 times cheaper for a net."""
    return F.pixel_unshuffle(pixels, 4)


def unfold(folded: Tensor) -> Tensor:
    return F.pixel_shuffle(folded, 4)
