"""The VAE of latent diffusion: 64 px to 16 x 16 x 4 (Rombach et al., arXiv 2112.10752, section 3.1, KL-reg)."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from lab.storybook.dataset import FRESH, pictures
from lab.train.autoencoder import Reconstruction, over
from lab.train.data import CACHE, Corpus, amount, to_signed
from lab.train.plan import Plan
from lab.train.ship import ship, shipped
from models.parts.clip import Clip

WIDTHS, GROUPS = (32, 32, 96), 8  # with a group a channel, the last norm would wipe out how bright a picture is
KL = 1e-4  # slight: latents stay near unit size, reconstructions stay sharp


def new_vae() -> AutoencoderKL:
    """1.4 M parameters."""
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        latent_channels=4,
        sample_size=64,
        layers_per_block=1,
        norm_num_groups=GROUPS,
        block_out_channels=WIDTHS,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
    )


class VaeRecipe:
    name = "vae"
    plan = Plan(batch=16, rate=1e-3, betas=(0.9, 0.99), decay=0.0, warmup=100, cooldown=0.5, ema=0.998)

    def __init__(self, out: Path, minutes: float, resume: bool) -> None:
        torch.manual_seed(2)
        self.folder = out / "stable-diffusion" / "vae"
        found = shipped(AutoencoderKL, self.folder, resume)
        self.net = found or new_vae()
        # Once a latent net rests on the encoder, a resumed training improves the decoder alone.
        self.settled = found is not None and (out / "stable-diffusion" / "unet" / "config.json").exists()
        for half in (self.net.encoder, self.net.quant_conv):
            half.requires_grad_(not self.settled)
        self.corpus = Corpus.load(amount(minutes))
        self.reconstruction = Reconstruction(Clip.from_folder(out / "clip", text=False))
        self.fixed = to_signed(pictures(range(FRESH, FRESH + 32), cache=CACHE))

    def loss(self, rng: torch.Generator, done: float) -> tuple[Tensor, dict[str, float]]:
        rows, _ = self.corpus.rows(rng, self.plan.batch)
        real = to_signed(self.corpus.pictures[rows]).to(self.net.device)
        code = self.net.encode(real).latent_dist
        noise = torch.randn(code.mean.shape, generator=rng).to(real.device)
        fake = self.net.decode(code.mean + code.std * noise).sample
        loss, facts = self.reconstruction(fake.float(), real, self.corpus.shown[rows], done)
        kl = code.kl().mean() / code.mean[0].numel()
        return loss + KL * kl, {"loss": loss.item(), **facts, "kl": kl.item()}

    def grid(self) -> Tensor:
        """Fresh scenes, each over its reconstruction."""
        real = self.fixed.to(self.net.device)
        return over(real, self.net.decode(self.net.encode(real).latent_dist.mode()).sample)

    def save(self, out: Path) -> None:
        """Ship it with the scaling factor that gives latents unit deviation."""
        if not self.settled:
            real, _ = self.corpus.draw(torch.Generator().manual_seed(3), 256)
            latents = self.net.encode(real.to(self.net.device)).latent_dist.mode()
            self.net.register_to_config(scaling_factor=round(1 / latents.std().item(), 5))
        ship(self.net, self.folder)
