"""What every recipe trains on: painted pictures and tokenised captions, cached, drawn by the loop's generator."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lab.storybook.dataset import TRAIN, captions, kept, pictures
from lab.storybook.scene import Scene, sample
from models.parts.clip import Clip

CACHE = Path("runs/cache")
FULL = 96_000  # scenes painted for a training of four minutes or more
KEEPS = (0.8, 0.2)  # of what could be said: captions are full and bare in turn, as what people type is


def amount(minutes: float) -> int:
    """Scenes worth painting for a training of so many minutes: painting takes about 1.5 ms each on 2 cores."""
    return FULL if minutes >= 4 else 2_000 + int(minutes * 4_000) // 1_000 * 1_000


@dataclass(frozen=True)
class Corpus:
    """`pictures` (N, 3, 64, 64) uint8; `tokens` (N, V, L): V captions a scene, English and Chinese in turn."""

    pictures: Tensor
    tokens: Tensor | None

    @cached_property
    def scenes(self) -> list[Scene]:
        """What the pictures show; worked out once, when first asked for."""
        return [sample(TRAIN + k, None, False)[1] for k in range(len(self.pictures))]

    @cached_property
    def alone(self) -> Tensor:
        """Numbers of the scenes that show one large thing and nothing else; found when first asked for."""
        return torch.tensor([k for k, scene in enumerate(self.scenes) if _alone(scene)])

    @cached_property
    def placed(self) -> Tensor:
        """Numbers of the scenes that show one thing beside, above or below another; found when first asked for."""
        return torch.tensor([k for k, scene in enumerate(self.scenes) if scene.relation not in (None, "and")])

    @cached_property
    def shown(self) -> Tensor:
        """Where things stand: (N, 16, 16), 1 in the cells of every thing, else 0; found when first asked for."""
        cells = (torch.arange(16) + 0.5) / 16
        marks = torch.zeros(len(self.pictures), 16, 16, dtype=torch.uint8)
        for mark, scene in zip(marks, self.scenes, strict=True):
            for thing in scene.things:
                far = (cells[:, None] - thing.y) ** 2 + (cells[None] - thing.x) ** 2
                mark |= far < (thing.r + 1 / 64) ** 2
        return marks

    @classmethod
    def load(cls, count: int, clip: Clip | None = None, variants: int = 2, keeps: tuple[float, ...] = KEEPS) -> Corpus:
        """The first `count` training scenes; with `clip`, `variants` captions of each of `keeps`, in its tokens."""
        seeds = range(TRAIN, TRAIN + count)
        tokens = None
        if clip is not None:
            some = clip.tokenize(
                captions(seeds[:16], variants, keeps[0])
            ).ids  # as this tokenizer and grammar have them
            kind = f"{'-'.join(map(str, keeps))}-{sha256(some.numpy().tobytes()).hexdigest()[:8]}"
            name = CACHE / f"tokens-{count}-{variants}-{kind}.npy"

            def said() -> np.ndarray:
                each = [clip.tokenize(captions(seeds, variants, keep)).ids.view(count, variants, -1) for keep in keeps]
                return torch.cat(each, dim=1).to(torch.int16).numpy()

            tokens = torch.from_numpy(kept(name, said))
        return cls(pictures(seeds, cache=CACHE), tokens)

    def rows(
        self, rng: torch.Generator, batch: int, first: int | None = None, alone: float = 0.0, placed: float = 0.0
    ) -> tuple[Tensor, Tensor | None]:
        """Random scenes (B,) and one caption each (B, L); of the `first` scenes only, where that is given.

        The share `alone` of them shows one large thing: what a kind looks like is a hundredth of the loss over all
        scenes, and several times that where nothing else is to be seen.  The share `placed` of the others shows one
        thing beside another, for a like reason.
        """
        room = min(first or len(self.pictures), len(self.pictures))
        rows = torch.randint(room, (batch,), generator=rng)
        for share, name in ((placed, "placed"), (alone, "alone")):
            if share:
                some = getattr(self, name)
                some = some[: int((some < room).sum())]
                chosen = some[torch.randint(len(some), (batch,), generator=rng)]
                rows = torch.where(torch.rand(batch, generator=rng) < share, chosen, rows)
        if self.tokens is None:
            return rows, None
        which = torch.randint(self.tokens.shape[1], (batch,), generator=rng)
        return rows, self.tokens[rows, which].long()

    def draw(self, rng: torch.Generator, batch: int) -> tuple[Tensor, Tensor | None]:
        """A random batch: pictures (B, 3, 64, 64) in [-1, 1], one caption each (B, L)."""
        rows, tokens = self.rows(rng, batch)
        return to_signed(self.pictures[rows]), tokens


def _alone(scene: Scene) -> bool:
    return len(scene.things) == 1 and scene.things[0].size == "large"


def to_signed(pictures: Tensor) -> Tensor:
    """uint8 [0, 255] -> float32 [-1, 1]."""
    return pictures.float() / 127.5 - 1
