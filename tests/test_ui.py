"""The page without a browser: its words, its controls, and what its handlers send."""

import asyncio
import base64
import io
import re
import string
from dataclasses import replace
from types import SimpleNamespace
from urllib.parse import parse_qs

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from lab.measure.appraise import Appraisal
from lab.race import LANES, SAMPLERS, Race, default_engine, open_suite
from lab.record import read
from lab.storybook.grammar import parse
from lab.ui import build, controls, hints, info, lines, models, options
from lab.ui.acts import Refusal
from lab.ui.asking import settled
from lab.ui.compare import builder
from lab.ui.compare.asked import Asked
from lab.ui.compare.link import opened, query
from lab.ui.compare.show import Show
from lab.ui.stage import replay
from lab.ui.stage.news import HELD, Wire, absent, merged, of_appraisal, picture, ranking, words
from lab.ui.texts import Texts
from lab.ui.theme import ASSETS
from lab.ui.words import EXAMPLES, LANGUAGES, NAMES, WORDS, say
from tests.tinysuite import TEXT, folder, without

KNOBS = {lane: SAMPLERS[lane].knobs for lane in LANES}
NASTY = "a red cat <img src=x onerror=alert(1)>"


def made(make):
    """What `make` gives, made while a loop runs: where none does, Gradio opens its own and closes none."""

    async def inside():
        return make()

    return asyncio.run(inside())


def settings(steps=3):
    """The values of all knob controls, with few steps."""
    values = []
    for kind in KNOBS.values():
        mine, names = controls.defaults(kind()), [spec.name for spec in controls.shown(kind)]
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


def test_every_refusal_says_what_to_do():
    refusal = r"(?!api)(\w+\.)?say\.|fits\.(?!part)"
    told = {key: chinese for key, (_, chinese) in WORDS.items() if re.match(refusal, key)}
    assert len(told) > 25
    assert not [key for key, chinese in told.items() if "请" not in chinese]


def test_chinese_has_no_latin_words_but_names():
    for key, (_, chinese) in WORDS.items():
        plain = re.sub(r"\{\w+\}", "", chinese)
        stray = set(re.findall(r"[A-Za-z]+", plain)) - NAMES
        assert not stray, f"{key} says {stray} in Chinese"


def test_english_has_no_chinese_but_on_the_two_buttons():
    for key, (english, _) in WORDS.items():
        assert key in ("paint", "page.language") or not re.search(r"[\u4e00-\u9fff]", english), key


SCRIPTS = {file.name: file.read_text(encoding="utf-8") for file in sorted((ASSETS / "js").glob("*.js"))}
STYLES = (ASSETS / "css" / "quartet.css").read_text(encoding="utf-8")


def test_scripts_say_what_the_table_of_words_has_and_no_words_of_their_own():
    for name, script in SCRIPTS.items():
        for key in re.findall(r'\bsay\("([\w. ]+)"[,)]', script):
            assert key in WORDS, f"{name} says {key}"
        units = re.findall(r"\b(?:[KMG]i?B|ms)\b", re.sub(r"//.*", "", script))
        assert set(units) <= {"ms"}, f"{name} writes {units} in every language"
        assert script.count('"smooth"') == (name == "quartet.js"), "who wants no motion gets none"
    signs = dict(re.findall(r'"(#[\w -.]+)": "([\w.]+)"', SCRIPTS["quartet.js"]))
    assert signs.items() >= {"#die": "die", "#turn": "page.language.about", "#dark": "page.dark"}.items()
    assert set(signs.values()) <= set(WORDS)


def test_letters_have_five_sizes_and_a_tab_its_painters_ink():
    sizes = set(re.findall(r"font-size: ([^;}]+)", STYLES)) | set(re.findall(r"'(\d+px) ", SCRIPTS["score.js"]))
    assert sizes <= {"13px", "16px", "20px", "28px", "44px", "0"}
    for lane in LANES:
        assert f'button[data-tab-id="{lane}"] {{ --mine: var(--{lane}); }}' in STYLES


