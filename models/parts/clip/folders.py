"""CLIP's two towers, tokenizer and settings, out of any of three kinds of folder; local only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.parts.fill import fill

PREPROCESSOR = "preprocessor_config.json"
Towers = tuple[nn.Module, nn.Module, Tensor, dict[str, Any]]  # text, picture, logit scale, config

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # of CLIP's training pictures


def read_towers(path: Path, tokenizer: Any, dtype: torch.dtype, variant: str | None = None) -> Towers:
    """Both towers, whichever kind the folder is; checked against `tokenizer` unless that is None.

    A `variant`, such as "fp16", is the copy of transformers weights that is read.
    """
    if (path / "open_clip_config.json").is_file():
        return _read_open_clip(path, tokenizer)
    if (path / "config.json").is_file():
        return _read_transformers(path, tokenizer, dtype, variant)
    if (path / "text_encoder" / "config.json").is_file():
        return _read_encoders(path, tokenizer, dtype, variant)
    raise ValueError(
        f"clip folder = {str(path)!r}: holds neither open_clip_config.json, nor config.json, nor text_encoder/"
    )


def read_tokenizer(path: Path) -> Any:
    """The folder's CLIP byte-pair tokenizer, with neither padding nor truncation of its own."""
    from transformers import CLIPTokenizer

    path = path / "tokenizer" if (path / "tokenizer").is_dir() else path
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


def about(width: int, embedding: int, length: int, size: int, preprocess: dict[str, Any]) -> dict[str, Any]:
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
        net.text.transformer.register_forward_pre_hook(_cut_mask, with_kwargs=True)
    fill(net, weights, path)
    if tokenizer:
        _check_ids(path, tokenizer, net.text.vocab_size, last=net.text.pool_type == "argmax")
    return net.text, net.visual, net.logit_scale, about(*shape, settings.get("preprocess_cfg", {}))


def _cut_mask(_: nn.Module, args: tuple[Tensor], given: dict[str, Any]) -> tuple[tuple[Tensor], dict[str, Any]]:
    """open_clip's causal mask is as long as the longest text; texts cut shorter need its corner."""
    mask, length = given["attn_mask"], args[0].shape[1]
    return args, given if mask is None else given | {"attn_mask": mask[..., :length, :length]}


class Text(nn.Module):
    """A transformers text tower; its embedding is the state at the end of the text, projected where that is known."""

    def __init__(self, model: nn.Module, projection: nn.Module | None):
        super().__init__()
        self.model, self.projection = model, projection or nn.Identity()

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        found = self.model(input_ids=tokens)
        return self.projection(found.pooler_output), found.last_hidden_state


class Picture(nn.Module):
    """A transformers picture tower."""

    def __init__(self, net: Any):
        super().__init__()
        self.model, self.projection = net.vision_model, net.visual_projection

    def forward(self, pixels: Tensor) -> Tensor:
        return self.projection(self.model(pixel_values=pixels).pooler_output)


def _pretrained(kind: Any, path: Path, dtype: torch.dtype, variant: str | None) -> Any:
    """A transformers network, its fp16 copy where only that is there; what is missing or misshapen is named."""
    copy = variant or (None if any(path.glob("model.safetensors*")) else "fp16")
    net, found = kind.from_pretrained(
        path, dtype=dtype, local_files_only=True, use_safetensors=True, output_loading_info=True, variant=copy,
        ignore_mismatched_sizes=True,
    )  # fmt: skip
    if found["missing_keys"]:
        raise ValueError(f"clip folder = {str(path)!r}: weights are missing: {sorted(found['missing_keys'])[:4]}")
    if wrong := sorted(found["mismatched_keys"])[:4]:
        told = (f"{name} is {list(there)}, the configuration wants {list(wanted)}" for name, there, wanted in wrong)
        raise ValueError(f"weights in {path} do not fit: {'; '.join(told)}")
    return net


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _read_transformers(path: Path, tokenizer: Any, dtype: torch.dtype, variant: str | None) -> Towers:
    from transformers import CLIPModel

    net = _pretrained(CLIPModel, path, dtype, variant)
    text, picture = net.config.text_config, net.config.vision_config
    if tokenizer:
        _check_text(path, tokenizer, text)
    shape = (text.hidden_size, net.config.projection_dim, text.max_position_embeddings, picture.image_size)
    found = about(*shape, _json(path / PREPROCESSOR))
    return Text(net.text_model, net.text_projection), Picture(net), net.logit_scale, found


def _read_encoders(path: Path, tokenizer: Any, dtype: torch.dtype, variant: str | None) -> Towers:
    """The towers of a diffusers pipeline's folder: of most the text's alone, without its projection."""
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPVisionModelWithProjection

    both = (path / "image_encoder").is_dir()
    kind = CLIPTextModelWithProjection if both else CLIPTextModel
    net = _pretrained(kind, path / "text_encoder", dtype, variant)
    if tokenizer:
        _check_text(path, tokenizer, net.config)
    width, length = net.config.hidden_size, net.config.max_position_embeddings
    if not both:
        return Text(net, None), None, torch.zeros(()), about(width, width, length, 0, {})
    seen = _pretrained(CLIPVisionModelWithProjection, path / "image_encoder", dtype, variant)
    embedding, other = net.config.projection_dim, seen.config.projection_dim
    if embedding != other:
        raise ValueError(
            f"clip folder = {str(path)!r}: texts have {embedding} dimensions, pictures {other}; take both towers of one"
        )
    found = about(width, embedding, length, seen.config.image_size, _json(path / "image_processor" / PREPROCESSOR))
    return Text(net.text_model, net.text_projection), Picture(seen), torch.zeros(()), found


def _check_text(path: Path, tokenizer: Any, text: Any) -> None:
    """2: old files, which pool at the highest id."""
    _check_ids(path, tokenizer, text.vocab_size, last=text.eos_token_id == 2)
