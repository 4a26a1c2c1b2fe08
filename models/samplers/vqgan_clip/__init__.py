"""VQGAN+CLIP: nothing was trained to paint; a picture is climbed to (Crowson et al., VQGAN-CLIP, arXiv 2204.08583).

The latent of a VQGAN is moved step by step until CLIP finds crops of the decoded picture close to the prompts and
far from the negative ones; the gradient passes the codebook straight through.  We deviate in two things: the latent
is held in standard units of the codebook, so that rates and limits mean the same for every VQGAN; and besides the
paper's Adam there is a normalised climb, the rule under which a robust picture tower was trained to be asked.
"""

from __future__ import annotations

import math
from collections.abc import Generator as Coroutine
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from models.knobs import Knobs, knob
from models.protocol import Kit, Look, Painting, Prompt, State, Step, ask
from models.samplers.crops import CropKnobs, draw_crops
from models.samplers.diffusion import freeze, generators, home
from models.samplers.fits import fit
from models.samplers.vqgan_clip.targets import TARGETS, TOWERS, factor_of, tower_of
from models.samplers.vqgan_clip.views import VIEWS

Held = Mapping[str, Tensor]  # x: the latent; shown: its running average; m, v: Adam's moments


@dataclass(frozen=True)
class ClimbKnobs(Knobs):
    """How the latent is moved, and where it begins.  A prompt with an image begins there."""

    steps: int = knob(80, low=1, high=1000, unit="steps")
    rule: str = knob("climb", choices=("climb", "adam"))
    rate: float = knob(0.14, low=0.001, high=1.0, step=0.01, unit="standard deviations")
    final: float = knob(0.1, low=0.0, high=1.0, step=0.05, unit="of the rate, at the last step")
    limit: float = knob(3.5, low=0.5, high=10.0, step=0.5, unit="standard deviations")
    average: float = knob(0.0, low=0.0, high=0.99, step=0.01)  # how much of the old stays in what is shown
    begin: str = knob("noise", choices=("noise", "codes"))
    negative: float = knob(0.5, low=0.0, high=2.0, step=0.1, unit="times the prompt")
    tower: str = knob("robust", choices=tuple(TOWERS))  # a suite without a robust tower asks its ordinary one
    width: int | None = knob(None, low=16, high=1024, step=16, unit="px")  # None: as the VQGAN was trained
    height: int | None = knob(None, low=16, high=1024, step=16, unit="px")


@dataclass(frozen=True)
class VqganClipKnobs(CropKnobs, ClimbKnobs):
    """The climb's settings, then the crops', then the enlargement's."""

    upsample: bool = knob(False)  # four times as wide at the end, where the suite has an upsampler: `Enlarged`
    upsample_steps: int = knob(7, low=2, high=1000, unit="steps")


class VqganClip:
    """Prompt -> pictures.  `views` gives more to see of a `State`: the crops as CLIP gets them, the map of codes."""

    knobs = VqganClipKnobs
    targets = TARGETS
    views = VIEWS

    def __call__(self, prompt: Prompt, knobs: VqganClipKnobs, kit: Kit, start: State | None = None) -> Painting:
        fit(kit.config)
        height, width, factor = _size(knobs, kit)
        names, weights = _aims(prompt, knobs)
        climb = f"climb_{tower_of(knobs, kit)}"
        like, rngs = home(kit), generators(prompt.seeds, start)
        _, texts, _ = yield from ask("text", kit.tokens)
        texts = F.normalize(texts.to(like), dim=-1).expand(len(rngs), -1, -1)
        weights = like.new_tensor(weights).expand(len(rngs), -1)
        if start is None:
            x = yield from _begin(prompt, knobs, kit, rngs, (height, width), factor)
            held: Held = {"x": x, "shown": x}
        else:
            held = {name: value.to(like) for name, value in start.x.items()}

        for i in range(start.i if start else 0, knobs.steps):
            crops = draw_crops(knobs, rngs, height, width)
            told = yield from ask(climb, held["x"], texts, weights, *crops, noisy=knobs.noise > 0)
            held = advance(held, told[0], i, knobs)
            yield Step(
                i + 1,
                knobs.steps,
                look=partial(_look, held["shown"]),
                facts=_facts(names, *told[1:]),
                state=partial(freeze, i + 1, held, rngs),
            )
        return (yield from _look(held["shown"]))


