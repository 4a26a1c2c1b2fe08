"""What each trained part can do by itself, on scenes that nothing was trained on: the figures of the model card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lab.measure.judge import RIGHT, check, read
from lab.race import default_engine
from lab.storybook.dataset import FRESH, captions, pictures
from lab.storybook.scene import sample
from models.catalog import classroom
from models.loaders import Unavailable, load
from models.protocol import Prompt, Request
from models.samplers.vqgan_clip import VqganClipKnobs

COUNT = 400
GUIDED = 24  # pictures painted under each tower
TOWERS = {"clip": "ordinary", "clip_robust": "robust"}


def figures(
    root: Path, count: int = COUNT, report: Callable[[str, int, int], None] = lambda *_: None
) -> dict[str, dict[str, float]]:
    """Figures of every part under `root` that is there, measured on `count` fresh scenes.

    `report(part, done, total)` is called before each of the measurements, and after the last.
    """
    suite, parts = classroom(root), {}
    for name in ("clip", "clip_robust", "vae", "vqgan", "judge"):
        try:
            parts[name] = load(suite[name])
        except Unavailable:
            continue
    measures = [name for name in MEASURES if name in parts]
    towers = [name for name in TOWERS if name in parts and {"clip", "vqgan"} <= set(parts)]
    total = len(measures) + len(towers)
    seeds = range(FRESH, FRESH + count)
    shown = pictures(seeds).float() / 255
    found: dict[str, dict[str, float]] = {}
    for done, name in enumerate(measures):
        report(name, done, total)
        with torch.no_grad():
            found[name] = MEASURES[name](parts, shown, seeds)
    texts = captions(seeds[:GUIDED], 1, keep=1.0)
    for done, tower in enumerate(towers, len(measures)):
        report(f"vqgan under {tower}", done, total)
        with torch.no_grad():
            found[tower] |= guided(root, parts, tower, shown, texts)
    report("all parts", total, total)
    return found


def retrieval(parts: Mapping[str, Any], shown: Tensor, seeds: range, tower: str = "clip") -> dict[str, float]:
    """Share of pictures whose own full caption, of 100, is the most similar; and the similarity of the pair."""
    clip, size = parts["clip"], 100
    text = F.normalize(clip.text(clip.tokenize(captions(seeds, 1, keep=1.0)).ids).embedding, dim=-1)
    image = F.normalize(parts[tower].image(shown), dim=-1)
    right = [
        (i @ t.T).argmax(1) == torch.arange(len(i)) for i, t in zip(image.split(size), text.split(size), strict=True)
    ]
    return {"right of 100": torch.cat(right).float().mean().item(), "similarity": (image * text).sum(1).mean().item()}


def robust_retrieval(parts: Mapping[str, Any], shown: Tensor, seeds: range) -> dict[str, float]:
    return retrieval(parts, shown, seeds, "clip_robust") if "clip" in parts else {}


def guided(root: Path, parts: Mapping[str, Any], tower: str, shown: Tensor, texts: Sequence[str]) -> dict[str, float]:
    """What VQGAN+CLIP paints under this tower: is the tower taken in by it, and does the judge see a scene in it?

    The tower's similarity to its own paintings, how often it likes the real picture better, and the share that the
    judge takes for scenes at all.
    """
    engine, knobs = default_engine(root), VqganClipKnobs(tower=TOWERS[tower])
    runs = [
        engine.submit(Request("vqgan_clip", Prompt(text, seeds=(k,)), knobs, classroom(root).name, f"guided {k}"))
        for k, text in enumerate(texts)
    ]
    engine.wait(*runs)
    painted = torch.cat([run.result for run in runs])
    words = parts["clip"].text(parts["clip"].tokenize(texts).ids).embedding
    fake, real = (F.cosine_similarity(parts[tower].image(x), words) for x in (painted, shown[: len(texts)]))
    found = {"similarity of its paintings": fake.mean().item(), "real above them": (real > fake).float().mean().item()}
    if "judge" in parts:
        scenes = [verdict.scene for verdict in read(painted, parts["judge"])]
        found["scenes in them"] = sum(scenes) / len(scenes)
    return found


def rebuilt(parts: Mapping[str, Any], shown: Tensor, again: Callable[[Tensor], Tensor]) -> dict[str, float]:
    """PSNR in dB over all pixels, and how often the judge reads the rebuilt picture as it reads the original."""
    fake = torch.cat([again(rows * 2 - 1).clamp(-1, 1) / 2 + 0.5 for rows in shown.split(50)])
    found = {"psnr": -10 * F.mse_loss(fake, shown).log10().item()}
    if "judge" in parts:
        asks = [sample(FRESH + k)[0] for k in range(len(shown))]
        pairs = zip(asks, read(shown, parts["judge"]), read(fake, parts["judge"]), strict=True)
        same = [check(a, x)["overall"] == check(a, y)["overall"] for a, x, y in pairs]
        found["read alike"] = sum(same) / len(same)
    return found


def vae(parts: Mapping[str, Any], shown: Tensor, seeds: range) -> dict[str, float]:
    net = parts["vae"]
    return rebuilt(parts, shown, lambda x: net.decode(net.encode(x).latent_dist.mode()).sample)


def vqgan(parts: Mapping[str, Any], shown: Tensor, seeds: range) -> dict[str, float]:
    net = parts["vqgan"]
    used = torch.cat([net(rows * 2 - 1)[2].flatten() for rows in shown.split(50)]).unique()
    return rebuilt(parts, shown, lambda x: net(x)[0]) | {"codes used": len(used) / net.config["n_embed"]}


def judge(parts: Mapping[str, Any], shown: Tensor, seeds: range) -> dict[str, float]:
    """Whole scenes and single attributes read right."""
    marks = [check(sample(s)[0], v) for s, v in zip(seeds, read(shown, parts["judge"]), strict=True)]
    words = [mark == RIGHT for m in marks for key, mark in m.items() if key != "overall"]
    return {"attributes": sum(words) / len(words), "scenes": sum(m["overall"] == RIGHT for m in marks) / len(marks)}


MEASURES: Mapping[str, Callable[..., dict[str, float]]] = {
    "clip": retrieval,
    "clip_robust": robust_retrieval,
    "vae": vae,
    "vqgan": vqgan,
    "judge": judge,
}
