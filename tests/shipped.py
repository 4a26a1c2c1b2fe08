"""The four painters on the weights that ship, as tests of the engine and the registry run them: in the fewest steps."""

from functools import cache

import torch

from lab.race import SAMPLERS
from models.catalog import Part, classroom
from models.engine import Engine
from models.loaders import load
from models.protocol import Prompt, Request
from models.registry import Registry
from tests.rebound import counted

TEXT = "a large red cat in a meadow"
FEW = {
    "latent": {"steps": 2},
    "pixel": {"steps": 2},
    "vqgan_clip": {"steps": 2, "crops": 2},
    "unclip": {"prior_steps": 2, "steps": 2, "candidates": 1},
}
SMALL = {"width": 16, "height": 16}
LEAST = {  # and one row an Eval
    "latent": {"steps": 2, "guidance": 1.0} | SMALL,
    "pixel": {"steps": 2, "guidance": 1.0} | SMALL,
    "vqgan_clip": {"steps": 2, "crops": 1} | SMALL,
    "unclip": FEW["unclip"] | {"guidance": 1.0, "prior_guidance": 1.0},
}
BUCKET = {"buckets": (4,), "cap": 4}


@cache
def module(part: Part) -> torch.nn.Module:
    """A part from its files, read once for all tests."""
    return load(part)


@cache
def lender(dtype: str = "float32") -> Registry:
    return Registry([classroom(dtype=dtype)], read=module)


def engine(samplers=SAMPLERS, dtype: torch.dtype = torch.float32, registry: Registry | None = None, **options):
    """An inline engine whose turns go by counting, not by load."""
    registry = registry or lender(str(dtype).rpartition(".")[2])
    return Engine(registry, samplers, dtype=dtype, **({"clock": counted()} | options))


def request(lane: str, text: str = TEXT, seed: int = 1, client: str | None = None, knobs=FEW, **more) -> Request:
    """`knobs`: settings by painter; a visitor is who asks for a text, unless `client` says otherwise."""
    settings = SAMPLERS[lane].knobs.from_dict(knobs[lane])
    return Request(lane, Prompt(text, seeds=(seed,)), settings, "classroom", client or text, **more)


def long(steps: int) -> dict[str, dict]:
    """The least settings, and `steps` steps."""
    return {lane: settings | {"steps": steps} for lane, settings in LEAST.items()}
