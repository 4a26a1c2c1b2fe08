"""Receipts: what a saved picture says of itself, and that this is enough to paint it again, bit by bit."""

import json
import os
import shutil
import struct
import time
import zlib
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin
from safetensors.torch import load_file, save_file

import lab.record.png as png
from lab.race import LANES, Race, default_engine
from lab.record import NotAReceipt, a1111, of_request, read, receipt, rerun, save
from lab.record.machine import part_hashes
from lab.record.plain import pack, plain, unpack
from models.catalog import Lora, Suite
from models.protocol import Prompt, Request
from tests.tinysuite import KNOBS, TEXT, engine, without

CHINESE = "草地上的一只大红猫"
PICTURE = torch.randint(0, 256, (3, 40, 56), generator=torch.Generator().manual_seed(1)) / 255
ASKED = {"text": "x", "negative": "", "more": [], "image": None, "mask": None}
MASK = torch.zeros(1, 40, 56)
MASK[:, 10:30, 10:40] = 1


def request(lane="latent", prompt=None, exact=True, **more):
    knobs = engine().samplers[lane].knobs.from_dict({**KNOBS[lane], **more.pop("knobs", {})})
    return Request(lane, prompt or Prompt(TEXT, seeds=(1,)), knobs, "classroom", "test", exact, **more)


def paint(wanted):
    return engine().wait(engine().submit(wanted))


def kept(tmp_path, wanted=None, index=0, **more):
    run = paint(wanted or request())
    return save(tmp_path / "a.png", run.newest.images[index], receipt(engine(), run, index, **more))


@pytest.mark.parametrize("lane", LANES)
def test_painted_again_it_is_the_same_picture(tmp_path, lane):
    file = kept(tmp_path, request(lane))
    (again,) = rerun(file, engine())
    assert (again.most, again.mean, again.changed) == (0, 0.0, ())
    other = paint(request(lane, Prompt(TEXT, seeds=(2,)))).newest.images[0]
    assert np.abs(again.painted.astype(int) - other).max() > 0  # the seed in the receipt is what did it


def test_what_was_started_from_travels_along(tmp_path):
    prompt = Prompt(TEXT, "blue", (3, 4), (("a tree", 0.5),), PICTURE, MASK)
    file = kept(tmp_path, request(prompt=prompt, knobs={"strength": 0.8}), index=1)
    asked = read(file).receipts[0]
    assert (asked["prompt"]["more"], asked["seeds"], asked["index"]) == ([["a tree", 0.5]], [3, 4], 1)
    assert torch.equal(unpack(asked["prompt"]["image"]), PICTURE)
    (again,) = rerun(file, engine())
    assert again.most == 0


def test_a_run_that_its_budget_ended_is_painted_up_to_there(tmp_path):
    run = paint(request(stop=2, knobs={"steps": 9}))
    assert run.cut
    file = save(tmp_path / "a.png", run.newest.images[0], receipt(engine(), run))
    assert read(file).receipts[0]["step"] == [2, 9]
    (again,) = rerun(file, engine())
    assert again.most == 0
    assert not np.array_equal(again.painted, paint(request(knobs={"steps": 9})).newest.images[0])


def test_a_run_that_somebody_stopped_is_painted_up_to_the_step_that_was_seen(tmp_path):
    asked = request(knobs={"steps": 9})
    run = engine().submit(asked)
    run.wanted = True
    while run.newest is None:
        engine().turn()
    run.cancel()
    engine().wait(run)
    note = receipt(engine(), run)
    assert (run.state, run.cut, note["cut"], note["step"][0] < 9) == ("cancelled", False, True, True)
    (again,) = rerun(save(tmp_path / "a.png", run.newest.images[0], note), engine())
    assert again.most == 0
    assert not np.array_equal(again.painted, paint(asked).newest.images[0])


def test_a_sheet_carries_a_receipt_for_each_of_its_pictures(tmp_path):
    race = Race(engine(), "classroom", TEXT, 1, knobs=KNOBS, exact=True, every=None)
    list(race)
    sheet, notes = np.zeros((200, 600, 3), np.uint8), []
    for k, lane in enumerate(LANES):
        large = np.kron(race.outcomes[lane].images[0], np.ones((2, 2, 1), np.uint8))
        sheet[10:138, 140 * k : 140 * k + 128] = large
        notes.append(receipt(engine(), race.runs[lane], box=(140 * k, 10, 128, 128)))
    found = list(rerun(save(tmp_path / "sheet.png", sheet, notes), engine()))
    assert [again.receipt["sampler"] for again in found] == list(LANES)
    assert [again.most for again in found] == [0] * 4


