"""Tiny random networks and two toy painters for tests of the engine: a diffusion loop, and an optimiser.

The painters are real: guidance by pairs, noise inside steps, looks through a decoder, States; gradients in a target.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from models.catalog import Part, Suite
from models.engine import Engine
from models.knobs import Knobs, knob
from models.protocol import Kit, Painting, Prompt, Request, State, Step, Target, ask
from models.registry import Registry


@dataclass(frozen=True)
class ToyKnobs(Knobs):
    steps: int = knob(4, low=1, high=1000)
    guidance: float = knob(2.0, low=1.0, high=30.0)
    size: int = knob(8, low=4, high=64, step=4)


def denoise(parts: Mapping[str, nn.Module], x: Tensor, t: Tensor, context: Tensor) -> Tensor:
    return parts["unet"](x, t, encoder_hidden_states=context).sample


def decode(parts: Mapping[str, nn.Module], x: Tensor) -> Tensor:
    return parts["vae"](x).sigmoid()


def gradient(parts: Mapping[str, nn.Module], z: Tensor) -> tuple[Tensor, Tensor]:
    """How far decoded z is from grey, and the gradient of that: an optimiser's target, grad enabled inside."""
    with torch.enable_grad():
        z = z.detach().requires_grad_(True)
        loss = (parts["critic"](z) - 0.5).square().flatten(1).mean(1)
        (slope,) = torch.autograd.grad(loss.sum(), z)
    return loss.detach(), slope


def generators(prompt: Prompt, start: State | None) -> list[torch.Generator]:
    rngs = [torch.Generator().manual_seed(seed) for seed in prompt.seeds]
    for rng, state in zip(rngs, start.rng if start else (), strict=False):
        rng.set_state(state)
    return rngs


def freeze(i: int, rngs: list[torch.Generator], **x: Tensor) -> State:
    return State(i, {name: value.clone() for name, value in x.items()}, tuple(rng.get_state() for rng in rngs))


def look(x: Tensor):
    return (yield from ask("decode", x))


class Toy:
    """DDIM with eta = 1 and a linear alpha-bar, guided by the prompt's length."""

    knobs = ToyKnobs
    targets: Mapping[str, Target] = {"denoise": Target(denoise, ("unet",)), "decode": Target(decode, ("vae",))}

    def __call__(self, prompt: Prompt, knobs: ToyKnobs, kit: Kit, start: State | None = None) -> Painting:
        rngs, n = generators(prompt, start), knobs.steps
        shape = (4, knobs.size, knobs.size)
        x = start.x["x"] if start else kit.noise(shape, rngs)
        on = torch.full((len(x), 2, 8), len(prompt.text) / 8, dtype=x.dtype)
        guided = knobs.guidance > 1
        for i in range(start.i if start else 0, n):
            rows = (torch.cat([x, x]), torch.cat([-on, on])) if guided else (x, on)
            t = torch.full((len(rows[0]),), 1000.0 * (n - i) / n)
            found = yield from ask("denoise", rows[0], t, rows[1])
            if guided:
                off, found = found.chunk(2)
                found = off.lerp(found, knobs.guidance)
            now, then = 1 - 0.9 * (n - i) / n, 1 - 0.9 * (n - i - 1) / n
            x0 = (x - (1 - now) ** 0.5 * found) / now**0.5
            x = then**0.5 * x0 + (1 - then) ** 0.5 * kit.noise(shape, rngs)
            yield Step(i + 1, n, partial(look, x0), {"noise": 1 - then}, partial(freeze, i + 1, rngs, x=x))
        return (yield from look(x))


class Optimiser:
    """Momentum descent on a latent, by gradients that a target computes."""

    knobs = ToyKnobs
    targets: Mapping[str, Target] = {"gradient": Target(gradient, ("critic",)), "decode": Target(decode, ("vae",))}

    def __call__(self, prompt: Prompt, knobs: ToyKnobs, kit: Kit, start: State | None = None) -> Painting:
        rngs, n = generators(prompt, start), knobs.steps
        z = start.x["z"] if start else kit.noise((4, knobs.size, knobs.size), rngs)
        speed = start.x["speed"] if start else torch.zeros_like(z)
        for i in range(start.i if start else 0, n):
            loss, slope = yield from ask("gradient", z)
            speed = 0.9 * speed + slope
            z = z - 5 * speed
            state = partial(freeze, i + 1, rngs, z=z, speed=speed)
            yield Step(i + 1, n, partial(look, z), {"loss": loss.mean().item()}, state)
        return (yield from look(z))


SAMPLERS = {"toy": Toy(), "optimiser": Optimiser()}


@cache
def net(name: str, dtype: torch.dtype = torch.float32, seed: int = 0) -> nn.Module:
    """A seeded network by part name; never written to."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if name == "unet":
            made = unet()
        elif name == "critic":
            made = nn.Sequential(nn.Conv2d(4, 8, 3, padding=1), nn.SiLU(), nn.Conv2d(8, 3, 3, padding=1), nn.Sigmoid())
        else:
            made = nn.Sequential(nn.Conv2d(4, 8, 3, padding=1), nn.SiLU(), nn.ConvTranspose2d(8, 3, 2, stride=2))
    return nn.Module.to(made, dtype).eval().requires_grad_(False)


def unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(8, 16), norm_num_groups=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=8, attention_head_dim=4,
    )  # fmt: skip


def size_of(module: nn.Module) -> int:
    return sum(value.numel() * value.element_size() for value in module.state_dict().values())


def suite(names=("unet", "vae", "critic"), name: str = "tiny") -> Suite:
    return Suite(name, {part: Part(part, part, Path(f"{name}/{part}")) for part in names})


def registry(budget: int | None = None, dtype: torch.dtype = torch.float32, read=None, **options) -> Registry:
    """A registry of the tiny suite whose files are already read."""
    read = read or (lambda part: net(part.kind, dtype))
    return Registry([suite()], budget, read=read, weigh=lambda part: size_of(net(part.kind, dtype)), **options)


def engine(samplers=SAMPLERS, dtype: torch.dtype = torch.float32, lender: Registry | None = None, **options) -> Engine:
    return Engine(lender or registry(dtype=dtype), samplers, dtype=dtype, **options)


def request(sampler: str = "toy", text: str = "a ball", client: str = "a", seeds=(0,), **more) -> Request:
    """`more`: knobs of the toys, and fields of Request."""
    names = {spec.name for spec in ToyKnobs.specs()}
    knobs = ToyKnobs(**{name: more.pop(name) for name in list(more) if name in names})
    return Request(sampler, Prompt(text, seeds=tuple(seeds)), knobs, "tiny", client, **more)


class Cost:
    """A clock that only networks move: `seconds` a row, by target."""

    def __init__(self, **seconds: float):
        self.now, self.seconds = 0.0, seconds

    def __call__(self) -> float:
        return self.now

    def target(self, name: str, of: Target | None = None) -> Target:
        """`of` on this clock; None: a network that hands back what it is given."""
        of = of or Target(lambda parts, x: x, ())

        def run(parts, *rows, **opts):
            self.now += self.seconds[name] * len(rows[0])
            return of.fn(parts, *rows, **opts)

        return Target(run, of.parts)
