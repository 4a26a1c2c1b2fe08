"""Which names of files no page showed, so that they are not verified, and what else a repository may have for them.

A wrong name costs nothing then: what a tokenizer can do without is left out where it is not there, and in the place of
safetensors that were inferred comes their older copy, of which safetensors are made.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath

from models.catalog import shapes as at

NET = "diffusion_pytorch_model"  # what diffusers calls its weights; transformers says "model"
EXTRAS = ("special_tokens_map.json", "tokenizer_config.json", "tokenizer.json")  # beside vocab.json and merges.txt
OLDER = {"model": "pytorch_model", "open_clip_model": "open_clip_pytorch_model"}  # what they were called as pickles

# By repository: how the names begin that are inferred from its kind, of those that are fetched.
INFERRED: Mapping[str, tuple[str, ...]] = {
    at.CLIP_B32: ("",),  # its list of files was not found
    at.SD15: ("vae/",),
    at.SD21: ("text_encoder/",),
    at.TURBO: ("vae/", *(f"tokenizer/{name}" for name in EXTRAS)),
    at.KARLO: (f"super_res_first/{NET}",),
    at.K22_PRIOR: (f"prior/{NET}", "tokenizer/merges.txt", *(f"tokenizer/{name}" for name in EXTRAS)),
}


def inferred(repo: str, files: Sequence[str]) -> tuple[str, ...]:
    """Those of `files` whose names were seen on no page."""
    return tuple(file for file in files if file.startswith(INFERRED.get(repo, ())))


def held(files: Sequence[str], there: Collection[str], unsure: Collection[str] = ()) -> list[str]:
    """`files` as a repository that holds `there` has them: extras that are missing left out, and for safetensors among
    the `unsure` that are missing their older copy.  What cannot be missing stays.
    """
    found = []
    for file in files:
        path = PurePosixPath(file)
        if file not in there and file in unsure and (old := older(file)) in there:
            found.append(old)
        elif file in there or path.name not in EXTRAS:
            found.append(file)
    return found


def older(file: str) -> str:
    """What safetensors were called as a pickle: unet/model.fp16.safetensors -> unet/pytorch_model.fp16.bin.

    The same file where it is no safetensors.
    """
    path = PurePosixPath(file)
    if path.suffix != ".safetensors":
        return file
    name, *more = path.name.removesuffix(path.suffix).split(".")
    return str(path.with_name(".".join((OLDER.get(name, name), *more, "bin"))))