def luminance(ink):
    """WCAG 2.2's relative luminance."""
    parts = [int(ink[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_letters_and_lines_stand_out_from_the_paper_by_day_and_by_night():
    for theme in (":root", ".dark"):
        tokens = dict(re.findall(r"--([\w]+): (#\w+)", STYLES.partition(f"{theme} {{")[2].partition("}")[0]))
        paper = luminance(tokens["paper"])

        def contrast(ink, paper=paper):
            light, dark = sorted((luminance(ink), paper), reverse=True)
            return (light + 0.05) / (dark + 0.05)

        assert min(contrast(tokens[name]) for name in ("ink", "quiet", *LANES)) >= 4.5  # WCAG 1.4.3, text
        assert min(map(contrast, lines.INKS)) >= 3  # WCAG 1.4.11, graphics


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
            return controls.draw(kind(), texts)

    drawn = made(blocks)
    assert [spec.name for spec in controls.shown(kind)] == [
        spec.name for spec in kind.specs() if spec.name not in ("strength", "negative")
    ]
    for spec, control in zip(controls.shown(kind), drawn, strict=True):
        assert control.label == WORDS[f"knob.{spec.name}"][0]
        if isinstance(control, gr.Slider):
            assert (control.minimum, control.maximum) == (spec.low, spec.high)
        if isinstance(control, gr.Dropdown) and spec.choices:
            assert {value for _, value in control.choices} <= set(spec.choices)
    assert controls.read(kind(), controls.defaults(kind())) == {}
    chinese = dict(zip(texts.components, texts.switch("zh"), strict=True))
    for spec, control in zip(controls.shown(kind), drawn, strict=True):
        assert chinese[control]["label"] == WORDS[f"knob.{spec.name}"][1]


def test_nobody_is_offered_to_enlarge_where_no_net_can(engine):
    whole = open_suite(folder())
    parts = {name: part for name, part in whole.parts.items() if name != "upsampler"}
    bare = default_engine(replace(whole, parts=parts))
    labels = {WORDS[key][0] for key in ("enlarge", "knob.upsample")}
    for running, offered in ((engine, True), (bare, False)):
        page = made(lambda running=running: build(running, "classroom"))
        found = [block for block in page.blocks.values() if getattr(block, "label", None) in labels]
        assert {block.label for block in found} == labels
        assert {block.visible for block in found} == {offered}


def test_what_differs_from_the_defaults_is_read_and_what_is_not_allowed_is_named():
    kind = KNOBS["latent"]
    values = controls.defaults(kind())
    names = [spec.name for spec in controls.shown(kind)]
    values[names.index("steps")], values[names.index("width")] = 7.0, 32
    assert controls.read(kind(), values) == {"steps": 7, "width": 32}
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


def test_under_every_sentence_of_the_page_stands_what_its_own_reader_makes_of_it(engine):
    page = made(lambda: build(engine, "classroom"))
    fields = {"prompt", "latent-text", "pixel-text", "vq-text", "unclip-text"}
    told, picks = {}, {}
    for event in page.fns.values():
        for block in event.outputs:
            if isinstance(block, gr.HTML) and (block.elem_id or "").endswith("-hints"):
                told[event.inputs[0].elem_id] = event.fn("an astronaut " + "and a red cat " * 20)
                assert block.props["field"] == event.inputs[0].elem_id, "the waves stand under another sentence"
        (block, name), *_ = event.targets or [(None, "")]
        if name == "pick":
            picks[event.outputs[0].elem_id] = event.fn(SimpleNamespace(text="a red cat"))
    assert set(told) == set(picks) == fields
    assert all([word["word"] for word in value["unknown"]] == ["astronaut"] for value in told.values())
    assert all(value["dropped"].endswith("red cat ") for value in told.values())
    assert set(picks.values()) == {"a red cat"}


def test_a_painter_with_a_reader_of_its_own_is_spoken_for_by_that_one():
    suite = open_suite(folder())
    own = replace(suite["clip"], name="latent/clip", source=replace(suite["clip"].source, repo="a/published-clip"))
    suite = replace(suite, parts=suite.parts | {"latent/clip": own})
    assert hints.of("一位宇航员", suite)["unknown"]
    assert hints.of("一位宇航员", suite, "pixel")["unknown"]
    told = hints.of("一位宇航员", suite, "latent")
    assert told["foreign"]
    assert not told["unknown"]


def test_what_a_setting_does_not_allow_is_said_in_one_language_alone():
    with pytest.raises(Refusal) as refused:
        settled("latent", KNOBS["latent"](), {"steps": 0})
    key, values = refused.value.key, refused.value.values
    assert not re.search("[A-Za-z]", say(key, "zh", **values))
    assert "“Steps” does not allow 0" in say(key, "en", **values)


TURBO = {"latent": {"steps": 1, "guidance": 1.0, "width": 24}, "pixel": {"scheduler": "ddpm"},
         "vqgan_clip": {"crops": 3, "rate": 0.5}, "unclip": {"prior_guidance": 4.0, "upsample_steps": 9}}  # fmt: skip


def test_settings_begin_at_what_fits_the_nets_of_the_suite_and_what_is_left_stays_so():
    engine = default_engine(replace(open_suite(folder()), knobs=TURBO))
    page = made(lambda: build(engine, "classroom"))

    def shown(name):
        blocks = (block for block in page.blocks.values() if isinstance(block, gr.components.FormComponent))
        return [block.value for block in blocks if block.label == WORDS[f"knob.{name}"][0]]

    sliders = [block.value for block in page.blocks.values() if re.search("latent-.*-steps", block.elem_id or "")]
    assert sorted(sliders) == [2, 10, 10, 10], "acts that need more steps begin at the fewest that they can do with"
    assert 24 in shown("width"), "a size that no list has"
    assert 1.0 in shown("guidance")
    for name, value in {"crops": 3, "rate": 0.5, "prior_guidance": 4.0, "upsample_steps": 9}.items():
        assert shown(name).count(value) == 2, "on the first tab and on the painter's own"
    show = Show(engine, "classroom")
    values = [value for base in show.bases.values() for value in controls.defaults(base)]
    asked = Asked(TEXT, 1, list(LANES), 0, 1, values, show.bases)
    race = asked.race(engine, "classroom", "a")
    for lane, fitting in TURBO.items():
        assert fitting.items() <= race.requests[lane].knobs.to_dict().items()
    assert not any("." in name for name in parse_qs(query(asked))), "a link says what is other than at first"
    steps = [spec.name for spec in controls.shown(KNOBS["latent"])].index("steps")
    values[steps] = KNOBS["latent"]().steps
    other = replace(asked, knobs=values)
    assert other.race(engine, "classroom", "a").requests["latent"].knobs.steps == values[steps], "the painter's own"
    again = opened({name: value for name, (value,) in parse_qs(query(other)).items()}, show.bases)
    assert again.settings(LANES) == other.settings(LANES)


def test_a_size_may_be_put_back_to_the_nets_own_also_by_a_link():
    engine = default_engine(replace(open_suite(folder()), knobs=TURBO))
    show = Show(engine, "classroom")
    values = [value for base in show.bases.values() for value in controls.defaults(base)]
    width = [spec.name for spec in controls.shown(KNOBS["latent"])].index("width")
    values[width] = controls.OWN
    asked = Asked(TEXT, 1, list(LANES), 0, 1, values, show.bases)
    assert asked.settings(LANES)["latent"] == {"width": None}
    again = opened({name: value for name, (value,) in parse_qs(query(asked)).items()}, show.bases)
    assert again.race(engine, "classroom", "a").requests["latent"].knobs.width is None


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
        assert marks["workspace"] == 0 < marks["reckoned"], "a CPU does not measure"
        weights = news[0]["lanes"][lane]
        assert sum(part["bytes"] for part in weights["parts"]) == weights["bytes"] > 0
        assert all(say(part["name"]["key"], language) for part in weights["parts"] for language in LANGUAGES)
        assert -1 <= marks["similarity"][0] <= 1
        assert [word | {"mark": "waits"} for word in marks["words"][0]] == news[0]["words"], "they stand there before"
    assert news[-1]["ranking"] == [], "there is no ranking where each took its own time"


def test_the_last_picture_sent_is_the_one_that_a_bare_race_gives(engine, show):
    sent = [item["images"] for item in painted(show, lanes=["latent"]) if item["kind"] == "lane" and item["images"]][-1]
    race = Race(engine, "classroom", TEXT, 1, ["latent"], {"latent": {"steps": 3}})
    list(race)
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(sent[0].split(",")[1]))))
    assert np.abs(shown.astype(int) - race.outcomes["latent"].images[0].astype(int)).max() <= 1


