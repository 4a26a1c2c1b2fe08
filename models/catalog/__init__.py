"""Parts and suites as frozen data.  A suite is a table of parts, nothing else; the same samplers run every suite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).resolve().parents[2] / "assets"
SHIPPED = ASSETS / "classroom"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a part's files come from.  None and empty mean: not read from any source, so not verified.

    `files` are paths inside the repository, laid out under one local folder as they are there; `subfolder` of it is
    the part's own.  Files that are no safetensors are converted before anything opens them.
    """

    repo: str | None = None  # "owner/name" on the hub
    files: tuple[str, ...] = ()
    subfolder: str = ""
    revision: str | None = None
    licence: str | None = None
    note: str = ""  # the licence's limits, or what to know before fetching it, in a sentence
    bytes: int | None = None  # of all `files`, about
    parameters: int | None = None
    url: str | None = None  # where `repo` is None: the page to fetch it from by hand
    inferred: tuple[str, ...] = ()  # of `files`, the names that were seen on no page


@dataclass(frozen=True, slots=True)
class Lora:
    """A file of low-rank changes, and how much of them is added to a network.

    `text`: whether what it changes in a text tower is wanted too; None where nobody said so.
    """

    file: Path
    scale: float = 1.0
    text: bool | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One network and where its files lie.  Equal parts are one part, loaded once, whoever asks.

    `kind` says how it is read: clip, picture_tower (of a CLIP), vqgan, text_proj,
    upsamplers (Karlo's pair), judge, or a diffusers class.  `wide`: float32 on every device, for it does not bear less.
    `configs` names further JSON files that belong to it: `unet_scheduler` for the part `unet`.
    """

    name: str
    kind: str
    path: Path
    configs: tuple[tuple[str, Path], ...] = ()
    dtype: str = "float32"
    channels_last: bool = False
    source: Source = Source()
    loras: tuple[Lora, ...] = ()
    wide: bool = False

    @property
    def narrows(self) -> bool:
        """Whether it could be held in half of its memory."""
        return self.dtype == "float32" and not self.wide

    @property
    def root(self) -> Path:
        """The folder that `source.files` are laid out in."""
        return self.path.parents[self.source.subfolder.count("/")] if self.source.subfolder else self.path


@dataclass(frozen=True, slots=True)
class Suite:
    """The parts that the samplers' targets name.

    A part `latent/clip` is what the sampler `latent` has in the place of `clip`: its net was trained on that text
    tower.  `knobs` are, by sampler, settings that fit these nets where the sampler's own defaults do not.
    """

    name: str
    parts: Mapping[str, Part] = field(default_factory=dict)
    knobs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def seen(self, sampler: str | None) -> dict[str, str]:
        """Which part a sampler has for each name that its targets may use: {"clip": "latent/clip", "vae": "vae"}."""
        own = {name.rpartition("/")[2]: name for name in self.parts if name.startswith(f"{sampler}/")}
        return {name: name for name in self.parts if "/" not in name} | own

    def __getitem__(self, name: str) -> Part:
        """The part of that name; a ValueError lists what the suite has."""
        if name not in self.parts:
            raise ValueError(f"part is {name!r}; suite {self.name!r} has {sorted(self.parts)}")
        return self.parts[name]


OURS = Source(licence="MIT", note="Trained by this project, shipped with it.")
LIKE_OURS = Source(note="From a folder laid out like the classroom's.")

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
# Chosen on tuning prompts, as README tells: led while all is noise, pixel net and decoder paint other backgrounds; with
# all of DDPM's noise, shapes are lost near the end.
CLASSROOM_KNOBS = {
    "pixel": {"guidance": 2.5, "guidance_from": 0.65, "eta": 0.5},
    "vqgan_clip": {"rate": 0.4},
    "unclip": {"scheduler": "ddim", "eta": 0.5, "candidates": 4, "guidance": 2.5, "guidance_from": 0.65},
}


def classroom(root: Path = SHIPPED, dtype: str = "float32") -> Suite:
    """The embedded suite: small networks on 64-pixel pictures, trained by this project, shipped with it.

    From another `root` they are somebody's own, of whom nothing else is known.
    """
    parts, source = {}, OURS if root.resolve() == SHIPPED else LIKE_OURS
    for name, kind, folder, scheduler in CLASSROOM:
        configs = ((f"{name}_scheduler", root / scheduler / "scheduler_config.json"),) if scheduler else ()
        parts[name] = Part(name, kind, root / folder, configs, dtype, source=source)
    return Suite("classroom", parts, CLASSROOM_KNOBS)
