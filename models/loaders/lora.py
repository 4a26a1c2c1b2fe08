"""Low-rank changes to a network's weights (Hu et al., LoRA, arXiv 2106.09685), added once, when a part is read.

A file holds pairs of matrices by the names of layers: `NAME.lora_A.weight` (rank, in) and `NAME.lora_B.weight`
(out, rank), as peft writes them; in diffusers' files a network's name comes before, `unet.NAME...`, and what is under
`text_encoder.` changes the text tower.  A pair counts alpha / rank, or alpha / sqrt(rank) where `use_rslora` is said
(Kalajdzievski, arXiv 2312.03732).  peft says both in adapter_config.json beside its file, diffusers in the file's
metadata, `lora_adapter_metadata`, or as tensors `NAME.alpha`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from models.catalog import Lora, Part
from models.catalog.own import PEFT
from models.hub.refuse import inspect_json, inspect_safetensors

DOWN, UP = (".lora_A.weight", ".lora.down.weight"), (".lora_B.weight", ".lora.up.weight")
TEXT = "text_encoder."
BEFORE = ("base_model.model.", "unet.", "prior.", "transformer.", TEXT, "text_model.")
DORA = ("lora_magnitude_vector", "dora_scale")
REFUSED = (  # of peft's settings, whose weights are no plain sum
    "use_dora", "fan_in_fan_out", "layer_replication", "use_qalora", "use_bdlora", "arrow_config",
    "alora_invocation_tokens",
)  # fmt: skip
MERGE = "merge it into its network with peft's merge_and_unload, and name that folder under [parts]"


def add_loras(part: Part, module: nn.Module) -> nn.Module:
    """`module` with the changes of `part.loras`, in place.  ValueError names layers and shapes that do not fit."""
    for lora in part.loras:
        if part.kind == "clip":
            _add(lora, getattr(module.text_tower, "model", module.text_tower), True)
        else:
            _add(lora, module, False)
    return module


def _add(lora: Lora, module: nn.Module, text: bool) -> None:
    weights, told = _read(lora, text)
    layers = dict(module.named_modules())
    pairs = _pairs(lora.file, weights)
    if wrong := [said for name, pair in pairs.items() if (said := _misfit(name, layers.get(name), *pair))]:
        raise ValueError(f"{lora.file} does not fit: {'; '.join(wrong[:4])}")
    with torch.no_grad():
        for name, (down, up) in pairs.items():
            rank = len(down)
            alpha = float(weights.get(f"{name}.alpha", _alpha(lora.file, told, name, rank)))
            scale = lora.scale * alpha / (rank**0.5 if told.get("use_rslora") else rank)
            weight = layers[name].weight
            change = up.float().flatten(1) @ down.float().flatten(1)
            weight += (scale * change).view_as(weight).to(weight.dtype)


def _read(lora: Lora, text: bool) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights by layers, and what is told of them: of the text tower, or of the network."""
    inspect_safetensors(lora.file)
    with safe_open(lora.file, framework="pt") as file:
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        told = _told(lora.file, file.metadata() or {})
    words = {name for name in weights if name.startswith(TEXT)}
    if words and not text and lora.text is None:
        raise ValueError(
            f"{lora.file} also changes the text tower: write text = true into its [[lora]] to have that as well, which "
            "takes a CLIP more in memory, or text = false to leave it out"
        )
    named = text and bool(words)  # a file of a text tower alone may go without that name
    mine = words if named else set(weights) - words
    told = {name.rpartition(".")[2]: value for name, value in told.items() if name.startswith(TEXT) is named}
    if odd := [name for name in REFUSED if told.get(name)]:
        raise ValueError(f"{lora.file} is written with {odd[0]}, which is not read here: {MERGE}")
    return {_plain(name): weights[name] for name in mine}, told


def _told(file: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    """peft's settings, from beside its file or out of the metadata of diffusers'."""
    if file.name == PEFT:
        beside = file.with_name("adapter_config.json")
        if not beside.is_file():
            raise ValueError(
                f"{beside} is missing: peft writes it beside its weights and says there how much they count"
            )
        inspect_json(beside)
        told = json.loads(beside.read_text(encoding="utf-8"))
    else:
        told = json.loads(metadata.get("lora_adapter_metadata", "{}"))
    if not isinstance(told, dict) or told.get("peft_type", "LORA") != "LORA":
        raise ValueError(f"the settings of {file} are not those of a LoRA; give one that peft or diffusers wrote")
    return told


def _alpha(file: Path, told: Mapping[str, Any], name: str, rank: int) -> float:
    """Of a layer: by peft's alpha_pattern, else its lora_alpha, else the rank, which leaves the pair as it is.

    The pattern's names are the ends of layers' names, or whole ones after "^".  peft takes regular expressions there,
    which a foreign file could use to keep us busy for ever.
    """
    found = told.get("lora_alpha", rank)
    for key, value in (told.get("alpha_pattern") or {}).items():
        if not key.removeprefix("^").replace(".", "").replace("_", "").isalnum():
            raise ValueError(f"{file} has {key!r} in alpha_pattern; names of layers are read there, no expressions")
        whole = _plain(key.removeprefix("^"))
        if name == whole or (key[0] != "^" and name.endswith(f".{whole}")):
            found = value
            break
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ValueError(f"{file} has alpha {found!r} for {name}; a number is wanted")
    return float(found)


def _pairs(file: Path, weights: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """Layer -> (down, up).  ValueError where one of the two is missing, or there is something else."""
    halves = [{name.removesuffix(end): value for name, value in weights.items() for end in ends if name.endswith(end)}
              for ends in (DOWN, UP)]  # fmt: skip
    if strange := sorted(name for name in weights if not name.endswith((*DOWN, *UP, ".alpha"))):
        if any(word in name for name in strange for word in DORA):
            raise ValueError(f"{file} is a DoRA, which also sets how large each layer's weights are: {MERGE}")
        raise ValueError(f"{file} holds {strange[0]}, no lora_A, lora_B or alpha; give a LoRA in peft's format")
    if alone := sorted(set(halves[0]) ^ set(halves[1])):
        raise ValueError(f"{alone[0]} has only one of lora_A and lora_B")
    if not halves[0]:
        raise ValueError(f"{file} holds no pair of lora_A and lora_B for this part; give a LoRA in peft's format")
    return {name: (halves[0][name], halves[1][name]) for name in halves[0]}


def _misfit(name: str, layer: nn.Module | None, down: Tensor, up: Tensor) -> str:
    """What is wrong with a pair; empty when it fits.  A convolution's down has its kernel, its up is one pixel."""
    if layer is None or not isinstance(getattr(layer, "weight", None), Tensor):
        return f"the network has no layer {name}"
    shape, made = list(layer.weight.shape), [len(up), *down.shape[1:]]
    inner = up.flatten(1).shape[1] == len(down)
    return "" if inner and made == shape else f"{name} is {made} at rank {len(down)}, the layer {shape}"


def _plain(name: str) -> str:
    for start in BEFORE:
        name = name.removeprefix(start)
    return name.replace(".default.weight", ".weight")
