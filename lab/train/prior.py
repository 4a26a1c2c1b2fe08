"""unCLIP's diffusion prior: text to CLIP image embedding (Ramesh et al., arXiv 2204.06125, section 2.2 and eq. 2)."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import PriorTransformer, UnCLIPScheduler
from torch import Tensor

from lab.train.data import Corpus, amount
from lab.train.diffusion import Words
from lab.train.plan import Plan
from lab.train.ship import ship, shipped
from models.parts.clip import Clip

SCHEDULE = {
    "num_train_timesteps": 1000,
    "prediction_type": "sample",
    "clip_sample": True,
    "clip_sample_range": 5.0,
    "variance_type": "fixed_small_log",
}


def new_prior(embedding: int, width: int, length: int) -> PriorTransformer:
    """1.2 M parameters; as wide as CLIP's text states, so that these need no projection."""
    return PriorTransformer(
        num_attention_heads=4,
        attention_head_dim=width // 4,
        num_layers=3,
        embedding_dim=embedding,
        num_embeddings=length,
        additional_embeddings=4,
        encoder_hid_proj_type=None,
    )


class PriorRecipe:
    name = "prior"
    plan = Plan(batch=192, rate=1e-3, betas=(0.9, 0.98), decay=0.02, warmup=200, cooldown=0.4, ema=0.999)

    def __init__(self, out: Path, minutes: float, resume: bool) -> None:
        torch.manual_seed(5)
        self.clip = Clip.from_folder(out / "clip").requires_grad_(False)
        self.words, self.corpus = Words(self.clip), Corpus.load(amount(minutes), self.clip)
        folder, cfg = out / "unclip" / "prior", self.clip.config
        found = shipped(PriorTransformer, folder, resume)
        self.net = found or new_prior(cfg["embedding"], cfg["width"], cfg["length"])
        self.embeddings = self._embed()
        with torch.no_grad():
            self.net.clip_mean.copy_(self.embeddings.mean(0, keepdim=True))
            self.net.clip_std.copy_(self.embeddings.std(0, keepdim=True))
        self.net.clip_mean.requires_grad_(False)
        self.net.clip_std.requires_grad_(False)
        self.scheduler = UnCLIPScheduler(**SCHEDULE)

    @torch.no_grad()
    def _embed(self) -> Tensor:
        """CLIP embeddings (N, E) of the whole corpus."""
        return torch.cat([self.clip.image(rows.float() / 255) for rows in self.corpus.pictures.split(512)])

    def loss(self, rng: torch.Generator, done: float) -> tuple[Tensor, dict[str, float]]:
        device = self.net.device
        rows, tokens = self.corpus.rows(rng, self.plan.batch)
        z0 = ((self.embeddings[rows].to(device) - self.net.clip_mean) / self.net.clip_std).float()
        noise = torch.randn(z0.shape, generator=rng).to(device)
        t = torch.randint(1000, (len(z0),), generator=rng).to(device)
        with torch.no_grad():
            text = self.clip.to(device).text(self.words.drop(tokens, rng)[0].to(device))
        found = self.net(
            self.scheduler.add_noise(z0, noise, t), t, text.embedding.float(), text.states.float(), text.mask.bool()
        ).predicted_image_embedding.float()
        loss = F.mse_loss(found, z0)
        near = F.cosine_similarity(found, z0).mean()
        return loss, {"loss": loss.item(), "cosine": near.item()}

    def grid(self) -> Tensor:
        """Similarity of guessed embeddings (one pure-noise guess) to 64 pictures': the diagonal should be bright."""
        device = self.net.device
        rows, tokens = self.corpus.rows(torch.Generator().manual_seed(9), 64)
        text = self.clip.to(device).text(tokens.to(device))
        noise = torch.randn((64, self.embeddings.shape[1]), generator=torch.Generator().manual_seed(0)).to(device)
        z = self.net(
            noise, 999, text.embedding.float(), text.states.float(), text.mask.bool()
        ).predicted_image_embedding
        sims = (
            F.normalize(self.net.post_process_latents(z), dim=-1).cpu() @ F.normalize(self.embeddings[rows], dim=-1).T
        )
        return F.interpolate(sims.clamp(0, 1)[None, None], scale_factor=4).expand(1, 3, -1, -1)

    def save(self, out: Path) -> None:
        ship(self.net, out / "unclip" / "prior")
        self.scheduler.save_pretrained(out / "unclip" / "prior_scheduler")
