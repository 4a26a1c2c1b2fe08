"""VQGAN: an autoencoder whose latent is a grid of codes from a learned codebook (Esser et al., arXiv 2012.09841).

Encoder, decoder and codebook are taming-transformers' own modules under its own state-dict keys, so weights travel
both ways.  The only departure is how the nearest code is found; values and gradients are taming's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from taming.modules.diffusionmodules import model as taming_model
from taming.modules.vqvae.quantize import VectorQuantizer2
from torch import Tensor, nn

from models.parts.fill import fill

# taming's Decoder prints its latent shape whenever it is built.  A silent name in its module keeps threads apart,
# which redirecting sys.stdout would not.
taming_model.print = lambda *_: None

# 64 px to 16 x 16 codes on pixels folded 2 x 2: taming's norms have 32 groups whatever the width, and at 32 channels
# that is a group a channel, whose last one wipes out how bright a picture is.  96 at half the side cost no more time.
CLASSROOM: dict[str, Any] = {
    "ddconfig": {
        "double_z": False,
        "z_channels": 16,
        "resolution": 32,
        "in_channels": 12,
        "out_ch": 12,
        "ch": 64,
        "ch_mult": [1, 1],
        "num_res_blocks": 1,
        "attn_resolutions": [],
        "dropout": 0.0,
    },
    "n_embed": 512,
    "embed_dim": 8,
    "beta": 0.25,
    "legacy": False,
}


class Codebook(VectorQuantizer2):
    """taming's VectorQuantizer2 without its table of all squared distances: |z|^2 cannot change which code is nearest.

    `forward(latent)` takes (B, C, h, w) and gives (z_q, loss, indices): the codes with straight-through gradient
    (B, C, h, w), the codebook loss (a scalar, eq. 4), and the indices (B, h, w).
    """

    def nearest(self, latent: Tensor) -> Tensor:
        """Index of the nearest code at every place: (B, C, h, w) -> (B, h, w)."""
        codes = self.embedding.weight.detach()
        flat = latent.detach().movedim(1, -1).reshape(-1, self.e_dim)
        distance = torch.addmm(codes.square().sum(1), flat, codes.T, alpha=-2)  # without |z|^2
        return distance.argmin(1).view(latent.shape[0], *latent.shape[2:])

    def lookup(self, indices: Tensor) -> Tensor:
        """The codes themselves: (B, h, w) -> (B, C, h, w)."""
        return F.embedding(indices, self.embedding.weight).movedim(-1, 1).contiguous()

    def straight_through(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Nearest codes (B, C, h, w), whose gradient passes to the latent untouched, and indices (B, h, w)."""
        indices = self.nearest(latent)
        return latent + (self.lookup(indices) - latent).detach(), indices

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        indices = self.nearest(latent)
        codes = self.lookup(indices)
        commit, learn = F.mse_loss(latent, codes.detach()), F.mse_loss(codes, latent.detach())
        # legacy keeps taming's old slip, which put beta on the codebook's own term
        loss = commit + self.beta * learn if self.legacy else self.beta * commit + learn
        return latent + (codes - latent).detach(), loss, indices

    @property
    def range(self) -> tuple[Tensor, Tensor]:
        """Smallest and largest value of every channel over all codes, each (C,): no latent needs to lie outside."""
        return self.embedding.weight.amin(0), self.embedding.weight.amax(0)


class Vqgan(nn.Module):
    """Pixels (B, 3, H, W) in [-1, 1] <-> latent (B, embed_dim, H / factor, W / factor) <-> codes.

    `config` is {ddconfig, n_embed, embed_dim, beta = 0.25, legacy = True}, as in taming's model.yaml.  Where
    in_channels are 3 fold^2, the networks see squares of `fold` pixels a side as channels.
    `quantize(latent)` is the codebook (see `Codebook`).  The decoder's pixels may overshoot [-1, 1] a little.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        shape = dict(config["ddconfig"])
        if shape.get("double_z", True):
            raise ValueError(f"ddconfig.double_z is {shape.get('double_z', True)}; a VQGAN needs false")
        if narrow := [ch for m in shape["ch_mult"] if (ch := m * shape["ch"]) % 32]:
            raise ValueError(f"ch * ch_mult gives {narrow} channels; every level needs a multiple of 32 (GroupNorm)")
        self.config = {"beta": 0.25, "legacy": True, **config, "ddconfig": shape}
        codes, dim, z = config["n_embed"], config["embed_dim"], shape["z_channels"]
        self.encoder = taming_model.Encoder(**shape)
        self.decoder = taming_model.Decoder(**shape)
        self.quantize = Codebook(codes, dim, beta=self.config["beta"], legacy=self.config["legacy"])
        self.quant_conv = nn.Conv2d(z, dim, 1)
        self.post_quant_conv = nn.Conv2d(dim, z, 1)

    @property
    def factor(self) -> int:
        """Pixels along one side of one code."""
        return self.fold * 2 ** (len(self.config["ddconfig"]["ch_mult"]) - 1)

    @property
    def fold(self) -> int:
        """Pixels along one side of what the networks see as one."""
        return math.isqrt(self.config["ddconfig"]["in_channels"] // 3)

    def encode(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> latent (B, embed_dim, h, w), not yet quantised."""
        return self.quant_conv(self.encoder(F.pixel_unshuffle(pixels, self.fold)))

    def decode(self, latent: Tensor) -> Tensor:
        """Latent or codes (B, embed_dim, h, w) -> (B, 3, H, W), about [-1, 1]."""
        found = self.decoder(self.post_quant_conv(latent))
        return F.pixel_shuffle(found, self.fold)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(reconstruction, codebook loss, indices): what training needs of one pass."""
        codes, loss, indices = self.quantize(self.encode(pixels))
        return self.decode(codes), loss, indices

    @classmethod
    def from_folder(cls, path: str | Path) -> Self:
        """Read config.json and model.safetensors; every key must be there and no other (ValueError names them)."""
        folder = Path(path)
        model = cls(json.loads((folder / "config.json").read_text()))
        return fill(model, load_file(folder / "model.safetensors"), folder).eval()

    def save_folder(self, path: str | Path, dtype: torch.dtype | None = None) -> None:
        """Write config.json and model.safetensors, in `dtype` where given (fp16 halves the file)."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(self.config, indent=2) + "\n")
        weights = {key: value.to(dtype or value.dtype).contiguous() for key, value in self.state_dict().items()}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
