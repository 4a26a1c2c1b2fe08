"""Your own weights in a suite: what `quartet.toml` says.

    [parts.unet]                       # in the place of the suite's own; so with vae, clip, pixel, vqgan, prior ...
    path = "/models/my-finetune"       # a folder on this computer, laid out like the repository of that part
    subfolder = "unet"                 # where it lies there; "unet", "vae" and so on unless said otherwise
    scheduler = "scheduler"            # and its scheduler, likewise; where there is none the suite's own stays

    [parts.vae_second]                 # a second autoencoder, which the first is compared with
    repo = "somebody/better-vae"       # or a repository: `quartet fetch` brings what such a part is read from
    revision = "fp16"                  # a branch, tag or commit of it, in a folder of its own; "main" if none
    subfolder = ""                     # here it lies at the root
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
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from models.catalog import Lora, Part, Source, Suite

FIELDS = {
    "path": str, "repo": str, "revision": str, "subfolder": str, "scheduler": str, "licence": str, "dtype": str,
    "files": list,
}  # fmt: skip
LORA_FIELDS = {"file": str, "scale": (int, float), "part": str, "text": bool}
KINDS = {str: "text in quotes", list: "a list of texts", (int, float): "a number", bool: "true or false"}
DTYPES = ("float32", "bfloat16", "float16")
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
    parts, loras = found.get("parts", {}), found.get("lora", [])
    if not isinstance(parts, dict) or not isinstance(loras, list):
        raise ValueError(f"{file} has parts or lora as something else; give [parts.NAME] and [[lora]]")
    for name, told in parts.items():
        _known(f"{file}: [parts.{name}]", told, FIELDS)
        if ("path" in told) == ("repo" in told):
            raise ValueError(f"{file}: [parts.{name}] must have one of path and repo")
        if "path" in told and "revision" in told:
            raise ValueError(f"{file}: [parts.{name}] has a revision = {told['revision']!r}, which only a repo has")
        if (dtype := told.get("dtype", "float32")) not in DTYPES:
            raise ValueError(f"{file}: [parts.{name}] has dtype {dtype!r}; give one of {DTYPES}")
        if told.get("files") == []:
            raise ValueError(f"{file}: [parts.{name}] has files = []; name those that it is read from, or leave it out")
        _places(f"{file}: [parts.{name}]", told)
    for told in loras:
        _known(f"{file}: [[lora]]", told, LORA_FIELDS)
        if "file" not in told:
            raise ValueError(f"{file}: [[lora]] has no file; give one that peft or diffusers wrote, safetensors")
        _home(f"{file}: [[lora]] has file", told["file"])
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
    """A part read as `like` is, from elsewhere, laid out as that is unless said otherwise."""
    usual = like.source.subfolder
    subfolder = _plain(about.get("subfolder", usual))
    root = Path(about["path"]).expanduser() if "path" in about else home / _checkout(about)
    inside, within = (f"{folder}/" if folder else "" for folder in (subfolder, usual))
    plain = like.kind[0].isupper() or like.kind == "text_proj"
    schedules = [path.relative_to(like.root).as_posix() for _, path in like.configs if path.is_relative_to(like.root)]
    usually = NET if plain else [file.removeprefix(within) for file in like.source.files if file not in schedules]
    files, configs = about.get("files", [inside + file for file in usually]), like.configs
    files = tuple(map(_plain, files))
    if (schedule := _schedule(about, schedules if subfolder == usual else [], root)) is not None:
        files, configs = tuple(dict.fromkeys((*files, schedule))), ((f"{name}_scheduler", root / schedule),)
    note, told = "Named in quartet.toml.", (about.get("revision") or None, about.get("licence"))
    source = Source(about.get("repo"), files, subfolder, *told, note)
    dtype = about.get("dtype", like.dtype)
    return replace(like, name=name, path=root / subfolder, configs=configs, dtype=dtype, source=source, loras=())


def _schedule(about: Mapping[str, Any], usual: list[str], root: Path) -> str | None:
    """The scheduler's file under `root`: where it is said to be, else where it usually is, if it is there or will be
    fetched; None where the suite's own stays."""
    if "scheduler" in about:
        return (Path(about["scheduler"]) / "scheduler_config.json").as_posix()
    if "repo" in about:
        return next((file for file in usual if file in map(_plain, about.get("files", usual))), None)
    return next((file for file in usual if (root / file).is_file()), None)


def _checkout(about: Mapping[str, Any]) -> str:
    """The folder of a repository; of a revision that somebody names one of its own, for its files are others."""
    repo, revision = about["repo"], quote(about.get("revision", ""), safe="")
    return f"{repo}@{revision}" if revision else repo


def _plain(place: str) -> str:
    """A folder or file inside a repository, as a hub writes it: "" is its root, as "." is."""
    return "" if (plain := PurePosixPath(place).as_posix()) == "." else plain


def _places(where: str, told: Mapping[str, Any]) -> None:
    """ValueError where a part is said to lie in no place that can be."""
    for name in ("subfolder", "scheduler"):
        if _outside(told.get(name, "")):
            raise ValueError(f"{where} has {name} = {told[name]!r}; give a folder inside its repository")
    for name in told.get("files", ()):
        if _outside(name) or not _plain(name):
            raise ValueError(f"{where} has {name!r} among files; give files inside its repository")
    if "path" in told:
        _home(f"{where} has path", told["path"])
    try:
        validate_repo_id(told.get("repo", "owner/name"))
    except HFValidationError as error:
        raise ValueError(f"{where} has repo = {told['repo']!r}; give owner/name, as the hub has it") from error


def _outside(place: str) -> bool:
    inside = PurePosixPath(place)
    return inside.is_absolute() or ".." in inside.parts


def _home(where: str, path: str) -> None:
    try:
        Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{where} = {path!r}: there is no such user here; give the whole path") from error


def _known(where: str, told: Any, fields: Mapping[str, Any]) -> None:
    if not isinstance(told, Mapping) or set(told) - set(fields):
        strange = sorted(set(told) - set(fields)) if isinstance(told, Mapping) else told
        raise ValueError(f"{where} has {strange}; give some of {sorted(fields)}")
    for name, value in told.items():
        kind, many = fields[name], value if isinstance(value, list) else ()
        if isinstance(value, bool) != (kind is bool) or not isinstance(value, kind) or any(str(x) != x for x in many):
            raise ValueError(f"{where} has {name} = {value!r}; give {KINDS[kind]}")
