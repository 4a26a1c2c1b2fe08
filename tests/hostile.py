"""Checkpoints that nobody should open, made from the formats' own writers and then bent.  CANARY is what would run."""

import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict

import torch
from safetensors.torch import save

WEIGHT = {"weight": torch.arange(12.0).reshape(3, 4)}


class Runs:
    """Unpickled, it calls `function(*arguments)`."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def touch(canary):
    return Runs(os.system, f"touch {canary}")


def torched(thing):
    data = io.BytesIO()
    torch.save(thing, data)
    return data.getvalue()


def rezipped(data, change=lambda name, value: (name, value), more=(), pack=zipfile.ZIP_STORED):
    """A torch.save zip written anew, its entries changed and added to."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", pack) as new:
        for entry in old.infolist():
            name, value = change(entry.filename, old.read(entry))
            new.writestr(name, value)
        for name, value in more:
            new.writestr(name, value)
    return out.getvalue()


def with_program(program):
    """A good checkpoint whose data.pkl is `program`."""
    good = torched(WEIGHT)
    return rezipped(good, lambda name, value: (name, program if name.endswith("/data.pkl") else value))


def overlapping():
    """A zip whose table names the same bytes many times, each time as another tensor."""
    data = torched({f"w{k}": torch.full((500,), float(k)) for k in range(40)})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        first = next(entry for entry in archive.infolist() if entry.filename.endswith("/data/0"))
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as new:
            for entry in archive.infolist():
                if "/data/" not in entry.filename or entry is first:
                    new.writestr(entry.filename, archive.read(entry))
            twin = next(info for info in new.filelist if info.filename.endswith("/data/0"))
            for entry in archive.infolist():
                if "/data/" in entry.filename and entry is not first:
                    copy = zipfile.ZipInfo(entry.filename)
                    copy.header_offset, copy.CRC = twin.header_offset, twin.CRC
                    copy.file_size = copy.compress_size = twin.file_size
                    new.filelist.append(copy)
                    new.NameToInfo[copy.filename] = copy
            new._didModify = True
    return out.getvalue()


