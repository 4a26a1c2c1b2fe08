"""The one CLIP against the two libraries whose folders it reads."""

import copy
import json
import logging
import socket
import threading

import open_clip
import pytest
import torch
from transformers import CLIPModel, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from models.parts.clip import Clip
from models.parts.clip.fold import folded
from tests.tinyclip import EMBED, LENGTH, SIZE, WIDTH, write_open_clip, write_transformers

TEXTS = ("a red cat", "", "blue, blue cats of the red sea and much more than fits", "红色的猫 2")
WRITE = {"open_clip": write_open_clip, "transformers": write_transformers}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {kind: write(tmp_path_factory.mktemp(kind)) for kind, write in WRITE.items()}


@pytest.fixture(scope="module", params=list(WRITE))
def folder(request, folders):
    return folders[request.param]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def close(a, b):
    return torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


def test_tokens_are_those_of_the_tokenizer_and_fall_into_kept_and_dropped(folder):
    clip, stock = Clip.from_folder(folder), CLIPTokenizer.from_pretrained(folder)
    found = clip.tokenize(TEXTS)
    want = stock(list(TEXTS), padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt")
    assert torch.equal(found.ids, want.input_ids)
    assert torch.equal(clip.text(found.ids).mask, want.attention_mask.float())
    assert found.kept[0] == ("a", "red", "cat")
    assert found.dropped[0] == ()
    assert len(found.kept[2]) == LENGTH - 2
    assert "".join(found.kept[2] + found.dropped[2]) == TEXTS[2].replace(" ", "")
    assert clip.tokenize([]).ids.shape == (0, LENGTH)


def test_tokenising_on_many_threads_beside_a_padding_tokenizer_gives_the_same(folder):
    clip = Clip.from_folder(folder)
    want, got = clip.tokenize(TEXTS).ids, []
    threads = [
        threading.Thread(target=lambda: got.extend(clip.tokenize(TEXTS).ids.equal(want) for _ in range(30)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [True] * 120


def test_reading_and_tokenising_touch_no_network(folder, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    Clip.from_folder(folder).tokenize(TEXTS)


@torch.no_grad()
def test_a_transformers_folder_gives_what_transformers_gives(folders):
    folder = folders["transformers"]
    clip = Clip.from_folder(folder)
    tokens, pictures = clip.tokenize(TEXTS).ids, torch.rand(3, 3, SIZE, SIZE)
    states, embedding, _ = clip.text(tokens)
    assert torch.equal(states, CLIPTextModel.from_pretrained(folder).eval()(tokens).last_hidden_state)
    assert torch.equal(embedding, CLIPTextModelWithProjection.from_pretrained(folder).eval()(tokens).text_embeds)
    stock = CLIPModel.from_pretrained(folder).eval()
    pixels = (pictures - torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1)) / torch.tensor([0.2, 0.3, 0.4]).view(3, 1, 1)
    close(clip.image(pictures), stock.get_image_features(pixels).pooler_output)
    close(clip.logit_scale, stock.logit_scale)


@torch.no_grad()
def test_an_open_clip_folder_gives_what_open_clip_gives(folders):
    folder = folders["open_clip"]
    clip = Clip.from_folder(folder)
    logging.disable(logging.WARNING)
    stock = open_clip.create_model(f"local-dir:{folder}").eval()
    logging.disable(logging.NOTSET)
    tokens, pictures = clip.tokenize(TEXTS).ids, torch.rand(3, 3, SIZE, SIZE)
    states, embedding, _ = clip.text(tokens)
    close(embedding, stock.encode_text(tokens))
    close(states, states_of(stock, tokens))
    pixels = (pictures - torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1)) / torch.tensor([0.2, 0.3, 0.4]).view(3, 1, 1)
    close(clip.image(pictures), stock.encode_image(pixels))


@torch.no_grad()
def test_texts_cut_behind_the_last_end_mean_the_same(folder):
    clip = Clip.from_folder(folder)
    found = clip.tokenize(["a red cat", "", "blue"])
    short = found.ids[:, : 2 + max(map(len, found.kept))]
    assert short.shape[1] < LENGTH
    close(clip.text(short).embedding, clip.text(found.ids).embedding)
    close(clip.text(short).states, clip.text(found.ids).states[:, : short.shape[1]])


def states_of(stock, tokens):
    """The last hidden states of an open_clip model, from its own modules, position by position."""
    x = stock.token_embedding(tokens) + stock.positional_embedding
    return stock.ln_final(stock.transformer(x, attn_mask=stock.attn_mask))


@torch.no_grad()
def test_pictures_of_any_shape_are_resized_and_cropped(folder):
    clip = Clip.from_folder(folder)
    flat = clip.prepare(torch.full((2, 3, 50, 90), 0.7))
    assert flat.shape == (2, 3, SIZE, SIZE)
    close(flat, clip.prepare(torch.full((2, 3, SIZE, SIZE), 0.7)))
    left_right = torch.zeros(1, 3, SIZE, 3 * SIZE)
    left_right[..., SIZE : 2 * SIZE] = 1
    close(clip.prepare(left_right), clip.prepare(torch.ones(1, 3, SIZE, SIZE)))


def test_gradients_reach_the_pictures(folder):
    clip = Clip.from_folder(folder)
    pictures = torch.rand(1, 3, 2 * SIZE, 2 * SIZE, requires_grad=True)
    clip.image(pictures).square().sum().backward()
    assert pictures.grad.abs().sum() > 0


def test_it_says_what_it_is_and_can_be_read_in_halves(folder):
    clip = Clip.from_folder(folder, text=False)
    assert clip.text_tower is None
    assert clip.image(torch.rand(1, 3, SIZE, SIZE)).shape == (1, EMBED)
    assert [clip.config[k] for k in ("width", "embedding", "length", "size")] == [WIDTH, EMBED, LENGTH, SIZE]
    assert Clip.from_folder(folder, dtype=torch.float64).text_tower is not None


def test_folders_that_are_no_clip_say_so(tmp_path, folders):
    with pytest.raises(ValueError, match="vocab"):
        Clip.from_folder(tmp_path)
    with pytest.raises(ValueError, match="neither"):
        Clip.from_folder(tmp_path, text=False)


@pytest.mark.parametrize(
    ("kind", "swap", "says"),
    [
        ("open_clip", ("<|endoftext|>", "<|startoftext|>"), "highest id"),
        ("open_clip", ("<|endoftext|>", "<|end|>"), "rows"),
        ("transformers", ("<|endoftext|>", "<|end|>"), "rows"),
    ],
)
def test_a_tokenizer_that_does_not_fit_its_tower_says_so(tmp_path, kind, swap, says):
    vocab = WRITE[kind](tmp_path) / "vocab.json"
    ids = json.loads(vocab.read_text())
    old, new = swap
    ids[new], ids[old] = ids[old], ids.pop(new, None)
    vocab.write_text(json.dumps({word: i for word, i in ids.items() if i is not None}))
    with pytest.raises(ValueError, match=says):
        Clip.from_folder(tmp_path)


def test_folded_batch_norms_change_neither_embeddings_nor_gradients(folder):
    tower = open_clip.modified_resnet.ModifiedResNet([1, 2, 1, 1], output_dim=8, heads=2, image_size=64, width=8).eval()
    norms = [module for module in tower.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for value in (value for norm in norms for value in (norm.weight, norm.bias, norm.running_mean, norm.running_var)):
        torch.nn.init.uniform_(value, 0.5, 1.5)
    before, after = (taken(tower) for tower in (tower, folded(copy.deepcopy(tower))))
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded(tower).modules())
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)
    clip = Clip.from_folder(folder)  # vision transformers: nothing to fold
    assert clip.fold().picture_tower is clip.picture_tower


def taken(tower):
    """Embeddings, and how they change with the pictures."""
    pictures = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    found = tower(pictures)
    return found.detach(), *torch.autograd.grad(found.square().sum(), pictures)
