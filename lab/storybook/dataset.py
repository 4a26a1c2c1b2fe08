"""Painted pictures by the thousand: seeds in, uint8 tensors out, cached on disk, painted in other processes.

Seeds are split once for all, so that nothing is ever tuned on what is reported.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
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
    if name and name.exists():
        return torch.from_numpy(np.load(name, mmap_mode="c")).permute(0, 3, 1, 2)
    jobs = [(seeds[k : k + 500], side, held_out) for k in range(0, len(seeds), 500)]
    workers = min(len(jobs), os.cpu_count() or 1)
    if workers == 1:
        parts = [_chunk(job) for job in jobs]
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            parts = list(pool.map(_chunk, jobs))
    array = np.concatenate(parts)
    if name:
        name.parent.mkdir(parents=True, exist_ok=True)
        part = name.with_suffix(f".{os.getpid()}.npy")
        np.save(part, array)
        part.replace(name)
    return torch.from_numpy(array).permute(0, 3, 1, 2)


def captions(seeds: Sequence[int], variants: int = 1, keep: float = 0.8, held_out: bool | None = False) -> list[str]:
    """`variants` captions a scene, seed by seed, English and Chinese in turn, some things left unsaid."""
    texts = []
    for seed in seeds:
        ask, rng = sample(seed, None, held_out)[0], random.Random(f"caption {seed}")
        texts += [say(loosen(ask, rng, keep), ("en", "zh")[k % 2], rng) for k in range(variants)]
    return texts
