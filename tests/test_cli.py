"""The commands, on a tiny suite: what they write, what they print, and with which status they end."""

import json
import re
import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, _NamedTextIOWrapper

from lab.cli import app
from lab.cli.common import DEVICES, columns
from lab.lessons.own import open_own
from lab.lessons.starts import SIDES
from lab.record import read, rerun
from lab.record.plain import unpack
from lab.train import ALONE, PARTS
from models.parts import openvino
from tests import test_train
from tests.tinysuite import KNOBS, LANES, STEPS, TEXT, engine, folder, without

SETS = [f"--set={lane}.{name}={value}" for lane, knobs in KNOBS.items() for name, value in knobs.items()]


def quartet(*arguments, status=0):
    found = CliRunner().invoke(app, [str(word) for word in arguments])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == status, found.output
    return found


def nobody(*_, **__):
    raise AssertionError("it was begun")


@pytest.fixture
def watched(monkeypatch):
    """Somebody looks at the shell; gives what holds that a bar of some name ran to its end, beside the result."""
    monkeypatch.setattr(_NamedTextIOWrapper, "isatty", lambda self: True)

    def ran(found, name):
        assert re.search(rf"{name}: 100%.*\|", found.stderr), found.stderr
        assert "%|" not in found.stdout

    return ran


def paint(out, *more, family="latent", status=0):
    return quartet("paint", family, TEXT, "--set", "steps=3", "--suite", folder(), "--out", out, *more, status=status)


def test_paint_writes_what_the_engine_paints_and_rerun_paints_it_again(tmp_path):
    out = tmp_path / "cat.png"
    told = json.loads(paint(out, "--seed", 5, "--negative", "blue", "--set", "scheduler=ddim", "--json").stdout)
    assert told["files"] == [str(out)]
    assert (told["state"], told["i"], told["seeds"]) == ("done", 3, [5])
    note = read(out).receipts[0]
    assert (note["prompt"]["negative"], note["knobs"]["scheduler"], note["exact"]) == ("blue", "ddim", True)
    assert told["verdict"] == [note["verdict"]]
    assert {"similarity", "marks"} == set(note["verdict"])
    again = json.loads(quartet("rerun", out, "--suite", folder(), "--out", tmp_path / "b.png", "--json").stdout)
    row = {"sampler": "latent", "seed": 5, "max": 0, "mean": 0.0, "changed": []}
    assert again == {"file": str(out), "pictures": [row]}
    repainted = read(tmp_path / "b.png")
    assert np.array_equal(repainted.image, read(out).image)
    (new,) = repainted.receipts
    for name in ("prompt", "seeds", "knobs", "parts", "verdict"):
        assert new[name] == note[name], name
    said = quartet("rerun", out, "--suite", folder())
    assert "the same, pixel by pixel" in said.stdout
    assert said.stderr == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.png", "cat.png"]


def test_bars_run_on_standard_error_where_somebody_watches_and_never_beside_json(watched, tmp_path):
    cat, few = tmp_path / "cat.png", ("--minutes", 0.01, "--repeats", 1, "--visitors", 1, "--families", "pixel")
    watched(paint(cat), "latent")
    watched(quartet("rerun", cat, "--suite", folder()), "latent")
    watched(quartet("storybook", "--out", tmp_path / "s.png", "--rows", 1, "--columns", 1), "scenes")
    timed = quartet("bench", "--size", "tiny", "--suite", folder(), *few)
    assert "seconds:" in timed.stderr
    assert "seconds:" not in timed.stdout
    for quiet in (paint(cat, "--json"), quartet("rerun", cat, "--suite", folder(), "--json")):
        assert quiet.stderr == ""
        assert json.loads(quiet.stdout)


def test_a_card_is_written_of_the_parts_that_are_there(watched, tmp_path):
    home = without(tmp_path / "suite", "vqgan", "clip-robust", "pixel", "unclip")
    found = quartet("card", home, "--count", 100)
    watched(found, "all parts")
    assert found.stdout == f"{home / 'MODEL_CARD.md'}: clip, vae, judge\n"
    card = (home / "MODEL_CARD.md").read_text(encoding="utf-8")
    for part, figure in {"clip": "right of 100", "vae": "psnr", "judge": "attributes"}.items():
        assert re.search(rf"^\| {part} \| .*{figure} -?\d+\.\d{{3}}", card, re.M), card
    assert "count is 130" in quartet("card", home, "--count", 130, status=2).stderr


