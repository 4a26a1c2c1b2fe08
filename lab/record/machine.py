"""Where a picture was painted, and with which weights."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from models.engine import Engine
from models.engine.orders import targets_of
from models.protocol import Request

LIBRARIES = ("quartet", "diffusers", "transformers", "open_clip_torch", "numpy")


def part_hashes(engine: Engine, request: Request) -> dict[str, dict[str, str]]:
    """SHA-256 of every weights and configuration file, by part and file name, of the parts that a request uses."""
    table = engine.registry.suite(request.suite).parts
    targets = targets_of(engine.samplers[request.sampler], request)
    wanted = [part for target in targets.values() for part in target.parts]
    found = {}
    for name in dict.fromkeys(name for name in wanted if name in table):
        part = table[name]
        files = sorted([*part.path.glob("*.safetensors"), *part.path.glob("*.json")])
        hashes = {file.name: _sha256(file) for file in files}
        found[name] = hashes | {label: _sha256(file) for label, file in part.configs if file.exists()}
    return found


def fingerprint(receipt: Mapping[str, Any]) -> str:
    """Ten digits for all weights together: what other tools call a model hash."""
    lines = [f"{name} {file} {digest}" for name, files in receipt["parts"].items() for file, digest in files.items()]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:10]


def versions() -> dict[str, str]:
    own = {"python": platform.python_version(), "torch": torch.__version__}  # torch's own tells its build as well
    return own | {name: _version(name) for name in LIBRARIES}


def machine(engine: Engine) -> dict[str, Any]:
    """What besides weights and libraries decides the last bit."""
    device = engine.registry.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return {
        "device": f"{device.type}: {name}", "threads": torch.get_num_threads(),
        "platform": f"{platform.system()} {platform.machine()}",
    }  # fmt: skip


@cache
def _processor() -> str:
    """The processor's own name, where the system tells it."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text(encoding="utf-8", errors="replace").splitlines() if about.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


@cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "checkout"


def _sha256(file: Path) -> str:
    about = file.stat()
    return _hash(file, about.st_mtime_ns, about.st_size)


@cache
def _hash(file: Path, changed: int, size: int) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
