"""The repositories of the full suite, file by file: what a page of theirs shows, or only a copy of them, or nobody yet.

S: seen on the repository's own pages, older revisions and proposals included.  M: seen only in a copy that names it as
its origin, or of which it is the copy.  I: inferred from its kind.  Sources stand with the layouts' research; what no
source names at all is not here.
"""

from __future__ import annotations

import re

from models.catalog import shapes as at

FOUR = "merges.txt special_tokens_map.json tokenizer_config.json vocab.json"
# A line: the letter, the folder ("./" is the root), and names; D. begins diffusion_pytorch_model, the weights.
LISTS = {
    at.CLIP_L14: f"""
        M ./ config.json preprocessor_config.json tokenizer.json {FOUR}
        M ./ model.safetensors pytorch_model.bin tf_model.h5 flax_model.msgpack""",
    at.CLIP_B32: f"""
        I ./ open_clip_config.json open_clip_model.safetensors open_clip_pytorch_model.bin
        I ./ config.json pytorch_model.bin preprocessor_config.json tokenizer.json {FOUR}""",
    at.SD15: f"""
        S ./ model_index.json v1-5-pruned-emaonly.ckpt v1-5-pruned-emaonly.safetensors v1-5-pruned.ckpt
        S unet/ config.json D.bin D.safetensors D.fp16.bin D.fp16.safetensors D.non_ema.bin D.non_ema.safetensors
        I text_encoder/ config.json model.safetensors model.fp16.safetensors pytorch_model.bin pytorch_model.fp16.bin
        I vae/ config.json D.bin D.safetensors D.fp16.bin D.fp16.safetensors
        I tokenizer/ {FOUR}
        M safety_checker/ config.json model.safetensors model.fp16.safetensors pytorch_model.bin pytorch_model.fp16.bin
        I feature_extractor/ preprocessor_config.json
        M scheduler/ scheduler_config.json""",
    at.SD21: f"""
        M ./ model_index.json v2-1_768-ema-pruned.ckpt v2-1_768-ema-pruned.safetensors
        M ./ v2-1_768-nonema-pruned.ckpt v2-1_768-nonema-pruned.safetensors
        M unet/ config.json D.bin D.safetensors D.fp16.bin D.fp16.safetensors
        I text_encoder/ config.json model.safetensors model.fp16.safetensors pytorch_model.bin pytorch_model.fp16.bin
        M vae/ config.json D.bin D.safetensors D.fp16.bin D.fp16.safetensors
        M tokenizer/ {FOUR}
        I feature_extractor/ preprocessor_config.json
        M scheduler/ scheduler_config.json""",
    at.TURBO: """
        S ./ model_index.json
        M ./ LICENSE
        S unet/ config.json D.safetensors D.fp16.safetensors
        S text_encoder/ config.json model.safetensors model.fp16.safetensors
        I vae/ config.json D.safetensors D.fp16.safetensors
        S tokenizer/ merges.txt vocab.json
        I tokenizer/ special_tokens_map.json tokenizer_config.json
        S scheduler/ scheduler_config.json""",
    at.CAT: """
        S ./ config.json D.bin D.safetensors model_index.json scheduler_config.json README.md
        I images/ generated_image_0.png""",
    at.CELEBA: "S ./ config.json D.bin model_index.json scheduler_config.json",
    at.CIFAR: """
        S ./ config.json D.bin D.safetensors model_index.json scheduler_config.json modeling_ddpm.py
        I images/ generated_image_0.png""",
    at.VQGAN: """
        M configs/ model.yaml
        M ckpts/ last.ckpt""",
    at.KARLO: f"""
        S ./ model_index.json README.md
        S prior/ config.json D.bin D.safetensors
        S prior_scheduler/ scheduler_config.json
        M decoder/ config.json
        S decoder/ D.bin D.safetensors
        M decoder_scheduler/ scheduler_config.json
        M super_res_first/ config.json
        I super_res_first/ D.bin D.safetensors
        S super_res_last/ config.json D.bin D.safetensors
        S super_res_scheduler/ scheduler_config.json
        M text_encoder/ config.json
        I text_encoder/ model.safetensors pytorch_model.bin
        S text_proj/ config.json D.bin D.safetensors
        S tokenizer/ {FOUR}""",
    at.K22_PRIOR: """
        S ./ model_index.json
        S prior/ config.json D.bin
        I prior/ D.safetensors
        M text_encoder/ config.json
        S text_encoder/ model.safetensors pytorch_model.bin
        M image_encoder/ config.json
        S image_encoder/ model.safetensors pytorch_model.bin
        S image_processor/ preprocessor_config.json
        S scheduler/ scheduler_config.json
        S tokenizer/ vocab.json
        I tokenizer/ merges.txt special_tokens_map.json tokenizer_config.json""",
    at.K22: """
        M ./ model_index.json
        S unet/ config.json D.bin D.safetensors
        S movq/ config.json D.bin D.safetensors
        S scheduler/ scheduler_config.json""",
}


def _read(text: str) -> dict[str, str]:
    found = {}
    for line in text.strip().splitlines():
        letter, folder, *names = line.split()
        for name in names:
            found[folder.removeprefix("./") + re.sub(r"^D\.", "diffusion_pytorch_model.", name)] = letter
    return found


FILES: dict[str, dict[str, str]] = {repo: _read(text) for repo, text in LISTS.items()}  # path -> S, M or I
