"""What unCLIP's decoder is told: a CLIP image embedding and a text, as time embedding and as context.

Ramesh et al., "Hierarchical Text-Conditional Image Generation with CLIP Latents" (arXiv 2204.06125), section 2.1: "by
projecting and adding CLIP embeddings to the existing timestep embedding, and by projecting CLIP embeddings into four
extra tokens of context".  Names of weights and configuration are those of Karlo's `text_proj` folder.
"""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models import ModelMixin
from diffusers.utils import is_accelerate_available
from torch import Tensor, nn


class UnclipText(ModelMixin, ConfigMixin):
    """Image and text embeddings (B, E) and text states (B, L, W) -> what a decoder's cross-attention and time take."""

    @register_to_config
    def __init__(
        self,
        *,
        clip_extra_context_tokens: int = 4,
        clip_embeddings_dim: int = 768,
        time_embed_dim: int = 1280,
        cross_attention_dim: int = 1536,
        text_width: int | None = None,
    ):
        """`text_width` is W where it differs from E; Karlo's folders do not name it."""
        super().__init__()
        embedding, context = clip_embeddings_dim, cross_attention_dim
        self.learned_classifier_free_guidance_embeddings = nn.Parameter(torch.zeros(embedding))
        self.embedding_proj = nn.Linear(embedding, time_embed_dim)
        self.clip_image_embeddings_project_to_time_embeddings = nn.Linear(embedding, time_embed_dim)
        self.clip_extra_context_tokens_proj = nn.Linear(embedding, clip_extra_context_tokens * context)
        self.encoder_hidden_states_proj = nn.Linear(text_width or embedding, context)
        self.text_encoder_hidden_states_norm = nn.LayerNorm(context)

    @classmethod
    def from_folder(cls, path: str | Path) -> UnclipText:
        """Read config.json and safetensors, Karlo's or ours, from a local folder."""
        return cls.from_pretrained(
            path, use_safetensors=True, local_files_only=True, low_cpu_mem_usage=is_accelerate_available()
        )

    def forward(
        self, image: Tensor, text: Tensor, states: Tensor, given: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Context (B, K + L, C) and time embedding (B, T) of `image` (B, E), `text` (B, E) and `states` (B, L, W).

        Where `given` (B,) is 0 the learned embedding of "no image", which guidance leads away from, is used instead.
        """
        if given is not None:
            image = torch.where(given[:, None] > 0, image, self.learned_classifier_free_guidance_embeddings)
        time = self.clip_image_embeddings_project_to_time_embeddings(image) + self.embedding_proj(text)
        extra = self.clip_extra_context_tokens_proj(image)
        extra = extra.unflatten(1, (-1, self.config.clip_extra_context_tokens)).mT  # in the weights, tokens innermost
        words = self.text_encoder_hidden_states_norm(self.encoder_hidden_states_proj(states))
        return torch.cat([extra, words], 1), time
