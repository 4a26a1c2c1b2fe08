"""What stands under the stage without a browser: links, CLIP's matrix, two pictures under one slider."""

import base64
import io
import threading
import time
from dataclasses import replace
from types import SimpleNamespace
from urllib.parse import parse_qsl

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from lab.measure import appraise
from lab.race import LANES, SAMPLERS, Event, default_engine, open_suite
from lab.ui import build, controls
from lab.ui.compare.pairs import Pairs
from lab.ui.compare.show import Show
from lab.ui.stage import Wire
from lab.ui.texts import Texts
from lab.ui.visits import Visit
from lab.ui.words import EXAMPLES, LANGUAGES, say
from models.protocol import Target
from tests.test_ui import heard, made, painted, settings, visitor
from tests.tinysuite import TEXT, folder, without


def linked(show, **given):
    """What opening a link does to the controls: their values, the link itself, the stage."""
    *values, link, stage = show.reopen(SimpleNamespace(session_hash="a", query_params=given))
    return values, link, stage


def pictures(news):
    """The last pictures of every lane, as pixels."""
    return {
        item["lane"]: np.stack([pixels(url) for url in item["images"]])
        for item in news
        if item["kind"] == "lane" and item["images"]
    }


def pixels(url):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))).astype(int)


def test_a_link_brings_back_every_control_and_paints_the_same_race(show):
    knobs = settings(2)
    first = heard(show.paint(visitor(), TEXT, 7, ["latent", "unclip"], 0, 2, *knobs))
    values, link, _ = linked(show, **dict(parse_qsl(first[0]["query"])))
    assert link == first[0]["query"]
    assert values[:5] == [TEXT, 7, ["latent", "unclip"], 0, 2]
    again = heard(show.paint(visitor(), *values))
    before, after = pictures(first), pictures(again)
    assert set(before) == set(after) == {"latent", "unclip"}
    for lane in before:
        assert np.abs(before[lane] - after[lane]).max() <= 1, "company may change the rounding and no more"


@pytest.mark.parametrize(
    ("field", "value"),
    [("latent.steps", "5000"), ("latent.steps", "x"), ("seed", "-1"), ("count", "9"), ("painters", "rembrandt"),
     pytest.param("seed", "9" * 5000, id="seed of many digits"), ("latent.width", "9" * 99),
     ("budget", "nan"), ("budget", "5"), ("budget", "1800"), ("latent.scheduler", "<b>")],
)  # fmt: skip
def test_a_link_that_asks_for_what_is_not_allowed_says_so_and_paints_nothing(show, field, value):
    values, link, stage = linked(show, prompt=TEXT, **{field: value})
    assert stage["news"]["0"]["key"] == "say.link"
    assert stage["news"]["0"]["values"]["field"] == field
    assert all("value" not in update for update in (*values, link)), "a refused link changes a control"


def test_without_a_link_nothing_is_touched(show):
    values, link, stage = linked(show)
    assert all("value" not in update for update in (*values, link, stage))


def test_the_matrix_is_clips_own_cosines_of_pictures_and_changed_sentences(engine, show):
    news = painted(show, text="a large red cat in a meadow", lanes=["latent", "pixel"])
    found = next(item for item in news if item["kind"] == "matrix")
    assert found["texts"][0] == "a large red cat in a meadow"
    assert len(set(found["texts"])) == 4
    assert set(found["rows"]) == {"latent", "pixel"}
    marks = {item["lane"]: item["similarity"][0] for item in news if item["kind"] == "marks"}
    for lane, row in found["rows"].items():
        assert row[0] == pytest.approx(marks[lane], abs=1e-4)
        assert len(row) == 4
        assert len(set(row)) == 4


def test_what_is_charged_apart_is_told_with_the_marks(show):
    news = painted(show, lanes=["latent", "vqgan_clip"])
    race = show.visits.of("a")[0].race
    for item in (item for item in news if item["kind"] == "marks"):
        outcome = race.outcomes[item["lane"]]
        assert item["apart"]["looks"] == outcome.looks > 0
        assert item["apart"]["waited"] == outcome.waited
        assert item["apart"]["judged"] > 0
    assert {lane: about["crops"] for lane, about in news[0]["lanes"].items()} == {"latent": 0, "vqgan_clip": 2}


def test_every_news_of_a_lane_counts_its_evaluations(show):
    told = [item for item in painted(show, lanes=["latent"]) if item["kind"] == "lane"]
    counted = 0
    for item in told:
        counted += sum(not look for _, look in item["dots"])
        assert item["evals"] == counted
    assert counted == show.visits.of("a")[0].race.runs["latent"].request.knobs.steps + 2  # text and picture


def test_a_sentence_of_unknown_words_is_held_against_the_examples(show):
    found = next(item for item in painted(show, text="an astronaut", lanes=["latent"]) if item["kind"] == "matrix")
    assert found["texts"] == ["an astronaut", *EXAMPLES["en"][:3]]


def enlarged(lane):
    """The values of all knob controls, with few steps, where one painter's pictures are to be enlarged."""
    names = [(each, spec.name) for each in LANES for spec in controls.shown(SAMPLERS[each].knobs)]
    values = settings()
    values[names.index((lane, "upsample"))] = True
    return values


