"""The full suite's repositories with tiny random weights, written by stock tools, laid out file by file as published.

Whatever lies beside the files that we read (older formats, other precisions, whole checkpoints) lies here as rubbish.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import yaml
from diffusers import (
    AutoencoderKL,
    DDPMScheduler,
    PriorTransformer,
    UnCLIPScheduler,
    UNet2DConditionModel,
    UNet2DModel,
    VQModel,
)
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from safetensors.torch import load_file, save_file
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPTextConfig,
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
from tests.published import FILES
from tests.test_vqgan import Taming
from tests.tinyclip import LENGTH, SIZE, VIT, WIDTH, shake, write_open_clip, write_tokenizer, write_transformers
from tests.tinynets import BODY, DOWN, UP, latent_parts, unclip_config, unclip_stock

BETAS = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "num_train_timesteps": 1000}
BETAS |= {"set_alpha_to_one": False, "steps_offset": 1, "clip_sample": False}
CODES = {
    "ddconfig": {
        "double_z": False, "z_channels": 16, "resolution": 32, "in_channels": 3, "out_ch": 3, "ch": 32,
        "ch_mult": [1, 2], "num_res_blocks": 1, "attn_resolutions": [16], "dropout": 0.0,
    },
    "n_embed": 40, "embed_dim": 16,
}  # fmt: skip


END, BANG = "<|endoftext|>", "!"
OF_2022 = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}  # attention, then


@cache
def _home() -> TemporaryDirectory:
    home = TemporaryDirectory()
    root = Path(home.name)
    clip = write_transformers(root / at.CLIP_L14, seed=3, embed=WIDTH)
    vocabulary(clip, whole=True)
    _write_stable_diffusions(root, clip)
    write_ddpm(root / at.CAT, 4)
    write_ddpm(root / at.CELEBA, 14, pickle=True, old=True)
    write_ddpm(root / at.CIFAR, 15, old=True)
    write_vqgan(root / at.VQGAN)
    write_karlo(root / at.KARLO, clip)
    other = write_transformers(root / "other", seed=8, embed=WIDTH)
    write_kandinsky(root / at.K22_PRIOR, root / at.K22, other)
    vocabulary(write_open_clip(root / at.CLIP_B32, vision=VIT), whole=True)
    for repo in FILES:
        beside(root / repo, *FILES[repo])
    return home


def _write_stable_diffusions(root: Path, clip: Path) -> None:
    """1.5 has the part's own CLIP; 2.1 and Turbo share an architecture, and have weights of their own."""
    pndm = {"_class_name": "PNDMScheduler", **BETAS, "skip_prk_steps": True}
    first, words = latent_parts(), CLIPTextModel.from_pretrained(clip)
    folder = root / at.SD15
    write_stable_diffusion(folder, plain(first["unet"]), plain(first["vae"]), words, pndm, END)
    for file, absent in (("unet", ("use_linear_projection", "upcast_attention")), ("vae", ("scaling_factor",))):
        without(folder / file / "config.json", *absent)
    index(folder, write_safety_checker(folder, clip))
    ddim = {"_class_name": "DDIMScheduler", **BETAS, "prediction_type": "v_prediction"}
    write_stable_diffusion(root / at.SD21, unet_2(31), autoencoder(32), words_h(33), ddim, BANG)
    write_processor(root / at.SD21)
    index(root / at.SD21, {"feature_extractor": ["transformers", "CLIPImageProcessor"]})
    euler = {"_class_name": "EulerDiscreteScheduler", **BETAS, "timestep_spacing": "trailing"}
    write_stable_diffusion(root / at.TURBO, unet_2(34), autoencoder(35), words_h(36), euler, BANG)


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


def vocabulary(folder: Path, pad: str = END, whole: bool = False) -> int:
    """The four files of a tokenizer; `whole`: tokenizer.json too.  Returns the number of ids."""
    words = write_tokenizer(folder)
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if not whole:
        (folder / "tokenizer.json").unlink()
    named = {"bos_token": tokenizer.bos_token, "eos_token": END, "unk_token": END, "pad_token": pad}
    (folder / "special_tokens_map.json").write_text(json.dumps(named), encoding="utf-8")
    return words


def beside(folder: Path, *names: str) -> None:
    """Files that are there in the repository and that nobody of us opens, where nothing is yet."""
    for file in (folder / name for name in names if not (folder / name).exists()):
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".safetensors":
            save_file({"never.loaded": torch.zeros(3)}, file)
        else:
            file.write_bytes(b"{}" if file.suffix == ".json" else b"never opened")


def without(file: Path, *names: str) -> None:
    """A configuration as those of its year: what its class has learned since is not in it."""
    told = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({key: told[key] for key in told.keys() - set(names)}), encoding="utf-8")


def index(folder: Path, more: dict[str, list[str]]) -> None:
    """Entries into model_index.json."""
    file = folder / "model_index.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | more), encoding="utf-8")


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
    write_processor(folder)
    return {
        "feature_extractor": ["transformers", "CLIPImageProcessor"],
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
    }


def write_processor(folder: Path) -> None:
    CLIPImageProcessor(size={"shortest_edge": SIZE}, crop_size=SIZE).save_pretrained(folder / "feature_extractor")


