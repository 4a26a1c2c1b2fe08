"""CLIP: a picture tower and a text tower that agree (Radford et al., arXiv 2103.00020, fig. 3).

An open_clip model, shipped as an open_clip folder and, for diffusers, as transformers' text model.
"""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F
from open_clip.model import CLIP
from torch import Tensor, nn

from lab.storybook.dataset import TRAIN, captions
from lab.storybook.grammar import say
from lab.storybook.scene import loosen, sample
from lab.train.data import Corpus, amount, to_signed
from lab.train.near import altered
from lab.train.plan import Plan
from lab.train.ship import load_open_clip, save_open_clip, save_text_model
from lab.train.tokens import train_tokenizer
from lab.train.traits import Traits, said, seen
from models.parts.clip import Clip

LENGTH, MERGES, WIDTH, LAYERS, HEADS, EMBEDDING = 40, 640, 160, 4, 4, 128
KEEPS = (0.9, 0.9, 0.3)  # fuller captions than elsewhere, so that they differ; a third as bare as what people type
ALONE = (0.5, 0.0)  # share of large things alone at the start of a new and of a resumed training, falling to none
TRAITS = 10.0  # weight of places, colours and background beside the contrast at first, falling to none
PLACED = 0.3  # share of one thing beside another: the only pictures where places tell
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def architecture(vocabulary: int) -> dict:
    """open_clip's model_cfg: 0.9 M parameters of picture tower, 1.5 M of text tower."""
    return {
        "embed_dim": EMBEDDING,
        "quick_gelu": False,
        "vision_cfg": {"layers": [2, 2, 2, 1], "width": 12, "head_width": 48, "image_size": 64},
        "text_cfg": {
            "context_length": LENGTH,
            "vocab_size": vocabulary,
            "width": WIDTH,
            "heads": HEADS,
            "layers": LAYERS,
            "hf_tokenizer_name": "local",
        },
    }


