"""The full suite's repositories with tiny random weights, written by stock tools, laid out file by file as published.

Whatever lies beside the files that we read (older formats, other precisions, whole checkpoints) lies here as rubbish.
"""

from __future__ import annotations

import json
import shutil
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import yaml
from diffusers import DDPMScheduler, PriorTransformer, UnCLIPScheduler, UNet2DConditionModel, VQModel
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from safetensors.torch import save_file
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionModelWithProjection,
)

from lab.race import SAMPLERS
from models.catalog import Suite
from models.catalog import shapes as at
from models.catalog.full import NET, full
from models.engine import Engine
from models.hub.convert import convert, vqgan_config
from models.registry import Registry
from tests.test_vqgan import Taming
from tests.tinyclip import LENGTH, SIZE, WIDTH, shake, write_open_clip, write_transformers
from tests.tinynets import BODY, latent_parts, pixel_net, unclip_config, unclip_stock

BETAS = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "num_train_timesteps": 1000}
BETAS |= {"set_alpha_to_one": False, "steps_offset": 1, "clip_sample": False}
CODES = {
    "ddconfig": {
        "double_z": False, "z_channels": 16, "resolution": 32, "in_channels": 3, "out_ch": 3, "ch": 32,
        "ch_mult": [1, 2], "num_res_blocks": 1, "attn_resolutions": [16], "dropout": 0.0,
    },
    "n_embed": 40, "embed_dim": 16,
}  # fmt: skip


@cache
def _home() -> TemporaryDirectory:
    home = TemporaryDirectory()
    root = Path(home.name)
    clip = write_transformers(root / at.CLIP_L14, seed=3, embed=WIDTH)
    vocabulary(clip, clip)
    beside(clip, "pytorch_model.bin", "tf_model.h5", "flax_model.msgpack")
    pndm = {"_class_name": "PNDMScheduler", **BETAS, "skip_prk_steps": True}
    write_stable_diffusion(root / at.SD15, clip, pndm, write_safety_checker(root / at.SD15, clip))
    other = write_transformers(root / "other", seed=8, embed=WIDTH)
    vocabulary(other, other)
    write_stable_diffusion(
        root / at.SD21, other, {"_class_name": "DDIMScheduler", **BETAS, "prediction_type": "v_prediction"}
    )
    euler = {"_class_name": "EulerDiscreteScheduler", **BETAS, "timestep_spacing": "trailing"}
    write_stable_diffusion(root / at.TURBO, other, euler)
    for repo in (at.CAT, at.CELEBA, at.CIFAR):
        write_ddpm(root / repo, old=repo == at.CELEBA)
    write_vqgan(root / at.VQGAN)
    write_karlo(root / at.KARLO, clip)
    write_kandinsky(root / at.K22_PRIOR, root / at.K22, other)
    vocabulary(write_open_clip(root / at.CLIP_B32), root / at.CLIP_B32)
    beside(root / at.CLIP_B32, "open_clip_pytorch_model.bin", "pytorch_model.bin", "model.safetensors", "README.md")
    return home


def hub() -> Path:
    """The folder of all repositories, written once."""
    return Path(_home().name)


def suite(*chosen: str, dtype: str = "float64") -> Suite:
    """The full suite from those files, all of it in one precision."""
    found = full(*chosen, root=hub())
    return replace(found, parts={name: replace(part, dtype=dtype) for name, part in found.parts.items()})


@cache
def engine(*chosen: str) -> Engine:
    return Engine(Registry([suite(*chosen)], threads=False), SAMPLERS, dtype=torch.float64)


def vocabulary(clip: Path, folder: Path) -> None:
    """The four files of a tokenizer, and tokenizer.json."""
    tokenizer = CLIPTokenizer.from_pretrained(clip)
    tokenizer.save_pretrained(folder)
    for name in ("vocab.json", "merges.txt"):
        if folder != clip:
            shutil.copy(clip / name, folder / name)
    named = {name: getattr(tokenizer, name) for name in ("bos_token", "eos_token", "unk_token", "pad_token")}
    (folder / "special_tokens_map.json").write_text(json.dumps(named), encoding="utf-8")


