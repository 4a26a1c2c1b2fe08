"""Which files the full suite asks its repositories for: those that pages show, marked where none did."""

import io
import logging
from dataclasses import replace

import open_clip
import pytest
import torch
from safetensors.torch import load_file
from transformers import CLIPTextModel, CLIPTokenizer

from models import loaders
from models.catalog import shapes as at
from models.catalog.full import CHOICES, NET, full
from models.catalog.seen import held, older
from models.hub.fetch import Hub
from models.hub.lock import pin
from models.hub.store import bring, made_of, unpinned
from models.hub.trouble import NotFetched
from tests.published import FILES
from tests.standin import standin
from tests.test_hub import _no_account  # noqa: F401 - neither token nor cache of whoever runs the tests
from tests.test_layouts import close
from tests.tinyhub import hub, suite

CHOSEN = [(), *((name,) for name in CHOICES)]
TEXTS = ("a red cat", "", "blue, blue cats of the red sea and much more than fits")


def parts(chosen, dtype="float32"):
    """With the name of the repository, or of the folder that is laid out as a page is."""
    for part in full(*chosen, root=hub(), dtype=dtype).parts.values():
        yield "/".join(part.root.relative_to(hub()).parts), part


@pytest.mark.parametrize("repo", FILES)
def test_a_tiny_repository_has_the_published_files_and_no_other(repo):
    made = {made_of(part, file) for chosen in CHOSEN for name, part in parts(chosen) for file in part.source.files}
    files = {path for path in (hub() / repo).rglob("*") if path.is_file()} - made
    assert {path.relative_to(hub() / repo).as_posix() for path in files} == set(FILES[repo])


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("chosen", CHOSEN, ids=lambda chosen: ",".join(chosen) or "one-clip")
def test_what_is_fetched_is_published_and_what_was_inferred_says_so(chosen, dtype):
    for repo, part in parts(chosen, dtype):
        assert set(part.source.files) <= set(FILES[repo])
        assert set(part.source.inferred) == {file for file in part.source.files if FILES[repo][file] == "I"}
    assert FILES.keys() == {repo for each in CHOSEN for repo, _ in parts(each)}


def test_flags_and_orders_of_blocks_are_the_published_ones():
    """Of those that change no number of parameters, and so show in no size."""
    told = {key: shape.config for key, shape in at.SHAPES.items()}
    for repo in (at.SD21, at.TURBO):
        unet, words = told[repo, "unet"], told[repo, ""]["text"]
        assert unet["attention_head_dim"] == (5, 10, 20, 20)
        assert (unet["use_linear_projection"], unet["upcast_attention"]) == (True, True)
        assert (words["hidden_act"], words["num_attention_heads"], words["projection_dim"]) == ("gelu", 16, 512)
    for repo, down, up in ((at.CAT, 4, 1), (at.CELEBA, 4, 1), (at.CIFAR, 1, 2)):
        for side, where in (("down", down), ("up", up)):
            kinds = told[repo, ""][f"{side}_block_types"]
            assert [i for i, kind in enumerate(kinds) if kind.startswith("Attn")] == [where]


def test_a_name_has_an_older_one_and_what_is_missing_is_left_out_or_replaced():
    assert older(f"vae/{NET}.safetensors") == f"vae/{NET}.bin"
    assert older("text_encoder/model.fp16.safetensors") == "text_encoder/pytorch_model.fp16.bin"
    assert older("open_clip_model.safetensors") == "open_clip_pytorch_model.bin"
    assert older("a/config.json") == "a/config.json"
    files, bins = ("a/config.json", "a/model.safetensors", "vocab.json", "tokenizer.json"), {"a/pytorch_model.bin"}
    assert held(files, files, files) == list(files)
    assert held(files, bins, files) == ["a/config.json", "a/pytorch_model.bin", "vocab.json"]
    assert held(files, bins) == ["a/config.json", "a/model.safetensors", "vocab.json"]


def old(file):
    """What torch.save makes of safetensors."""
    data = io.BytesIO()
    torch.save(load_file(file), data)
    return data.getvalue()


