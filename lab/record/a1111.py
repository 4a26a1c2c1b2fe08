"""The `parameters` text that stable-diffusion-webui began and most tools read: a prompt, a negative one, settings.

a large red cat
Negative prompt: blue
Steps: 20, Sampler: DPM++ 2M, CFG scale: 5.0, Seed: 1, Size: 64x64, Model hash: 0123456789, Model: classroom
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

NAMES = {"dpm++": "DPM++ 2M", "euler": "Euler", "euler_a": "Euler a", "heun": "Heun", "ddim": "DDIM", "ddpm": "DDPM"}
LONGEST = 65_536  # characters that are taken apart
NEGATIVE = "Negative prompt:"
PAIR = re.compile(r'([\w][\w \-/+().]{0,60}):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)')


def write(receipt: Mapping[str, Any], weights: str, shape: tuple[int, int]) -> str:
    """The text of a receipt; what the form has no name for stands under the knob's own."""
    knobs, asked = dict(receipt["knobs"]), receipt["prompt"]
    scheduler = knobs.pop("scheduler", None) or knobs.pop("rule", "")
    settings = {
        "Steps": knobs.pop("steps", ""),
        "Sampler": NAMES.get(scheduler, scheduler or receipt["sampler"]),
        "CFG scale": knobs.pop("guidance", ""),
        "Seed": receipt["seeds"][receipt["index"]],
        "Size": "x".join(map(str, receipt["box"][2:])) if any(receipt["box"]) else f"{shape[1]}x{shape[0]}",
        "Model hash": weights,
        "Model": f"{receipt['suite']} {receipt['sampler']}",
        "Version": f"quartet {receipt['versions'].get('quartet', '')}",
        **knobs,
    }
    told = ", ".join(f"{name}: {_quoted(value)}" for name, value in settings.items() if value not in ("", None))
    negative = f"\n{NEGATIVE} {asked['negative']}" if asked["negative"] else ""
    return f"{asked['text']}{negative}\n{told}"


def read(text: str) -> dict[str, str]:
    """`Prompt`, `Negative prompt` and every setting of such a text, as strings; nothing is believed of them."""
    lines = text[:LONGEST].strip().splitlines()
    last = lines[-1] if lines else ""
    pairs = {name.strip(): _plain(value) for name, value in PAIR.findall(last)}
    settings = pairs if len(pairs) >= 3 or "Steps" in pairs else {}
    body = lines[:-1] if settings else lines
    start = next((k for k, line in enumerate(body) if line.startswith(NEGATIVE)), len(body))
    negative = "\n".join(body[start:])[len(NEGATIVE) :].strip()
    return {"Prompt": "\n".join(body[:start]).strip(), "Negative prompt": negative, **settings}


def _quoted(value: Any) -> str:
    text = str(value)
    if not re.search(r'[,:"\n]', text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _plain(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), value[1:-1])
    return value