def test_pictures_of_one_run_are_painted_again_together(tmp_path):
    run = paint(request(prompt=Prompt(TEXT, seeds=(3, 4, 5))))
    other = paint(request("pixel", Prompt(TEXT, seeds=(3, 4))))
    side = run.newest.images.shape[1]
    sheet = np.concatenate([*run.newest.images, *other.newest.images], axis=1)
    boxes = [(k * side, 0, side, side) for k in range(5)]
    notes = [
        receipt(engine(), *where, box=box)
        for where, box in zip([(run, 0), (run, 1), (run, 2), (other, 0), (other, 1)], boxes, strict=True)
    ]
    runs = []
    found = list(rerun(save(tmp_path / "sheet.png", sheet, notes), engine(), watch=runs.append))
    assert [again.most for again in found] == [0] * 5
    assert [again.run for again in found] == [runs[0]] * 3 + [runs[1]] * 2
    assert len(runs) == 2, "one run gives all its pictures"


def test_a_receipt_says_how_where_and_with_what(tmp_path):
    verdict = {"marks": {"kind 1": "right", "overall": "wrong"}, "similarity": float("nan")}
    file = kept(tmp_path, request("unclip", Prompt(CHINESE, seeds=(2**62,))), verdict=verdict)
    note = read(file).receipts[0]
    assert note["prompt"]["text"] == CHINESE
    assert note["seeds"] == [2**62]
    assert note["verdict"] == {"marks": verdict["marks"], "similarity": None}
    assert note["knobs"] == request("unclip").knobs.to_dict()
    assert set(note["parts"]) == {"clip", "prior", "text_proj", "decoder"}, "what this run used"
    hashes = note["parts"]["decoder"]
    assert set(hashes) == {"config.json", "diffusion_pytorch_model.safetensors", "decoder_scheduler"}
    assert all(len(digest) == 64 for digest in hashes.values())
    assert note["versions"]["torch"] == torch.__version__
    assert note["threads"] == torch.get_num_threads()
    assert note["device"].startswith("cpu: ")
    assert note["timings"]["evals"] > 0
    assert note["step"] == [5, 5]


def test_the_hashes_are_of_what_this_painter_read_and_of_all_of_it(tmp_path):
    """Stable Diffusion has a CLIP of its own in that suite, in folders of folders, and a LoRA."""
    plain, own, lora = engine().registry.suite("classroom"), tmp_path / "own", tmp_path / "style.safetensors"
    shutil.copytree(plain["clip"].path, own)
    (own / "fetched.json").write_text("{}")  # of whoever fetched it, not of the network
    lora.write_bytes(b"never opened here")
    parts = {
        "latent/clip": replace(plain["clip"], name="latent/clip", path=own),
        "unet": replace(plain["unet"], loras=(Lora(lora, 0.5),)),
    }
    on = default_engine(Suite("classroom", {**plain.parts, **parts}))
    found = part_hashes(on, request())
    assert set(found) == {"latent/clip", "unet", "vae"}
    assert set(found["latent/clip"]) >= {"model.safetensors", "config.json", "merges.txt", "vocab.json"}
    assert "fetched.json" not in found["latent/clip"]
    assert found["unet"]["style.safetensors x 0.5"] == sha256(b"never opened here").hexdigest()
    assert set(part_hashes(on, request("unclip"))) == {"clip", "prior", "text_proj", "decoder"}


def test_other_weights_are_named_and_told_by_the_pixels(tmp_path):
    file = kept(tmp_path)
    home = without(tmp_path / "other")
    weights = next((home / "stable-diffusion" / "unet").glob("*.safetensors"))
    changed = {name: value * 1.1 for name, value in load_file(weights).items()}
    save_file(changed, weights, metadata={"format": "pt"})
    (again,) = rerun(file, default_engine(home))
    assert again.changed == ("part unet",)
    assert again.most > 0
    assert again.mean > 0


def test_a_part_and_a_library_that_are_gone_are_named(tmp_path):
    found = read(kept(tmp_path))
    (note,) = found.receipts
    note = note | {name: note[name] | {"gone": more} for name, more in (("parts", {}), ("versions", "1.0"))}
    (again,) = rerun(replace(found, receipts=(note,)), engine())
    assert again.changed == ("part gone", "gone")


