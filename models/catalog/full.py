"""The full suite: published weights around one OpenAI CLIP ViT-L/14, and alternatives by family.

Stable Diffusion 1.5 and Karlo were trained on that CLIP's text tower; the VQGAN and the unconditional pixel nets are
guided by it.  Sizes are those seen on the repositories' pages, None where none was; names of files were seen there or
in a copy of them, but for those that `models.catalog.seen` lists.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from models.catalog import Part, Source, Suite
from models.catalog import shapes as at
from models.catalog.licences import LICENCES
from models.catalog.seen import NET, inferred

VOCABULARY = ("merges.txt", "vocab.json", "special_tokens_map.json", "tokenizer_config.json")


class Row(NamedTuple):
    """A part as its repository holds it, with the folder of its scheduler ("." is the root).

    `half`: bytes of its fp16 copy, None where none was seen.  `wide`: float32 on every device, because half precision
    overflows there, or because gradients, which half precision would round to nothing, pass through it.
    """

    name: str
    kind: str
    repo: str
    subfolder: str
    files: tuple[str, ...]
    bytes: int | None = None
    half: int | None = None
    scheduler: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """What a family may run on.  `slot` is its painter, or "guide": the CLIP of the two painters that it leads.

    A clip among the rows of a painter is that painter's own.  `knobs` are settings that fit these nets where the
    painter's own defaults do not.
    """

    slot: str
    rows: tuple[Row, ...]
    knobs: Mapping[str, Any] = field(default_factory=dict)


def _net(name: str, kind: str, repo: str, folder: str, bytes: int | None = None, **more: Any) -> Row:
    """A diffusers network in its folder."""
    return Row(name, kind, repo, folder, (f"{folder}/config.json", f"{folder}/{NET}.safetensors"), bytes, **more)


def _words(repo: str, bytes: int | None = None, half: int | None = None) -> Row:
    """The text tower of a Stable Diffusion folder, which its U-Net was trained on."""
    files = ("text_encoder/config.json", "text_encoder/model.safetensors")
    return Row("clip", "clip", repo, "", (*files, *(f"tokenizer/{name}" for name in VOCABULARY)), bytes, half)


def _stable_diffusion(repo: str, unet: int, half: int, vae: int | None = None) -> tuple[Row, ...]:
    return (
        _net("unet", at.UNET, repo, "unet", unet, half=half, scheduler="scheduler"),
        _net("vae", at.VAE, repo, "vae", vae, wide=True),
    )


def _ddpm(repo: str, bytes: int, weights: str = f"{NET}.safetensors") -> tuple[Row, ...]:
    """These repositories are flat: everything lies at the root."""
    return (Row("pixel", at.PIXEL, repo, "", ("config.json", weights), bytes, scheduler=".", wide=True),)


CLIP_FILES = ("config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json", *VOCABULARY)
OPEN_CLIP_FILES = ("open_clip_config.json", "open_clip_model.safetensors", *VOCABULARY)
PAIR = ("super_res_first", "super_res_last")
PAIR_FILES = tuple(f"{folder}/{name}" for folder in PAIR for name in ("config.json", f"{NET}.safetensors"))
ENCODERS = ("text_encoder", "image_encoder")  # both towers of a CLIP, each with its projection
ENCODER_FILES = (
    *(f"{folder}/{name}" for folder in ENCODERS for name in ("config.json", "model.safetensors")),
    "image_processor/preprocessor_config.json",
    *(f"tokenizer/{name}" for name in VOCABULARY),
)
TAMING_FILES = ("configs/model.yaml", "ckpts/last.ckpt")

CLIP = Row("clip", "clip", at.CLIP_L14, "", CLIP_FILES, 1_710_000_000, wide=True)
SAFETY_FILES = ("safety_checker/config.json", "safety_checker/model.safetensors")
SAFETY = Row("safety", "safety_checker", at.SD15, "safety_checker", SAFETY_FILES, 1_220_000_000, 608_000_000)
LED = {"clip_guidance": 0.3, "steps": 100}  # an unconditional net: CLIP leads it by its x0
DRAWN = {"guidance": 7.5, "steps": 20}
CHOICES: Mapping[str, Choice] = {
    "sd-1.5": Choice("latent", _stable_diffusion(at.SD15, 3_440_000_000, 1_720_000_000), DRAWN),
    "sd-2.1": Choice(
        "latent",
        (*_stable_diffusion(at.SD21, 3_460_000_000, 1_730_000_000, 335_000_000), _words(at.SD21)),
        DRAWN,
    ),
    "sd-turbo": Choice(
        "latent",
        (*_stable_diffusion(at.TURBO, 3_460_000_000, 1_730_000_000), _words(at.TURBO, 1_360_000_000, 681_000_000)),
        {"steps": 1, "guidance": 1.0, "scheduler": "euler"},
    ),
    "ddpm-cat-256": Choice("pixel", _ddpm(at.CAT, 455_000_000), LED),
    "ddpm-celebahq-256": Choice("pixel", _ddpm(at.CELEBA, 455_000_000, f"{NET}.bin"), LED),
    "ddpm-cifar10-32": Choice("pixel", _ddpm(at.CIFAR, 143_000_000), LED),
    "vqgan-f16-16384": Choice(
        "vqgan_clip",
        (Row("vqgan", "vqgan", at.VQGAN, "", TAMING_FILES, wide=True),),
        {"tower": "ordinary", "rule": "adam", "steps": 200},
    ),
    "clip-vit-b-32": Choice("guide", (Row("clip", "clip", at.CLIP_B32, "", OPEN_CLIP_FILES, wide=True),)),
    "karlo-v1-alpha": Choice(
        "unclip",
        (
            _net("prior", "PriorTransformer", at.KARLO, "prior", 4_090_000_000, scheduler="prior_scheduler"),
            _net("text_proj", "text_proj", at.KARLO, "text_proj", 31_500_000),
            _net("decoder", at.UNET, at.KARLO, "decoder", 3_540_000_000, scheduler="decoder_scheduler"),
            Row("upsampler", "upsamplers", at.KARLO, "", PAIR_FILES, 5_540_000_000, scheduler="super_res_scheduler"),
        ),
        {"prior_steps": 25, "prior_guidance": 4.0, "steps": 25, "guidance": 8.0, "upsample": True},
    ),
    "kandinsky-2.2": Choice(
        "unclip",
        (
            Row("clip", "clip", at.K22_PRIOR, "", ENCODER_FILES, 6_470_000_000),  # the picture tower in half precision
            _net("prior", "PriorTransformer", at.K22_PRIOR, "prior", scheduler="scheduler"),
            _net("decoder", at.UNET, at.K22, "unet", 5_010_000_000, scheduler="scheduler"),
            _net("movq", "VQModel", at.K22, "movq", 271_000_000),
        ),
        {"prior_steps": 25, "prior_guidance": 4.0, "steps": 50, "guidance": 4.0},
    ),
}
# Megabytes that a run with a choice's settings needs beside the weights, for one picture, in float32 and in half
# precision: what `models.engine.forecast` reckons, which takes too long for all of them at once.
WORK: Mapping[str, tuple[int, int]] = {
    "sd-1.5": (806, 806), "sd-2.1": (1812, 1812), "sd-turbo": (806, 806), "ddpm-cat-256": (371, 371),
    "ddpm-celebahq-256": (371, 371), "ddpm-cifar10-32": (370, 370), "vqgan-f16-16384": (5840, 5840),
    "clip-vit-b-32": (1658, 1658), "karlo-v1-alpha": (1263, 633), "kandinsky-2.2": (1347, 673),
}  # fmt: skip
ONE_CLIP = ("sd-1.5", "ddpm-cat-256", "vqgan-f16-16384", "karlo-v1-alpha")
LED_BY_CLIP = ("pixel", "vqgan_clip")


def home() -> Path:
    """Where fetched weights lie: a folder a repository under QUARTET_HOME.  ValueError where that is nobody's."""
    named = os.environ.get("QUARTET_HOME") or "~/.cache/quartet"
    try:
        return Path(named).expanduser() / "weights"
    except RuntimeError:
        raise ValueError(f"QUARTET_HOME = {named!r}: no such user here; give a whole path, as /data/quartet") from None


