"""A whole tiny suite on disk, written once: every painter runs on it from its files, as on the classroom's."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from lab.measure.bench.weights import write_suite
from lab.race import LANES, default_engine
from models.engine import Engine

TEXT = "a red cat in the snow"
STEPS = {"latent": 4, "pixel": 3, "vqgan_clip": 3, "unclip": 3}
KNOBS = {lane: {"steps": steps} for lane, steps in STEPS.items()}
KNOBS["vqgan_clip"] |= {"crops": 2}
KNOBS["unclip"] |= {"prior_steps": 2}
ENDS = STEPS | {"unclip": 5}  # what `n` becomes


@cache
def _home() -> TemporaryDirectory:
    home = TemporaryDirectory()
    write_suite(Path(home.name))
    return home


def folder() -> Path:
    return Path(_home().name)


def without(target: Path, *gone: str) -> Path:
    """A copy of the suite that lacks some of its folders."""
    shutil.copytree(folder(), target)
    for name in gone:
        shutil.rmtree(target / name)
    return target


@cache
def engine() -> Engine:
    """One inline engine for all tests: parts are read once."""
    return default_engine(folder())


__all__ = ["ENDS", "KNOBS", "LANES", "STEPS", "TEXT", "engine", "folder", "without"]
