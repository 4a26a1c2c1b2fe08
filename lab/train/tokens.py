"""A byte-pair vocabulary over Storybook's captions (Sennrich et al., arXiv 1508.07909), in CLIP's own format.

Vocabulary: 256 bytes, 256 bytes that end a word, one entry a merge, start of text, end of text (the highest
id, which CLIP pools at).  Any text can be written in it; ours just takes few tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from transformers import CLIPTokenizer

END = "</w>"


def train_tokenizer(texts: Iterable[str], folder: Path, merges: int, length: int) -> CLIPTokenizer:
    """Learn `merges` merges from `texts`; write CLIP's tokenizer files to `folder`; return the tokenizer."""
    like = CLIPTokenizer().backend_tokenizer  # its normaliser and splitter are CLIP's own
    learner = Tokenizer(BPE(end_of_word_suffix=END))
    learner.normalizer, learner.pre_tokenizer = like.normalizer, like.pre_tokenizer
    alphabet = sorted(ByteLevel.alphabet())
    trainer = BpeTrainer(
        vocab_size=2 * len(alphabet) + merges, initial_alphabet=alphabet, end_of_word_suffix=END, show_progress=False
    )
    learner.train_from_iterator(texts, trainer)
    pairs = [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]][:merges]
    words = alphabet + [letter + END for letter in alphabet] + ["".join(pair) for pair in pairs]
    words += ["<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(
        vocab={word: i for i, word in enumerate(dict.fromkeys(words))}, merges=pairs, model_max_length=length
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps(tokenizer.get_vocab(), ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(pair) for pair in pairs) + "\n")
    return tokenizer