class Line(test_train.Line):
    """The smallest training, as a recipe of the suite."""

    def __init__(self, out, minutes, resume):
        super().__init__()


def test_a_training_ends_in_one_line_for_people_or_for_programs(watched, monkeypatch, tmp_path):
    monkeypatch.setitem(PARTS, "line", ("tests.test_cli:Line", 1.0))
    found = quartet("train", "line", "--minutes", 0.005, "--out", tmp_path / "a", "--device", "cpu")
    watched(found, "line")
    assert re.fullmatch(r"line, 0\.005 minutes: loss [\d.e-]+\n", found.stdout)
    found = quartet("train", "line", "--minutes", 0.005, "--out", tmp_path / "a", "--device", "cpu", "--json")
    told = json.loads(found.stdout)
    assert told["folder"] == str(tmp_path / "a")
    (part,) = told["parts"]
    assert (part["part"], part["minutes"]) == ("line", 0.005)
    assert part["loss"] >= 0
    assert "part is 'oil'" in quartet("train", "oil", "--json", status=2).stderr


def test_paint_takes_several_seeds_and_a_picture_to_start_from(tmp_path):
    told = paint(tmp_path / "cat.png", "--seed", 2, "--count", 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cat-2.png", "cat-3.png"]
    for line, seed in zip(told.stdout.splitlines(), (2, 3), strict=True):
        assert f"cat-{seed}.png: seed {seed}, 3 steps, 5 evaluations, " in line
    more = ("--image", tmp_path / "cat-2.png", "--set", "strength=0.9")
    paint(tmp_path / "from.png", *more)
    asked = read(tmp_path / "from.png").receipts[0]["prompt"]
    assert asked["image"]["shape"] == [3, 64, 64]
    assert asked["mask"] is None
    Image.fromarray(np.full((64, 64), 255, np.uint8)).save(tmp_path / "mask.png")
    paint(tmp_path / "part.png", *more, "--mask", tmp_path / "mask.png")
    assert read(tmp_path / "part.png").receipts[0]["prompt"]["mask"]["shape"] == [1, 64, 64]
    quartet("paint", "upsample", "--image", tmp_path / "cat-2.png", "--suite", folder(), "--out", tmp_path / "big.png")
    assert read(tmp_path / "big.png").image.shape == (256, 256, 3)


@pytest.fixture
def photo(tmp_path):
    """A photograph taken upside down: wide, large, and bright where its top is."""
    picture = Image.new("RGB", (900, 600), (20, 40, 60))
    picture.paste((250, 200, 150), (0, 300, 900, 600))
    exif = picture.getexif()
    exif[274] = 3
    picture.save(tmp_path / "photo.jpg", exif=exif)
    return tmp_path / "photo.jpg"


@pytest.mark.parametrize(
    ("family", "knobs", "size"),
    [
        ("latent", {"strength": 0.9}, None),
        ("latent", {"strength": 0.9, "width": 48, "height": 32}, (32, 48)),
        ("vqgan_clip", {}, None),
        ("unclip", {}, None),
    ],
)
def test_a_photograph_is_given_upright_and_cut_to_the_size_that_is_painted(tmp_path, photo, family, knobs, size):
    size = size or (SIDES[family](engine(), "classroom"),) * 2
    sets = [f"--set={name}={value}" for name, value in (KNOBS[family] | knobs).items()]
    files = ("--image", photo, "--suite", folder(), "--out", tmp_path / "on.png")
    told = json.loads(quartet("paint", family, TEXT, *sets, *files, "--json").stdout)
    (note,) = read(tmp_path / "on.png").receipts
    given = unpack(note["prompt"]["image"])
    assert torch.equal(given, open_own(photo, *size).picture)
    assert given[0, 2].mean() > 0.9 > 0.2 > given[0, -3].mean()
    assert told["knobs"] == note["knobs"]
    assert note["knobs"].get("embedding") == ("image" if family == "unclip" else None)


def test_a_mask_is_cut_as_its_picture_is_and_a_black_one_is_refused(tmp_path, photo):
    grey = np.zeros((600, 900), np.uint8)
    grey[:, :450], grey[:, 450:500] = 255, 100
    Image.fromarray(grey).save(tmp_path / "mask.png")
    paint(tmp_path / "part.png", "--image", photo, "--mask", tmp_path / "mask.png")
    mask = unpack(read(tmp_path / "part.png").receipts[0]["prompt"]["mask"])
    assert mask.shape == (1, 64, 64)
    assert (mask[..., :31] == 1).all()
    assert (mask[..., 33:] == 0).all()
    Image.new("L", (90, 60)).save(tmp_path / "mask.png")
    black = paint(tmp_path / "no.png", "--image", photo, "--mask", tmp_path / "mask.png", status=2)
    assert "--mask is black all over" in black.stderr
    assert not (tmp_path / "no.png").exists()


@pytest.mark.parametrize(
    ("family", "sets", "advice"),
    [
        ("latent", ["width=640", "height=640"], "paint smaller, with --set width="),
        ("upsample", [], "give a smaller one"),
    ],
)
def test_a_picture_that_no_receipt_could_hold_is_refused_before_anything_is_painted(
    monkeypatch, tmp_path, family, sets, advice
):
    pixels = np.random.default_rng(0).integers(0, 256, (640, 640, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    monkeypatch.setattr("lab.cli.painting.follow", nobody)
    sets = [f"--set={each}" for each in sets]
    found = quartet("paint", family, "--suite", folder(), "--image", tmp_path / "noise.png", *sets, status=2)
    assert f"--image is painted on at 640 x 640, which is more than a receipt can hold; {advice}" in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_a_changed_picture_is_told_from_its_receipt(tmp_path):
    from lab.record import save

    paint(tmp_path / "cat.png")
    found = read(tmp_path / "cat.png")
    touched = found.image.copy()
    touched[0, 0, 0] ^= 64
    save(tmp_path / "fake.png", touched, found.receipts[0])
    assert "off by 64 at most" in quartet("rerun", tmp_path / "fake.png", "--suite", folder()).stdout
    quartet("rerun", tmp_path / "fake.png", "--suite", folder(), "--most", 63, status=1)
    quartet("rerun", tmp_path / "fake.png", "--suite", folder(), "--most", 64)


@pytest.mark.parametrize(
    ("told", "opened"), [("classroom", "classroom"), ("full:sd-2.1", "full:sd-2.1"), ("/etc", "classroom")]
)
def test_a_picture_is_painted_again_with_the_suite_that_it_names_but_never_from_a_folder(
    monkeypatch, tmp_path, told, opened
):
    from lab.record import save

    def opens(suite, dtype):
        raise ValueError(f"asked for {suite}")

    paint(tmp_path / "cat.png")
    found = read(tmp_path / "cat.png")
    save(tmp_path / "of.png", found.image, {**found.receipts[0], "suite": told})
    monkeypatch.setattr("lab.race.open_suite", opens)
    assert quartet("rerun", tmp_path / "of.png", status=2).stderr == f"quartet: asked for {opened}\n"
    assert quartet("rerun", tmp_path / "of.png", "--suite", "mine", status=2).stderr == "quartet: asked for mine\n"


def test_race_writes_a_sheet_of_receipts_and_a_table(tmp_path):
    out = tmp_path / "race.png"
    told = json.loads(quartet("race", TEXT, "--suite", folder(), "--out", out, "--count", 2, *SETS, "--json").stdout)
    assert [row["lane"] for row in told["lanes"]] == list(LANES)
    assert all(row["state"] == "done" and row["evals"] > 0 and row["seconds"] > 0 for row in told["lanes"])
    assert all(len(row["verdict"]) == 2 and "overall" in row["verdict"][0]["marks"] for row in told["lanes"])
    notes = read(out).receipts
    assert [(note["sampler"], note["index"]) for note in notes] == [(lane, k) for lane in LANES for k in (0, 1)]
    assert notes[0]["verdict"] == told["lanes"][0]["verdict"][0]
    assert "there is no folder" in quartet("rerun", out, "--out", tmp_path / "no" / "a.png", status=2).stderr
    words = ("rerun", out, "--suite", folder(), "--out", tmp_path / "again.png", "--json")
    again = json.loads(quartet(*words).stdout)
    assert [row["max"] for row in again["pictures"]] == [0] * 8
    for k, note in enumerate(notes, 1):
        (new,) = read(tmp_path / f"again-{k}.png").receipts
        assert [new[name] for name in ("sampler", "index", "seeds")] == [
            note[name] for name in ("sampler", "index", "seeds")
        ]


@pytest.mark.parametrize(("pixels", "sheets"), [(300_000, [4] * 4), (100_000, [1] * 16)])
def test_pictures_that_no_sheet_could_hold_come_on_several(monkeypatch, tmp_path, pixels, sheets):
    monkeypatch.setattr("lab.record.PIXELS", pixels)
    words = ("race", TEXT, "--suite", folder(), "--families", "latent,pixel", "--count", 8)
    words += tuple(f"--set={lane}.steps={STEPS[lane]}" for lane in ("latent", "pixel"))
    told = json.loads(quartet(*words, "--out", tmp_path / "race.png", "--json").stdout)
    assert told["files"] == [str(tmp_path / f"race-{k + 1}.png") for k in range(len(sheets))]
    found = [read(file) for file in told["files"]]
    assert [len(each.receipts) for each in found] == sheets
    seen = {(note["sampler"], note["index"]) for each in found for note in each.receipts}
    assert seen == {(lane, k) for lane in ("latent", "pixel") for k in range(8)}
    assert [again.most for again in rerun(told["files"][-1], engine())] == [0] * sheets[-1]


def test_race_prints_a_line_for_each_painter_even_where_one_is_missing(tmp_path):
    home = without(tmp_path / "suite", "unclip/prior", "judge")
    sets = [each for each in SETS if "unclip" not in each]
    shown = quartet("race", TEXT, "--suite", home, "--out", tmp_path / "race.png", *sets).stdout.splitlines()
    assert shown[0].split() == ["painter", "state", "steps", "seconds", "evals", "rows", "similarity", "right", "note"]
    assert [line.split()[0] for line in shown[1:5]] == list(LANES)
    assert "missing" in shown[4]
    assert "prior: no .safetensors" in shown[4]
    assert len(read(tmp_path / "race.png").receipts) == 3
    nobody = quartet("race", TEXT, "--suite", home, "--families", "unclip", status=1)
    assert "nobody painted: unclip: prior" in nobody.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["paint", "oil", "x"], "family is 'oil'"),
        (["paint", "latent", "x", "--set", "steps=0"], "latent: steps is 0; give int from 1 to 1000"),
        (["paint", "latent", "x", "--set", "steps"], "give NAME=VALUE"),
        (["paint", "latent", "x", "--set", "brush=1"], "no such field"),
        (["paint", "latent", "x", "--image", "/nowhere.png"], "file is 'nowhere.png', unreadable; give PNG"),
        (["paint", "latent", "x", "--device", "abacus"], "device is 'abacus'"),
        (["race", "x", "--families", "latent,oil"], "lanes is ['latent', 'oil']"),
        (["race", "x", "--set", "steps=3"], "give PAINTER.NAME=VALUE"),
        (["rerun", "/nowhere.png"], "cannot be read"),
        (["measure", "--families", "oil"], "families names oil"),
        (["measure", "--language", "fr"], "language is 'fr'"),
        (["measure", "--set", "laten.steps=3"], "--set is given for laten; those that are measured are latent, pixel"),
        (["measure", "--families", "pixel", "--set", "latent.steps=3"], "--set is given for latent; those"),
        (["measure", "--set", "unclip.steps=0"], "unclip: steps is 0; give int from 2"),
        (["measure", "--out", "missing/folder/x.json"], "there is no folder 'missing/folder'; make it"),
        (["measure", "--out", "/tmp"], "--out is '/tmp', which is a folder"),
        (["paint", "pixel", "x", "--image", "a.png"], "pixel takes none; leave it out, or paint with latent or vqgan"),
        (
            ["paint", "vqgan_clip", "x", "--image", "a.png", "--mask", "a.png"],
            "takes none; leave it out, or paint with l",
        ),
        (["paint", "latent", "x", "--mask", "a.png"], "--mask is given without --image"),
        (
            ["paint", "unclip", "--image", "a.png", "--set", "embedding=text"],
            "embedding is 'text', so --image would not",
        ),
        (["paint", "unclip", "--set", "embedding=image"], "embedding is 'image', but no picture is given"),
        (["paint", "upsample"], "upsample enlarges a picture; name it with --image"),
        (["paint", "latent", "x", "--out", "/tmp"], "--out is '/tmp', which is a folder"),
        (["paint", "latent", "x", "--out", "/nowhere/x.png", "--count", "2"], "there is no folder '/nowhere'"),
        (["race", "x", "--out", "/tmp"], "--out is '/tmp', which is a folder"),
        (["paint", "latent", "x" * 20_001], "prompt is not up to 20000 characters: it has 20001"),
        (["race", "x", "--negative", "x" * 20_000], "prompt is not up to 20000 characters: it has 20001"),
    ],
)
def test_what_cannot_be_ends_with_status_2_and_one_line_before_anything_is_painted(monkeypatch, arguments, says):
    for place in ("lab.cli.painting.follow", "lab.cli.racing.follow", "lab.measure.suite.measure"):
        monkeypatch.setattr(place, nobody)
    found = quartet(*arguments, "--suite", folder(), status=2)
    assert says in found.stderr
    assert found.stderr.startswith("quartet: ")
    assert len(found.stderr.splitlines()) == 1
    assert found.stdout == ""


