"""Things as points: what every cell of the judge's grid should say, and what it costs to say something else.

Zhou et al., "Objects as Points" (arXiv 1904.07850), section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from models.parts.judge import GRID, Reading


@dataclass(frozen=True)
class Targets:
    """What every cell should say: `heat` (B, G, G), whose peaks are 1; `weight` (B, G, G) of its attributes;
    and those of the thing that it belongs to, `owner` (B, G, G, 6)."""

    heat: Tensor
    weight: Tensor
    owner: Tensor
    slot: Tensor  # (B, G, G): which of the three

    @classmethod
    def of(cls, things: Tensor) -> Targets:
        """A Gaussian around the cell of every centre, as wide as a third of the thing's radius."""
        middle = (torch.arange(GRID) + 0.5) / GRID
        x, y, r = (things[..., k, None, None] for k in (3, 4, 5))
        cx, cy = (((v * GRID).floor() + 0.5) / GRID for v in (x, y))
        square = (middle - cx).square() + (middle[:, None] - cy).square()
        wide = (0.35 * r).clamp(min=0.6 / GRID)
        each = torch.exp(-square / (2 * wide.square())) * (r > 0)
        heat, slot = each.max(1)
        index = slot[..., None].expand(*slot.shape, 6).flatten(1, 2)
        owner = things.gather(1, index).view(*slot.shape, 6)
        return cls(heat, heat * (heat > 0.5), owner, slot)


def focal(logits: Tensor, heat: Tensor) -> Tensor:
    """CenterNet's eq. 1: cross-entropy that forgives cells near a centre, and those that are already right."""
    p = logits.sigmoid()
    hit = (1 - p).square() * F.logsigmoid(logits)
    miss = (1 - heat).pow(4) * p.square() * F.logsigmoid(-logits)
    peak = heat > 0.999
    return -torch.where(peak, hit, miss).sum() / peak.sum().clamp(min=1)


def cells_loss(said: Reading, goal: Targets, spoiled: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Attributes, places and radii, weighed by nearness to the centre; `spoiled` cells are taught not to know."""
    device = said.centre.device
    weight, owner = goal.weight.to(device), goal.owner.to(device)
    on = weight > 0
    weight, spoiled, owner = weight[on], spoiled[on], owner[on]
    whole, total = weight * ~spoiled, weight.sum()
    kind, colour, size, place = (v.movedim(1, -1)[on] for v in said[1:5])
    doubt = -F.log_softmax(kind, -1).mean(-1)
    known = F.cross_entropy(kind, owner[:, 0].long(), reduction="none")
    losses = {
        "kind": (weight * torch.where(spoiled, doubt, known)).sum() / total,
        "colour": (whole * F.cross_entropy(colour, owner[:, 1].long(), reduction="none")).sum() / total,
        "size": (whole * F.cross_entropy(size, owner[:, 2].long(), reduction="none")).sum() / total,
        "place": (weight[:, None] * (place - owner[:, 3:]).abs()).sum() * GRID / total,
    }
    right = ((kind.argmax(-1) == owner[:, 0]) & ~spoiled).sum() / (~spoiled).sum().clamp(min=1)
    return sum(losses.values()), {name: part.item() for name, part in losses.items()} | {"right": right.item()}
