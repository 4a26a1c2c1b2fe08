"""CLIP: a picture tower and a text tower that agree (Radford et al., arXiv 2103.00020, fig. 3).

An open_clip model, shipped as an open_clip folder and, for diffusers, as transformers' text model.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import torch
import torch.nn.functional as F
from open_clip.model import CLIP
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from lab.storybook.dataset import TRAIN, captions
from lab.storybook.grammar import say
from lab.storybook.scene import loosen, sample
from lab.train.data import Corpus, amount, to_signed
from lab.train.loop import Plan
from lab.train.near import altered
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
        folder = out / "clip"
        if not (resume and (folder / "open_clip_model.safetensors").exists()):
            texts = captions(range(TRAIN, TRAIN + 20_000), 2)
            tokenizer = train_tokenizer(texts, folder, MERGES, LENGTH)
            cfg = architecture(len(tokenizer))
            preprocess = {"mean": MEAN, "std": STD, "interpolation": "bicubic", "resize_mode": "squash"}
            (folder / "open_clip_config.json").write_text(
                json.dumps({"model_cfg": cfg, "preprocess_cfg": preprocess}, indent=2)
            )
            torch.manual_seed(1)
            clip = CLIP(**{**cfg, "text_cfg": {k: v for k, v in cfg["text_cfg"].items() if k != "hf_tokenizer_name"}})
            save_open_clip(clip.state_dict(), folder)
        else:
            clip = load_open_clip(folder)
        self.net = nn.ModuleDict({"clip": clip, "traits": Traits(EMBEDDING)})
        self.clip = Clip.from_folder(folder)
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
        save_open_clip(self.net["clip"].state_dict(), out / "clip")
        save_text_model(self.net["clip"], out / "stable-diffusion" / "text_encoder", self.clip)
        self.clip.tokenizer.save_pretrained(out / "stable-diffusion" / "tokenizer")


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


def save_open_clip(weights: dict[str, Tensor], folder: Path, dtype: torch.dtype = torch.float16) -> None:
    """Weights under open_clip's own names."""
    weights = {k: v.to(dtype).contiguous() if v.is_floating_point() else v for k, v in weights.items()}
    save_file(weights, folder / "open_clip_model.safetensors", metadata={"format": "pt"})


def load_open_clip(folder: Path) -> CLIP:
    """The open_clip model of a folder, float32, ready to train on."""
    cfg = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]
    text = {k: v for k, v in cfg["text_cfg"].items() if k != "hf_tokenizer_name"}
    net = CLIP(**{**cfg, "text_cfg": text})
    net.load_state_dict(load_file(folder / "open_clip_model.safetensors"))
    return net


def save_text_model(net: CLIP, folder: Path, clip: Clip) -> None:
    """The text tower as transformers' CLIPTextModel, which is what diffusers' folders hold."""
    cfg = CLIPTextConfig(
        vocab_size=net.vocab_size,
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        projection_dim=EMBEDDING,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        max_position_embeddings=LENGTH,
        hidden_act="gelu",
        bos_token_id=clip.tokenizer.bos_token_id,
        eos_token_id=clip.tokenizer.eos_token_id,
        pad_token_id=clip.tokenizer.pad_token_id,
    )
    model = CLIPTextModel(cfg)
    old, new = net.state_dict(), {}
    new["embeddings.token_embedding.weight"] = old["token_embedding.weight"]
    new["embeddings.position_embedding.weight"] = old["positional_embedding"]
    for k in range(LAYERS):
        a, b = f"transformer.resblocks.{k}.", f"encoder.layers.{k}."
        for kind in ("weight", "bias"):
            for part, rows in zip("qkv", old[f"{a}attn.in_proj_{kind}"].chunk(3), strict=True):
                new[f"{b}self_attn.{part}_proj.{kind}"] = rows
            new[f"{b}self_attn.out_proj.{kind}"] = old[f"{a}attn.out_proj.{kind}"]
            for ours, theirs in (
                ("ln_1", "layer_norm1"),
                ("ln_2", "layer_norm2"),
                ("mlp.c_fc", "mlp.fc1"),
                ("mlp.c_proj", "mlp.fc2"),
            ):
                new[f"{b}{theirs}.{kind}"] = old[f"{a}{ours}.{kind}"]
    new |= {f"final_layer_norm.{kind}": old[f"ln_final.{kind}"] for kind in ("weight", "bias")}
    prefix = "text_model." if any(k.startswith("text_model.") for k in model.state_dict()) else ""
    model.load_state_dict({prefix + k: v for k, v in new.items()})
    model.half().save_pretrained(folder)