def unet_2(seed: int) -> UNet2DConditionModel:
    """As 2.1's and Turbo's: heads by level, linear projections, attention in float32."""
    body = BODY | {"attention_head_dim": (2, 4), "use_linear_projection": True, "upcast_attention": True}
    net = UNet2DConditionModel(
        sample_size=12, in_channels=4, out_channels=4, down_block_types=DOWN, up_block_types=UP,
        cross_attention_dim=WIDTH, **body,
    )  # fmt: skip
    return shake(net, seed)


def autoencoder(seed: int) -> AutoencoderKL:
    return shake(AutoencoderKL.from_config(latent_parts()["vae"].config), seed)


def words_h(seed: int) -> CLIPTextModel:
    """As ViT-H's text tower, cut to 23 layers: another activation, and the end token's id said as it was before."""
    with TemporaryDirectory() as folder:
        ids = write_tokenizer(Path(folder))
    small = {"hidden_size": WIDTH, "num_attention_heads": 2, "intermediate_size": 48, "projection_dim": WIDTH // 2}
    old = {"bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1}
    told = CLIPTextConfig(**at.H_TEXT | small | old, vocab_size=ids, max_position_embeddings=LENGTH)
    return shake(CLIPTextModel(told), seed)


def write_stable_diffusion(
    folder: Path, unet: UNet2DConditionModel, vae: AutoencoderKL, words: CLIPTextModel, scheduler: dict, pad: str
) -> None:
    for name, net in (("unet", unet), ("vae", vae), ("text_encoder", words)):
        both(net, folder / name)
    vocabulary(folder / "tokenizer", pad)
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler), encoding="utf-8")
    told = {
        "_class_name": "StableDiffusionPipeline", "feature_extractor": [None, None], "safety_checker": [None, None],
        "scheduler": ["diffusers", scheduler["_class_name"]], "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }  # fmt: skip
    (folder / "model_index.json").write_text(json.dumps(told), encoding="utf-8")


def ddpm(repo: str, seed: int) -> UNet2DModel:
    """Its blocks in their order, a sixteenth as wide, for pictures as small as they allow that are not square."""
    told = at.SHAPES[repo, ""].config
    thin = {"block_out_channels": [width // 16 for width in told["block_out_channels"]], "norm_num_groups": 4}
    sizes = {"sample_size": (16, 24) if repo == at.CIFAR else (32, 64)}
    return shake(UNet2DModel.from_config({**told, **thin, **sizes}), seed)


def write_ddpm(folder: Path, seed: int, pickle: bool = False, old: bool = False) -> None:
    """Flat: the network's and the scheduler's files lie at the root.

    `pickle`: weights as torch.save writes them, then made safetensors; `old`: attention under its names of 2022.
    """
    ddpm("/".join(folder.parts[-2:]), seed).save_pretrained(folder)
    file = folder / f"{NET}.safetensors"
    weights = {renamed(name) if old else name: value for name, value in load_file(file).items()}
    save_file(weights, file, metadata={"format": "pt"})
    if pickle:
        torch.save(weights, folder / f"{NET}.bin")
        file.unlink()
        convert(folder / f"{NET}.bin", file)
    scheduler = {"beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02, "num_train_timesteps": 1000}
    DDPMScheduler(**scheduler, clip_sample=True, variance_type="fixed_small").save_pretrained(folder)
    told = {
        "_class_name": "DDPMPipeline",
        "scheduler": ["diffusers", "DDPMScheduler"],
        "unet": ["diffusers", "UNet2DModel"],
    }
    (folder / "model_index.json").write_text(json.dumps(told), encoding="utf-8")


def renamed(name: str) -> str:
    """A tensor of an attention under its name of 2022; any other's as it is."""
    for new, old in OF_2022.items():
        name = re.sub(rf"(attentions\.\d+)\.{new}\.", rf"\1.{old}.", name)
    return name


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
    for name, called in (("prior", "prior"), ("decoder", "decoder"), ("upsampler", "super_res")):
        settings = {key: value for key, value in config[f"{name}_scheduler"].items() if key[0] != "_"}
        UnCLIPScheduler(**settings).save_pretrained(folder / f"{called}_scheduler")
    CLIPTextModelWithProjection.from_pretrained(clip).save_pretrained(folder / "text_encoder")
    vocabulary(folder / "tokenizer")
    classes = {
        "prior": "PriorTransformer", "decoder": "UNet2DConditionModel", "super_res_first": "UNet2DModel",
        "super_res_last": "UNet2DModel", "text_encoder": "CLIPTextModelWithProjection", "tokenizer": "CLIPTokenizer",
        **{f"{name}_scheduler": "UnCLIPScheduler" for name in ("prior", "decoder", "super_res")},
    }  # fmt: skip
    told = {name: ["transformers" if kind[:4] == "CLIP" else "diffusers", kind] for name, kind in classes.items()}
    told |= {"_class_name": "UnCLIPPipeline", "text_proj": ["unclip", "UnCLIPTextProjModel"]}
    (folder / "model_index.json").write_text(json.dumps(told), encoding="utf-8")


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
    CLIPTextModelWithProjection.from_pretrained(clip).save_pretrained(first / "text_encoder")
    CLIPVisionModelWithProjection.from_pretrained(clip).half().save_pretrained(first / "image_encoder")
    vocabulary(first / "tokenizer")
    (first / "image_processor").mkdir()
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
        told = {
            name: ["transformers" if called.startswith("CLIP") else "diffusers", called]
            for name, called in names.items()
        }
        (folder / "model_index.json").write_text(json.dumps({"_class_name": kind} | told), encoding="utf-8")