def beside(folder: Path, *names: str) -> None:
    """Files that are there in the repository and that nobody of us opens."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".safetensors"):
            save_file({"never.loaded": torch.zeros(3)}, folder / name)
        else:
            (folder / name).write_bytes(b"{}" if name.endswith(".json") else b"never opened")


def plain(net: torch.nn.Module) -> torch.nn.Module:
    return deepcopy(net).float()


def both(net: torch.nn.Module, folder: Path) -> None:
    """In float32, and beside it in half precision."""
    deepcopy(net).half().save_pretrained(folder, variant="fp16")
    net.save_pretrained(folder)


def write_safety_checker(folder: Path, clip: Path) -> dict[str, list[str]]:
    """The checker, which lets every picture pass, and its processor; their entries in the index."""
    checker = shake(StableDiffusionSafetyChecker(CLIPConfig.from_pretrained(clip)), 13)
    checker.concept_embeds_weights.fill_(1.0)
    both(checker, folder / "safety_checker")
    CLIPImageProcessor(size={"shortest_edge": SIZE}, crop_size=SIZE).save_pretrained(folder / "feature_extractor")
    return {
        "feature_extractor": ["transformers", "CLIPImageProcessor"],
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
    }


def write_stable_diffusion(folder: Path, clip: Path, scheduler: dict, more: dict | None = None) -> None:
    parts = latent_parts()
    for name in ("unet", "vae"):
        both(plain(parts[name]), folder / name)
        beside(
            folder / name, *(f"diffusion_pytorch_model{end}" for end in (".bin", ".fp16.bin", ".non_ema.safetensors"))
        )
    both(CLIPTextModel.from_pretrained(clip), folder / "text_encoder")
    (folder / "tokenizer").mkdir()
    vocabulary(clip, folder / "tokenizer")
    (folder / "tokenizer" / "tokenizer.json").unlink()
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler), encoding="utf-8")
    index = {
        "_class_name": "StableDiffusionPipeline", "feature_extractor": [None, None], "safety_checker": [None, None],
        "scheduler": ["diffusers", scheduler["_class_name"]], "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }  # fmt: skip
    (folder / "model_index.json").write_text(json.dumps(index | (more or {})), encoding="utf-8")
    beside(folder, "v1-5-pruned-emaonly.ckpt", "v1-5-pruned-emaonly.safetensors")


def write_ddpm(folder: Path, old: bool) -> None:
    """Flat: the network's and the scheduler's files lie at the root; `old` is a pickle alone, then made safetensors."""
    plain(pixel_net()).save_pretrained(folder, safe_serialization=not old)
    if old:
        convert(folder / f"{NET}.bin", folder / f"{NET}.safetensors")
    scheduler = {"beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02, "num_train_timesteps": 1000}
    DDPMScheduler(**scheduler, clip_sample=True, variance_type="fixed_small").save_pretrained(folder)
    index = {
        "_class_name": "DDPMPipeline",
        "scheduler": ["diffusers", "DDPMScheduler"],
        "unet": ["diffusers", "UNet2DModel"],
    }
    (folder / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
    beside(folder, *([] if old else [f"{NET}.bin"]), "README.md", "images/generated_image_0.png")


def codes() -> Taming:
    """taming's own modules."""
    torch.manual_seed(11)
    net = shake(Taming({**CODES, "beta": 0.25, "legacy": True}), 12)
    torch.nn.init.normal_(net.quantize.embedding.weight, 0.3, 1.5)
    return net


def write_vqgan(folder: Path) -> None:
    """taming's folder: a model.yaml and a checkpoint of Lightning's, with its loss; then what is made of them."""
    for name in ("configs", "ckpts"):
        (folder / name).mkdir(parents=True)
    loss = {"target": "taming.modules.losses.vqperceptual.VQLPIPSWithDiscriminator", "params": {"disc_start": 0}}
    model = {
        "base_learning_rate": 4.5e-06,
        "target": "taming.models.vqgan.VQModel",
        "params": {**CODES, "lossconfig": loss},
    }
    (folder / "configs" / "model.yaml").write_text(yaml.safe_dump({"model": model}), encoding="utf-8")
    weights = {**codes().state_dict(), "loss.discriminator.main.0.weight": torch.zeros(2, 3)}
    torch.save({"epoch": 1, "global_step": 2, "state_dict": weights}, folder / "ckpts" / "last.ckpt")
    convert(folder / "ckpts" / "last.ckpt", folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(vqgan_config(folder / "configs" / "model.yaml")), encoding="utf-8")


