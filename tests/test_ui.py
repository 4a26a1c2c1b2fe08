"""The page without a browser: its words, its controls, and what its handlers send."""

import asyncio
import base64
import io
import re
import string
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from lab.race import LANES, Race, default_engine, open_suite
from lab.record import read
from lab.storybook.grammar import parse
from lab.ui import build, controls, hints, info, models, options
from lab.ui.compare import builder
from lab.ui.compare.asked import KNOBS
from lab.ui.compare.show import Show
from lab.ui.stage import replay
from lab.ui.stage.news import HELD, Wire, absent, merged, picture
from lab.ui.texts import Texts
from lab.ui.words import EXAMPLES, LANGUAGES, NAMES, WORDS, say
from tests.tinysuite import TEXT, folder, without

NASTY = "a red cat <img src=x onerror=alert(1)>"


def made(make):
    """What `make` gives, made while a loop runs: where none does, Gradio opens its own and closes none."""

    async def inside():
        return make()

    return asyncio.run(inside())


@pytest.fixture(scope="module")
def engine():
    running = default_engine(open_suite(folder())).start()
    yield running
    running.stop()


@pytest.fixture
def show(engine):
    return Show(engine, "classroom")


def settings(steps=3):
    """The values of all knob controls, with few steps."""
    values = []
    for kind in KNOBS.values():
        mine, names = controls.defaults(kind), [spec.name for spec in controls.shown(kind)]
        mine[names.index("steps")] = steps
        if "crops" in names:
            mine[names.index("crops")] = 2
        values += mine
    return values


def visitor(name="a"):
    return SimpleNamespace(session_hash=name)


def heard(values):
    """All news of a race, in order, as a browser that reads every value collects them."""
    news = {}
    for value in values:
        news |= {int(number): item for number, item in value["news"].items()}
    assert sorted(news) == list(range(len(news))), "news were lost"
    return [news[number] for number in sorted(news)]


def painted(show, text=TEXT, lanes=LANES, budget=0, count=1, seed=1, who="a", steps=3):
    return heard(show.paint(visitor(who), text, seed, list(lanes), budget, count, *settings(steps)))


def error_of(news):
    (item,) = news
    assert item["kind"] == "error"
    return say(item["key"], "en", **item["values"])


def test_every_word_is_there_in_both_languages_with_the_same_fields():
    for key, pair in WORDS.items():
        assert [bool(text.strip()) for text in pair] == [True] * len(LANGUAGES), key
        fields = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in pair]
        assert key == "unit.million" or fields[0] == fields[1], f"{key} has {fields}"


def test_chinese_has_no_latin_words_but_names():
    for key, (_, chinese) in WORDS.items():
        plain = re.sub(r"\{\w+\}", "", chinese)
        stray = set(re.findall(r"[A-Za-z]+", plain)) - NAMES
        assert not stray, f"{key} says {stray} in Chinese"


def test_english_has_no_chinese_but_on_the_two_buttons():
    for key, (english, _) in WORDS.items():
        assert key in ("paint", "page.language") or not re.search(r"[\u4e00-\u9fff]", english), key


def test_the_examples_are_understood_word_for_word():
    for language, texts in EXAMPLES.items():
        for text in texts:
            found = parse(text)
            assert (found.ask is None, found.unknown, found.language) == (False, (), language), text


@pytest.mark.parametrize("lane", LANES)
def test_every_knob_has_a_control_that_says_so_and_keeps_to_its_range(lane):
    texts, kind = Texts(), KNOBS[lane]

    def blocks():
        with gr.Blocks():
            return controls.draw(kind, texts)

    drawn = made(blocks)
    assert [spec.name for spec in controls.shown(kind)] == [
        spec.name for spec in kind.specs() if spec.name != "strength"
    ]
    for spec, control in zip(controls.shown(kind), drawn, strict=True):
        assert control.label == WORDS[f"knob.{spec.name}"][0]
        if isinstance(control, gr.Slider):
            assert (control.minimum, control.maximum) == (spec.low, spec.high)
        if isinstance(control, gr.Dropdown) and spec.choices:
            assert {value for _, value in control.choices} <= set(spec.choices)
    assert controls.read(kind, controls.defaults(kind)) == {}
    chinese = dict(zip(texts.components, texts.switch("zh"), strict=True))
    for spec, control in zip(controls.shown(kind), drawn, strict=True):
        assert chinese[control]["label"] == WORDS[f"knob.{spec.name}"][1]


def test_what_differs_from_the_defaults_is_read_and_what_is_not_allowed_is_named():
    kind = KNOBS["latent"]
    values = controls.defaults(kind)
    names = [spec.name for spec in controls.shown(kind)]
    values[names.index("steps")], values[names.index("width")] = 7.0, 32
    assert controls.read(kind, values) == {"steps": 7, "width": 32}
    assert controls.refused(kind, {"steps": 7}) is None
    assert controls.refused(kind, {"steps": 0}) == ("steps", 0)


