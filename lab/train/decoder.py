"""unCLIP's decoder: 64 px diffusion on a CLIP image embedding and a text (Ramesh et al., arXiv 2204.06125, sec. 2.1).

The pixel net's body, started from its weights; what is new is how the embedding enters.
"""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import DDIMScheduler, UnCLIPScheduler, UNet2DConditionModel
from torch import Tensor, nn
from torch.nn import functional as F

from lab.train.data import Corpus, amount, to_signed
from lab.train.diffusion import ALONE, PLACED, WIDTHS, Words, body, focused, fold, start_from, times, unfold, weight
from lab.train.plan import Plan
from lab.train.ship import ship, shipped
from models.parts.clip import Clip
from models.parts.unclip_text import UnclipText

SCHEDULE = {
    "num_train_timesteps": 1000,
    "prediction_type": "sample",
    "clip_sample": True,
    "clip_sample_range": 1.0,
    "variance_type": "fixed_small_log",
}


class DecoderRecipe:
    name = "decoder"
    plan = Plan(batch=32, rate=5e-4, betas=(0.9, 0.99), decay=0.01, warmup=100, cooldown=0.4, ema=0.999, muon=True)

    def __init__(self, out: Path, minutes: float, resume: bool) -> None:
        torch.manual_seed(6)
        self.clip = Clip.from_folder(out / "clip").requires_grad_(False)
        self.words, self.corpus = Words(self.clip), Corpus.load(amount(minutes), self.clip)
        folder, width, size = out / "unclip", self.clip.config["width"], self.clip.config["embedding"]
        unet = shipped(UNet2DConditionModel, folder / "decoder", resume)
        proj = shipped(UnclipText, folder / "text_proj", resume)
        self.alone = ALONE[resume]
        if unet is None or proj is None:
            unet = body(48, 48, width, class_embed_type="identity")
            start_from(unet, UNet2DConditionModel.from_pretrained(out / "pixel" / "unet"))
            proj = UnclipText(
                clip_embeddings_dim=size, time_embed_dim=4 * WIDTHS[0], cross_attention_dim=width, text_width=width
            )
            nn.init.eye_(proj.encoder_hidden_states_proj.weight)
        self.net = nn.ModuleDict({"decoder": unet, "text_proj": proj})
        self.scheduler = UnCLIPScheduler(**SCHEDULE)

    def _predict(self, x: Tensor, t: Tensor, image: Tensor, tokens: Tensor, given: Tensor) -> Tensor:
        with torch.no_grad():
            text = self.clip.to(x.device).text(tokens.to(x.device))
        context, time = self.net["text_proj"](image, text.embedding.float(), text.states.float(), given)
        mask = F.pad(text.mask, (context.shape[1] - text.mask.shape[1], 0), value=1.0)
        return self.net["decoder"](x, t, context, class_labels=time, encoder_attention_mask=mask).sample.float()

    def loss(self, rng: torch.Generator, done: float) -> tuple[Tensor, dict[str, float]]:
        device = self.net["decoder"].device
        rows, tokens = self.corpus.rows(rng, self.plan.batch, alone=self.alone * (1 - done), placed=PLACED)
        pictures = to_signed(self.corpus.pictures[rows])
        x0 = fold(pictures).to(device)
        with torch.no_grad():
            image = self.clip.to(device).image(pictures.to(device) / 2 + 0.5).float()
        noise = torch.randn(x0.shape, generator=rng).to(device)
        t = times(rng, len(x0)).to(device)
        # The picture's embedding is missing in a tenth, the text in three tenths, so that neither rules.
        given = (torch.rand(len(x0), generator=rng) >= 0.1).float().to(device)
        tokens = torch.where(torch.rand(len(x0), 1, generator=rng) < 0.3, self.words.empty, tokens)
        found = self._predict(self.scheduler.add_noise(x0, noise, t), t, image, tokens, given)
        error = (found - x0).square()
        loss = focused(weight(self.scheduler.alphas_cumprod.to(device), t) * error, self.corpus.shown[rows], done)
        return loss, {"loss": loss.item(), "mse": error.mean().item()}

    def grid(self) -> Tensor:
        """Eight real pictures, then two decodings of the embedding of each, without text."""
        device = self.net["decoder"].device
        real = self.corpus.pictures[:8].float().to(device) / 255
        image = self.clip.to(device).image(real).repeat(2, 1)
        tokens = self.words.empty.expand(16, -1)
        scheduler = DDIMScheduler.from_config(
            self.scheduler.config, beta_schedule="squaredcos_cap_v2", timestep_spacing="trailing"
        )
        scheduler.set_timesteps(20)
        x = torch.randn((16, 48, 16, 16), generator=torch.Generator().manual_seed(0)).to(device)
        for t in scheduler.timesteps:
            x = scheduler.step(
                self._predict(x, t.expand(16).to(device), image, tokens, torch.ones(16, device=device)), t, x
            ).prev_sample
        return torch.cat([real, (unfold(x) / 2 + 0.5).clamp(0, 1)]).cpu()

    def save(self, out: Path) -> None:
        for part in ("decoder", "text_proj"):
            ship(self.net[part], out / "unclip" / part)
        self.scheduler.save_pretrained(out / "unclip" / "decoder_scheduler")
