"""Whether the networks of a painter fit one another, told by their configurations before any of them runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# A part and what its configuration calls a width that it reads; the part that gives it, and what that calls it.
FITS = (
    ("unet", "cross_attention_dim", "clip", "width"),
    ("unet", "in_channels", "vae", "latent_channels"),
    ("pixel", "cross_attention_dim", "clip", "width"),
    ("clip_robust", "embedding", "clip", "embedding"),
    ("prior", "embedding_dim", "clip", "embedding"),
    ("text_proj", "clip_embeddings_dim", "clip", "embedding"),
    ("text_proj", "text_width", "clip", "width"),
    ("decoder", "cross_attention_dim", "text_proj", "cross_attention_dim"),
    ("decoder", "encoder_hid_dim", "prior", "embedding_dim"),
    ("decoder", "in_channels", "movq", "latent_channels"),
)


def fit(config: Mapping[str, Mapping[str, Any]]) -> None:
    """ValueError names two parts of a `Kit.config` that were not trained together, by the widths that do not agree.

    A part that is not there, or a width that a configuration leaves unset, says nothing.
    """
    for part, read, other, given in FITS:
        wanted, has = (config.get(name, {}).get(key) for name, key in ((part, read), (other, given)))
        if isinstance(wanted, int) and isinstance(has, int) and wanted != has:
            raise ValueError(
                f"{part}.{read} is {wanted}, but {other}.{given} is {has}: take the {other} that {part} was trained "
                f"with, or a {part} that was trained with this {other}"
            )
