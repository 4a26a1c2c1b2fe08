"""Latent diffusion on 16 x 16 x 4 latents (Rombach et al., arXiv 2112.10752), v-prediction (arXiv 2202.00512)."""

from __future__ import annotations

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import Tensor

from lab.train.data import Corpus, amount, to_signed
from lab.train.diffusion import ALONE, PLACED, POOLED, PROMPTS, Words, body, focused, sample, times
from lab.train.plan import Plan
from lab.train.ship import ship, shipped
from models.parts.clip import Clip

# clip_sample must be off: latents do not live in [-1, 1]
SCHEDULE = {
    "num_train_timesteps": 1000,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "prediction_type": "v_prediction",
    "timestep_spacing": "trailing",
}


class Latents:
    """Latents of the corpus, encoded when first drawn and kept in fp16."""

    def __init__(self, vae: AutoencoderKL, pictures: Tensor) -> None:
        self.vae, self.pictures = vae.requires_grad_(False).eval(), pictures
        self.table = torch.zeros(len(pictures), 4, 16, 16, dtype=torch.float16)
        self.known = torch.zeros(len(pictures), dtype=torch.bool)

    @torch.no_grad()
    def __call__(self, rows: Tensor) -> Tensor:
        """Scaled latents (B, 4, 16, 16) of corpus rows (B,)."""
        if len(new := rows[~self.known[rows]].unique()):
            device = next(self.vae.parameters()).device
            mean = self.vae.encode(to_signed(self.pictures[new]).to(device)).latent_dist.mean
            self.table[new] = (mean * self.vae.config.scaling_factor).to("cpu", torch.float16)
            self.known[new] = True
        return self.table[rows].float()


class LatentRecipe:
    name = "latent"
    plan = Plan(batch=32, rate=5e-4, betas=(0.9, 0.99), decay=0.01, warmup=200, cooldown=0.35, ema=0.999, muon=True)

    def __init__(self, out: Path, minutes: float, resume: bool) -> None:
        torch.manual_seed(3)
        folder = out / "stable-diffusion"
        self.words = Words(Clip.from_folder(out / "clip", picture=False))
        self.corpus = Corpus.load(amount(minutes), self.words.clip)
        self.vae = AutoencoderKL.from_pretrained(folder / "vae").float()
        self.latents = Latents(self.vae, self.corpus.pictures)
        found = shipped(UNet2DConditionModel, folder / "unet", resume)
        self.net = found or body(4, 4, self.words.clip.config["width"], **POOLED)
        self.alone = ALONE[resume]
        self.scheduler, self.steps = DDIMScheduler(**SCHEDULE), 0

    def loss(self, rng: torch.Generator, done: float) -> tuple[Tensor, dict[str, float]]:
        self.steps += 1  # pictures join bit by bit, so that encoding them never takes most of a step
        room = 4096 + 8 * self.steps
        rows, tokens = self.corpus.rows(rng, self.plan.batch, room, self.alone * (1 - done), PLACED)
        x0 = self.latents(rows).to(self.net.device)
        noise = torch.randn(x0.shape, generator=rng).to(x0.device)
        t = times(rng, len(x0)).to(x0.device)
        states = self.words.states(self.words.drop(tokens, rng)[0], x0.device)
        v = self.net(self.scheduler.add_noise(x0, noise, t), t, states).sample.float()
        error = F.mse_loss(v, self.scheduler.get_velocity(x0, noise, t), reduction="none")
        loss = focused(error, self.corpus.shown[rows], done)
        return loss, {"loss": error.mean().item(), "focused": loss.item()}

    def grid(self) -> Tensor:
        device = self.net.device
        states = self.words.states(self.words.clip.tokenize(PROMPTS).ids, device)
        empty = self.words.states(self.words.empty, device)
        x = sample(lambda x, t, c: self.net(x, t, c).sample, self.scheduler, states, empty, (4, 16, 16))
        self.vae.to(device)
        return (self.vae.decode(x / self.vae.config.scaling_factor).sample.cpu() / 2 + 0.5).clamp(0, 1)

    def save(self, out: Path) -> None:
        """The net and what makes the folder a whole Stable Diffusion pipeline."""
        folder = out / "stable-diffusion"
        ship(self.net, folder / "unet")
        self.scheduler.save_pretrained(folder / "scheduler")
        index = {
            "_class_name": "StableDiffusionPipeline",
            "_diffusers_version": "0.42.1",
            "feature_extractor": [None, None],
            "image_encoder": [None, None],
            "requires_safety_checker": False,
            "safety_checker": [None, None],
            "scheduler": ["diffusers", "DDIMScheduler"],
            "text_encoder": ["transformers", "CLIPTextModel"],
            "tokenizer": ["transformers", "CLIPTokenizer"],
            "unet": ["diffusers", "UNet2DConditionModel"],
            "vae": ["diffusers", "AutoencoderKL"],
        }
        (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