def test_a_suite_that_is_nowhere_and_numbers_that_are_none():
    assert "suite is 'nowhere'" in quartet("paint", "latent", "x", "--suite", "nowhere", status=2).stderr
    assert "visitors is 'many'" in quartet("bench", "--size", "tiny", "--visitors", "many", status=2).stderr
    assert "size is 'vast'" in quartet("bench", "--size", "vast", status=2).stderr


def test_a_painter_whose_parts_are_missing_ends_with_status_1(tmp_path):
    home = without(tmp_path / "suite", "pixel", "judge")
    gone = quartet("paint", "pixel", "x", "--suite", home, "--out", tmp_path / "a.png", status=1)
    assert "pixel is missing: pixel: no .safetensors" in gone.stderr
    assert not (tmp_path / "a.png").exists()
    assert "judge is not available" in quartet("measure", "--suite", home, status=1).stderr


def test_a_suite_without_a_judge_cannot_be_measured(monkeypatch):
    monkeypatch.setattr("lab.measure.suite.measure", nobody)
    found = quartet("measure", "--suite", "full", "--device", "cpu", status=2)
    assert (
        found.stderr == "quartet: suite is 'full', which has no judge; give classroom, or a folder laid out like it\n"
    )


def test_results_and_cards_that_cannot_be_written_end_with_status_1_and_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr("lab.measure.suite.measure", lambda *_, **__: {"families": {}})
    full = quartet("measure", "--suite", folder(), "--out", "/dev/full", status=1)  # a disk that is always full
    assert full.stderr.startswith("quartet: [Errno 28]")
    monkeypatch.setattr("lab.measure.parts.figures", lambda *_: {})
    (tmp_path / "MODEL_CARD.md").mkdir()
    card = quartet("card", tmp_path, "--count", 100, status=1)
    assert card.stderr.startswith("quartet: [Errno 21]")
    assert len(card.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [["paint", "latent"], ["race", "x"], ["measure"], ["bench"], ["bench", "--size", "tiny"], ["train", "clip"]],
)
def test_a_gpu_that_is_not_there_is_refused_in_a_sentence(monkeypatch, arguments):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for name in ("lab.race.default_engine", "lab.measure.bench.bench", "lab.train.run"):
        monkeypatch.setattr(name, nobody)
    found = quartet(*arguments, "--device", "cuda", status=2)
    assert found.stderr == "quartet: device is 'cuda', but torch finds no GPU of that kind here; give auto or cpu\n"


