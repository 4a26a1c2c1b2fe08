"""The judge: trained to read painted scenes, harmed ones too, and to say so where there is nothing to read.

Unlike every other part it sees all kind-colour pairs.  It is never part of a generator's loss.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lab.storybook.dataset import FRESH, JUDGE, pictures
from lab.storybook.scene import sample
from lab.storybook.words import BACKGROUNDS, COLOURS, KINDS, SIZES
from lab.train.centres import Targets, cells_loss, focal
from lab.train.data import CACHE
from lab.train.degrade import degrade, one, ruin, spoil
from lab.train.fooled import fooled_pool
from lab.train.plan import Plan
from lab.train.rebuilt import rebuilt_pools
from models.parts.judge import Judge, Reading

# Below these the judge does not say.  Never set by looking at generators' pictures; readable scenes pass 0.9 clean.
THRESHOLDS = {"clean": 0.8, "centre": 0.4, "doubt": 0.2, "kind": 0.5, "colour": 0.5, "size": 0.5, "background": 0.5}
ABSENT = -1
RUINED, FOOLED = 10, 4  # pictures of a batch that are no scene at all


def new_judge() -> Judge:
    words = {"kinds": list(KINDS), "colours": list(COLOURS), "sizes": list(SIZES), "backgrounds": list(BACKGROUNDS)}
    return Judge({**words, "thresholds": THRESHOLDS})


def scene_labels(seeds: range) -> tuple[Tensor, Tensor]:
    """Backgrounds (N,) and things (N, 3, 6) of the scenes `sample(seed, None, None)`.

    A thing is (kind, colour, size, x, y, r), names as indices, ABSENT throughout where there is none.
    """
    kinds, colours, sizes, places = (list(names) for names in (KINDS, COLOURS, SIZES, BACKGROUNDS))
    backgrounds, things = np.zeros(len(seeds), np.int64), np.full((len(seeds), 3, 6), ABSENT, np.float32)
    for n, seed in enumerate(seeds):
        scene = sample(seed, None, None)[1]
        backgrounds[n] = places.index(scene.background)
        for k, t in enumerate(scene.things):
            things[n, k] = kinds.index(t.kind), colours.index(t.colour), sizes.index(t.size), t.x, t.y, t.r
    return torch.from_numpy(backgrounds), torch.from_numpy(things)


class JudgeRecipe:
    """Attributes are learned around the centres; more than a quarter of every batch is no scene at all."""

    name = "judge"
    plan = Plan(batch=48, rate=2e-3, betas=(0.9, 0.99), decay=0.02, warmup=100, cooldown=0.5, ema=0.998)

    def __init__(self, out: Path, minutes: float, resume: bool) -> None:
        torch.manual_seed(6)
        self.folder = out / "judge"
        self.net = Judge.from_folder(self.folder) if resume and (self.folder / "config.json").exists() else new_judge()
        self.net.config["thresholds"] = THRESHOLDS
        count = 48_000 if minutes >= 4 else 4_000
        self.pictures = pictures(range(JUDGE, JUDGE + count), held_out=None, cache=CACHE)
        self.backgrounds, self.things = scene_labels(range(JUDGE, JUDGE + count))
        self.rebuilt = rebuilt_pools(out, self.pictures[: 2048 if minutes >= 4 else 256], CACHE)
        taught = (out / "clip" / "open_clip_model.safetensors").exists()
        self.fooled = fooled_pool(out / "clip", 512 if minutes >= 4 else 64, CACHE) if taught else None
        self.fixed = pictures(range(FRESH, FRESH + 32), held_out=None, cache=CACHE).float() / 255

    def _scenes(self, rng: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
        """Rows and their pictures, some of them as an autoencoder gives them back."""
        rows = torch.randint(len(self.pictures), (count,), generator=rng)
        if not self.rebuilt:
            return rows, self.pictures[rows].float() / 255
        pool, n = self.rebuilt[int(torch.randint(len(self.rebuilt), (1,), generator=rng))], count // 5
        rows[:n] = torch.randint(len(pool), (n,), generator=rng)
        return rows, torch.cat([pool[rows[:n]], self.pictures[rows[n:]]]).float() / 255

    def _nothing(self, rng: torch.Generator) -> Tensor:
        """Pictures that are no scene."""
        _, x = self._scenes(rng, RUINED + (FOOLED if self.fooled is None else 0))
        x = ruin(x, rng)
        if self.fooled is None:
            return x
        rows = torch.randint(len(self.fooled), (FOOLED,), generator=rng)
        x = torch.cat([x, self.fooled[rows].float() / 255])
        return x.flip(3) if one(rng, 0, 1) < 0.5 else x

    @torch.autocast("cpu", enabled=False)  # pictures keep their eight bits
    def _batch(self, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures, scenes first; the rows of the scenes; which of their things are spoiled (n, 3)."""
        rows, x = self._scenes(rng, self.plan.batch - RUINED - FOOLED)
        x, spoiled = spoil(x, self.things[rows], rng)
        return degrade(torch.cat([x, self._nothing(rng)]), rng), rows, spoiled

    def loss(self, rng: torch.Generator, done: float) -> tuple[Tensor, dict[str, float]]:
        x, rows, spoiled = self._batch(rng)
        n, device = len(rows), next(self.net.parameters()).device
        said, goal = self.net(x.to(device)), Targets.of(self.things[rows])
        spoiled_at = spoiled.gather(1, goal.slot.flatten(1)).view_as(goal.slot)
        loss, facts = cells_loss(Reading(*(part[:n] for part in said)), goal, spoiled_at.to(device))
        heat = focal(said.centre, F.pad(goal.heat, (0, 0, 0, 0, 0, len(x) - n)).to(device))
        ground = F.cross_entropy(said.background[:n], self.backgrounds[rows].to(device))
        sure = F.pad(~spoiled.any(1), (0, len(x) - n), value=True).to(device)  # who could say if a spoiled one is clean
        scene = (torch.arange(len(x), device=device) < n).float()
        clean = F.binary_cross_entropy_with_logits(said.clean[sure], scene[sure])
        loss = loss + heat + 0.5 * ground + clean
        return loss, {"loss": loss.item(), "heat": heat.item(), "ground": ground.item(), "clean": clean.item(), **facts}

    def grid(self) -> Tensor:
        """Fresh scenes with what the net takes for centres lit up."""
        said = self.net(self.fixed.to(next(self.net.parameters()).device))
        heat = F.interpolate(said.centre.sigmoid()[:, None].cpu(), scale_factor=4)
        return torch.cat([self.fixed * (1 - 0.7 * heat), (0.4 * self.fixed + 0.6 * heat)])

    def save(self, out: Path) -> None:
        self.net.save_folder(out / "judge")
