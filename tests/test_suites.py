"""What is here, what could be fetched, what this machine cannot do; and what is not served to the public."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lab.cli import app
from lab.race import LANES, Race, default_engine, open_suite, parts_of
from lab.race.events import Event
from lab.race.painters import plan
from lab.race.suites import Machine, _bytes, availability, guard_of, needed, suite_to_serve, unfit_for_public
from lab.ui import hints
from lab.ui.stage.news import of_event
from lab.ui.suites import report
from lab.ui.words import LANGUAGES, say
from models import loaders
from models.catalog import Source, Suite, classroom
from models.catalog.full import CHOICES, full
from models.catalog.own import read_own, with_own
from models.hub.lock import Locked, read_lock
from models.hub.receipt import Pin, pin_of
from models.hub.store import key
from models.loaders import expect
from tests import tinyhub
from tests.tinysuite import TEXT, engine, folder

LARGE = Machine("cuda", 80 * 10**9, 10**12, False)


@pytest.fixture(autouse=True)
def _home(monkeypatch, tmp_path):
    monkeypatch.setenv("QUARTET_HOME", str(tmp_path))


def by_suite(machine, lock=None):
    rows = availability(machine, lock or {})
    assert {row["state"] for row in rows} <= {"ready", "fetch", "byhand", "impossible"}
    return {(row["suite"], row["family"]): row for row in rows}


def test_every_painter_has_what_ships_and_every_choice_of_the_full_suite_is_told():
    found = by_suite(LARGE)
    assert all(found["classroom", lane]["state"] == "ready" for lane in LANES)
    assert all(found["classroom", lane]["command"] == "" for lane in LANES)
    assert {name.partition(":")[2] for name, _ in found} - {""} == set(CHOICES)
    assert found["full:sd-1.5", "latent"]["state"] == "fetch"
    assert found["full:vqgan-f16-16384", "vqgan_clip"]["state"] == "byhand"
    assert found["full:vqgan-f16-16384", "vqgan_clip"]["pages"][0].startswith("https://")
    licences = dict(found["full:karlo-v1-alpha", "unclip"]["licences"])
    assert licences["kakaobrain/karlo-v1-alpha"] == "creativeml-openrail-m"
    assert licences["openai/clip-vit-large-patch14"] is None, "not verified, so not invented"
    assert "stabilityai/sd-turbo/vae/config.json" in found["full:sd-turbo", "latent"]["inferred"], "no page showed it"
    assert found["full:ddpm-cat-256", "pixel"]["inferred"] == []
    assert json.loads(json.dumps(list(found.values()))) == list(found.values()), "plain data"


def test_what_does_not_fit_says_which_and_by_how_much():
    small, full_disk = replace(LARGE, memory=8 * 10**9), replace(LARGE, disk=10**9)
    karlo = by_suite(small)["full:karlo-v1-alpha", "unclip"]
    assert (karlo["state"], karlo["why"]) == ("impossible", "memory")
    assert karlo["memory"] > karlo["have"] == 8 * 10**9
    assert by_suite(small)["full:sd-1.5", "latent"]["state"] == "fetch"
    tight = replace(LARGE, memory=7_500_000_000)
    climber = by_suite(tight)["full:vqgan-f16-16384", "vqgan_clip"]
    assert climber["weights"] < tight.memory < climber["memory"], "its weights would fit, a run would not"
    assert (climber["state"], climber["why"]) == ("impossible", "memory")
    assert by_suite(full_disk)["full:sd-1.5", "latent"]["why"] == "disk"
    offline = by_suite(replace(LARGE, offline=True))
    assert {row["why"] for row in offline.values() if row["suite"] != "classroom"} == {"offline"}
    assert {row["state"] for row in offline.values() if row["suite"] == "classroom"} == {"ready"}


@pytest.mark.parametrize(
    ("text", "bad", "says"),
    [
        ("[parts.text_proj]\npath = '/a'\n", {"kandinsky-2.2"}, "part is 'text_proj'; suite 'full:kandinsky-2.2' has"),
        ("[parts.upsampler]\npath = '/a'\n", {"kandinsky-2.2"}, "part is 'upsampler'"),
        ("[parts.movq]\npath = '/a'\n", set(CHOICES) - {"kandinsky-2.2"}, "part is 'movq'"),
        ("[parts.'unclip/clip']\npath = '/a'\n", set(CHOICES) - {"kandinsky-2.2"}, "part is 'unclip/clip'"),
        ("[parts.'latent/clip']\npath = '/a'\n", set(CHOICES) - {"sd-2.1", "sd-turbo"}, "part is 'latent/clip'"),
        ("[parts.unet\n", set(CHOICES), "mine.toml cannot be read"),
        ("parts = 3\n", set(CHOICES), "parts or lora as something else"),
        ("[parts.unet]\npath = '~nobody-of-that-name/a'\n", set(CHOICES), "there is no such user here"),
        (None, set(CHOICES), "QUARTET_TOML is mine.toml, and no such file is there"),
    ],
)
def test_a_quartet_toml_that_will_not_do_is_a_row_of_its_own_and_breaks_no_page(tmp_path, monkeypatch, text, bad, says):
    if text is not None:
        (tmp_path / "mine.toml").write_text(text)
    monkeypatch.setenv("QUARTET_TOML", str(tmp_path / "mine.toml"))
    found = by_suite(LARGE)
    rows = {name.partition(":")[2]: row for (name, _), row in found.items() if name != "classroom"}
    assert {choice for choice, row in rows.items() if row["why"] == "own"} == bad
    for choice, row in rows.items():
        assert (row["state"] == "impossible", says in row["wrong"]) == (choice in bad,) * 2
        assert row["guide"] == (CHOICES[choice].slot == "guide")
        assert str(tmp_path) not in row["wrong"], "a path of this machine is nobody's business"
    assert all(found["classroom", lane]["state"] == "ready" for lane in LANES)
    assert json.loads(json.dumps(rows)) == rows


def test_a_computer_that_does_not_tell_its_memory_refuses_nothing_for_it(monkeypatch):
    monkeypatch.delattr(os, "sysconf")
    here = Machine.here()
    assert here.memory is None
    rows = availability(replace(here, disk=10**15, offline=False), {})
    assert {row["why"] for row in rows} == {None}
    assert all(row["memory"] > 0 and row["have"] is None for row in rows)


def test_what_a_painter_takes_in_memory_counts_the_checker_that_comes_along():
    suite = plan("full:sd-1.5")
    alone, guard = needed(suite, "latent"), guard_of(suite, "latent")
    assert set(guard) == {"safety"}
    told = by_suite(replace(LARGE, device="cpu"))["full:sd-1.5", "latent"]
    weights = sum(map(expect, alone.values()))
    assert told["weights"] == weights + expect(guard["safety"]) > weights + 10**9


def test_half_precision_is_what_a_gpu_is_asked_to_hold():
    cpu = by_suite(replace(LARGE, device="cpu"))["full:sd-1.5", "latent"]
    gpu = by_suite(LARGE)["full:sd-1.5", "latent"]
    assert gpu["memory"] < cpu["memory"]
    assert gpu["bytes"] < cpu["bytes"]


def test_a_painter_needs_the_parts_of_its_targets_and_its_own_clip():
    assert set(needed(full("sd-2.1"), "latent")) == {"latent/clip", "unet", "vae"}
    assert set(needed(full(), "unclip")) == {"clip", "prior", "text_proj", "decoder", "upsampler"}
    assert set(needed(classroom(), "vqgan_clip")) == {"clip", "vqgan", "clip_robust"}


def test_what_is_fetched_weighs_as_its_files_do_and_not_as_it_is_held_in_memory():
    wide, half = (_bytes(full("sd-2.1", dtype=dtype)["vae"]) for dtype in ("float32", "float16"))
    assert wide == half
    told = replace(full("kandinsky-2.2", dtype="float16")["prior"].source, bytes=None, parameters=1000)
    assert _bytes(replace(full(dtype="float16")["unet"], source=told)) == 4000, "there is no copy in half precision"
    half = replace(told, files=("prior/diffusion_pytorch_model.fp16.safetensors",))
    assert _bytes(replace(full(dtype="float16")["unet"], source=half)) == 2000


def test_only_what_is_pinned_is_served_to_the_public(tmp_path):
    assert unfit_for_public(classroom(), {}) is None
    why = unfit_for_public(full(), {})
    assert all(f"{name}: " in why for name in full().parts)
    assert "quartet pin" in why
    part = full()["pixel"]
    pins = {name: Pin(1, "0" * 64) for name in part.source.files}
    assert "pixel: " in unfit_for_public(full(), {key(part): Locked("0" * 40, pins)}), "pinned, but not here"


def test_an_app_for_everybody_runs_under_guard_or_says_that_it_does_not(tmp_path, monkeypatch):
    assert suite_to_serve("classroom", public=True).name == "classroom"
    assert "safety" not in suite_to_serve("full").parts, "it is not here, and nobody else looks on"
    with pytest.raises(ValueError, match="not served to the public"):
        suite_to_serve("full", public=True, safety=False)
    away = replace(classroom()["unet"], source=Source("a/b"))
    opened = Suite("full", {"unet": away})
    monkeypatch.setattr("lab.race.suites.open_suite", lambda *_: opened)
    with pytest.raises(ValueError, match="lies beside the pinned files"):
        suite_to_serve("full", public=True)
    monkeypatch.setattr("lab.race.suites.unfit_for_public", lambda *_: None)
    with pytest.raises(ValueError, match=r"quartet fetch safety .*--accept`, or add --no-safety"):
        suite_to_serve("full", public=True)
    assert suite_to_serve("full", public=True, safety=False) == opened
    assert suite_to_serve("full") == opened
    opened = replace(opened, parts={"unet": away, "safety": away})
    assert suite_to_serve("full", public=True) == opened
    assert set(suite_to_serve("full", safety=False).parts) == {"unet"}


def pinned_net(home):
    """A net from a repository under `home`, and the lock that says so."""
    shutil.copytree(folder() / "pixel", home / "a" / "b")
    files = ("unet/config.json", "unet/diffusion_pytorch_model.safetensors")
    net = replace(classroom(folder())["pixel"], path=home / "a/b/unet", configs=(), source=Source("a/b", files, "unet"))
    return net, {"a/b": Locked("0" * 40, {file: pin_of(net.root / file) for file in files})}


def test_a_copy_that_no_pin_speaks_of_is_not_served_though_all_pinned_files_are_here(tmp_path):
    net, lock = pinned_net(tmp_path)
    assert unfit_for_public(Suite("full", {"pixel": net}), lock) is None
    copy = net.path / "diffusion_pytorch_model.fp16.safetensors"
    shutil.copy(net.path / "diffusion_pytorch_model.safetensors", copy)
    half = Suite("full", {"pixel": replace(net, dtype="float16")})
    assert f"{copy.name} lies beside the pinned files" in unfit_for_public(half, lock)
    pins = {**lock["a/b"].files, f"unet/{copy.name}": pin_of(copy)}
    lock["a/b"] = Locked("0" * 40, pins)
    assert unfit_for_public(half, lock) is None
    copy.write_bytes(copy.read_bytes() + b" ")
    assert f"{copy.name} is not the pinned file" in unfit_for_public(half, lock), "its name alone does not do"


@pytest.mark.parametrize("name", ["diffusion_pytorch_model.safetensors.index.json", "tokenizer.json", "merges.txt"])
def test_what_a_library_would_rather_read_than_the_pinned_file_is_not_served(tmp_path, name):
    """diffusers takes shards where their index lies beside the whole file."""
    net, lock = pinned_net(tmp_path)
    (net.path / name).write_text("{}")
    assert f"{name} lies beside the pinned files" in unfit_for_public(Suite("full", {"pixel": net}), lock)


def test_a_folder_like_the_classrooms_is_ones_own_until_it_is_pinned(tmp_path, monkeypatch):
    none = ["pin", "--suite", "classroom", "--lock", str(tmp_path / "none.json")]
    assert CliRunner().invoke(app, none).exit_code == 0, "what ships is pinned by git"
    shutil.copytree(folder(), tmp_path / "mine")
    with pytest.raises(ValueError, match=r"is your own and not pinned.*--suite .*mine"):
        suite_to_serve(str(tmp_path / "mine"), public=True, safety=False)
    lock = tmp_path / "lock.json"
    found = CliRunner().invoke(app, ["pin", "--suite", str(tmp_path / "mine"), "--lock", str(lock)])
    assert found.exit_code == 0, found.output
    assert unfit_for_public(open_suite(tmp_path / "mine"), read_lock(lock)) is None
    monkeypatch.setattr("lab.race.suites.read_lock", lambda: read_lock(lock))
    with pytest.raises(ValueError, match="has no safety checker here: add --no-safety to show"):
        suite_to_serve(str(tmp_path / "mine"), public=True)
    assert suite_to_serve(str(tmp_path / "mine"), public=True, safety=False).parts
    weights = tmp_path / "mine" / "judge" / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"x")
    assert "judge: " in unfit_for_public(open_suite(tmp_path / "mine"), read_lock(lock))


def test_a_covered_picture_says_why():
    event = Event("latent", "done", 1.0, 4, 4, 1.0, {}, frame=np.full((2, 8, 8, 3), 128, np.uint8))
    event.frame[1, 0, 0, 0] = 127
    assert of_event(event)["note"] == {"key": "say.covered", "values": {"n": 1}}
    assert of_event(replace(event, frame=event.frame[1:]))["note"] is None


def test_chinese_to_an_english_tower_is_flagged_and_said_in_english_where_that_is_known():
    told = hints.of("草地上有一只红色的大猫", full())
    assert (told["foreign"], told["english"]) == (True, "a large red cat in a meadow")
    told = hints.of("一位宇航员骑着马", full())
    assert (told["foreign"], told["english"], told["unknown"]) == (True, "", [])
    assert hints.of("两只猫和三个球", full())["english"] == "", "an ask holds less than that"
    told = hints.of("an astronaut on a horse", full())
    assert (told["foreign"], told["unknown"]) == (False, [])
    assert not hints.of("草地上有一只红色的大猫", classroom())["foreign"], "ours reads both"
    assert hints.of("an astronaut on a horse", classroom())["unknown"]


def test_a_folder_like_the_classrooms_reads_the_classrooms_words():
    told = hints.of("an astronaut on a horse", classroom(folder()))
    assert (told["foreign"], bool(told["unknown"])) == (False, True)


def test_a_clip_of_ones_own_is_no_classrooms_whether_by_path_or_repository(tmp_path):
    file = tmp_path / "quartet.toml"
    for told in (f'path = "{tmp_path}"', 'repo = "somebody/a-clip"'):
        file.write_text(f"[parts.clip]\n{told}\n")
        own = with_own(full(), read_own(file), tmp_path)
        told = hints.of("an astronaut on a horse", own)
        assert (told["foreign"], told["unknown"]) == (False, [])
        told = hints.of("草地上有一只红色的大猫", own)
        assert (told["foreign"], told["english"]) == (True, "a large red cat in a meadow")


@pytest.mark.parametrize(("choice", "sampler"), [("sd-2.1", "latent"), ("kandinsky-2.2", "unclip"), ("sd-1.5", None)])
def test_the_end_that_nobody_reads_is_told_by_whichever_folder_and_once_it_is_fetched(tmp_path, choice, sampler):
    whole, long = tinyhub.suite(choice), "a red cat and " * 10
    name = whole.seen(sampler)["clip"]
    part, gone = whole[name], tmp_path / "part"
    table = replace(whole, parts=whole.parts | {name: replace(part, path=gone)})
    assert hints.of(long, table, sampler)["dropped"] == "", "nobody can tell yet"
    keep = shutil.ignore_patterns("unet", "vae", "prior", "*.bin", "*.ckpt", "*.h5", "v1-5*")
    shutil.copytree(part.path, gone, ignore=keep)
    found = hints.of(long, table, sampler)["dropped"]
    pieces = loaders.load(table[name]).tokenize([long])
    assert len(pieces.dropped[0]) > 0
    for end, read in ((found, pieces.dropped), (long.removesuffix(found), pieces.kept)):
        assert end.replace(" ", "") == "".join(read[0]).replace("</w>", "")


def test_readmes_table_says_what_the_catalog_says():
    """Weights, licences and sizes of every choice; the two columns of what was tried are people's."""
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
    lines = readme.partition("## The full suite")[2].partition("\n## ")[0].splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.endswith(("| no |", "| yes |"))]
    told, runs = {row[1]: row for row in cells}, {name: row["memory"] for (name, _), row in by_suite(LARGE).items()}
    assert set(told) == {*CHOICES, "CLIP", "safety"}
    for choice, row in told.items():
        parts = [full(*({choice} & set(CHOICES)), dtype=dtype).parts for dtype in ("float32", "float16")]
        slot = CHOICES[choice].slot if choice in CHOICES else ""
        names = {"CLIP": ["clip"], "safety": ["safety"], "clip-vit-b-32": ["pixel/clip"]}.get(choice) or [
            name for name in needed(full(choice), slot) if name != "clip"
        ]
        sizes = [sum(expect(table[name]) for name in names) / 1e9 for table in parts]
        run = f"{runs[f'full:{choice}'] / 1e9:.2f}" if choice in CHOICES else "-"
        assert row[4] == f"{sizes[0]:.2f} / {sizes[1]:.2f} / {run}", choice
        assert row[5] == str(sum(len(parts[0][name].source.inferred) for name in names)), choice
        source = parts[0][names[0]].source
        repos = ", ".join(dict.fromkeys(filter(None, (parts[0][name].source.repo for name in names))))
        assert row[3] == (source.licence or "not verified"), choice
        assert choice == "safety" or source.repo is None or row[2] == repos, choice
        assert row[7] == "no", "no real weight was ever seen here"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_words_for_every_row(language):
    told = report(engine(), "classroom")
    assert len(told["rows"]) == len(LANES) + len(CHOICES)
    for row in told["rows"]:
        assert say(f"suites.state.{row['state']}", language)
        assert row["why"] is None or say(f"suites.{row['why']}", language, need="1", have="2", weights="1")
        assert all(say(one["means"], language) for one in row["licences"])
    assert say("suites.inferred", language)
    assert "seven" in say("suites.own", language, file="quartet.toml", wrong="seven")
    line = dict.fromkeys(("painter", "need", "weights", "work"), "1")
    assert say("needs.line", language, **line)
    assert all(say(f"needs.{key}", language, budget="1", would="") for key in ("free", "fits", "over"))


