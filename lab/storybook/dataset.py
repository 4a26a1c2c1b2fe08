"""Painted pictures by the thousand: seeds in, uint8 tensors out, cached on disk, painted in other processes.

Seeds are split once for all, so that nothing is ever tuned on what is reported.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lab.storybook.grammar import say
from lab.storybook.paint import SIDE, paint
from lab.storybook.scene import loosen, sample

TRAIN, JUDGE, FRESH, TUNE, REPORT, AUDIT = (k * 10_000_000 for k in range(6))  # first seed of each split


def small(picture: Image.Image, side: int = 64) -> np.ndarray:
    """(side, side, 3) uint8, box-averaged from 256 px."""
    return np.asarray(picture.reduce(SIDE // side) if side < SIDE else picture)


def _chunk(job: tuple[range, int, bool | None]) -> np.ndarray:
    seeds, side, held_out = job
    return np.stack([small(paint(sample(seed, None, held_out)[1]).picture, side) for seed in seeds])


def pictures(seeds: range, side: int = 64, held_out: bool | None = False, cache: Path | None = None) -> Tensor:
    """(N, 3, side, side) uint8 of the scenes of `seeds`; read from `cache` if it is there, else written to it.

    What is cached is named by its first pictures too, as the painter has them now.
    """
    first = cache and sha256(_chunk((seeds[:4], side, held_out)).tobytes()).hexdigest()[:8]
    name = cache and cache / f"scenes-{seeds.start}-{len(seeds)}-{side}-{held_out}-{first}.npy"
    jobs = [(seeds[k : k + 500], side, held_out) for k in range(0, len(seeds), 500)]
    array = kept(name, lambda: _painted(jobs)) if name else _painted(jobs)
    return torch.from_numpy(array).permute(0, 3, 1, 2)


def kept(name: Path, make: Callable[[], np.ndarray]) -> np.ndarray:
    """What `make` gives: from the file `name` (.npy) if it is there, else put there whole, as two may do at once."""
    if name.exists():
        return np.load(name, mmap_mode="c")
    name.parent.mkdir(parents=True, exist_ok=True)
    part, array = name.with_suffix(f".{os.getpid()}.npy"), make()
    np.save(part, array)
    part.replace(name)
    return array


def _painted(jobs: Sequence[tuple[Sequence[int], int, bool | None]]) -> np.ndarray:
    workers = min(len(jobs), os.cpu_count() or 1)
    if workers == 1:
        return np.concatenate([_chunk(job) for job in jobs])
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return np.concatenate(list(pool.map(_chunk, jobs)))


def captions(seeds: Sequence[int], variants: int = 1, keep: float = 0.8, held_out: bool | None = False) -> list[str]:
    """`variants` captions a scene, seed by seed, English and Chinese in turn, some things left unsaid."""
    texts = []
    for seed in seeds:
        ask, rng = sample(seed, None, held_out)[0], random.Random(f"caption {seed}")
        texts += [say(loosen(ask, rng, keep), ("en", "zh")[k % 2], rng) for k in range(variants)]
    return texts
