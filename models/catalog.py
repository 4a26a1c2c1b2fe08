"""Parts and suites as frozen data.  A suite is a table of parts, nothing else; the same samplers run every suite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ASSETS = Path(__file__).resolve().parents[1] / "assets"


@dataclass(frozen=True, slots=True)
class Part:
    """One network and where its files lie.  Equal parts are one part, loaded once, whoever asks.

    `kind` says how it is read: clip, picture_tower (of a CLIP), vqgan, text_proj, judge, or a diffusers class.
    `configs` names further JSON files that belong to it: `unet_scheduler` for the part `unet`.
    """

    name: str
    kind: str
    path: Path
    configs: tuple[tuple[str, Path], ...] = ()
    dtype: str = "float32"
    channels_last: bool = False
    source: str = ""
    revision: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Suite:
    """The parts that the samplers' targets name."""

    name: str
    parts: Mapping[str, Part] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Part:
        """The part of that name; a ValueError lists what the suite has."""
        if name not in self.parts:
            raise ValueError(f"part is {name!r}; suite {self.name!r} has {sorted(self.parts)}")
        return self.parts[name]


# name, kind, folder, folder of its scheduler
CLASSROOM = (
    ("clip", "clip", "clip", ""),
    ("clip_robust", "picture_tower", "clip-robust", ""),
    ("vae", "AutoencoderKL", "stable-diffusion/vae", ""),
    ("unet", "UNet2DConditionModel", "stable-diffusion/unet", "stable-diffusion/scheduler"),
    ("pixel", "UNet2DConditionModel", "pixel/unet", "pixel/scheduler"),
    ("vqgan", "vqgan", "vqgan", ""),
    ("prior", "PriorTransformer", "unclip/prior", "unclip/prior_scheduler"),
    ("text_proj", "text_proj", "unclip/text_proj", ""),
    ("decoder", "UNet2DConditionModel", "unclip/decoder", "unclip/decoder_scheduler"),
    ("upsampler", "UNet2DModel", "unclip/super_res", "unclip/super_res_scheduler"),
    ("judge", "judge", "judge", ""),
)


def classroom(root: Path = ASSETS / "classroom", dtype: str = "float32") -> Suite:
    """The embedded suite: small networks on 64-pixel pictures, trained by this project, shipped with it."""
    parts = {}
    for name, kind, folder, scheduler in CLASSROOM:
        configs = ((f"{name}_scheduler", root / scheduler / "scheduler_config.json"),) if scheduler else ()
        parts[name] = Part(name, kind, root / folder, configs, dtype, source="this repository", licence="MIT")
    return Suite("classroom", parts)
