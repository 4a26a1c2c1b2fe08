"""64 to 256 px by diffusion, conditioned on the small picture with noise augmentation (arXiv 2104.07636, 2106.15282).

Trained on crops, so it learns edges and shading, not scenes; it predicts the large picture itself.
"""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import UnCLIPScheduler, UNet2DModel
from torch import Tensor
from torch.nn import functional as F

from lab.storybook.dataset import TRAIN, pictures
from lab.train.data import CACHE, to_signed
from lab.train.plan import Plan
from lab.train.ship import ship, shipped

SCHEDULE = {
    "num_train_timesteps": 1000,
    "prediction_type": "sample",
    "clip_sample": True,
    "clip_sample_range": 1.0,
    "variance_type": "fixed_small_log",
}
CROP, SCALE, FOLD = 128, 4, 4


def new_upsampler() -> UNet2DModel:
    """0.8 M parameters, all convolution, on pixels folded 4 x 4."""
    return UNet2DModel(
        sample_size=64,
        in_channels=6 * FOLD**2,
        out_channels=3 * FOLD**2,
        block_out_channels=(48, 64),
        layers_per_block=1,
        norm_num_groups=16,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        add_attention=False,
    )


class UpsamplerRecipe:
    name = "upsampler"
    plan = Plan(batch=16, rate=1e-3, betas=(0.9, 0.99), decay=0.0, warmup=100, cooldown=0.5, ema=0.998)

    def __init__(self, out: Path, minutes: float, resume: bool) -> None:
        torch.manual_seed(7)
        folder = out / "unclip" / "super_res"
        self.net = shipped(UNet2DModel, folder, resume) or new_upsampler()
        self.large = pictures(range(TRAIN, TRAIN + (3000 if minutes >= 2 else 300)), side=256, cache=CACHE)
        self.scheduler = UnCLIPScheduler(**SCHEDULE)

    def _crops(self, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Large crops (B, 3, 128, 128) in [-1, 1] and their small pictures, slightly noisy and sometimes soft."""
        rows = torch.randint(len(self.large), (self.plan.batch,), generator=rng)
        top, left = (SCALE * torch.randint((256 - CROP) // SCALE + 1, (2, len(rows)), generator=rng)).tolist()
        large = torch.stack(
            [self.large[r, :, y : y + CROP, x : x + CROP] for r, y, x in zip(rows, top, left, strict=True)]
        )
        large = to_signed(large)
        small = F.avg_pool2d(large, SCALE)
        soft = F.avg_pool2d(F.pad(small, (1, 1, 1, 1), mode="replicate"), 3, 1)
        mix = (
            0.7
            * torch.rand((len(rows), 1, 1, 1), generator=rng)
            * (torch.rand((len(rows), 1, 1, 1), generator=rng) < 0.5)
        )
        deviation = 0.12 * torch.rand((len(rows), 1, 1, 1), generator=rng)
        return large, small.lerp(soft, mix) + deviation * torch.randn(small.shape, generator=rng)

    def _predict(self, x: Tensor, t: Tensor, small: Tensor) -> Tensor:
        blurred = F.interpolate(small, scale_factor=SCALE, mode="bicubic", align_corners=False, antialias=True)
        found = self.net(F.pixel_unshuffle(torch.cat([x, blurred], 1), FOLD), t).sample
        return F.pixel_shuffle(found, FOLD).float()

    def loss(self, rng: torch.Generator, done: float) -> tuple[Tensor, dict[str, float]]:
        large, small = (rows.to(self.net.device) for rows in self._crops(rng))
        noise = torch.randn(large.shape, generator=rng).to(large.device)
        t = torch.randint(1000, (len(large),), generator=rng).to(large.device)
        found = self._predict(self.scheduler.add_noise(large, noise, t), t, small)
        loss = F.l1_loss(found, large) + F.mse_loss(found, large)
        return loss, {"loss": loss.item(), "psnr": -10 * torch.log10(F.mse_loss(found.detach(), large) / 4).item()}

    def grid(self) -> Tensor:
        """Four scenes enlarged in 7 steps: bicubic, ours, the painter's."""
        large = to_signed(self.large[:4]).to(self.net.device)
        small = F.avg_pool2d(large, SCALE)
        self.scheduler.set_timesteps(7)
        rng = torch.Generator().manual_seed(0)
        x = torch.randn(large.shape, generator=rng).to(large.device)
        for i, t in enumerate(self.scheduler.timesteps):
            before = None if i + 1 == 7 else self.scheduler.timesteps[i + 1]
            found = self._predict(x, t.expand(len(x)).to(x.device), small)
            x = self.scheduler.step(found, t, x, prev_timestep=before, generator=rng).prev_sample
        self.scheduler = UnCLIPScheduler(**SCHEDULE)
        bicubic = F.interpolate(small, scale_factor=SCALE, mode="bicubic")
        return (torch.cat([torch.stack(three) for three in zip(bicubic, x, large, strict=True)]).cpu() / 2 + 0.5).clamp(
            0, 1
        )

    def save(self, out: Path) -> None:
        ship(self.net, out / "unclip" / "super_res")
        UnCLIPScheduler(**SCHEDULE).save_pretrained(out / "unclip" / "super_res_scheduler")
