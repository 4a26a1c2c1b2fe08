"""CLIP's two towers, tokenizer and settings, out of an open_clip folder or a transformers checkpoint; local only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

Towers = tuple[nn.Module, nn.Module, Tensor, dict[str, Any]]  # text, picture, logit scale, config

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # of CLIP's training pictures


def read_towers(path: Path, tokenizer: Any, dtype: torch.dtype) -> Towers:
    """Both towers, whichever kind the folder is; checked against `tokenizer` unless that is None."""
    if (path / "open_clip_config.json").is_file():
        return _read_open_clip(path, tokenizer)
    if (path / "config.json").is_file():
        return _read_transformers(path, tokenizer, dtype)
    raise ValueError(f"clip folder = {str(path)!r}: holds neither open_clip_config.json nor config.json")


def read_tokenizer(path: Path) -> Any:
    """The folder's CLIP byte-pair tokenizer, with neither padding nor truncation of its own."""
    from transformers import CLIPTokenizer

    if not ((path / "vocab.json").is_file() and (path / "merges.txt").is_file()):
        raise ValueError(f"clip folder = {str(path)!r}: vocab.json and merges.txt of its tokenizer are missing")
    tokenizer = CLIPTokenizer.from_pretrained(path, local_files_only=True)
    tokenizer.backend_tokenizer.no_padding()  # a tokenizer.json may carry both; `tokenize` does them itself
    tokenizer.backend_tokenizer.no_truncation()
    return tokenizer


def _check_ids(path: Path, tokenizer: Any, rows: int, last: bool) -> None:
    """Raise ValueError unless every id has a row in the text tower and, where `last`, the end token is the highest."""
    highest = max(tokenizer.get_vocab().values())
    if highest >= rows:
        raise ValueError(f"clip folder = {str(path)!r}: the tokenizer has id {highest}, the text tower {rows} rows")
    if last and tokenizer.eos_token_id != highest:
        raise ValueError(
            f"clip folder = {str(path)!r}: the text tower reads a text at its highest id, so the end token must "
            f"have id {highest}; {tokenizer.eos_token!r} has {tokenizer.eos_token_id}; renumber, or pool at 'eos'"
        )


def _config(width: int, embedding: int, length: int, size: int, preprocess: dict[str, Any]) -> dict[str, Any]:
    """What samplers may know of a CLIP; `preprocess` is read under open_clip's names or transformers'."""
    mean = preprocess.get("mean") or preprocess.get("image_mean") or MEAN
    std = preprocess.get("std") or preprocess.get("image_std") or STD
    return {
        "width": width,
        "embedding": embedding,
        "length": length,
        "size": size,
        "mean": tuple(mean),
        "std": tuple(std),
    }


def _read_open_clip(path: Path, tokenizer: Any) -> Towers:
    from open_clip.model import CustomTextCLIP, convert_to_custom_text_state_dict
    from safetensors.torch import load_file

    settings = json.loads((path / "open_clip_config.json").read_text(encoding="utf-8"))
    model = {k: v for k, v in settings["model_cfg"].items() if k != "custom_text"}
    net = CustomTextCLIP(**model)
    size = net.visual.image_size
    side = size if isinstance(size, int) else size[0]
    shape = (net.text.width, model["embed_dim"], net.text.context_length, side)
    weights = load_file(path / "open_clip_model.safetensors")
    if tokenizer is None and not any(k.startswith(("text.", "transformer.")) for k in weights):
        net.text = None  # a second picture tower beside the one CLIP need not repeat the text tower
    else:
        weights = convert_to_custom_text_state_dict(weights)
        net.text.output_tokens = True
    net.load_state_dict(weights)
    if tokenizer:
        _check_ids(path, tokenizer, net.text.vocab_size, last=net.text.pool_type == "argmax")
    return net.text, net.visual, net.logit_scale, _config(*shape, settings.get("preprocess_cfg", {}))


class _Text(nn.Module):
    """The text half of a transformers CLIPModel."""

    def __init__(self, net: Any):
        super().__init__()
        self.model, self.projection = net.text_model, net.text_projection

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        found = self.model(input_ids=tokens)
        return self.projection(found.pooler_output), found.last_hidden_state


class _Picture(nn.Module):
    """The picture half of a transformers CLIPModel."""

    def __init__(self, net: Any):
        super().__init__()
        self.model, self.projection = net.vision_model, net.visual_projection

    def forward(self, pixels: Tensor) -> Tensor:
        return self.projection(self.model(pixel_values=pixels).pooler_output)


def _read_transformers(path: Path, tokenizer: Any, dtype: torch.dtype) -> Towers:
    from transformers import CLIPModel

    net, found = CLIPModel.from_pretrained(
        path, dtype=dtype, local_files_only=True, use_safetensors=True, output_loading_info=True
    )
    if found["missing_keys"]:
        raise ValueError(f"clip folder = {str(path)!r}: weights are missing: {sorted(found['missing_keys'])[:4]}")
    about = path / "preprocessor_config.json"
    preprocess = json.loads(about.read_text(encoding="utf-8")) if about.is_file() else {}
    text, picture = net.config.text_config, net.config.vision_config
    if tokenizer:
        _check_ids(
            path, tokenizer, text.vocab_size, last=text.eos_token_id == 2
        )  # 2: old files that pool at the highest id
    shape = (text.hidden_size, net.config.projection_dim, text.max_position_embeddings, picture.image_size)
    return _Text(net), _Picture(net), net.logit_scale, _config(*shape, preprocess)