def write_karlo(folder: Path, clip: Path) -> None:
    nets, config = unclip_stock(), unclip_config()
    names = {"first": "super_res_first", "last": "super_res_last"}
    for name, net in nets.items():
        plain(net).save_pretrained(folder / names.get(name, name))
        beside(folder / names.get(name, name), "diffusion_pytorch_model.bin")
    for name, called in (("prior", "prior"), ("decoder", "decoder"), ("upsampler", "super_res")):
        settings = {key: value for key, value in config[f"{name}_scheduler"].items() if key[0] != "_"}
        UnCLIPScheduler(**settings).save_pretrained(folder / f"{called}_scheduler")
    CLIPTextModelWithProjection.from_pretrained(clip).save_pretrained(folder / "text_encoder")
    (folder / "tokenizer").mkdir()
    vocabulary(clip, folder / "tokenizer")
    beside(folder, "README.md")
    classes = {
        "prior": "PriorTransformer", "decoder": "UNet2DConditionModel", "super_res_first": "UNet2DModel",
        "super_res_last": "UNet2DModel", "text_encoder": "CLIPTextModelWithProjection", "tokenizer": "CLIPTokenizer",
        **{f"{name}_scheduler": "UnCLIPScheduler" for name in ("prior", "decoder", "super_res")},
    }  # fmt: skip
    index = {name: ["transformers" if kind[:4] == "CLIP" else "diffusers", kind] for name, kind in classes.items()}
    index |= {"_class_name": "UnCLIPPipeline", "text_proj": ["unclip", "UnCLIPTextProjModel"]}
    (folder / "model_index.json").write_text(json.dumps(index), encoding="utf-8")


def kandinsky() -> dict[str, torch.nn.Module]:
    """Prior, decoder and MoVQ of Kandinsky 2.2, made small; pictures are 16 x 24."""
    prior = PriorTransformer(
        num_attention_heads=2, attention_head_dim=8, num_layers=2, embedding_dim=WIDTH, num_embeddings=LENGTH
    )
    unet = UNet2DConditionModel(
        sample_size=(8, 12), in_channels=4, out_channels=8, cross_attention_dim=WIDTH, addition_embed_type="image",
        encoder_hid_dim=WIDTH, encoder_hid_dim_type="image_proj", resnet_time_scale_shift="scale_shift",
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"), **BODY,
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
    )  # fmt: skip
    movq = VQModel(
        block_out_channels=(32, 32), layers_per_block=1, latent_channels=4, vq_embed_dim=4, num_vq_embeddings=20,
        norm_type="spatial", down_block_types=("DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
        up_block_types=("AttnUpDecoderBlock2D", "UpDecoderBlock2D"),
    )  # fmt: skip
    return {
        name: shake(net, seed)
        for seed, (name, net) in enumerate((("prior", prior), ("unet", unet), ("movq", movq)), 21)
    }


def write_kandinsky(first: Path, second: Path, clip: Path) -> None:
    """Two repositories: the prior with both towers of its CLIP, and the decoder with the MoVQ."""
    places = {"prior": first, "unet": second, "movq": second}
    for name, net in kandinsky().items():
        net.save_pretrained(places[name] / name)
        beside(places[name] / name, "diffusion_pytorch_model.bin")
    CLIPTextModelWithProjection.from_pretrained(clip).save_pretrained(first / "text_encoder")
    CLIPVisionModelWithProjection.from_pretrained(clip).half().save_pretrained(first / "image_encoder")
    beside(first, "text_encoder/pytorch_model.bin", "image_encoder/pytorch_model.bin", "README.md")
    for folder in ("tokenizer", "image_processor"):
        (first / folder).mkdir()
    vocabulary(clip, first / "tokenizer")
    (first / "tokenizer" / "tokenizer.json").unlink()
    about = json.loads((clip / "preprocessor_config.json").read_text()) | {"image_processor_type": "CLIPImageProcessor"}
    (first / "image_processor" / "preprocessor_config.json").write_text(json.dumps(about), encoding="utf-8")
    UnCLIPScheduler(prediction_type="sample", clip_sample_range=10.0).save_pretrained(first / "scheduler")
    noise = {"beta_schedule": "linear", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1}
    DDPMScheduler(**noise, clip_sample=True).save_pretrained(second / "scheduler")
    parts = {
        first: ("KandinskyV22PriorPipeline", {
            "prior": "PriorTransformer", "scheduler": "UnCLIPScheduler", "text_encoder": "CLIPTextModelWithProjection",
            "tokenizer": "CLIPTokenizer", "image_encoder": "CLIPVisionModelWithProjection",
            "image_processor": "CLIPImageProcessor",
        }),
        second: ("KandinskyV22Pipeline", {
            "unet": "UNet2DConditionModel", "movq": "VQModel", "scheduler": "DDPMScheduler",
        }),
    }  # fmt: skip
    for folder, (kind, names) in parts.items():
        index = {
            name: ["transformers" if called.startswith("CLIP") else "diffusers", called]
            for name, called in names.items()
        }
        (folder / "model_index.json").write_text(json.dumps({"_class_name": kind} | index), encoding="utf-8")