def test_the_devices_are_those_that_there_are():
    assert list(DEVICES) == ["auto", "cpu", "cuda", *openvino.FORMS]


def test_measure_has_every_painter_paint_the_same_prompts(tmp_path):
    words = (
        "measure",
        "--suite",
        folder(),
        "--families",
        "latent,pixel",
        "--count",
        3,
        "--batch",
        2,
        "--first-seed",
        7,
    )
    results = json.loads(quartet(*words, "--first-seed", 7, *SETS[:2], "--json", "--out", tmp_path / "m.json").stdout)
    assert list(results["families"]) == ["latent", "pixel"]
    assert all(family["overall"]["count"] == 3 for family in results["families"].values())
    assert results["settings"] == {"latent": {"steps": 4}, "pixel": {"steps": 3}}
    assert results["device"] == "cpu"
    assert json.loads((tmp_path / "m.json").read_text()) == results
    assert "leave --set out" in quartet(*words, SETS[0], "--resume", tmp_path / "n", status=2).stderr


def test_prompts_painted_together_are_what_each_is_alone():
    from lab.cli.measuring import together
    from models.protocol import Prompt, Request

    texts, seeds = ("a red cat", "a blue boat at night", "three stars"), (4, 5, 6)
    found = together(engine(), "classroom", KNOBS)("latent", texts, seeds)
    knobs = engine().samplers["latent"].knobs(**KNOBS["latent"])
    for picture, text, seed in zip(found, texts, seeds, strict=True):
        alone = engine().paint(Request("latent", Prompt(text, seeds=(seed,)), knobs, "classroom", "alone"))
        assert (picture - alone[0]).abs().max() < 1e-3
    assert max(batch.rows for batch in engine().log) >= 6  # three guided pairs in one batch


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (["paint", "latent", "x"], "cpu"),
        (["paint", "latent", "x", "--suite", "full"], "auto"),
        (["race", "x", "--suite", "full:sd-2.1"], "auto"),
        (["measure", "--suite", "full", "--device", "cpu"], "cpu"),
        (["bench"], "cpu"),
        (["bench", "--size", "full", "--weights", "random"], "auto"),
    ],
)
def test_the_full_suite_paints_on_a_gpu_if_there_is_one_and_the_classroom_on_the_processor(
    monkeypatch, arguments, where
):
    asked = []

    def ask(*given, device=None, **_):
        asked.append(given[7] if device is None else device)  # the bench is told without a name
        raise ValueError("that was all")

    monkeypatch.setattr("lab.race.default_engine", ask)
    monkeypatch.setattr("lab.measure.bench.bench", ask)
    quartet(*arguments, status=2)
    assert asked == [where]