def test_a_sentence_from_dropdowns_reads_back_as_what_was_chosen():
    chosen = ("1", "large", "red", "cat", "left of", "green", "tree", "snow")
    for language in LANGUAGES:
        text = builder.sentence(language, *chosen)
        ask = parse(text).ask
        assert (ask.nouns[0].kind, ask.nouns[0].colour, ask.nouns[0].size) == ("cat", "red", "large"), text
        assert (ask.nouns[1].kind, ask.relation, ask.background) == ("tree", "left of", "snow"), text
    assert parse(builder.sentence("en", "3", "", "blue", "star", "", "", "tree", "")).ask.nouns[0].count == 3


def test_unknown_words_are_told_with_known_ones_near_and_a_long_end_is_shown():
    suite = open_suite(folder())
    told = hints.of("an astronaut on a horse", suite)
    assert [item["word"] for item in told["unknown"]] == ["astronaut", "horse"]
    assert "rocket" in told["unknown"][0]["near"]
    long = "a red cat and " * 40
    tail = hints.of(long, suite)["dropped"]
    assert tail
    assert long.endswith(tail)
    assert not hints.of(TEXT, suite)["dropped"]


def test_a_race_is_told_from_opening_to_end(show):
    news = painted(show)
    assert (news[0]["kind"], news[0]["text"], set(news[0]["lanes"])) == ("open", TEXT, set(LANES))
    assert news[-1]["kind"] == "over"
    assert news[-1]["keep"]
    for lane in LANES:
        mine = [item for item in news if item["kind"] == "lane" and item["lane"] == lane]
        assert mine[-1]["state"] == "done"
        assert mine[-1]["i"] == mine[-1]["n"]
        assert any(item["images"] for item in mine)
        (marks,) = [item for item in news if item["kind"] == "marks" and item["lane"] == lane]
        assert len(marks["similarity"]) == 1
        assert -1 <= marks["similarity"][0] <= 1


def test_the_last_picture_sent_is_the_one_that_a_bare_race_gives(engine, show):
    sent = [item["images"] for item in painted(show, lanes=["latent"]) if item["kind"] == "lane" and item["images"]][-1]
    race = Race(engine, "classroom", TEXT, 1, ["latent"], {"latent": {"steps": 3}})
    list(race)
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(sent[0].split(",")[1]))))
    assert np.abs(shown.astype(int) - race.outcomes["latent"].images[0].astype(int)).max() <= 1


