"""Painted scenes as our autoencoders give them back, so that the judge knows their accent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from lab.storybook.dataset import kept
from models.parts.vqgan import Vqgan


def rebuilt_pools(out: Path, scenes: Tensor, cache: Path) -> list[Tensor]:
    """One uint8 tensor like `scenes` (N, 3, 64, 64) for each autoencoder that is whole in the suite folder `out`."""
    pools = []
    vae, vqgan = out / "stable-diffusion" / "vae", out / "vqgan"
    if (vae / "config.json").exists() and list(vae.glob("*.safetensors")):
        pools.append(_pool(scenes, _vae(vae), vae, cache))
    if (vqgan / "config.json").exists() and (vqgan / "model.safetensors").exists():
        pools.append(_pool(scenes, _vqgan(vqgan), vqgan, cache))
    return pools


def _vae(folder: Path) -> Callable[[Tensor], Tensor]:
    net = AutoencoderKL.from_pretrained(folder).float().eval()
    return lambda x: net.decode(net.encode(x).latent_dist.mode()).sample


def _vqgan(folder: Path) -> Callable[[Tensor], Tensor]:
    net = Vqgan.from_folder(folder).float().eval()
    return lambda x: net(x)[0]


@torch.no_grad()
def _pool(scenes: Tensor, rebuild: Callable[[Tensor], Tensor], folder: Path, cache: Path) -> Tensor:
    newest = max(int(f.stat().st_mtime) for f in folder.glob("*.safetensors"))

    def rebuilt() -> np.ndarray:
        parts = [rebuild(part.float() / 127.5 - 1) for part in scenes.split(64)]
        return ((torch.cat(parts).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy()

    return torch.from_numpy(kept(cache / f"rebuilt-{folder.name}-{len(scenes)}-{newest}.npy", rebuilt))