class ClipRecipe:
    """Symmetric contrastive loss with a learned temperature; pictures also against captions with one thing wrong."""

    name = "clip"
    plan = Plan(batch=160, rate=1.5e-3, betas=(0.9, 0.98), decay=0.05, warmup=100, bf16=False)

    def __init__(self, out: Path, minutes: float, resume: bool) -> None:
        with tempfile.TemporaryDirectory() as place:  # what lies in `out` stays until this is trained
            folder = out / "clip"
            if not (resume and (folder / "open_clip_model.safetensors").exists()):
                folder = Path(place)
                begin(folder)
            self.clip = Clip.from_folder(folder)
            self.files = {file.name: file.read_bytes() for file in folder.iterdir()}
            self.net = nn.ModuleDict({"clip": load_open_clip(folder), "traits": Traits(EMBEDDING)})
        self.corpus, self.alone = Corpus.load(amount(minutes)), ALONE[resume]

    def _captions(self, rows: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Tokens (2B, L): right captions, then the same with one thing wrong; traits (2B, LENGTH): seen, then said."""
        chance = random.Random(int(torch.randint(2**31, (1,), generator=rng)))
        right, wrong, traits = [], [], ([], [])
        for row in rows.tolist():
            whole, scene = sample(TRAIN + row)
            ask, language = loosen(whole, chance, chance.choice(KEEPS)), chance.choice(("en", "zh"))
            right.append(say(ask, language, chance))
            wrong.append(say(altered(ask, chance), language, chance))
            traits[0].append(seen(scene))
            traits[1].append(said(ask))
        return self.clip.tokenize(right + wrong).ids, torch.tensor(traits[0] + traits[1])

    def _embed(self, pictures: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Unit embeddings (B, E) and (2B, E)."""
        clip, device = self.net["clip"], self.net["clip"].logit_scale.device
        image = F.normalize(clip.encode_image(normalise(pictures.to(device))).float(), dim=-1)
        return image, F.normalize(encode_text(clip, tokens.to(device)).float(), dim=-1)

    def loss(self, rng: torch.Generator, done: float) -> tuple[Tensor, dict[str, float]]:
        rows, _ = self.corpus.rows(rng, self.plan.batch, alone=self.alone * (1 - done), placed=PLACED)
        pictures = to_signed(self.corpus.pictures[rows])
        noise = torch.randn(pictures.shape, generator=rng)
        pictures = pictures + 0.04 * torch.rand((len(pictures), 1, 1, 1), generator=rng) * noise
        with torch.no_grad():
            self.net["clip"].logit_scale.clamp_(max=4.6052)  # 100, as in the paper
        tokens, traits = self._captions(rows, rng)
        image, text = self._embed(pictures, tokens)
        scale = self.net["clip"].logit_scale.exp()
        with torch.autocast(image.device.type, enabled=False):  # a temperature of 50 needs more than 8 bits
            logits = scale * image @ text.T
            both = zip((image, text[: len(image)]), traits.chunk(2), strict=True)
            traits_seen, traits_said = (self.net["traits"].error(*one) for one in both)
        labels = torch.arange(len(logits), device=logits.device)
        agree = (F.cross_entropy(logits, labels) + F.cross_entropy(logits[:, : len(logits)].T, labels)) / 2
        right = (logits.argmax(1) == labels).float().mean()
        told = (logits.diagonal() > logits.diagonal(len(logits))).float().mean()  # from the same with one thing wrong
        facts = {"loss": agree, "right": right, "told": told, "scale": scale, "seen": traits_seen, "said": traits_said}
        beside = TRAITS * (1 - done) * (traits_seen + traits_said)
        return agree + beside, {name: fact.item() for name, fact in facts.items()}

    def grid(self) -> Tensor:
        """The matrix of similarities of 64 pictures and captions: a bright diagonal is what we want to see."""
        rng = torch.Generator().manual_seed(7)
        rows, _ = self.corpus.rows(rng, 64)
        image, text = self._embed(to_signed(self.corpus.pictures[rows]), self._captions(rows, rng)[0][:64])
        return F.interpolate((image @ text.T).clamp(0, 1)[None, None], scale_factor=4).expand(1, 3, -1, -1)

    def save(self, out: Path) -> None:
        (out / "clip").mkdir(parents=True, exist_ok=True)
        for name, data in self.files.items():
            (out / "clip" / name).write_bytes(data)
        save_open_clip(self.net["clip"].state_dict(), out / "clip")
        save_text_model(self.net["clip"], out / "stable-diffusion" / "text_encoder", self.clip)
        self.clip.tokenizer.save_pretrained(out / "stable-diffusion" / "tokenizer")


def begin(folder: Path) -> None:
    """An untrained CLIP and a tokenizer of its own, as they will ship."""
    tokenizer = train_tokenizer(captions(range(TRAIN, TRAIN + 20_000), 2), folder, MERGES, LENGTH)
    cfg = architecture(len(tokenizer))
    preprocess = {"mean": MEAN, "std": STD, "interpolation": "bicubic", "resize_mode": "squash"}
    about = {"model_cfg": cfg, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(about, indent=2))
    torch.manual_seed(1)
    net = CLIP(**{**cfg, "text_cfg": {k: v for k, v in cfg["text_cfg"].items() if k != "hf_tokenizer_name"}})
    save_open_clip(net.state_dict(), folder, torch.float32)


def encode_text(net: CLIP, tokens: Tensor) -> Tensor:
    """`net.encode_text` without the padding that all texts share: a causal tower gives the same, sooner."""
    ends = tokens.argmax(-1)  # the first of the highest ids is the end of the text
    length = int(ends.max()) + 1
    x = net.token_embedding(tokens[:, :length]) + net.positional_embedding[:length]
    x = net.ln_final(net.transformer(x, attn_mask=net.attn_mask[:length, :length]))
    return x[torch.arange(len(x), device=x.device), ends] @ net.text_projection


def normalise(pictures: Tensor) -> Tensor:
    """[-1, 1] -> CLIP's mean and deviation, without resizing."""
    mean = torch.tensor(MEAN, device=pictures.device).view(3, 1, 1)
    std = torch.tensor(STD, device=pictures.device).view(3, 1, 1)
    return ((pictures + 1) / 2 - mean) / std