def test_several_pictures_and_a_subset_of_painters(show):
    news = painted(show, lanes=["pixel"], count=3)
    assert set(news[0]["lanes"]) == {"pixel"}
    assert len([item["images"] for item in news if item["kind"] == "lane" and item["images"]][-1]) == 3


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"text": "  "}, "say.empty"),
        ({"text": "x" * 2000}, "say.long"),
        ({"lanes": []}, "say.lanes"),
        ({"seed": None}, "say.seed"),
        ({"seed": -1}, "say.seed"),
        ({"steps": 0}, "say.knob"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(show, change, key):
    (item,) = painted(show, **change)
    assert item["key"] == key
    assert all(say(key, language, **item["values"]) for language in LANGUAGES)


def test_a_painter_without_weights_says_so_and_the_others_paint(tmp_path):
    engine = default_engine(open_suite(without(tmp_path / "suite", "pixel", "vqgan"))).start()
    try:
        news = painted(Show(engine, "classroom"))
    finally:
        engine.stop()
    ends = {item["lane"]: item for item in news if item["kind"] == "lane"}
    assert {lane: end["state"] for lane, end in ends.items()} == {
        "latent": "done", "pixel": "missing", "vqgan_clip": "missing", "unclip": "done",
    }  # fmt: skip
    assert ends["pixel"]["note"]["key"] == "say.missing"
    assert "pixel" in ends["pixel"]["note"]["values"]["parts"]


def test_stop_ends_every_painter_and_leaving_early_does_too(show):
    stream = show.paint(visitor("b"), TEXT, 1, list(LANES), 0, 1, *settings(200))
    next(stream)
    race = show.visits.race("b")
    next(stream)
    show.halt(visitor("b"))
    states = {item["lane"]: item["state"] for item in heard_tail(stream) if item["kind"] == "lane"}
    assert set(states.values()) <= {"cancelled", "done"}
    assert "cancelled" in states.values()
    assert show.visits.race("b") is None
    stream = show.paint(visitor("b"), TEXT, 1, list(LANES), 0, 1, *settings(200))
    next(stream), next(stream)
    race = show.visits.race("b")
    stream.close()
    assert all(run.wait(10) in ("cancelled", "done") for run in race.runs.values())


def heard_tail(values):
    found = {}
    for value in values:
        found |= value["news"]
    return [found[number] for number in sorted(found, key=int)]


def test_a_second_race_of_a_visitor_stops_the_first(show):
    first = show.paint(visitor("c"), TEXT, 1, ["latent"], 0, 1, *settings(500))
    next(first)
    race = show.visits.race("c")
    next(first)
    painted(show, lanes=["latent"], who="c")
    assert race.runs["latent"].wait(10) == "cancelled"


def test_a_postcard_carries_receipts_of_all_its_pictures(show, tmp_path):
    news = painted(show, text="夜里有三颗白色的星星", seed=4)
    for language in LANGUAGES:
        card = show.postcard(news[0]["key"], language)
        file = tmp_path / card["name"]
        file.write_bytes(base64.b64decode(card["png"]))
        found = read(file)
        assert [note["sampler"] for note in found.receipts] == list(LANES)
        assert all(note["seeds"] == [4] and note["prompt"]["text"] == "夜里有三颗白色的星星" for note in found.receipts)
    assert show.postcard("another key", "en") is None


def test_a_kept_picture_is_shown_and_painted_again_pixel_for_pixel(engine, show, tmp_path):
    key = painted(show, lanes=["latent", "pixel"])[0]["key"]
    file = tmp_path / "card.png"
    file.write_bytes(base64.b64decode(show.postcard(key, "en")["png"]))
    told = info.show(str(file))
    assert [(note["lane"], note["text"], note["seed"]) for note in told["receipts"]] == [
        ("latent", TEXT, 1),
        ("pixel", TEXT, 1),
    ]
    *_, last = info.paint_again(engine, str(file))
    assert [pair["most"] <= 1 for pair in last["again"]] == [True, True]


def test_a_file_that_is_no_picture_of_ours_is_refused_in_words(engine, tmp_path):
    broken, plain = tmp_path / "broken.png", tmp_path / "plain.png"
    broken.write_bytes(b"<svg onload=alert(1)>")
    Image.new("RGB", (8, 8)).save(plain)
    assert info.show(str(broken))["error"]["key"] == "say.unreadable"
    assert info.show(str(plain))["receipts"] == []
    *_, last = info.paint_again(engine, str(plain))
    assert last["error"]["key"] == "say.noreceipt"
    assert info.show(None) is None


def test_every_part_is_listed_with_who_shares_it(engine, show):
    painted(show, lanes=["latent"])
    told = models.report(engine, "classroom")
    rows = {row["name"]: row for row in told["rows"]}
    assert set(rows) == set(engine.registry.suite("classroom").parts)
    assert rows["clip"]["lanes"] == list(LANES)
    assert rows["clip"]["state"] == "resident"
    parts = engine.registry.report()["parts"]
    assert told["used"] == sum(row["bytes"] for row in rows.values() if row["name"] in parts)


def test_painters_without_weights_are_shown_before_any_click(engine, tmp_path):
    assert absent(engine, "classroom") is None
    lacking = default_engine(open_suite(without(tmp_path / "suite", "pixel")))
    (one,) = absent(lacking, "classroom")["news"].values()
    assert (one["lane"], one["state"], one["note"]["key"]) == ("pixel", "missing", "say.missing")


def test_no_news_are_lost_that_a_browser_has_time_to_hear():
    wire = Wire()
    for k in range(3 * HELD):
        value = wire.tell([{"kind": "lane", "k": k}])
        assert len(value["news"]) <= HELD
        assert str(k) in value["news"]
    lane = {"kind": "lane", "lane": "pixel", "dots": [[1, 0]], "images": ["a"], "shown": 1, "i": 1}
    (one,) = merged([lane, lane | {"dots": [[2, 0]], "images": [], "shown": 0, "i": 2}])
    assert (one["dots"], one["images"], one["shown"], one["i"]) == ([[1, 0], [2, 0]], ["a"], 1, 2)


def test_small_pictures_are_sent_without_loss():
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    sent = Image.open(io.BytesIO(base64.b64decode(picture(image).split(",")[1])))
    assert (np.asarray(sent) == image).all()


def test_a_replay_is_shown_with_the_weights_that_painted_it_and_no_others(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(replay, "Race", lambda *given, **more: Race(*given, **more, knobs=few()))
    file = tmp_path / "replay.json"
    replay.record(engine, "classroom", file)
    value = replay.load(engine, "classroom", file)
    news = [value["news"][str(k)] for k in range(len(value["news"]))]
    assert news[0]["replay"]
    assert news[-1]["kind"] == "over"
    file.write_text(file.read_text().replace("sha256", "other").replace('"weights":{', '"weights":{"x":1,', 1))
    assert replay.load(engine, "classroom", file) is None
    assert replay.load(engine, "classroom", tmp_path / "none.json") is None


def few():
    return {lane: {"steps": 3} for lane in LANES}


def test_the_page_is_built_of_files_and_a_visitors_text_is_in_no_template(engine):
    page = made(lambda: build(engine, "classroom"))
    stages = [block for block in page.blocks.values() if isinstance(block, gr.HTML)]
    assert all("{{" not in stage.html_template and "${" not in stage.html_template for stage in stages)
    assert all("innerHTML" not in (stage.js_on_load or "") for stage in stages)
    given = options()
    assert given["run_history"] is False
    assert given["footer_links"] == []
    assert "http://" not in given["css"] + given["head"]
    assert "https://" not in given["css"] + given["head"]
    told = hints.of(NASTY, open_suite(folder()))
    assert told["text"] == NASTY