@pytest.mark.parametrize(
    ("chosen", "name", "without"),
    [
        ("clip-vit-b-32", "pixel/clip", ("special_tokens_map.json", "tokenizer_config.json", "tokenizer.json")),
        ("sd-turbo", "vae", ()),
    ],
)
def test_a_name_that_was_inferred_wrongly_spoils_no_pin_and_no_fetch(chosen, name, without, tmp_path):
    """A repository without the extras of its tokenizer, and with the older copy of its weights alone."""
    whole = full(chosen, root=hub()).parts[name]
    part = replace(full(chosen, root=tmp_path).parts[name], dtype="float32")
    (repo, file), files = (part.source.repo, next(f for f in part.source.files if f.endswith(".safetensors"))), {}
    for each in set(part.source.files) - {file, *without}:
        files[repo, each] = (whole.root / each).read_bytes()
    files[repo, older(file)] = old(whole.root / file)
    with standin(files) as server:
        asked = Hub(server.url, offline=False)
        assert bring(part, {}, hub=asked) == [part.root / file], "by what is there"
        lock = {repo: pin(repo, part.source.files, inferred=part.source.inferred, hub=asked)}
        assert lock[repo].files.keys() == {each for _, each in files}
        assert bring(part, lock, hub=asked) == [], "and as pinned"
        assert bring(part, {}, hub=Hub(server.url, offline=True)) == []
        with pytest.raises(NotFetched, match=f"has no file {file}"):
            pin(repo, part.source.files, hub=asked)
        with pytest.raises(NotFetched, match=f"has no file {file}"):
            bring(replace(part, source=replace(part.source, inferred=())), {}, hub=asked)
    assert unpinned([part], lock) == {}
    ours, theirs = (loaders.load(one).state_dict() for one in (part, whole))
    assert all(torch.equal(value, theirs[key]) for key, value in ours.items())
    for extra in without[:1]:
        (part.root / extra).write_text("{}")
        assert f"{extra} is not in the lock file" in unpinned([part], lock)[part.name], "it would be read all the same"


@torch.no_grad()
def test_the_open_clip_that_may_lead_embeds_as_open_clip_does():
    """The published one is a vision transformer."""
    part = suite("clip-vit-b-32", dtype="float32").parts["pixel/clip"]
    clip = loaders.load(part)
    logging.disable(logging.WARNING)
    stock = open_clip.create_model(f"local-dir:{part.path}").eval()
    logging.disable(logging.NOTSET)
    assert isinstance(stock.visual, open_clip.transformer.VisionTransformer)
    tokens, pictures = clip.tokenize(TEXTS).ids, torch.rand(3, 3, clip.size, clip.size)
    close(clip.text(tokens).embedding, stock.encode_text(tokens), 1e-5)
    close(clip.image(pictures), stock.encode_image((pictures - clip.mean) / clip.std), 1e-5)


@torch.no_grad()
@pytest.mark.parametrize("chosen", ["sd-2.1", "sd-turbo"])
def test_the_text_tower_of_23_layers_is_read_under_its_old_end_and_padded_as_its_tokenizer_pads(chosen):
    part = suite(chosen).parts["latent/clip"]
    clip, folder = loaders.load(part), part.root
    stock = CLIPTextModel.from_pretrained(folder / "text_encoder").double().eval()
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    assert (stock.config.num_hidden_layers, stock.config.eos_token_id, stock.config.hidden_act) == (23, 2, "gelu")
    assert stock.config.projection_dim != stock.config.hidden_size
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    ids = tokenizer(list(TEXTS), padding="max_length", max_length=clip.length, truncation=True, return_tensors="pt")
    found = clip.tokenize(TEXTS).ids
    assert torch.equal(found, ids.input_ids)
    want, (states, embedding, mask) = stock(found), clip.text(found)
    close(states, want.last_hidden_state, 1e-9)
    close(embedding, want.pooler_output, 1e-9)
    assert torch.equal(mask.long(), ids.attention_mask)
    short = found[:1, :5]
    close(clip.text(short).embedding, embedding[:1], 1e-9)
