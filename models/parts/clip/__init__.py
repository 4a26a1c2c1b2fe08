"""The one CLIP of a suite: text states, text embeddings and picture embeddings for every sampler.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision" (arXiv 2103.00020).
Three kinds of folder are read alike: an open_clip folder (`open_clip_config.json`, `open_clip_model.safetensors`), a
transformers CLIP checkpoint (`config.json`, `model.safetensors`), and a diffusers pipeline's, which has the text tower
(`text_encoder/`, `tokenizer/`) and in a prior's the picture tower (`image_encoder/`, `image_processor/`).  Each holds
its own CLIP byte-pair tokenizer.  Only local files are opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.parts.clip.fold import folded
from models.parts.clip.folders import read_tokenizer, read_towers


class Tokens(NamedTuple):
    """Tokenised texts: `ids` (N, L) int64, and for each text the pieces that fitted and those that did not."""

    ids: Tensor
    kept: tuple[tuple[str, ...], ...]
    dropped: tuple[tuple[str, ...], ...]


class TextFeatures(NamedTuple):
    """`states` (B, L, W) after the last norm; `embedding` (B, E), not normalised; `mask` (B, L), 1 to the end token."""

    states: Tensor
    embedding: Tensor
    mask: Tensor


class Clip(nn.Module):
    """Text and pictures in one space of E dimensions; texts have L tokens, pictures `size` pixels a side.

    A text tower maps tokens (B, L) to (embedding (B, E), states (B, L, W)); a picture tower maps normalised
    pixels (B, 3, size, size) to embeddings (B, E).  Either may be absent (None) where only the other is wanted.
    """

    def __init__(
        self, text: nn.Module | None, picture: nn.Module | None, scale: Tensor, tokenizer: Any, config: dict[str, Any]
    ):
        super().__init__()
        self.text_tower, self.picture_tower = text, picture
        self.logit_scale = nn.Parameter(scale.detach().clone())
        self.tokenizer, self.config = tokenizer, config
        self.register_buffer("mean", torch.tensor(config["mean"]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(config["std"]).view(1, 3, 1, 1), persistent=False)

    @classmethod
    def from_folder(
        cls, path: str | Path, *, dtype: torch.dtype = torch.float32, text: bool = True, picture: bool = True,
        variant: str | None = None,
    ) -> Clip:  # fmt: skip
        """Read a folder of either kind, in evaluation mode; `text=False` or `picture=False` leaves that tower out.

        Of transformers weights the copy `variant` is read, such as "fp16"; without one fp16 only where nothing else is.
        Raises ValueError when the folder is neither kind, or its files disagree with one another.
        """
        tokenizer = read_tokenizer(Path(path)) if text else None
        texts, pictures, scale, config = read_towers(Path(path), tokenizer, dtype, variant)
        clip = cls(texts if text else None, pictures if picture else None, scale, tokenizer, config)
        return clip.to(dtype).eval()

    def fold(self) -> Clip:
        """The same values sooner, for a CLIP that is no longer trained; see `models.parts.clip.fold`."""
        if self.picture_tower is not None:
            self.picture_tower = folded(self.picture_tower)
        return self

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights, and so of everything that the towers return."""
        return self.logit_scale.dtype

    @property
    def length(self) -> int:
        """L, the tokens of a text with its start and end."""
        return self.config["length"]

    @property
    def size(self) -> int:
        """Side of the picture that the tower sees, in pixels."""
        return self.config["size"]

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        """Each text as start, its first L - 2 pieces, end, padding.  Safe on any thread: no state is written."""
        begin, end, pad = (getattr(self.tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad"))
        room, ids, kept, dropped = self.length - 2, [], [], []
        for text in texts:
            found = self.tokenizer.backend_tokenizer.encode(text, add_special_tokens=False)
            body = [begin, *found.ids[:room], end]
            ids.append(body + [pad] * (self.length - len(body)))
            pieces = tuple(text[a:b] for a, b in found.offsets)
            kept.append(pieces[:room])
            dropped.append(pieces[room:])
        return Tokens(torch.tensor(ids, dtype=torch.int64).view(-1, self.length), tuple(kept), tuple(dropped))

    def text(self, tokens: Tensor) -> TextFeatures:
        """Everything the text tower says about tokens (B, L)."""
        embedding, states = self.text_tower(tokens)
        end = (tokens == self.tokenizer.eos_token_id).int().argmax(-1, keepdim=True)  # the first: padding may repeat it
        mask = torch.arange(tokens.shape[1], device=tokens.device) <= end
        return TextFeatures(states, embedding, mask.to(states.dtype))

    def prepare(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> (B, 3, size, size) normalised: shorter side to `size`, bicubic, centre crop."""
        height, width = pictures.shape[-2:]
        if (height, width) != (self.size, self.size):
            zoom = self.size / min(height, width)
            shape = (max(self.size, round(height * zoom)), max(self.size, round(width * zoom)))
            pictures = F.interpolate(pictures, shape, mode="bicubic", antialias=True).clamp(0, 1)
            top, left = (shape[0] - self.size) // 2, (shape[1] - self.size) // 2
            pictures = pictures[..., top : top + self.size, left : left + self.size]
        return (pictures.to(self.dtype) - self.mean) / self.std

    def image(self, pictures: Tensor) -> Tensor:
        """Embeddings (B, E), not normalised, of pictures (B, 3, H, W) in [0, 1]; differentiable."""
        return self.picture_tower(self.prepare(pictures))
