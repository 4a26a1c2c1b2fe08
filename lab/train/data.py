"""What every recipe trains on: painted pictures and tokenised captions, cached, drawn by the loop's generator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lab.storybook.dataset import TRAIN, captions, pictures
from models.parts.clip import Clip

CACHE = Path("runs/cache")
FULL = 96_000  # scenes painted for a training of ten minutes or more


def amount(minutes: float) -> int:
    """Scenes worth painting for a training of so many minutes: painting takes about 1.5 ms each on 2 cores."""
    return FULL if minutes >= 4 else 2_000 + int(minutes * 4_000) // 1_000 * 1_000


@dataclass(frozen=True)
class Corpus:
    """`pictures` (N, 3, 64, 64) uint8; `tokens` (N, V, L): V captions a scene, English and Chinese in turn."""

    pictures: Tensor
    tokens: Tensor | None

    @classmethod
    def load(cls, count: int, clip: Clip | None = None, variants: int = 4, keep: float = 0.8) -> Corpus:
        """The first `count` training scenes; with `clip`, their captions in its tokens."""
        seeds = range(TRAIN, TRAIN + count)
        tokens = None
        if clip is not None:
            name = CACHE / f"tokens-{count}-{variants}-{keep}.npy"
            if not name.exists():
                flat = clip.tokenize(captions(seeds, variants, keep)).ids
                CACHE.mkdir(parents=True, exist_ok=True)
                np.save(name, flat.view(count, variants, -1).to(torch.int16).numpy())
            tokens = torch.from_numpy(np.load(name))
        return cls(pictures(seeds, cache=CACHE), tokens)

    def rows(self, rng: torch.Generator, batch: int, first: int | None = None) -> tuple[Tensor, Tensor | None]:
        """Random scenes (B,) and one caption each (B, L); of the `first` scenes only, where that is given."""
        rows = torch.randint(min(first or len(self.pictures), len(self.pictures)), (batch,), generator=rng)
        if self.tokens is None:
            return rows, None
        which = torch.randint(self.tokens.shape[1], (batch,), generator=rng)
        return rows, self.tokens[rows, which].long()

    def draw(self, rng: torch.Generator, batch: int) -> tuple[Tensor, Tensor | None]:
        """A random batch: pictures (B, 3, 64, 64) in [-1, 1], one caption each (B, L)."""
        rows, tokens = self.rows(rng, batch)
        return to_signed(self.pictures[rows]), tokens


def to_signed(pictures: Tensor) -> Tensor:
    """uint8 [0, 255] -> float32 [-1, 1]."""
    return pictures.float() / 127.5 - 1