def test_serve_hands_its_options_to_the_app(monkeypatch):
    asked, stage = [], ModuleType("app")
    stage.main = asked.append
    monkeypatch.setitem(sys.modules, "app", stage)
    monkeypatch.setattr("os.environ", {})
    quartet("serve", "--suite", folder(), "--port", 7999, "--host", "0.0.0.0", "--public")
    assert asked == [["--suite-root", str(folder()), "--port", "7999", "--public", "--open"]]
    quartet("serve", "--no-open", "--device", "cuda")
    assert asked[1] == ["--suite-root", "classroom", "--device", "cuda"]
    import os

    assert os.environ == {"GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SHARE": "true"}


def test_columns_are_aligned():
    rows = [{"name": "a", "count": 10, "share": 0.12345}, {"name": "long", "count": 9, "share": None}]
    assert columns(rows).splitlines() == ["name  count  share", "a        10  0.123", "long      9      -"]


def test_storybook_paints_a_sheet(tmp_path):
    told = quartet("storybook", "--out", tmp_path / "s.png", "--rows", 1, "--columns", 2)
    assert "2 scenes, seeds 0 to 1" in told.stdout
    with Image.open(tmp_path / "s.png") as sheet:
        assert sheet.width > 2 * 64
    told = quartet("storybook", "--out", tmp_path / "s.png", "--seed", 3, "--rows", 1, "--columns", 2, "--json")
    assert json.loads(told.stdout) == {"file": str(tmp_path / "s.png"), "seeds": [3, 4]}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing/sb.png", "there is no folder"),
        ("sb.foo", "of no kind that can be written; give a name that ends in .png"),
        ("sb", "give a name that ends in .png"),
        ("", "which is a folder; name a file in it"),
    ],
)
def test_a_sheet_that_cannot_be_written_is_not_painted(monkeypatch, tmp_path, name, says):
    monkeypatch.setattr("lab.storybook.sheet.contact_sheet", nobody)
    found = quartet("storybook", "--out", tmp_path / name, status=2)
    assert found.stderr.startswith(f"quartet: --out is '{tmp_path / name}'")
    assert says in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_a_sheet_may_be_of_another_kind_and_a_disk_that_is_full_is_told(monkeypatch, tmp_path):
    one = ("--rows", 1, "--columns", 1)
    quartet("storybook", "--out", tmp_path / "s.JPG", *one)
    with Image.open(tmp_path / "s.JPG") as sheet:
        assert sheet.format == "JPEG"
    (tmp_path / "s.png").symlink_to("/dev/full")
    assert "[Errno 28]" in quartet("storybook", "--out", tmp_path / "s.png", *one, status=1).stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["vae", "--device", "gpu"], "device is 'gpu'; give one of auto, cpu, cuda"),
        (["vae", "--device", "openvino"], "device is 'openvino'; give one of auto, cpu, cuda"),
        (["latent"], "latent begins with vae, which '{out}' has not; run `quartet train vae --out {out}` before it"),
        (["robust"], "robust begins with vqgan, which"),
        (["pixel"], "pixel begins with latent, which"),
        (["decoder", "--resume"], "decoder begins with pixel, which"),
        (["clip", "--out", "{out}/clip/a.safetensors/suite"], "nothing can be written into '{out}/clip/a.safetensors'"),
    ],
)
def test_a_training_that_cannot_begin_says_why_in_one_line(monkeypatch, tmp_path, arguments, says):
    monkeypatch.setattr("lab.train.run", nobody)
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "a.safetensors").touch()
    words = [word.format(out=tmp_path) for word in arguments]
    found = quartet("train", *words[:1], "--out", tmp_path, *words[1:], status=2)
    assert says.format(out=tmp_path) in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_a_training_goes_on_from_its_own_net_without_what_it_once_began_as(monkeypatch, tmp_path):
    monkeypatch.setattr("lab.train.run", lambda *_: iter(()))
    for name in ("clip", "pixel/unet"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "a.safetensors").touch()
    quartet("train", "pixel", "--out", tmp_path, "--resume")
    assert "pixel begins with latent" in quartet("train", "pixel", "--out", tmp_path, status=2).stderr


def test_of_all_parts_together_the_one_that_cannot_be_shared_is_trained_by_one_process(monkeypatch, tmp_path):
    asked = {}
    monkeypatch.setattr("lab.train.run", lambda name, *given: asked.update({name: given[-1]}) or iter(()))
    monkeypatch.setattr("lab.cli.training._ready", lambda *_: None)
    quartet("train", "all", "--out", tmp_path, "--device", "cpu", "--processes", 2)
    assert asked == {name: 1 if name == ALONE else 2 for name in PARTS}
    quartet("train", ALONE, "--out", tmp_path, "--device", "cpu", "--processes", 2)
    assert asked[ALONE] == 2, "asked for by itself, it is for the training to refuse"


class Broken(Line):
    def loss(self, rng, done):
        raise OSError("no room on the disk")


def test_a_training_that_breaks_ends_with_status_1_and_one_line(monkeypatch, tmp_path):
    monkeypatch.setitem(PARTS, "line", ("tests.test_cli:Broken", 1.0))
    found = quartet("train", "line", "--minutes", 0.005, "--out", tmp_path / "a", "--device", "cpu", status=1)
    assert found.stderr == "quartet: no room on the disk\n"
