"""An embedding is 128 numbers and no picture; but it has neighbours, and those have names.

CLIP puts pictures and sentences into one space (Radford et al., arXiv 2103.00020).  So whatever a picture embedding
is, seen or imagined, one can ask which of two thousand sentences lie nearest to it by their cosine, and read what it
means without painting it.  The sentences are Storybook's: every thing in every colour, alone, small or large, and in
every place; and pairs.  They are embedded in English, once for each engine, and told in either language.  A suite may
bring its embeddings along, for on a small machine two thousand sentences take as long as a painter's first picture.
"""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from weakref import WeakKeyDictionary

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from lab.measure.appraise import TEXT
from lab.storybook.grammar import say
from lab.storybook.scene import Ask, Noun, sample_ask
from lab.storybook.words import BACKGROUNDS, COLOURS, KINDS, SIZES
from models.engine import Engine

CLIENT = "captions"  # charged apart from what visitors paint
PAINTER = "unclip"  # whose embeddings are read: its CLIP may be another than the other painters'
PAIRS = 400  # asks for two things, or for two or three of one
AT_ONCE = 64  # captions an evaluation: all in one would hold up whoever begins to paint by seconds
FILE = "captions.safetensors"  # beside the folder of the CLIP whose embeddings they are
DEEP = 64  # how many neighbours are looked through for different things
_known: WeakKeyDictionary[Engine, dict[str, Captions]] = WeakKeyDictionary()
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Near:
    """A caption in every language, and its cosine to the embedding that was asked about."""

    says: Mapping[str, str]
    cosine: float


@dataclass(frozen=True, slots=True, eq=False)
class Captions:
    """Asks and their CLIP text embeddings (M, E), each of length 1."""

    asks: tuple[Ask, ...]
    rows: Tensor

    def near(self, embeddings: Tensor, count: int = 3) -> list[tuple[Near, ...]]:
        """For each of embeddings (B, E), of any length, the nearest captions that name different things."""
        cosines = F.normalize(embeddings.float(), dim=-1) @ self.rows.T
        return [self._apart(row, count) for row in cosines]

    def _apart(self, cosines: Tensor, count: int) -> tuple[Near, ...]:
        best = cosines.topk(min(DEEP, len(self.asks)))
        found: dict[tuple, Near] = {}
        for cosine, place in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            ask = self.asks[place]
            things = tuple((noun.kind, noun.colour) for noun in ask.nouns)
            if things not in found:
                found[things] = Near({language: say(ask, language) for language in ("en", "zh")}, cosine)
        return tuple(found.values())[:count]


@cache
def asks() -> tuple[Ask, ...]:
    """What the captions ask for: always the same, in the same order."""
    alone = [Noun(kind, colour) for kind in KINDS for colour in COLOURS]
    sized = [Noun(noun.kind, noun.colour, size) for noun in alone for size in SIZES]
    placed = [Ask((noun,), None, place) for noun in alone for place in BACKGROUNDS]
    rng = random.Random("captions")
    several = [sample_ask(rng, rng.choice(("two objects", "counting", "position")), None) for _ in range(PAIRS)]
    return tuple(dict.fromkeys([*(Ask((noun,)) for noun in [*alone, *sized]), *placed, *several]))


def captions(engine: Engine, suite: str) -> Captions:
    """The captions of a suite, as it brings them along or embedded by its painter's CLIP at the first call.

    Raises what the engine raises.
    """
    with _lock:
        return ready(engine, suite) or _hold(engine, suite, _embed(engine, suite))


def ready(engine: Engine, suite: str) -> Captions | None:
    """The captions if the suite brings them along or they are embedded already; for whoever must not wait."""
    held = _known.get(engine, {}).get(suite)
    if held is None and "clip" in engine.registry.suite(suite).seen(PAINTER):
        rows = _kept(_clip(engine, suite))
        held = None if rows is None else _hold(engine, suite, rows)
    return held


def _hold(engine: Engine, suite: str, rows: Tensor) -> Captions:
    return _known.setdefault(engine, {}).setdefault(suite, Captions(asks(), F.normalize(rows, dim=-1)))


def keep(engine: Engine, suite: str) -> Path:
    """Write a suite's embeddings beside the folder of its CLIP, in half precision, 0.5 MB; returns the file."""
    folder = _clip(engine, suite)
    rows, about = F.normalize(_embed(engine, suite), dim=-1), {"format": "pt", "of": _fingerprint(folder)}
    save_file({"rows": rows.half()}, folder.parent / FILE, metadata=about)
    return folder.parent / FILE


def _embed(engine: Engine, suite: str) -> Tensor:
    tokens = tokenized(engine, suite, [say(ask) for ask in asks()])
    calls = [engine.call(TEXT, some, client=CLIENT, suite=suite, sampler=PAINTER) for some in tokens.split(AT_ONCE)]
    return torch.cat(calls).float().cpu()


def _kept(folder: Path) -> Tensor | None:
    """The embeddings (M, E) beside a CLIP's folder, if they are this CLIP's and these captions'."""
    if not (folder.parent / FILE).exists():
        return None
    with safe_open(folder.parent / FILE, "pt") as file:
        ours = (file.metadata() or {}).get("of") == _fingerprint(folder)
        return file.get_tensor("rows").float() if ours else None


def _fingerprint(folder: Path) -> str:
    """SHA-256 of what decides the embeddings: the CLIP's files and the sentences."""
    found = hashlib.sha256("\n".join(say(ask) for ask in asks()).encode())
    for file in sorted([*folder.glob("*.safetensors"), *folder.glob("*.json")]):
        found.update(file.read_bytes())
    return found.hexdigest()


def _clip(engine: Engine, suite: str) -> Path:
    table = engine.registry.suite(suite)
    return table[table.seen(PAINTER)["clip"]].path


def tokenized(engine: Engine, suite: str, texts: Sequence[str]) -> Tensor:
    """Tokens (N, up to L) of texts, as the painter's CLIP reads them; what pads them all is cut off: behind the end of
    a text it changes no embedding, and two thirds of the work were on it."""
    name = engine.registry.suite(suite).seen(PAINTER)["clip"]
    with engine.registry.borrow(suite, [name]) as parts:
        found = parts[name].tokenize(texts)
    return found.ids[:, : 2 + max(map(len, found.kept))]
