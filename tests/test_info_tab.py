"""The Picture info tab without a browser: it shows what a file says, believes none of it, and stops when it should."""

import base64
import io
import time
from threading import Thread
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
import torch
from gradio.data_classes import FileData
from PIL import Image, PngImagePlugin

from lab.race import default_engine, open_suite, settle
from lab.record import of_request, read, save
from lab.ui import info
from lab.ui.words import LANGUAGES, say
from models.protocol import Prompt, Request
from tests.tinysuite import TEXT, folder

HOSTILE = """a cat <img src=x onerror=alert(1)>
Negative prompt: __import__('os').system('touch /tmp/owned')
Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 64x64, Model hash: 0123456789, Model: ../../etc/passwd"""


@pytest.fixture(scope="module")
def engine():
    running = default_engine(open_suite(folder())).start()
    yield running
    running.stop()


@pytest.fixture
def kept(engine, tmp_path):
    """A file whose run takes longer than anybody here waits."""
    request = Request("latent", Prompt(TEXT), settle(engine, "latent", {"steps": 1000}), "classroom", "test")
    done = {"step": [1000, 1000], "cut": False, "facts": {}, "timings": {}, "index": 0, "box": [0, 0, 64, 64]}
    return str(save(tmp_path / "kept.png", np.zeros((64, 64, 3), np.uint8), of_request(engine, request) | done))


def visitor(name):
    return SimpleNamespace(session_hash=name)


def begun(engine, stream):
    """Draw the first news of a repaint, then have its run under way on another thread; the thread's news."""
    assert next(stream)["waits"]
    heard, taken = [], len(engine.log)
    listener = Thread(target=lambda: heard.extend(stream))
    listener.start()
    end = time.monotonic() + 30
    while len(engine.log) < taken + 3:
        assert time.monotonic() < end
        time.sleep(0.01)
    return listener, heard


def test_the_text_of_other_programs_is_shown_and_never_believed(engine, tmp_path):
    file, about = tmp_path / "theirs.png", PngImagePlugin.PngInfo()
    about.add_text("parameters", HOSTILE)
    Image.new("RGB", (64, 64)).save(file, pnginfo=about)
    told = info.show(str(file))
    assert told["receipts"] == []
    assert told["settings"]["Prompt"] == "a cat <img src=x onerror=alert(1)>"
    assert told["settings"]["Negative prompt"].startswith("__import__")
    assert (told["settings"]["Seed"], told["settings"]["Model"]) == ("1", "../../etc/passwd")
    assert all(type(value) is str for value in told["settings"].values())
    before = len(engine.log)
    *_, last = info.paint_again(engine, str(file), info.Repaint())
    assert last["error"]["key"] == "say.noreceipt"
    assert len(engine.log) == before, "nothing is painted from it"


def test_a_receipt_that_somebody_else_wrote_is_shown_as_far_as_it_makes_sense(kept, tmp_path):
    (note,) = read(kept).receipts
    strange = note | {"timings": {"seconds": "soon", "evals": []}, "versions": {"torch": None}, "verdict": "<b>"}
    (shown,) = info.show(str(save(tmp_path / "strange.png", np.zeros((64, 64, 3), np.uint8), strange)))["receipts"]
    assert (shown["seconds"], shown["evals"], shown["text"], shown["seed"]) == (None, None, TEXT, 0)


