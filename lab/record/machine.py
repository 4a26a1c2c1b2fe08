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

from models.catalog import Part
from models.engine import Engine
from models.engine.orders import targets_of
from models.hub.receipt import RECEIPT
from models.loaders import fault, files
from models.protocol import Request

BESIDE = ("*.json", "merges.txt")  # what else a network is read from
LIBRARIES = ("quartet", "diffusers", "transformers", "open_clip_torch", "numpy")


def part_hashes(engine: Engine, request: Request) -> dict[str, dict[str, str]]:
    """SHA-256 of every weights and configuration file, by part and file, of the parts that a request uses.

    What was added to a part (LoRA) is named by file and scale.
    """
    suite = engine.registry.suite(request.suite)
    seen, targets = suite.seen(request.sampler), targets_of(engine.samplers[request.sampler], request)
    wanted = dict.fromkeys(seen[name] for target in targets.values() for name in target.parts if name in seen)
    return {name: _hashes(suite[name]) for name in wanted}


def _hashes(part: Part) -> dict[str, str]:
    weights = files.weights(part) if fault(part) is None else []
    folders = dict.fromkeys([part.path, part.path / "tokenizer", *(file.parent for file in weights)])
    beside = [file for folder in folders for kind in BESIDE for file in folder.glob(kind) if file.name != RECEIPT]
    found = {file.relative_to(part.path).as_posix(): _sha256(file) for file in sorted({*weights, *beside})}
    found |= {label: _sha256(file) for label, file in part.configs if file.exists()}
    return found | {f"{lora.file.name} x {lora.scale:g}": _sha256(lora.file) for lora in part.loras}


def fingerprint(receipt: Mapping[str, Any]) -> str:
    """Ten digits for all weights together: what other tools call a model hash."""
    lines = [f"{name} {file} {digest}" for name, files in receipt["parts"].items() for file, digest in files.items()]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:10]


def machine(engine: Engine, exact: bool) -> dict[str, Any]:
    """What besides weights decides the last bits of a run: libraries, device, threads; OpenVINO, unless `exact`."""
    device, form = engine.registry.device, "" if exact else engine.form
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    own = {"python": platform.python_version(), "torch": torch.__version__}  # torch's own tells its build as well
    return {
        "versions": own | {name: _version(name) for name in (*LIBRARIES, *(["openvino"] if form else []))},
        "device": f"{form or device.type}: {name}", "threads": torch.get_num_threads(),
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
