"""VQGAN: the same losses as the VAE with a codebook in place of the Gaussian (Esser et al., arXiv 2012.09841)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from lab.storybook.dataset import FRESH, pictures
from lab.train.autoencoder import Reconstruction, over
from lab.train.data import CACHE, Corpus, amount, to_signed
from lab.train.plan import Plan
from models.parts.clip import Clip
from models.parts.vqgan import CLASSROOM, Vqgan

REVIVE = 100  # steps between looks for codes that nobody uses


class VqganRecipe:
    name = "vqgan"
    plan = Plan(batch=16, rate=1e-3, betas=(0.9, 0.99), decay=0.0, warmup=100, cooldown=0.5, ema=0.998)

    def __init__(self, out: Path, minutes: float, resume: bool) -> None:
        torch.manual_seed(8)
        self.folder = out / "vqgan"
        self.corpus = Corpus.load(amount(minutes))
        if resume and (self.folder / "config.json").exists():
            self.net = Vqgan.from_folder(self.folder).float()
        else:
            self.net = Vqgan(CLASSROOM)
            self._sow(torch.Generator().manual_seed(0))
        self.reconstruction = Reconstruction(Clip.from_folder(out / "clip", text=False))
        self.used = torch.zeros(self.net.config["n_embed"], dtype=torch.long)
        self.fixed = to_signed(pictures(range(FRESH, FRESH + 32), cache=CACHE))
        self.steps = 0

    @torch.no_grad()
    def _sow(self, rng: torch.Generator, dead: Tensor | None = None) -> None:
        """Put codes (all, or the dead ones) where the encoder really goes: the usual cure for an idle codebook."""
        book = self.net.quantize.embedding.weight
        dead = torch.arange(len(book)) if dead is None else dead
        real, _ = self.corpus.draw(rng, 32)
        latent = self.net.encode(real.to(book.device)).float().movedim(1, -1).flatten(0, 2)
        book[dead] = latent[torch.randperm(len(latent), generator=rng)[: len(dead)]].to(book)

    def loss(self, rng: torch.Generator, done: float) -> tuple[Tensor, dict[str, float]]:
        rows, _ = self.corpus.rows(rng, self.plan.batch)
        real = to_signed(self.corpus.pictures[rows]).to(self.net.quantize.embedding.weight.device)
        self.steps += 1
        if self.steps % REVIVE == 0 and done < 0.7:
            if len(dead := (self.used == 0).nonzero().flatten()):
                self._sow(rng, dead)
            self.used.zero_()
        latent = self.net.encode(real).float()
        with torch.autocast(real.device.type, enabled=False):  # distances to codes need more than 8 bits
            chosen, codebook, codes = self.net.quantize(latent)
        self.used += torch.bincount(codes.flatten().cpu(), minlength=len(self.used))
        loss, facts = self.reconstruction(self.net.decode(chosen).float(), real, self.corpus.shown[rows], done)
        share = (self.used > 0).float().mean()
        return loss + codebook, {"loss": loss.item(), **facts, "codebook": codebook.item(), "used": share.item()}

    def grid(self) -> Tensor:
        """Fresh scenes, each over its reconstruction."""
        real = self.fixed.to(self.net.quantize.embedding.weight.device)
        return over(real, self.net(real)[0])

    def save(self, out: Path) -> None:
        self.net.save_folder(out / "vqgan", torch.float16)