PAIR = "a large red cat left of a blue tree in a meadow"
MARKS = {"count": "right", "size 1": "right", "colour 1": "wrong", "kind 1": "right", "relation": "cannot say",
         "colour 2": "right", "kind 2": "cannot say", "background": "right", "overall": "wrong"}  # fmt: skip


def test_a_verdict_is_told_word_by_word_right_wrong_or_cannot_say():
    told = [(word["en"], word["zh"], word["mark"]) for word in words(PAIR, MARKS)]
    assert told == [
        ("large", "大", "right"), ("red", "红色", "wrong"), ("cat", "猫", "right"), ("left of", "左边", "cannot say"),
        ("blue", "蓝色", "right"), ("tree", "树", "cannot say"), ("in a meadow", "草地上", "right"),
    ]  # fmt: skip
    marks = {"count": "wrong", "colour 1": "right", "kind 1": "right", "background": "wrong"}
    several = words("夜里有三颗白色的星星", marks)
    assert [(word["en"], word["mark"]) for word in several] == [
        ("three", "wrong"), ("white", "right"), ("star", "right"), ("at night", "wrong"),
    ]  # fmt: skip


def test_each_of_several_pictures_has_its_own_marks():
    other = MARKS | {"colour 1": "right", "kind 1": "wrong"}
    told = of_appraisal("pixel", PAIR, Appraisal((0.25, 0.5), (MARKS, other), True))
    assert told["similarity"] == [0.25, 0.5]
    assert [[word["mark"] for word in picture if word["en"] in ("red", "cat")] for picture in told["words"]] == [
        ["wrong", "right"], ["right", "wrong"],
    ]  # fmt: skip
    assert of_appraisal("pixel", "an astronaut", Appraisal((0.25,), None, True))["words"] is None


