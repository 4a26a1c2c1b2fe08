"""What is timed: a painter at few steps, and beside it the stock painters of the same picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lab.measure.bench import stock
from lab.measure.bench.weights import write_suite
from lab.race import default_engine, missing
from models.engine import Engine
from models.knobs import Knobs
from models.loaders import load
from models.parts import openvino
from models.protocol import Prompt, Request
from models.samplers.diffusion import dtype_of

TEXT = "a large red cat in a meadow"
STEPS = {  # enough that a step weighs more than a start, few enough that all is told in minutes
    "latent": {"steps": 10}, "pixel": {"steps": 10}, "vqgan_clip": {"steps": 10},
    "unclip": {"steps": 8, "prior_steps": 5, "upsample_steps": 4},
}  # fmt: skip
FEW = {  # for tiny networks, whose times say nothing but that everything runs
    "latent": {"steps": 4}, "pixel": {"steps": 4}, "vqgan_clip": {"steps": 3, "crops": 3},
    "unclip": {"steps": 3, "prior_steps": 2, "upsample_steps": 2},
}  # fmt: skip
LIKE_STOCK = {"unclip": {"candidates": 1, "upsample": True}}  # what the stock pipeline always does
NETS = {"latent": "unet", "pixel": "pixel", "vqgan_clip": "vqgan", "unclip": "decoder"}  # most of the work
PIPELINES = {"latent": "StableDiffusionPipeline", "pixel": "DDIMPipeline", "unclip": "UnCLIPPipeline"}


@dataclass(frozen=True, slots=True)
class Case:
    """A painter as it is timed, those that it is timed against, and the steps of a job that a newcomer meets.

    `same`: whether the first of those paints the same picture, rounding apart.  `dtype`: what most is computed in.
    """

    family: str
    knobs: Knobs
    text: str
    stock: Mapping[str, stock.Painter]
    long: int = 100
    suite: str = "classroom"
    title: str = ""  # what its rows are called; empty: as the painter
    same: bool = False
    dtype: str = ""

    @property
    def name(self) -> str:
        return self.title or self.family

    @property
    def climbs(self) -> bool:
        return self.family == "vqgan_clip"

    def request(self, client: str = "bench", seed: int = 0, **knobs: Any) -> Request:
        return Request(self.family, Prompt(self.text, seeds=(seed,)), replace(self.knobs, **knobs), self.suite, client)


def make_case(engine: Engine, parts: Mapping[str, Any], family: str, size: str, steps: int | None = None) -> Case:
    """A painter at `steps`, or few, around `parts`, all that it names."""
    config = engine.registry.config("classroom", parts)
    parts = {name: part.net if isinstance(part, openvino.Swift) else part for name, part in parts.items()}
    folder = engine.registry.suite("classroom")["vae"].path.parent
    settings = LIKE_STOCK.get(family, {}) | (FEW if size == "tiny" else STEPS)[family]
    settings |= {"steps": steps} if steps else {}
    if family == "vqgan_clip":
        shape = config["vqgan"]["ddconfig"]
        side = shape["resolution"] * parts["vqgan"].fold
        settings |= {"width": side, "height": side}  # the loop cannot tell what a folded VQGAN's own size is
    knobs = engine.samplers[family].knobs(**settings)
    make = partial(getattr(stock, family), parts, config, knobs, folder)
    if family == "vqgan_clip":
        twins = {"loop, crops stacked": make(stacked=True), "loop, crop by crop": make(stacked=False)}
    else:
        twins = {PIPELINES[family]: make()}
    same = family in ("latent", "pixel")  # the classroom's unCLIP has no learned variance, which stock's has to have
    return Case(
        family, knobs, "" if family == "pixel" else TEXT, twins, 12 if size == "tiny" else 100, same=same,
        dtype=narrow(parts, family),
    )  # fmt: skip


def narrow(parts: Mapping[str, Any], family: str) -> str:
    """The precision of the network that does most of the work, the same for us and for stock around it."""
    return str(dtype_of(parts[NETS[family]])).removeprefix("torch.")


@contextmanager
def open_engine(
    size: str, families: Sequence[str], suite: str | Path | None, device: str, weights: str | None = None
) -> Iterator[tuple[Engine, str]]:
    """An inline engine on given or shipped weights, or else on random ones; and which of them."""
    options = {"device": device}
    if device in openvino.FORMS:
        options = {"device": "cpu", "read": openvino.reader(load, device, often=1)}
    if suite is not None or (size == "classroom" and weights is None):
        engine = default_engine(suite or "classroom", **options)
        gone = missing(engine, "classroom", tuple(families))
        if not gone:
            yield engine, "shipped" if suite in (None, "classroom") else "given"
            return
        if suite is not None:
            raise ValueError("; ".join(f"{family} is not available: {why}" for family, why in gone.items()))
    with TemporaryDirectory() as folder:
        yield default_engine(write_suite(Path(folder), size), **options), "random"
