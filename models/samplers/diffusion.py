"""What the diffusion samplers share: a fresh scheduler a run, one step of it, noise, and the State between steps.

Schedulers are diffusers'.  Their timesteps and sigmas stay on the CPU; pictures and results live where `kit.noise`
delivers.  Noise inside a step is drawn from the run's own CPU generators, one a picture, as `kit.noise` does.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from copy import copy, deepcopy
from functools import cache
from typing import Any

import diffusers
import torch
from torch import Tensor
from torch.nn import functional as F

from models.protocol import Kit, Look, State

SCHEDULERS: Mapping[str, type] = {
    "ddpm": diffusers.DDPMScheduler,  # Ho et al., arXiv 2006.11239, algorithm 2; respaced as in Nichol & Dhariwal
    "ddim": diffusers.DDIMScheduler,  # Song et al., arXiv 2010.02502, equation 12
    "euler": diffusers.EulerDiscreteScheduler,  # Karras et al., arXiv 2206.00364, algorithm 2 without churn
    "euler_a": diffusers.EulerAncestralDiscreteScheduler,  # k-diffusion's ancestral steps
    "dpm++": diffusers.DPMSolverMultistepScheduler,  # Lu et al., arXiv 2211.01095, algorithm 2 (2M)
    "heun": diffusers.HeunDiscreteScheduler,  # Karras et al., algorithm 1
    "unclip": diffusers.UnCLIPScheduler,  # Karlo's respaced DDPM
}


@cache
def _takes(function: Any) -> frozenset[str]:
    return frozenset(inspect.signature(function).parameters)


def fresh(name: str, config: Mapping[str, Any], steps: int, **changes: Any) -> Any:
    """A new scheduler `name` over the noise that `config` (a scheduler_config.json) describes, set to `steps`.

    `changes` override the configuration where the scheduler knows them.  ValueError where `steps` exceeds the chain.
    """
    total = config.get("num_train_timesteps", 1000)
    if steps > total:
        raise ValueError(f"steps is {steps}; give 1 to {total}, the steps that the net was trained on")
    kind = SCHEDULERS[name]
    unset = {"_use_default_values", *config.get("_use_default_values", ())}  # another class has other defaults
    known = {key: value for key, value in config.items() if key not in unset} | changes
    if config.get("_class_name") == "UnCLIPScheduler":
        known = {"beta_schedule": "squaredcos_cap_v2"} | known  # the only one it has; its configurations do not say so
    if name == "dpm++":
        # Its clipping of x0 goes by another name, and it slices learned variances off three channels only.
        clip = known.get("clip_sample", True)  # as the others do
        known |= {"thresholding": clip, "sample_max_value": 1.0, "variance_type": None, "algorithm_type": "dpmsolver++"}
        known |= {"solver_order": 2}
    scheduler = kind(**{key: value for key, value in known.items() if key in _takes(kind.__init__)})
    scheduler.set_timesteps(steps)
    return scheduler


def own(config: Mapping[str, Any]) -> str:
    """The name of the scheduler that `config` was written for; Karlo's where it does not say."""
    kind = config.get("_class_name", "UnCLIPScheduler")
    names = [name for name, known in SCHEDULERS.items() if known.__name__ == kind]
    if not names:
        raise ValueError(f"_class_name is {kind!r}; give one of {[known.__name__ for known in SCHEDULERS.values()]}")
    return names[0]


def advance(
    scheduler: Any, found: Tensor, t: Tensor, x: Tensor, rngs: Sequence[torch.Generator], **extras: Any
) -> tuple[Tensor, Tensor]:
    """One step: what the net `found` at x_t -> (x_{t-1}, the x0 it implies).  `extras` a scheduler lacks are left out.

    `found` may carry a learned variance in further channels; it is used where the scheduler can, else dropped.
    """
    if found.shape[1] > x.shape[1] and not str(scheduler.config.get("variance_type")).startswith("learned"):
        found = found[:, : x.shape[1]]
    extras["generator"] = list(rngs)
    takes = _takes(type(scheduler).step)
    done = scheduler.step(found, t, x, **{key: value for key, value in extras.items() if key in takes})
    x0 = done.get("pred_original_sample")
    return done.prev_sample, scheduler.model_outputs[-1] if x0 is None else x0  # DPM++ keeps its x0 there


def implied(scheduler: Any, found: Tensor, t: Tensor, x: Tensor) -> Tensor:
    """The x0 that a net says x_t holds, by what it `found` there: epsilon (Ho et al., equation 15), x0 itself, or
    v = sqrt(alpha-bar) epsilon - sqrt(1 - alpha-bar) x0 (Salimans & Ho, arXiv 2202.00512, appendix D)."""
    signal, noise = scheduler.alphas_cumprod[t].sqrt(), (1 - scheduler.alphas_cumprod[t]).sqrt()
    kind = scheduler.config.prediction_type
    if kind == "epsilon":
        return (x - noise * found) / signal
    return signal * x - noise * found if kind == "v_prediction" else found


