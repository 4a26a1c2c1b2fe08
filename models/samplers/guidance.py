"""What a prompt does to a denoiser: its features from the one CLIP, and guidance away from the negative prompt."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from models.protocol import Eval, Kit, Prompt, Target, ask
from models.samplers.fits import fit


class Text(NamedTuple):
    """CLIP's features of N texts: `states` (N, L, W), `embedding` (N, E) not normalised, `mask` (N, L) in {0, 1}."""

    states: Tensor
    embedding: Tensor
    mask: Tensor


def encode_text(parts: Mapping[str, nn.Module], tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens (N, L) -> states (N, L, W), embedding (N, E), mask (N, L)."""
    return tuple(parts["clip"].text(tokens))


TEXT = Target(encode_text, ("clip",))  # bound as "text" by every sampler that reads a prompt


def read(prompt: Prompt, kit: Kit, like: Tensor) -> Generator[Eval, Any, tuple[Text, Text]]:
    """The prompt's text and its negative, each with one row a picture.  The sampler binds `TEXT` as "text".

    ValueError names networks that were not trained together.
    """
    fit(kit.config)
    found = yield from ask("text", kit.tokens[:2].to(like.device))
    count = len(prompt.seeds)
    on, off = (Text(*(rows[i : i + 1].expand(count, *rows.shape[1:]) for rows in found)) for i in (0, 1))
    return on, off


def needed(prompt: Prompt, scale: float) -> float:
    """`scale`, or 1 where the prompt asks for nothing but its negative: the pair would be twice the same row."""
    return 1.0 if prompt.text == prompt.negative else scale


def onset(share: float, schedule: Mapping[str, Any]) -> float:
    """The timestep at which the last `share` of a chain begins, of a scheduler's configuration."""
    return share * schedule.get("num_train_timesteps", 1000)


class Guide:
    """Classifier-free guidance (Ho & Salimans, arXiv 2207.12598): from what is not wanted through what is.

    The guided prediction is `off.lerp(on, scale)`: 1 = off, and then one set of rows; above 1 the pairs run as one
    Eval of 2B rows, unwanted first.  Channels beyond the first `channels` (a learned variance) stay `on`'s own.
    Timesteps above `begin` are not guided and take B rows: guidance harms where all is noise (Kynkaanniemi et al.,
    arXiv 2404.07724, who leave it out at the end too).
    """

    def __init__(self, scale: float, on: tuple[Tensor, ...], off: tuple[Tensor, ...], begin: float = math.inf):
        self.scale, self.begin, self.on = scale, begin, on
        self.pairs = scale != 1
        self.rows = tuple(torch.cat(pair) for pair in zip(off, on, strict=True)) if self.pairs else on

    def ask(self, target: str, x: Tensor, t: Tensor) -> Generator[Eval, Any, Tensor]:
        """What `target` predicts for x (B, C, ...) at timestep t, guided: (B, C or more, ...)."""
        guided = self.pairs and float(t) <= self.begin
        x, rows = (torch.cat([x, x]), self.rows) if guided else (x, self.on)
        found = yield from ask(target, x, torch.full((len(x),), float(t), device=x.device), *rows)
        return self.lead(found, x.shape[1]) if guided else found

    def lead(self, found: Tensor, channels: int) -> Tensor:
        """Combine a stack of pairs (2B, ...), unwanted first."""
        off, on = found.chunk(2)
        guided = off[:, :channels].lerp(on[:, :channels], self.scale)
        return guided if found.shape[1] == channels else torch.cat([guided, on[:, channels:]], 1)