def advance(held: Held, grad: Tensor, i: int, knobs: ClimbKnobs) -> Held:
    """Step `i` (from 0) of the rule chosen, at a rate that falls linearly to `final` of itself."""
    rate = knobs.rate * (1 + (knobs.final - 1) * i / max(1, knobs.steps - 1))
    move, moments = (_adam if knobs.rule == "adam" else _climb)(held, grad, i)
    x = (held["x"] - rate * move).clamp(-knobs.limit, knobs.limit)
    shown = held["shown"].lerp(x, max(1 - knobs.average, 1 / (i + 1)))  # a plain mean until that is the slower one
    return {"x": x, "shown": shown, **moments}


def _climb(held: Held, grad: Tensor, i: int) -> tuple[Tensor, Held]:
    """The gradient, its mean square made 1 for each picture: how far does not depend on how steep."""
    return grad / grad.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-30), {}


def _adam(held: Held, grad: Tensor, i: int, betas: tuple[float, float] = (0.9, 0.999)) -> tuple[Tensor, Held]:
    """Kingma and Ba, arXiv 1412.6980, algorithm 1."""
    still = torch.zeros_like(grad)
    m = betas[0] * held.get("m", still) + (1 - betas[0]) * grad
    v = betas[1] * held.get("v", still) + (1 - betas[1]) * grad.square()
    move = m / (1 - betas[0] ** (i + 1)) / ((v / (1 - betas[1] ** (i + 1))).sqrt() + 1e-8)
    return move, {"m": m, "v": v}


def _size(knobs: ClimbKnobs, kit: Kit) -> tuple[int, int, int]:
    """Height and width of the picture, and pixels along one side of a code."""
    shape, factor = kit.config["vqgan"]["ddconfig"], factor_of(kit)
    trained = shape["resolution"] * math.isqrt(shape["in_channels"] // 3)
    sides = [getattr(knobs, name) or trained for name in ("height", "width")]
    for name, side in zip(("height", "width"), sides, strict=True):
        if side % factor:
            raise ValueError(f"{name} is {side}; give a multiple of {factor}, the pixels of one code")
    return sides[0], sides[1], factor


def _aims(prompt: Prompt, knobs: ClimbKnobs) -> tuple[list[str], list[float]]:
    """Names and weights of `prompt.texts`.  An empty negative prompt weighs nothing."""
    for i, (text, weight) in enumerate(prompt.more):
        if not math.isfinite(weight):
            raise ValueError(f"more[{i}] ({text!r}) weighs {weight}; give a finite number, below 0 to push away")
    names = ["text", "negative", *(f"more {i + 1}" for i in range(len(prompt.more)))]
    return names, [1.0, -knobs.negative if prompt.negative else 0.0, *(weight for _, weight in prompt.more)]


def _begin(
    prompt: Prompt, knobs: ClimbKnobs, kit: Kit, rngs: Sequence[Generator], sides: tuple[int, int], factor: int
) -> Coroutine[Any, Any, Tensor]:
    """The first latent (B, C, h, w): of the prompt's image, of random codes, or normal noise."""
    config = kit.config["vqgan"]
    shape = (sides[0] // factor, sides[1] // factor)
    if prompt.image is not None:
        image = F.interpolate(
            prompt.image[None].to(home(kit)), sides, mode="bilinear", antialias=True, align_corners=False
        )
        x = yield from ask("encode", image)
        return x.repeat(len(rngs), 1, 1, 1)
    if knobs.begin == "codes":
        uniform = torch.special.ndtr(kit.noise(shape, rngs))
        codes = (uniform * config["n_embed"]).long().clamp(max=config["n_embed"] - 1)
        return (yield from ask("look_up", codes))
    return kit.noise((config["embed_dim"], *shape), rngs)


def _look(x: Tensor) -> Look:
    pictures, _ = yield from ask("decode", x)
    return pictures


def _facts(names: list[str], losses: Tensor, cosines: Tensor, used: Tensor) -> dict[str, float]:
    """Means over the pictures: the loss and each text's share, the text's similarity, how many codes are in use."""
    numbers = torch.cat((losses, cosines[:, :1], used[:, None]), 1).mean(0).tolist()  # one wait for the device
    shares, (similarity, codes) = numbers[:-2], numbers[-2:]
    terms = {f"loss of {name}": share for name, share in zip(names, shares, strict=True)}
    return {"loss": sum(shares), **terms, "similarity": similarity, "codes": codes}