def implying(scheduler: Any, x0: Tensor, t: Tensor, x: Tensor) -> Tensor:
    """What a net would have found at x_t if that held `x0`: the inverse of `implied`."""
    signal, noise = scheduler.alphas_cumprod[t].sqrt(), (1 - scheduler.alphas_cumprod[t]).sqrt()
    kind = scheduler.config.prediction_type
    if kind == "epsilon":
        return (x - signal * x0) / noise
    return (signal * x - x0) / noise if kind == "v_prediction" else x0


def noised(scheduler: Any, x: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """x with the noise of timestep t added.  On a copy: diffusers moves its own tables to x's device here."""
    return copy(scheduler).add_noise(x, noise, t[None])


def facts(scheduler: Any, t: Tensor) -> dict[str, float]:
    """Where the chain is: the timestep, and sqrt(1 - alpha-bar), the noise's share of x_t, from 1 down to 0."""
    last = len(scheduler.alphas_cumprod) - 1
    return {"timestep": float(t), "noise": float((1 - scheduler.alphas_cumprod[min(round(float(t)), last)]).sqrt())}


def home(kit: Kit) -> Tensor:
    """An empty tensor on the device and in the dtype of everything that a sampler computes."""
    return kit.noise((0,), [torch.Generator()])


def generators(seeds: Sequence[int], start: State | None = None) -> list[torch.Generator]:
    """One CPU generator a picture, fresh from its seed or as they were in `start`."""
    rngs = [torch.Generator().manual_seed(seed) for seed in seeds]
    if start is not None:
        for rng, state in zip(rngs, start.rng, strict=True):
            rng.set_state(state)
    return rngs


def freeze(i: int, x: Mapping[str, Tensor], rngs: Sequence[torch.Generator], scheduler: Any = None) -> State:
    """All that crosses step `i`, copied to the CPU."""
    kept = {name: value.detach().to("cpu", copy=True) for name, value in x.items()}
    return State(i, kept, tuple(rng.get_state() for rng in rngs), _moved(scheduler, "cpu"))


def thaw(start: State, like: Tensor) -> tuple[Any, dict[str, Tensor]]:
    """The scheduler and tensors of a State, copied to where `like` is (tables: the CPU); `start` stays as it was."""
    kept = {k: v.to(like.device if v.ndim > 1 else "cpu", copy=True) for k, v in start.x.items()}
    return _moved(start.scheduler, like.device), kept


def _moved(scheduler: Any, device: torch.device | str) -> Any:
    """A deep copy with its pictures on `device`; its tables, which have one axis, stay on the CPU."""
    twin = deepcopy(scheduler)
    for name, value in vars(twin).items() if twin is not None else ():
        if isinstance(value, Tensor) and value.ndim > 1:
            setattr(twin, name, value.to(device))
        elif isinstance(value, list):
            setattr(twin, name, [v.to(device) if isinstance(v, Tensor) and v.ndim > 1 else v for v in value])
    return twin


def dtype_of(net: Any) -> torch.dtype:
    """What a net computes in, by its first weight: diffusers' `dtype` walks through all layers at every question."""
    first = next(net.parameters(), None)
    return net.dtype if first is None else first.dtype


def folded(net: Any, x: Tensor, t: Tensor, **context: Any) -> Tensor:
    """A net over pictures (B, C, H, W), which it may see folded: squares of `fold` pixels a side as channels.

    Where its in_channels are C * fold^2 the picture is pixel-unshuffled before and its output shuffled back.
    """
    fold = math.isqrt(net.config.in_channels // x.shape[1])
    found = net(F.pixel_unshuffle(x.to(dtype_of(net)), fold), t, **context).sample
    return F.pixel_shuffle(found, fold).to(x.dtype)


def native(name: str, config: Mapping[str, Any], channels: int = 3) -> tuple[int, int, int]:
    """(fold, H, W) in pixels of the pictures a net was trained on; ValueError where in_channels do not fold."""
    fold = math.isqrt(config["in_channels"] // channels)
    if fold < 1 or channels * fold**2 != config["in_channels"]:
        raise ValueError(f"{name}.in_channels is {config['in_channels']}; give {channels} times a square")
    size = config["sample_size"]
    tall, wide = (size, size) if isinstance(size, int) else size
    return fold, tall * fold, wide * fold


def grain(fold: int, config: Mapping[str, Any]) -> int:
    """Pixels by which the sides of a net's pictures must divide: `fold`, and for diffusers' UNet2DModel, which cannot
    do otherwise, every halving."""
    return fold if "cross_attention_dim" in config else fold * 2 ** (len(config.get("block_out_channels", (1,))) - 1)


def picture(x: Tensor) -> Tensor:
    """[-1, 1] -> [0, 1], clamped."""
    return (x / 2 + 0.5).clamp(0, 1)


def show(x: Tensor) -> Look:
    """A look at a picture in [-1, 1] that is already there."""
    yield from ()
    return picture(x)