def picks(*chosen: str) -> dict[str, str]:
    """The preset's choices by slot, with each of `chosen` in the place of its slot's.  ValueError lists the choices."""
    if strange := [name for name in chosen if name not in CHOICES]:
        raise ValueError(f"full has no {strange[0]!r}; give some of {sorted(CHOICES)}")
    return {CHOICES[name].slot: name for name in (*ONE_CLIP, *chosen)}


def full(*chosen: str, root: Path | None = None, dtype: str = "float32") -> Suite:
    """The preset one-clip, with each of `chosen` in the place of what its painter would run on.

    `dtype` is for those networks that bear half precision.  With "bfloat16" those of which a float16 copy is published
    take that all the same: their makers saw their numbers stay within float16's range.  ValueError lists the choices.
    """
    picked = {slot: CHOICES[name] for slot, name in picks(*chosen).items()}
    parts = {row.name: _part(row, root or home(), dtype) for row in (CLIP, SAFETY)}
    for slot, choice in picked.items():
        for row in choice.rows:
            part = _part(row, root or home(), dtype)
            if row.name == "clip":
                part = replace(part, name=f"{slot}/clip")
                parts |= {f"{painter}/clip": part for painter in (LED_BY_CLIP if slot == "guide" else (slot,))}
            else:
                parts[row.name] = part
    knobs = {slot: choice.knobs for slot, choice in picked.items() if choice.knobs}
    return Suite(":".join(("full", ",".join(chosen))).rstrip(":"), parts, knobs)


def _part(row: Row, root: Path, dtype: str) -> Part:
    """A row as a part under `root`, in half precision from its fp16 copy where there is one."""
    narrow = "float32" if row.wide else "float16" if dtype == "bfloat16" and row.half else dtype
    half = narrow == "float16" and row.half is not None
    files = tuple(name.replace(".safetensors", ".fp16.safetensors") for name in row.files) if half else row.files
    place, configs = root / row.repo, ()
    if row.scheduler:
        file = str(Path(row.scheduler) / "scheduler_config.json")
        files, configs = (*files, file), ((f"{row.name}_scheduler", place / file),)
    licence, note = LICENCES[row.repo]
    page = at.PAGES.get(row.repo)
    source = Source(
        None if page else row.repo, files, row.subfolder, None, licence, note, row.half if half else row.bytes,
        at.SHAPES[row.repo, row.subfolder].parameters, page, inferred(row.repo, files),
    )  # fmt: skip
    return Part(row.name, row.kind, place / row.subfolder, configs, narrow, source=source, wide=row.wide)
