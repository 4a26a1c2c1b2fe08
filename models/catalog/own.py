"""Your own weights in a suite: what `quartet.toml` says.

    [parts.unet]                       # in the place of the suite's own; so with vae, clip, pixel, vqgan, prior ...
    path = "/models/my-finetune"       # a folder on this computer, laid out like the repository of that part
    subfolder = "unet"                 # where it lies there; "unet" and "vae" unless said otherwise

    [parts.vae_second]                 # a second autoencoder, which the first is compared with
    repo = "somebody/better-vae"       # or a repository: `quartet fetch` brings config.json and the safetensors
    licence = "mit"

    [[lora]]                           # low-rank changes to a network, as peft writes them; several add up
    file = "/models/ink.safetensors"   # or the folder that peft wrote
    scale = 0.8
    part = "unet"
    text = true                        # also what it changes in the text tower, for this painter alone: one CLIP more

Only safetensors are read, and only if their shapes fit; what does not is named.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.catalog import Lora, Part, Source, Suite

FIELDS = {"path", "repo", "revision", "subfolder", "scheduler", "licence", "dtype", "files"}
LORA_FIELDS = {"file", "scale", "part", "text"}
LIKE = {"vae_second": "vae"}  # parts that a suite has not, and which of its own they are like
NET = ("config.json", "diffusion_pytorch_model.safetensors")
PEFT = "adapter_model.safetensors"  # what peft calls its file
WORDS = "latent/clip"  # the text tower of the painter whose net is the unet


def read_own(file: Path) -> dict[str, Any]:
    """A quartet.toml as plain data; a ValueError names the file, what is wrong and what may be given."""
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{file} cannot be read: {error}") from error
    if strange := set(found) - {"parts", "lora"}:
        raise ValueError(f"{file} has {sorted(strange)}; give [parts.NAME] and [[lora]]")
    for name, told in found.get("parts", {}).items():
        _known(f"{file}: [parts.{name}]", told, FIELDS)
        if ("path" in told) == ("repo" in told):
            raise ValueError(f"{file}: [parts.{name}] must have one of path and repo")
    for told in found.get("lora", []):
        _known(f"{file}: [[lora]]", told, LORA_FIELDS)
        if "file" not in told:
            raise ValueError(f"{file}: [[lora]] has no file; give one that peft or diffusers wrote, safetensors")
        if told.get("text") and told.get("part", "unet") != "unet":
            raise ValueError(f"{file}: [[lora]] has text for the part {told['part']!r}; only the unet's has one")
    return found


def with_own(suite: Suite, told: Mapping[str, Any], home: Path) -> Suite:
    """`suite` with what `read_own` gave; repositories lie under `home`.  ValueError for a part the suite has not."""
    parts = dict(suite.parts)
    for name, about in told.get("parts", {}).items():
        parts[name] = _part(name, about, suite[LIKE.get(name, name)], home)
    for about in told.get("lora", []):
        name, file = about.get("part", "unet"), Path(about["file"]).expanduser()
        lora = Lora(file / PEFT if file.is_dir() else file, float(about.get("scale", 1.0)), about.get("text"))
        part = parts[name] if name in parts else suite[name]
        parts[name] = replace(part, loras=(*part.loras, lora))
        if lora.text:
            words = parts.get(WORDS, parts["clip"])
            parts[WORDS] = replace(words, name=WORDS, loras=(*words.loras, lora))
    return replace(suite, parts=parts)


def _part(name: str, about: Mapping[str, Any], like: Part, home: Path) -> Part:
    """A part read as `like` is, from elsewhere; its scheduler comes along unless another is named."""
    plain = like.kind[0].isupper() or like.kind == "text_proj"
    subfolder = about.get("subfolder", like.source.subfolder if plain and "repo" not in about else "")
    root = Path(about["path"]).expanduser() if "path" in about else home / about["repo"]
    inside = f"{subfolder}/" if subfolder else ""
    files = tuple(about.get("files", [f"{inside}{file}" for file in NET] if plain else like.source.files))
    configs = like.configs
    if "scheduler" in about:
        file = (Path(about["scheduler"]) / "scheduler_config.json").as_posix()
        files, configs = (*files, file), ((f"{name}_scheduler", root / file),)
    note, told = "Named in quartet.toml.", (about.get("revision"), about.get("licence"))
    source = Source(about.get("repo"), files, subfolder, *told, note)
    dtype = about.get("dtype", like.dtype)
    configs = () if name in LIKE else configs
    return replace(like, name=name, path=root / subfolder, configs=configs, dtype=dtype, source=source, loras=())


def _known(where: str, told: Any, fields: set[str]) -> None:
    if not isinstance(told, Mapping) or set(told) - fields:
        strange = sorted(set(told) - fields) if isinstance(told, Mapping) else told
        raise ValueError(f"{where} has {strange}; give some of {sorted(fields)}")