def test_everything_that_a_receipt_holds_is_shown_in_words(engine, tmp_path):
    picture = torch.linspace(0, 1, 3 * 16 * 16).reshape(3, 16, 16).mul(255).round() / 255
    asked = Prompt(TEXT, "a blue house", (7, 8), image=picture, mask=torch.ones(1, 16, 16))
    knobs = settle(engine, "vqgan_clip", {"tower": "robust", "whole": True})
    request = Request("vqgan_clip", asked, knobs, "classroom", "test", exact=True, budget=3.0)
    marks = {"count": "right", "kind 1": "right", "colour 1": "wrong", "background": "cannot say", "overall": "wrong"}
    timings = {"seconds": 1.25, "looks": 0.5, "evals": 9, "rows": 18, "workspace": 2**20}
    done = {"step": [2, 4], "cut": True, "facts": {}, "timings": timings, "index": 1, "box": [0, 0, 64, 64]}
    note = of_request(engine, request) | done | {"verdict": {"similarity": 0.25, "marks": marks}}
    (shown,) = info.show(str(save(tmp_path / "all.png", np.zeros((64, 64, 3), np.uint8), note)))["receipts"]
    assert (shown["text"], shown["negative"], shown["seed"], shown["suite"]) == (TEXT, "a blue house", 8, "classroom")
    assert (shown["step"], shown["cut"], shown["budget"], shown["threads"]) == ([2, 4], True, 3, note["threads"])
    assert {name: shown[name] for name in timings} == timings
    assert (words(shown["exact"]), words(shown["knobs"]["tower"])) == (("yes", "是"), ("robust", "稳健"))
    assert note["device"].partition(": ")[2] in words(shown["device"])[1]
    assert shown["versions"] == note["versions"]
    hashes = {part["name"]["key"]: part["short"] for part in shown["parts"]}
    assert hashes == {f"piece.{part}": [digest[:8] for digest in files.values()]
                      for part, files in note["parts"].items()}  # fmt: skip
    start = np.asarray(Image.open(io.BytesIO(base64.b64decode(shown["start"].partition(",")[2]))))
    assert (start == (picture * 255).round().byte().movedim(0, -1).numpy()).all()
    assert shown["mask"]
    assert shown["verdict"]["similarity"] == 0.25
    assert [(word["en"], word["mark"]) for word in shown["verdict"]["words"]] == [
        ("red", "wrong"), ("cat", "right"), ("in the snow", "cannot say"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "verdict", [None, "<b>", [], {}, {"marks": "all"}, {"marks": [1]}, {"marks": {"kind 1": "<b>", "size 1": "right"}},
                {"marks": {"colour 2": {}}, "similarity": "high"}],
)  # fmt: skip
def test_a_verdict_that_makes_no_sense_is_left_out(kept, tmp_path, verdict):
    (note,) = read(kept).receipts
    file = save(tmp_path / "strange.png", np.zeros((64, 64, 3), np.uint8), note | {"verdict": verdict})
    (shown,) = info.show(str(file))["receipts"]
    assert not (shown["verdict"] or {}).get("words")
    assert not (shown["verdict"] or {}).get("similarity")


def test_a_dropped_file_keeps_its_bytes_and_leaves_the_place_free_for_another(engine, kept):
    dropped = gr.File().preprocess(FileData(path=kept, orig_name="kept.png"))
    assert read(dropped).receipts == read(kept).receipts
    place, held, shown = info.Repaints(engine).take(visitor("a"), dropped)
    assert place is None
    assert held == dropped
    assert shown["receipts"][0]["text"] == TEXT


def words(told):
    return tuple(say(told["key"], language, **told["values"]) for language in LANGUAGES)


def test_a_repaint_ends_when_its_visitor_leaves(engine, kept):
    repaints = info.Repaints(engine)
    listener, heard = begun(engine, repaints.paint(visitor("a"), kept))
    repaints.leave(visitor("b"))
    assert listener.is_alive()
    repaints.leave(visitor("a"))
    listener.join(10)
    assert not listener.is_alive()
    assert heard == []
    assert not repaints._now


def test_another_repaint_of_the_same_visitor_stops_the_first(engine, kept):
    repaints = info.Repaints(engine)
    listener, _ = begun(engine, repaints.paint(visitor("a"), kept))
    second = repaints.paint(visitor("a"), None)
    assert next(second)["error"]["key"] == "say.nofile"
    second.close()
    listener.join(10)
    assert not listener.is_alive()


def test_another_file_ends_the_repaint_of_the_former_which_shows_nothing_any_more(engine, kept):
    repaints = info.Repaints(engine)
    listener, heard = begun(engine, repaints.paint(visitor("a"), kept))
    _, _, shown = repaints.take(visitor("a"), kept)
    assert shown["receipts"]
    listener.join(10)
    assert not listener.is_alive()
    assert heard == [], "it would take the place of the other file's picture"


def test_a_picture_that_was_done_as_another_file_came_is_not_shown(engine, kept, monkeypatch):
    repaint = info.Repaint()
    black = np.zeros((4, 4, 3), np.uint8)
    pair = SimpleNamespace(kept=black, painted=black, changed=(), most=0, mean=0.0)

    def done(*_):
        repaint.stop()
        yield pair

    monkeypatch.setattr(info, "rerun", done)
    stream = info.paint_again(engine, kept, repaint)
    assert next(stream)["waits"]
    assert not list(stream)