def scripted():
    class Net(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + 1

    import warnings

    data = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that TorchScript is deprecated
        torch.jit.save(torch.jit.script(Net()), data)
    return data.getvalue()


def claims(shape):
    """A tensor of `shape` on a storage of one number, all strides 0."""
    return torched({"weight": torch.zeros(1).expand(shape)})


def grown(numbers):
    """A tensor of so many numbers on a storage of four, one after another."""
    data = torched({"weight": torch.zeros(4)})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        program = archive.read(next(name for name in archive.namelist() if name.endswith("/data.pkl")))
    head, size, tail = program.rpartition(b"K\x04\x85")  # the tuple (4,); the storage keeps its four
    assert size
    return with_program(head + b"J" + struct.pack("<i", numbers) + b"\x85" + tail)


def bare(thing, protocol=2):
    return pickle.dumps(thing, protocol)


def legacy(thing):
    data = io.BytesIO()
    torch.save(thing, data, _use_new_zipfile_serialization=False)
    return data.getvalue()


def pickles(canary):
    """By name: the bytes of a .bin or .ckpt, and a word its refusal must have."""
    nested = Runs(eval, f"__import__('os').system('touch {canary}')")
    getter = Runs(getattr, Runs(__import__, "os"), "system")
    return {
        "os.system in a torch zip": (torched({"weight": touch(canary)}), "posix.system"),
        "eval in a torch zip": (torched({"weight": nested}), "eval"),
        "exec under OrderedDict": (torched(OrderedDict(a=Runs(exec, f"open({str(canary)!r}, 'w')"))), "exec"),
        "a nested reduce": (torched({"w": Runs(list, [Runs(map, getter, [f"touch {canary}"])])}), "getattr"),
        "a bystander's name, then os.system": (torched({"pytorch_lightning": touch(canary)}), "posix.system"),
        "a class of its own": (torched({"weight": OrderedDict, "x": zlib.compress}), "zlib.compress"),
        "a memory hog by bytearray": (torched({"x": Runs(bytearray, 10**13)}), "bytearray"),
        "a bare pickle": (bare({"weight": touch(canary)}), "posix.system"),
        "a bare pickle, protocol 4": (bare({"weight": touch(canary)}, 4), "posix.system"),
        "a bare pickle, protocol 0": (bare({"weight": touch(canary)}, 0), "posix.system"),
        "protocol 4 in a torch zip": (with_program(bare(touch(canary), 4)), "posix.system"),
        "the old torch format": (legacy({"weight": touch(canary)}), "posix.system"),
        "TorchScript": (scripted(), "TorchScript"),
        "a zip bomb": (rezipped(torched(WEIGHT), more=[("x/data/9", bytes(50_000_000))], pack=zipfile.ZIP_DEFLATED),
                       "packs"),
        "one record under many names": (overlapping(), "claims"),
        "a zip that leads out": (rezipped(torched(WEIGHT), more=[("../../escape", b"x")]), "leads out"),
        "an absolute path in a zip": (rezipped(torched(WEIGHT), more=[(str(canary), b"x")]), "leads out"),
        "two programs in a zip": (rezipped(torched(WEIGHT), more=[("y/data.pkl", bare(touch(canary)))]), "data.pkl"),
        "a cut zip": (torched(WEIGHT)[:-40], "cut short"),
        "a tensor of 10^15 numbers": (claims((10**5, 10**5, 10**5)), "claims"),
        "a tensor that grows its storage": (grown(2_000_000_000), "claims"),
        "a tensor that grows it a little": (grown(100), "storage"),
        "no table": (torched([torch.ones(2)]), "no table"),
        "not a tensor": (torched({"weight": "a string"}), "str"),
        "an empty file": (b"", "no zip"),
    }  # fmt: skip


def head(header, data=b"", length=None):
    """A safetensors file with this header, its length told rightly unless given."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def foul_safetensors(canary):
    """By name: bytes of a .safetensors file that is none."""
    good, numbers = save(WEIGHT), bytes(64)
    deep = b'{"w":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    return {
        "cut in its header": good[:20],
        "cut in its numbers": good[:-4],
        "numbers after its end": good + b"\0" * 8,
        "a header longer than the file": head({}, length=10**6),
        "a header of 2^63 bytes": head({}, length=2**63),
        "a header of 200 MB": head({}, length=200_000_000),
        "a dtype that lies": head({"w": tensor("F16", [4, 4], 0, 64)}, numbers),
        "a dtype nobody has": head({"w": tensor("PICKLE", [4, 4], 0, 64)}, numbers),
        "overlapping numbers": head({"a": tensor("F32", [8], 0, 32), "b": tensor("F32", [8], 16, 48)}, numbers[:48]),
        "a hole between numbers": head({"a": tensor("F32", [4], 0, 16), "b": tensor("F32", [4], 32, 48)}, numbers[:48]),
        "numbers outside": head({"w": tensor("F32", [4], 10**9, 10**9 + 16)}, numbers[:16]),
        "numbers backwards": head({"w": tensor("F32", [4], 16, 0)}, numbers[:16]),
        "a shape that overflows": head({"w": tensor("F32", [2**62, 2**62], 0, 16)}, numbers[:16]),
        "NaN for an offset": head(b'{"w":{"dtype":"F32","shape":[4],"data_offsets":[NaN,16]}}', numbers[:16]),
        "NaN for a name": head(b'{NaN:{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}', numbers[:16]),
        "an empty name": head({"": tensor("F32", [4], 0, 16)}, numbers[:16]),
        "a name of control characters": head({"\x1b[2J\0": tensor("F32", [4], 0, 16)}, numbers[:16]),
        "brackets without end": head(deep),
        "a pickle by this name": bare(touch(canary)),
        "a torch zip by this name": torched({"weight": touch(canary)}),
    }


def vocabularies():
    """By name: which of a CLIP's folders is spoiled, how, and a word that its refusal must have."""

    def link(name):
        def spoil(folder):
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to("/etc/passwd")

        return spoil

    def write(name, value):
        return lambda folder: (folder / name).write_bytes(value)

    return {
        "a vocabulary that is a link out": ("tokenizer", link("vocab.json"), "leads out"),
        "merges that are a link out": ("tokenizer", link("merges.txt"), "leads out"),
        "a vocabulary without end": ("tokenizer", write("vocab.json", b" " * (2**25 + 1)), "are the most"),
        "merges without end": ("tokenizer", write("merges.txt", b" " * (2**25 + 1)), "are the most"),
        "a vocabulary elsewhere": (
            "tokenizer", write("tokenizer_config.json", b'{"vocab_file": "/etc/passwd"}'), "same folder"),
        "a tokenizer's own code": (
            "tokenizer", write("tokenizer_config.json", b'{"auto_map": {"AutoTokenizer": "x.py"}}'), "auto_map"),
        "a processor that is a link out": ("image_processor", link("preprocessor_config.json"), "leads out"),
        "a processor's own code": (
            "image_processor", write("preprocessor_config.json", b'{"trust_remote_code": true}'), "trust_remote_code"),
    }  # fmt: skip


MANY, DEEP = 10**8, 10**6


def greedy():
    """By name: a part of the full suite, its configuration's file, and values there that ask for memory without end."""
    return {
        "a U-Net of 10^5 channels": ("unet", "config.json", {"block_out_channels": [10**5, 10**5]}),
        "a U-Net of 10^6 layers": ("unet", "config.json", {"layers_per_block": DEEP}),
        "a U-Net that reads words of 10^8 numbers": ("unet", "config.json", {"cross_attention_dim": MANY}),
        "an autoencoder of 10^8 latents": ("vae", "config.json", {"latent_channels": MANY}),
        "a pixel net of 10^8 channels in": ("pixel", "config.json", {"in_channels": MANY}),
        "a prior of 10^6 layers": ("prior", "config.json", {"num_layers": DEEP}),
        "a prior of 10^8 tokens": ("prior", "config.json", {"num_embeddings": MANY}),
        "a projection of 10^8 tokens": ("text_proj", "config.json", {"clip_extra_context_tokens": MANY}),
        "an upsampler of 10^6 layers": ("upsampler", "super_res_last/config.json", {"layers_per_block": DEEP}),
        "a codebook of 10^8 codes": ("vqgan", "config.json", {"n_embed": MANY}),
        "a CLIP of 10^8 words": ("clip", "config.json", {"text_config": {"vocab_size": MANY}}),
        "a CLIP of 10^6 layers": ("clip", "config.json", {"vision_config": {"num_hidden_layers": DEEP}}),
        "a CLIP that sees 10^8 pixels": ("clip", "config.json", {"vision_config": {"image_size": MANY}}),
        "an open CLIP of 10^6 layers": (
            "vqgan_clip/clip", "open_clip_config.json", {"model_cfg": {"text_cfg": {"layers": DEEP}}}),
        "an open CLIP of 10^5 channels": (
            "vqgan_clip/clip", "open_clip_config.json", {"model_cfg": {"vision_cfg": {"width": 10**5}}}),
    }  # fmt: skip


def bent(about, changes):
    """A configuration with `changes` in it, at whatever depth."""
    return about | {
        name: bent(about.get(name) or {}, value) if isinstance(value, dict) else value
        for name, value in changes.items()
    }
