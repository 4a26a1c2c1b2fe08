"""The robust picture tower, the guide of VQGAN+CLIP; the text tower stays as it is.

First crops and adversarial pictures (CLIPAG, Ganz & Elad, arXiv 2306.16805), then an energy whose negatives are what
the painter itself makes of it: a replay buffer of latents, climbed by the painter's own rule and pushed below the
real pictures (CLIP-JEM, Ganz & Elad, arXiv 2408.17046, section 3).
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from lab.train.data import Corpus, amount
from lab.train.plan import Plan
from lab.train.ship import load_open_clip, save_open_clip
from models.parts.clip import Clip
from models.parts.vqgan import Vqgan
from models.samplers.crops import cut, draw_crops
from models.samplers.vqgan_clip import VqganClipKnobs
from models.samplers.vqgan_clip.targets import gradient, paint

ADVERSARIAL = 0.2  # share of the time for the first stage
BUFFER, CLIMBED, CLIMBS, RESTART = 384, 12, 4, 0.04
REAL, SLOPE, MIDDLE = 40, 8.0, 0.5
KNOBS = VqganClipKnobs(crops=2, smallest=0.6)


class RobustRecipe:
    name = "robust"
    plan = Plan(batch=REAL, rate=4e-4, betas=(0.5, 0.95), decay=0.01, warmup=50, cooldown=0.3, ema=0.995, bf16=False)

    def __init__(self, out: Path, minutes: float, resume: bool) -> None:
        torch.manual_seed(9)
        self.source = out / "clip"
        self.clip = Clip.from_folder(self.source).requires_grad_(False)
        self.whole = load_open_clip(self.source)
        if resume and (shipped := out / "clip-robust" / "open_clip_model.safetensors").exists():
            self.whole.load_state_dict(load_file(shipped), strict=False)  # it holds no text tower
        self.net = self.clip.picture_tower = self.whole.visual.requires_grad_(True)
        self.corpus = Corpus.load(amount(minutes), self.clip)
        self.vqgan = Vqgan.from_folder(out / "vqgan").requires_grad_(False)
        self.latents = torch.zeros(0)

    def _texts(self, tokens: Tensor) -> Tensor:
        with torch.no_grad():
            return F.normalize(self.clip.text(tokens.to(self.latents.device)).embedding.float(), dim=-1)

    def _see(self, pictures: Tensor) -> Tensor:
        return F.normalize(self.clip.image(pictures), dim=-1)

    def _fill(self, rng: torch.Generator) -> None:
        """The buffer at the start: noise, each with a caption."""
        shape = (BUFFER, self.vqgan.config["embed_dim"], 16, 16)
        device = next(self.net.parameters()).device
        self.clip.to(device), self.vqgan.to(device)
        self.latents = torch.randn(shape, generator=rng).to(device)
        self.wanted = self._texts(self.corpus.rows(rng, BUFFER)[1])

    def _climb(self, rng: torch.Generator) -> Tensor:
        """Take some of the buffer a few steps up, put them back; returns which."""
        which = torch.randperm(BUFFER, generator=rng)[:CLIMBED]
        anew = which[torch.rand(CLIMBED, generator=rng) < RESTART]
        if len(anew):
            self.latents[anew] = torch.randn((len(anew), *self.latents.shape[1:]), generator=rng).to(self.latents)
            self.wanted[anew] = self._texts(self.corpus.rows(rng, len(anew))[1])
        x, one = self.latents[which], self.latents.new_ones(CLIMBED, 1)
        rngs = [torch.Generator().manual_seed(int(s)) for s in torch.randint(2**31, (CLIMBED,), generator=rng)]
        for _ in range(CLIMBS):
            crops = draw_crops(KNOBS, rngs, 64, 64)
            parts = {"vqgan": self.vqgan, "clip_robust": self.clip}
            up, *_ = gradient(parts, x, self.wanted[which][:, None], one, *crops, tower="clip_robust", noisy=True)
            rate = KNOBS.rate * float(torch.rand(1, generator=rng) * 0.9 + 0.1)
            step = up / up.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-30)
            x = (x - rate * step).clamp(-KNOBS.limit, KNOBS.limit)
        self.latents[which] = x
        return which

    def _real(self, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Painted pictures, half of them rebuilt by the VQGAN so that its look is no clue, in [0, 1]; their texts."""
        pictures, tokens = self.corpus.draw(rng, REAL)
        pictures = pictures.to(self.latents.device)
        with torch.no_grad():
            pictures[: REAL // 2] = self.vqgan(pictures[: REAL // 2])[0].clamp(-1, 1)
        return pictures / 2 + 0.5, self._texts(tokens)

    def _attack(self, pictures: Tensor, texts: Tensor, scale: Tensor, steps: int = 2, radius: float = 2.0) -> Tensor:
        """PGD in pixels, L2 radius on the [0, 1] scale, away from the right caption."""
        shift = torch.zeros_like(pictures).requires_grad_()
        for _ in range(steps):
            logits = scale * self._see(pictures + shift) @ texts.T
            (up,) = torch.autograd.grad(F.cross_entropy(logits, torch.arange(len(texts), device=logits.device)), shift)
            shift = shift + radius / steps * up / up.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)
        return (pictures + shift).clamp(0, 1).detach()

    def loss(self, rng: torch.Generator, done: float) -> tuple[Tensor, dict[str, float]]:
        if not len(self.latents):
            self._fill(rng)
        self.net.eval()  # batch norm keeps its statistics: mixed and attacked batches would spoil them
        pictures, texts = self._real(rng)
        scale, labels = self.clip.logit_scale.exp(), torch.arange(REAL, device=texts.device)
        rngs = [torch.Generator().manual_seed(int(s)) for s in torch.randint(2**31, (REAL,), generator=rng)]
        crops = cut(pictures, draw_crops(KNOBS, rngs, 64, 64).like(pictures), 64).flatten(0, 1)
        shown = torch.cat([pictures, crops[1::2]])
        if done < ADVERSARIAL:
            shown = torch.cat([self._attack(pictures, texts, scale), crops[1::2]])
        cosines = self._see(shown) @ texts.T
        agree = (
            sum(
                F.cross_entropy(scale * rows, labels) + F.cross_entropy(scale * rows.T, labels)
                for rows in cosines.chunk(2)
            )
            / 4
        )
        real = cosines[:REAL].diagonal()
        facts = {"agree": agree.item(), "real": real.mean().item()}
        if done < ADVERSARIAL:
            return agree, facts | {"fake": 0.0}
        which = torch.cat([self._climb(rng), torch.randperm(BUFFER, generator=rng)[:20]])
        with torch.no_grad():
            fakes = paint(self.vqgan, self.latents[which])[0]
        fake = (self._see(fakes) * self.wanted[which]).sum(1)
        push = F.softplus(SLOPE * (MIDDLE - real)).mean() + F.softplus(SLOPE * (fake - MIDDLE)).mean()
        return agree + push / 2, facts | {"fake": fake.mean().item()}

    def grid(self) -> Tensor:
        """The first of the buffer: what the tower now thinks its captions look like."""
        return paint(self.vqgan, self.latents[:32])[0].cpu()

    def save(self, out: Path) -> None:
        """An open_clip folder whose weights are the picture tower alone; the texts are read by the one CLIP."""
        folder = out / "clip-robust"
        folder.mkdir(parents=True, exist_ok=True)
        config = json.loads((self.source / "open_clip_config.json").read_text())
        (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")
        weights = {k: v for k, v in self.whole.state_dict().items() if k.startswith("visual.") or k == "logit_scale"}
        save_open_clip(weights, folder)
