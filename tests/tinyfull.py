"""The full suite's published architectures made small, and plans of few steps on them."""

from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

from lab.measure.bench.made_up import full_engine
from lab.measure.bench.plans import KANDINSKY, PLANS, SMALL, WHOLE
from models.catalog import shapes as at
from models.loaders import blank

WIDTH, BLOCKS = 32, {"block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4}
TOWER = {
    "hidden_size": WIDTH,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "projection_dim": WIDTH,
}
CLIP = {"text": TOWER | {"vocab_size": 49408}, "vision": TOWER | {"patch_size": 8, "image_size": 32}}
DDPM = BLOCKS | {"down_block_types": ("DownBlock2D",) * 2, "up_block_types": ("UpBlock2D",) * 2, "sample_size": 16}
WORDS = BLOCKS | {"down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"), "attention_head_dim": 4,
                  "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"), "sample_size": 16}  # fmt: skip
VAE = {**BLOCKS, "latent_channels": 4, "down_block_types": ("DownEncoderBlock2D",) * 2,
       "up_block_types": ("UpDecoderBlock2D",) * 2}  # fmt: skip
CODES = {"double_z": False, "z_channels": 16, "resolution": 16, "in_channels": 3, "out_ch": 3, "ch": 32,
         "ch_mult": [1, 1], "num_res_blocks": 1, "attn_resolutions": [], "dropout": 0.0}  # fmt: skip
SMALLER = {
    (at.CLIP_L14, ""): CLIP, (at.CLIP_B32, ""): CLIP, (at.CAT, ""): DDPM, (at.CIFAR, ""): DDPM,
    (at.SD15, "unet"): WORDS | {"cross_attention_dim": WIDTH}, (at.SD15, "vae"): VAE,
    (at.VQGAN, ""): {"ddconfig": CODES, "n_embed": 32, "embed_dim": 16},
    (at.KARLO, "prior"): {"num_layers": 1, "num_attention_heads": 4, "attention_head_dim": 8, "num_embeddings": 77,
                          "additional_embeddings": 4, "embedding_dim": WIDTH},
    (at.KARLO, "text_proj"): {"clip_embeddings_dim": WIDTH, "time_embed_dim": 32, "cross_attention_dim": WIDTH},
    (at.KARLO, "decoder"): WORDS | {"cross_attention_dim": WIDTH, "in_channels": 3, "out_channels": 6,
                                    "class_embed_type": "identity"},
    (at.KARLO, ""): DDPM | {"in_channels": 6, "out_channels": 3, "add_attention": False, "sample_size": 64},
    (at.K22_PRIOR, ""): CLIP,
    (at.K22_PRIOR, "prior"): {"num_layers": 1, "num_attention_heads": 4, "attention_head_dim": 8, "num_embeddings": 77,
                              "additional_embeddings": 4, "embedding_dim": WIDTH},
    (at.K22, "unet"): WORDS | {"cross_attention_dim": WIDTH, "in_channels": 4, "out_channels": 8,
                               "addition_embed_type": "image", "encoder_hid_dim": WIDTH,
                               "encoder_hid_dim_type": "image_proj"},
    (at.K22, "movq"): {"block_out_channels": (32, 32), "layers_per_block": 1, "latent_channels": 4, "vq_embed_dim": 4,
                       "num_vq_embeddings": 20, "norm_type": "spatial",
                       "down_block_types": ("DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
                       "up_block_types": ("AttnUpDecoderBlock2D", "UpDecoderBlock2D")},
}  # fmt: skip
TINY = {"crops": 2, "width": 16, "height": 16}
FEW = tuple(
    replace(plan, steps=2, knobs=plan.knobs | (TINY if plan.family == "vqgan_clip" else {}))
    for plan in PLANS
    if plan.title not in ("pixel 256", "vqgan_clip 512")  # the same again, but larger
)


@contextmanager
def tiny_full():
    """An engine on all that the full suite is, but small: the catalog's own shapes are replaced until it is over."""
    with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for key, config in SMALLER.items():
            kind = at.SHAPES[key].kind
            count = sum(value.numel() for value in blank.blank(kind, config).parameters())
            patch.setitem(at.SHAPES, key, at.Shape(kind, config, count))
        patch.setattr("lab.measure.bench.questions.FEW", 2)
        patch.setattr("lab.measure.bench.questions.MANY", 5)
        patch.setattr("lab.measure.bench.memory.REQUESTS", 10)
        blank._published.cache_clear()
        with full_engine((WHOLE, SMALL, KANDINSKY), "random", "cpu") as (made, kind):
            assert kind == "random"
            yield made
    blank._published.cache_clear()
