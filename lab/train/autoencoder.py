"""What VAE and VQGAN are trained on: L1, features of our CLIP, a PatchGAN (Esser et al., arXiv 2012.09841, eq. 5-7)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from taming.modules.discriminator.model import NLayerDiscriminator, weights_init
from torch import Tensor, nn

from lab.train.clip import normalise
from lab.train.diffusion import weighted
from models.parts.clip import Clip

PERCEPTUAL, ADVERSARY = 1.0, 0.005
FOCUS = 12.0  # how much more an error counts where things stand: small ones are few of the pixels, and what is read
ADVERSARY_FROM = 0.6  # share of the time after which the critic joins: shapes first, crispness last


class Perceptual(nn.Module):
    """Distance in the unit-norm features of our CLIP's first three stages (the idea of LPIPS, arXiv 1801.03924).

    Never the judge's features: what is scored by the judge must not have been trained on it.
    """

    def __init__(self, clip: Clip) -> None:
        super().__init__()
        self.tower = clip.picture_tower.requires_grad_(False).eval()

    def features(self, pictures: Tensor) -> list[Tensor]:
        """Pictures (B, 3, 64, 64) in [-1, 1] -> the tower's maps at 16, 8 and 4 px, unit norm over channels."""
        tower, x, maps = self.tower, self.tower.stem(normalise(pictures)), []
        for layer in (tower.layer1, tower.layer2, tower.layer3):
            x = layer(x)
            maps.append(F.normalize(x, dim=1))
        return maps

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """Mean squared distance of unit features, summed over channels, averaged over places and stages."""
        with torch.no_grad():
            goal = self.features(real)
        pairs = zip(self.features(fake), goal, strict=True)
        return torch.stack([(a - b).square().sum(1).mean() for a, b in pairs]).mean()


class Critic:
    """A PatchGAN with hinge loss and its own optimiser; it starts anew when a training is resumed."""

    def __init__(self) -> None:
        self.net = NLayerDiscriminator(ndf=32, n_layers=2).apply(weights_init)
        self.learner = torch.optim.AdamW(self.net.parameters(), 4e-4, (0.5, 0.9), fused=True)

    def learn(self, fake: Tensor, real: Tensor) -> float:
        """One step on pictures (B, 3, H, W) in [-1, 1]; returns the hinge loss (2 when it knows nothing)."""
        self.net.to(fake.device).requires_grad_(True)
        loss = F.relu(1 - self.net(real)).mean() + F.relu(1 + self.net(fake.detach())).mean()
        self.learner.zero_grad(set_to_none=True)
        loss.backward()
        self.learner.step()
        self.net.requires_grad_(False)
        return loss.item()

    def fooled(self, fake: Tensor) -> Tensor:
        """What the generator wants low."""
        return -self.net(fake).mean()


class Reconstruction:
    """The whole loss of a reconstruction of `real` that knows where things are `shown` (B, h, w), and its facts."""

    def __init__(self, clip: Clip) -> None:
        self.perceptual, self.critic = Perceptual(clip), Critic()

    def __call__(self, fake: Tensor, real: Tensor, shown: Tensor, done: float) -> tuple[Tensor, dict[str, float]]:
        error, shown = fake - real, F.interpolate(shown[:, None].to(fake), fake.shape[-2:])[:, 0]
        l1, mse = (weighted(each, shown, FOCUS) for each in (error.abs(), error.square()))
        seen = self.perceptual.to(fake.device)(fake, real)
        loss = l1 + mse + PERCEPTUAL * seen
        psnr = -10 * torch.log10(error.detach().square().mean() / 4)
        facts = {"l1": l1.item(), "psnr": psnr.item(), "perceptual": seen.item()}
        if done > ADVERSARY_FROM:
            facts["critic"] = self.critic.learn(fake, real)
            loss = loss + ADVERSARY * self.critic.fooled(fake)
        else:
            facts["critic"] = 2.0
        return loss, facts


def over(real: Tensor, fake: Tensor) -> Tensor:
    """A grid for the eye: rows of 8 pictures (B, 3, H, W) in [-1, 1], each over its reconstruction; in [0, 1]."""
    rows = [row for k in range(0, len(real), 8) for row in (real[k : k + 8], fake[k : k + 8])]
    return (torch.cat(rows).cpu() / 2 + 0.5).clamp(0, 1)