def test_where_time_was_equal_they_are_ranked_by_words_and_ties_are_said():
    better, worse = MARKS | {"colour 1": "right"}, MARKS | {"kind 1": "wrong", "size 1": "wrong"}
    given = {"unclip": better, "latent": MARKS, "pixel": worse, "vqgan_clip": MARKS}
    found = {lane: Appraisal((0.0,), (marks,), True) for lane, marks in given.items()}
    assert [(group["lanes"], group["right"], group["all"]) for group in ranking(PAIR, found)] == [
        (["unclip"], 5, 7), (["latent", "vqgan_clip"], 4, 7), (["pixel"], 2, 7),
    ]  # fmt: skip
    assert ranking(PAIR, {"latent": found["latent"]}) == []
    assert ranking(PAIR, found | dict.fromkeys(("latent", "pixel", "vqgan_clip"), Appraisal((0.0,), None, False))) == []


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
    assert ends["pixel"]["note"]["values"]["parts"] == [{"key": "piece.pixel", "values": {}}]
    assert "像素去噪网络" in say("say.missing", "zh", **ends["pixel"]["note"]["values"])


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
    *_, last = info.paint_again(engine, str(file), info.Repaint())
    assert [pair["most"] <= 1 for pair in last["again"]] == [True, True]


def test_a_file_that_is_no_picture_of_ours_is_refused_in_words(engine, tmp_path):
    broken, plain = tmp_path / "broken.png", tmp_path / "plain.png"
    broken.write_bytes(b"<svg onload=alert(1)>")
    Image.new("RGB", (8, 8)).save(plain)
    assert info.show(str(broken))["error"]["key"] == "say.unreadable"
    assert info.show(str(plain))["receipts"] == []
    *_, last = info.paint_again(engine, str(plain), info.Repaint())
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


def test_a_page_in_the_language_that_it_was_built_in_is_not_said_again_at_its_start(engine):
    page = made(lambda: build(engine, "classroom"))
    (language,) = (block for block in page.blocks.values() if block.elem_id == "language")
    starts = [event for event in page.fns.values() if (page._id, "load") in event.targets]
    turns = [event for event in page.fns.values() if (language._id, "change") in event.targets]
    assert not [block for event in starts for block in event.outputs if isinstance(block, gr.Button | gr.Tab)]
    assert max(len(event.outputs) for event in turns) > 100, "it follows the language alone"


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
