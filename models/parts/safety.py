"""Stable Diffusion's safety checker: how near a picture is to concepts that are not shown (Rando et al., 2210.04610).

A CLIP picture tower and the embeddings of 17 concepts, each with a threshold; three more, of special care, lower all
thresholds by a little.  The same weights, names and verdicts as diffusers' class, row by row and with its own sizing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPVisionModel

from models.parts.clip.folders import MEAN, STD
from models.parts.fill import fill

CARE = 0.01  # by how much a picture of special care is nearer to everything


class SafetyChecker(nn.Module):
    """Pictures (B, 3, H, W) in [0, 1] -> a score (B,) each; above 0 the picture is not to be shown."""

    def __init__(self, config: CLIPConfig) -> None:
        super().__init__()
        shape, width = config.vision_config, config.projection_dim
        self.config: dict[str, Any] = {"size": shape.image_size}
        self.vision_model = CLIPVisionModel(shape)
        self.visual_projection = nn.Linear(shape.hidden_size, width, bias=False)
        self.concept_embeds, self.concept_embeds_weights = _held(17, width), _held(17)
        self.special_care_embeds, self.special_care_embeds_weights = _held(3, width), _held(3)

    def forward(self, pictures: Tensor) -> Tensor:
        pooled = self.vision_model(pixel_values=self.prepared(pictures)).pooler_output
        found = F.normalize(self.visual_projection(pooled), dim=1)
        special = self._over(found, self.special_care_embeds, self.special_care_embeds_weights)
        care = CARE * (special.round(decimals=3) > 0).any(1, keepdim=True)
        concepts = self._over(found, self.concept_embeds, self.concept_embeds_weights) + care
        return concepts.round(decimals=3).amax(1)

    def prepared(self, pictures: Tensor) -> Tensor:
        """As CLIP's own processor has it: the shorter side to the tower's, the middle of the longer, normalised."""
        side, (tall, wide) = self.config["size"], pictures.shape[2:]
        scale = side / min(tall, wide)
        size = [max(side, round(tall * scale)), max(side, round(wide * scale))]
        weight = self.visual_projection.weight
        x = F.interpolate(pictures.float(), size, mode="bicubic", antialias=True).clamp(0, 1)
        top, left = (size[0] - side) // 2, (size[1] - side) // 2
        x = x[:, :, top : top + side, left : left + side]
        mean, std = (torch.tensor(values, device=x.device)[:, None, None] for values in (MEAN, STD))
        return ((x - mean) / std).to(weight)

    @staticmethod
    def _over(found: Tensor, concepts: Tensor, thresholds: Tensor) -> Tensor:
        return (found @ F.normalize(concepts, dim=1).T).float() - thresholds.float()

    @classmethod
    def from_folder(cls, path: str | Path, file: str = "model.safetensors") -> Self:
        """Read config.json and `file`; every name must be there and no other (ValueError names them)."""
        folder = Path(path)
        model = cls(CLIPConfig.from_pretrained(folder, local_files_only=True))
        weights = {
            name.replace("vision_model.vision_model.", "vision_model."): value
            for name, value in load_file(folder / file).items()
            if not name.endswith("position_ids")  # a count from 0, which older versions wrote down
        }
        return fill(model, weights, folder).eval()


def _held(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.ones(shape), requires_grad=False)
