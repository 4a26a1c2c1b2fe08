"""The judge's net: a small convolutional reader of 64 px pictures, after CenterNet.

Every cell of a 16 x 16 grid says how much it looks like the centre of a thing, and which kind, colour, size, place and
radius that thing has (Zhou et al., "Objects as Points", arXiv 1904.07850, section 3); the whole picture gives its
background, and whether it is a cleanly painted scene at all.  What to make of it is decided in lab/measure/judge.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from models.parts.fill import fill

SIDE = 64  # pixels a side that the net reads
GRID = 16  # cells a side that it answers for
WIDTHS = (32, 64, 96)  # channels at 32, 16 and 8 cells a side


class Reading(NamedTuple):
    """Logits for B pictures with G = GRID cells a side; (x, y) and radius are fractions of the picture's side."""

    centre: Tensor  # (B, G, G): is the centre of a thing in this cell
    kind: Tensor  # (B, kinds, G, G)
    colour: Tensor  # (B, colours, G, G)
    size: Tensor  # (B, sizes, G, G)
    place: Tensor  # (B, 3, G, G): centre x, centre y, radius of the thing, not logits
    background: Tensor  # (B, backgrounds)
    clean: Tensor  # (B,): is it a cleanly painted scene


class Block(nn.Module):
    """A residual block with one norm: x + conv(act(conv(act(norm(x)))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, width)
        self.inner = nn.Conv2d(width, width, 3, padding=1)
        self.outer = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.outer(F.silu(self.inner(F.silu(self.norm(x)))))


class Judge(nn.Module):
    """0.69 M parameters.  `config` names the words that the logits stand for, in their order:
    `kinds`, `colours`, `sizes`, `backgrounds` (lists of str), and `thresholds`, which the net itself does not read."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        if missing := [key for key in ("kinds", "colours", "sizes", "backgrounds", "thresholds") if key not in config]:
            raise ValueError(f"the judge's config lacks {', '.join(missing)}; take one that it was saved with")
        self.config = dict(config)
        fine, middle, coarse = WIDTHS
        self.sizes = [1, len(config["kinds"]), len(config["colours"]), len(config["sizes"]), 3]
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, fine, 3, padding=1), Block(fine))
        self.down = nn.Sequential(nn.Conv2d(fine, middle, 3, 2, 1), Block(middle), Block(middle))
        self.deep = nn.Sequential(nn.Conv2d(middle, coarse, 3, 2, 1), Block(coarse), Block(coarse))
        self.up = nn.Conv2d(coarse, middle, 1)
        self.join = Block(middle)
        self.cell = nn.Sequential(nn.GroupNorm(8, middle), nn.SiLU(), nn.Conv2d(middle, 128, 1), nn.SiLU())
        self.answers = nn.Conv2d(128, sum(self.sizes), 1)
        self.whole = nn.Sequential(
            nn.Linear(middle + 2 * coarse, 64), nn.SiLU(), nn.Linear(64, len(config["backgrounds"]) + 1)
        )
        with torch.no_grad():
            self.answers.bias[0] = -4.0  # most cells hold nothing: start there (CenterNet's prior)

    def maps(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, 64, 64) in [0, 1] -> features of the cells (B, 64, 16, 16) and of coarser ones (B, 96, 8, 8)."""
        if pictures.ndim != 4 or pictures.shape[1:] != (3, SIDE, SIDE):
            raise ValueError(f"pictures are {tuple(pictures.shape)}; it must be (B, 3, {SIDE}, {SIDE}): resize them")
        middle = self.down(self.stem(pictures * 2 - 1))
        deep = self.deep(middle)
        return self.join(middle + F.interpolate(self.up(deep), scale_factor=2.0)), deep

    def features(self, pictures: Tensor) -> Tensor:
        """(B, 3, 64, 64) in [0, 1] -> (B, 160), the mean of every feature: what the Frechet distance is measured in."""
        return torch.cat([part.float().mean((2, 3)) for part in self.maps(pictures)], 1)

    def forward(self, pictures: Tensor) -> Reading:
        """Pictures (B, 3, 64, 64) in [0, 1] -> everything that the net says of them."""
        cells, deep = self.maps(pictures)
        centre, kind, colour, size, place = self.answers(self.cell(cells)).float().split(self.sizes, 1)
        summary = [cells.mean((2, 3)), deep.mean((2, 3)), deep.amax((2, 3))]
        whole = self.whole(torch.cat(summary, 1)).float()
        return Reading(centre[:, 0], kind, colour, size, _absolute(place), whole[:, :-1], whole[:, -1])

    @classmethod
    def from_folder(cls, path: str | Path) -> Judge:
        """Read `config.json` and `model.safetensors`, float32, in evaluation mode."""
        folder = Path(path)
        for name in ("config.json", "model.safetensors"):
            if not (folder / name).is_file():
                raise ValueError(f"judge folder {folder} has no {name}; train one with `quartet train judge`")
        judge = cls(json.loads((folder / "config.json").read_text(encoding="utf-8")))
        return fill(judge, load_file(folder / "model.safetensors"), folder).float().eval()

    def save_folder(self, path: str | Path) -> None:
        """Write what `from_folder` reads; weights as float16."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(self.config, indent=1) + "\n", encoding="utf-8")
        weights = {name: w.detach().cpu().half().contiguous() for name, w in self.state_dict().items()}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _absolute(place: Tensor) -> Tensor:
    """Offsets from the cell's middle, in cells, and log radius -> fractions of the picture's side, all (B, 3, G, G)."""
    middle = (torch.arange(GRID, device=place.device) + 0.5) / GRID
    x = middle + place[:, 0] / GRID
    y = middle[:, None] + place[:, 1] / GRID
    return torch.stack([x, y, 0.15 * place[:, 2].exp()], 1)  # 0.15: between a small radius and a large one