def test_a_receipt_says_what_its_networks_ran_in_unless_the_run_was_exact():
    other = default_engine(engine().registry.suite("classroom"))
    other.form = "openvino-bf16"
    plain, swift = (of_request(other, request(exact=exact)) for exact in (True, False))
    assert plain["device"].startswith("cpu: ")
    assert "openvino" not in plain["versions"]
    assert swift["device"].startswith("openvino-bf16: ")
    assert swift["versions"]["openvino"]
    assert swift["versions"].items() > plain["versions"].items()


def test_other_tools_read_the_parameters_beside_it(tmp_path):
    prompt = Prompt('a cat, "red"\nat night', "blue: not, this", (7,))
    with Image.open(kept(tmp_path, request(prompt=prompt))) as found:
        text = found.text["parameters"]
    first, last = text.rsplit("\n", 1)
    assert first == 'a cat, "red"\nat night\nNegative prompt: blue: not, this'
    assert last.startswith("Steps: 4, Sampler: DPM++ 2M, CFG scale: 3.0, Seed: 7, Size: 64x64, Model hash: ")
    taken = a1111.read(text)
    assert taken["Prompt"] == prompt.text
    assert taken["Negative prompt"] == prompt.negative
    assert (taken["Steps"], taken["strength"]) == ("4", "0.6")


def test_the_text_of_others_is_read_as_text(tmp_path):
    theirs = (
        "masterpiece, (cat:1.2), ../../etc/passwd\nsecond line\nNegative prompt: blurry,\nugly\n"
        'Steps: 28, Sampler: Euler a, CFG scale: 7, Seed: 12345, Size: 512x768, Model: v1-5, Lora hashes: "a: b, c: d"'
    )
    about = PngImagePlugin.PngInfo()
    about.add_text("parameters", theirs)
    Image.new("RGB", (4, 4)).save(tmp_path / "b.png", pnginfo=about)
    found = read(tmp_path / "b.png")
    assert found.receipts == ()
    assert found.settings["Prompt"] == "masterpiece, (cat:1.2), ../../etc/passwd\nsecond line"
    assert found.settings["Negative prompt"] == "blurry,\nugly"
    assert (found.settings["Sampler"], found.settings["Seed"]) == ("Euler a", "12345")
    assert found.settings["Lora hashes"] == "a: b, c: d"
    with pytest.raises(NotAReceipt, match="carries no receipt of ours"):
        list(rerun(found, engine()))
    assert a1111.read("just a prompt") == {"Prompt": "just a prompt", "Negative prompt": ""}


def test_a_long_line_of_nothing_is_read_at_once():
    begin = time.process_time()
    assert a1111.read("x" + " " * 65_000 + "y")["Negative prompt"] == ""
    assert time.process_time() - begin < 5, "it was a minute and a half while blanks were matched from each of them on"


def broken(tmp_path, text, zip=True):
    about = PngImagePlugin.PngInfo()
    about.add_itxt("quartet", text, zip=zip)
    Image.new("RGB", (4, 4)).save(tmp_path / "c.png", pnginfo=about)
    return tmp_path / "c.png"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"quartet": 99}, "version is 99"),
        ({"seeds": []}, "seeds is not"),
        ({"seeds": [True]}, "seeds is not"),
        ({"seeds": [-1]}, "seeds is not"),
        ({"index": 1}, "index is not"),
        ({"sampler": 5}, "sampler is not str"),
        ({"knobs": None}, "knobs is not dict"),
        ({"prompt": {"text": "x"}}, "lacks prompt.negative"),
        ({"step": [1]}, "step is not"),
        ({"box": [0, 0, 1e9, 1]}, "box is not"),
        ({"parts": {"unet": "x"}}, "parts is not"),
        ({"prompt": ASKED | {"more": [["x", 1.0]] * 17}}, "prompt.more is not up to 16 pairs"),
        ({"prompt": ASKED | {"more": [["x" * 20_001, 1.0]]}}, "prompt is not up to 20000 characters"),
    ],
)
def test_a_broken_receipt_says_which_field(tmp_path, change, says):
    note = receipt(engine(), paint(request())) | change
    with pytest.raises(NotAReceipt, match=says):
        read(broken(tmp_path, json.dumps(note)))
    with pytest.raises(NotAReceipt, match=says):
        save(tmp_path / "d.png", np.zeros((4, 4, 3), np.uint8), note)
    assert not (tmp_path / "d.png").exists()