def test_what_a_picture_needs_is_told_before_it_and_whether_that_is_allowed():
    free = {row["lane"]: row for row in report(engine(), "classroom")["needs"]}
    assert list(free) == list(LANES)
    for lane in ("latent", "pixel"):
        with engine().registry.borrow("classroom", parts_of(engine(), "classroom", lane)) as parts:
            held = sum(value.nbytes for part in parts.values() for value in part.parameters())
        assert free[lane]["weights"] == held
        assert free[lane]["need"] == held + free[lane]["workspace"] > held
        assert (free[lane]["budget"], free[lane]["fits"]) == (None, True)
    budget = sorted(row["need"] for row in free.values())[2]
    tight = default_engine(open_suite(folder()), budget=budget)
    told = {row["lane"]: row for row in report(tight, "classroom")["needs"]}
    assert all(bool(row["would"]) is not row["fits"] for row in told.values()), "what would fit is told beside it"
    over = [lane for lane, row in told.items() if not row["fits"]]
    assert over == [lane for lane in LANES if free[lane]["need"] > budget]
    *_, last = Race(tight, "classroom", TEXT, lanes=over)
    assert last.note.startswith("WontFit"), "and it is refused, as was told"


def test_the_shell_says_what_a_picture_needs_before_it_and_in_its_answer(tmp_path):
    more = ["--suite", str(folder()), "--out", str(tmp_path / "a.png"), "--set"]
    asked = ["race", TEXT, "--families", "latent", *more, "latent.steps=1", "--json"]
    found = json.loads(CliRunner().invoke(app, asked).stdout)["lanes"][0]["forecast"]
    assert found["need"] == found["weights"] + found["workspace"]
    said = CliRunner().invoke(app, ["paint", "latent", TEXT, *more, "steps=1"]).stderr
    assert f"latent will need {found['need'] / 1e6:,.0f} MB of memory" in said
    assert "there is no limit" in said