@pytest.mark.parametrize("lane", LANES)
def test_without_a_net_that_enlarges_a_race_says_so_before_it_begins(lane):
    whole = open_suite(folder())
    parts = {name: part for name, part in whole.parts.items() if name != "upsampler"}
    lacking = Show(default_engine(replace(whole, parts=parts)), "classroom")
    (item,) = heard(lacking.paint(visitor(), TEXT, 1, [lane], 0, 1, *enlarged(lane)))
    assert (item["kind"], item["key"]) == ("error", "say.noupsampler")
    assert all(say(item["key"], language) for language in LANGUAGES)
    others = [other for other in LANES if other != lane]
    stream = lacking.paint(visitor(), TEXT, 1, others, 0, 1, *enlarged(lane))
    assert next(stream)["news"]["0"]["kind"] == "open", "a painter that rests enlarges nothing"
    stream.close()


def test_a_painter_that_is_not_here_and_would_enlarge_holds_up_nobody(tmp_path):
    whole = open_suite(without(tmp_path / "suite", "unclip/prior"))
    parts = {name: part for name, part in whole.parts.items() if name != "upsampler"}
    knobs = {"unclip": {"upsample": True}}
    lacking = Show(default_engine(replace(whole, parts=parts, knobs=knobs)), "classroom")
    values = [value for base in lacking.bases.values() for value in controls.defaults(base)]
    stream = lacking.paint(visitor(), TEXT, 1, list(LANES), 0, 1, *values)
    assert next(stream)["news"]["0"]["kind"] == "open"
    stream.close()


def test_the_tick_that_enlarges_every_picture_follows_those_of_the_painters(engine):
    page = made(lambda: build(engine, "classroom"))
    (tick,) = [block for block in page.blocks.values() if block.elem_id == "enlarge"]
    (all_,) = [event for event in page.fns.values() if (tick._id, "input") in event.targets]
    (one,) = [event for event in page.fns.values() if event.outputs == [tick]]
    assert set(one.targets) == {(box._id, "input") for box in all_.outputs}
    assert (one.inputs, one.fn(True, True, True, True), one.fn(True, False, True, True)) == (all_.outputs, True, False)
    boxes = set(all_.outputs)
    resets = [event for event in page.fns.values() if tick in event.outputs and len(boxes & set(event.outputs)) == 1]
    assert len(resets) == len(LANES)
    for event in resets:
        values = dict(zip(event.outputs, event.fn(), strict=True))
        (box,) = boxes & set(values)
        assert (values[box], values[tick]) == (False, False)


def test_what_breaks_a_race_is_told_as_what_it_is(show, monkeypatch):
    def broken(*_):
        raise RuntimeError("made up")

    monkeypatch.setattr(Show, "_tell", broken)
    assert painted(show)[-1]["key"] == "say.early"
    monkeypatch.setattr("lab.ui.compare.show.Asked.race", broken)
    (item,) = painted(show)
    assert item["key"] == "say.broken"


def test_two_pictures_of_a_visit_lie_under_one_slider_and_a_strangers_do_not(show):

    def drawer():
        with gr.Blocks():
            return Pairs(show.visits, Texts(), gr.Textbox("en"))

    pairs = made(drawer)
    painted(show, lanes=["latent", "pixel"], who="a")
    left, right = pairs.choices(visitor("a"), "en", None, None)
    assert [name.split(":")[0] for name, _ in left["choices"]] == ["Latent", "Pixel"]
    below, above = pairs.shown(visitor("a"), left["value"], right["value"])
    race = show.visits.of("a")[0].race
    assert np.array_equal(below[::8, ::8], race.outcomes["latent"].images[0])
    assert np.array_equal(above[::8, ::8], race.outcomes["pixel"].images[0])
    assert pairs.shown(visitor("b"), left["value"], right["value"]) is None
    assert pairs.choices(visitor("b"), "en", None, None)[0]["choices"] == []


def test_a_painter_is_done_before_the_judge_has_looked(show, monkeypatch):
    seen = threading.Event()

    def slow(parts, pictures):
        assert seen.wait(20), "who is done is told only when the judge has looked"
        return appraise.judge(parts, pictures)

    monkeypatch.setattr(appraise, "JUDGE", Target(slow, ("judge",)))
    news = []
    for value in show.paint(visitor(), "a red cat", 7, ["latent"], 0, 1, *settings(1)):
        news = [*value["news"].values()]
        if any(item["kind"] == "lane" and item["state"] == "done" for item in news):
            assert seen.is_set() or all(item["kind"] != "marks" for item in news)
            seen.set()
    assert any(item["kind"] == "marks" and item["words"] for item in news)


def test_what_is_new_is_told_though_nothing_else_happens(show):
    told = []

    def events():
        yield Event("latent", "queued", 0.0, 0, 4, 0.0, {})
        yield Event("latent", "running", 0.1, 1, 4, 0.1, {})
        while len(told) < 2 and time.monotonic() < late:
            yield None

    late, wire = time.monotonic() + 10, Wire()
    race = SimpleNamespace(runs={}, outcomes={}, budget=None, prompt=SimpleNamespace(text=TEXT))
    race = type("Told", (SimpleNamespace,), {"__iter__": lambda _: events()})(**vars(race))
    for value in show._tell(Visit(wire.key, race, {}), wire):
        told.append([item.get("state") for item in value["news"].values()])
    assert told[:2] == [["queued"], ["queued", "running"]]
    assert time.monotonic() < late