@pytest.mark.parametrize("text", ["{", "[" * 100_000, '{"quartet": NaN}', "7", '{"pictures": []}', '{"pictures": 1}'])
def test_what_is_no_receipt_is_refused_as_such(tmp_path, text):
    with pytest.raises(NotAReceipt, match="receipt"):
        read(broken(tmp_path, text))


def test_a_receipt_that_is_longer_than_any_of_ours_is_refused_before_it_is_taken_apart(tmp_path):
    with pytest.raises(NotAReceipt, match="the receipt has 2000002 bytes; up to 1048576 are read"):
        read(broken(tmp_path, json.dumps("x" * 2_000_000), zip=False))  # Pillow itself bounds what is compressed


def test_names_in_a_receipt_are_looked_up_and_nothing_else(tmp_path):
    note = receipt(engine(), paint(request()))
    for change, says in (
        ({"sampler": "os.system"}, "this engine has"),
        ({"suite": "../../etc"}, "this registry has"),
        ({"knobs": {"steps": 4, "__class__": 1}}, "no such field"),
        ({"knobs": {"steps": 10**9}}, "steps is 1000000000"),
    ):
        with pytest.raises(ValueError, match=says):
            list(rerun(broken(tmp_path, json.dumps(note | change)), engine()))


def test_files_that_are_no_pictures_are_refused(tmp_path, monkeypatch):
    good = kept(tmp_path).read_bytes()
    for name, data in (("cut", good[: len(good) // 2]), ("empty", b""), ("text", b"hello"), ("gif", b"GIF89a" + good)):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(NotAReceipt, match=f"{name} is no PNG"):
            read(tmp_path / name)
    with pytest.raises(NotAReceipt, match="cannot be read"):
        read(tmp_path / "absent.png")
    head = struct.pack(">II5B", 60_000, 60_000, 8, 2, 0, 0, 0)  # a bomb: a huge picture of a few bytes
    chunk = struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    (tmp_path / "bomb.png").write_bytes(good[:8] + chunk + good[33:])
    with pytest.raises(NotAReceipt, match=r"bomb\.png is"):
        read(tmp_path / "bomb.png")
    with pytest.raises(NotAReceipt, match="no PNG"):
        read(broken(tmp_path, " " * 5_000_000))  # inflates to more than a text may have
    monkeypatch.setattr(png, "BYTES", 100)
    with pytest.raises(NotAReceipt, match="up to 100"):
        read(tmp_path / "a.png")


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    file, run = kept(tmp_path), paint(request())
    before = file.read_bytes()

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space"):
        save(file, run.newest.images[0] // 2, receipt(engine(), run))
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    with pytest.raises(ValueError, match="image is float32"):
        save(file, run.result[0].numpy(), receipt(engine(), run))


def test_only_a_whole_run_has_a_receipt():
    run = paint(request())
    states = engine().submit(request(), keep=(2,))
    engine().wait(states)
    rest = paint(replace(request(), start=states.states[2]))
    with pytest.raises(ValueError, match="start is a State"):
        receipt(engine(), rest)
    waiting = engine().submit(request())
    waiting.cancel()
    engine().wait(waiting)
    with pytest.raises(ValueError, match="left no picture"):
        receipt(engine(), waiting)
    assert receipt(engine(), run)["cut"] is False


def test_pictures_are_packed_without_loss():
    fine = torch.rand(3, 5, 7, generator=torch.Generator().manual_seed(2))
    for picture, kind in ((PICTURE, "uint8"), (fine, "float32"), (MASK, "uint8")):
        packed = json.loads(json.dumps(pack(picture)))
        assert packed["dtype"] == kind
        assert torch.equal(unpack(packed), picture)
    assert pack(None) is unpack(None) is None
    bomb = {"shape": [3, 8, 8], "dtype": "uint8", "zlib": pack(torch.zeros(3, 512, 512))["zlib"]}
    for wrong in (bomb, {**bomb, "shape": [3, 10**6, 10**6]}, {**bomb, "zlib": "!"}, {**bomb, "dtype": "object"}, {}):
        with pytest.raises(NotAReceipt, match="packed picture"):
            unpack(wrong)


def test_plain_data_is_plain():
    found = plain({"a": np.float32(0.5), "b": (1, np.int64(2)), 3: float("inf"), "c": {"d": np.bool_(True)}})
    assert json.loads(json.dumps(found)) == {"a": 0.5, "b": [1, 2], "3": None, "c": {"d": True}}
