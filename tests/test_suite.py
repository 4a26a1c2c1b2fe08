"""The measurement: what is asked, what is counted, what is kept across a stop."""

import json
import re

import pytest
import torch

from lab.measure.judge import RIGHT, UNSURE, WRONG, Found, Verdict, check
from lab.measure.matrix import changed
from lab.measure.suite import measure, painted, questions, table, weights
from lab.measure.suite.notes import Notes
from lab.measure.suite.prompts import HELD_OUT as HELD_OUT_CATEGORIES
from lab.measure.suite.score import plain, score, wilson
from lab.storybook.dataset import REPORT, TUNE
from lab.storybook.grammar import parse
from lab.storybook.scene import CATEGORIES, HELD_OUT, Ask, Noun
from lab.train.judge import new_judge


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """A suite with a judge that has learned nothing."""
    folder = tmp_path_factory.mktemp("suite")
    torch.manual_seed(0)
    new_judge().save_folder(folder / "judge")
    return folder


def brush(family, prompts, seeds):
    """Flat colours by seed: the least that can be called a family."""
    return torch.stack(
        [torch.rand(3, 1, 1, generator=torch.Generator().manual_seed(s)).expand(3, 64, 64) for s in seeds]
    )


def test_each_category_asks_what_it_is_about():
    asked = questions(300, REPORT)
    assert [sum(q.category == name for q in asked) for name in CATEGORIES] == [50] * 6
    for q in asked:
        nouns, first = q.ask.nouns, q.ask.nouns[0]
        assert parse(q.text).ask == q.ask
        assert not {(n.kind, n.colour) for n in nouns} & HELD_OUT
        assert all(n.size is None for n in nouns)
        coloured = [n.colour is not None for n in nouns]
        relation = q.ask.relation
        expected = {
            "single object": (len(nouns), first.count, coloured, relation) == (1, 1, [False], None),
            "two objects": (len(nouns), coloured, relation) == (2, [False, False], "and"),
            "counting": len(nouns) == 1 and first.count in (2, 3),
            "colours": (len(nouns), first.count, coloured) == (1, 1, [True]),
            "position": coloured == [False, False] and relation not in (None, "and"),
            "attribute binding": (coloured, relation) == ([True, True], "and"),
        }
        assert expected[q.category], q
    assert 100 < sum(q.ask.background is not None for q in asked) < 200
    assert 10 < sum(q.ask.nouns[0].colour is not None for q in asked if q.category == "counting") < 40


def test_questions_are_seeded_and_held_out_pairs_stand_apart():
    assert questions(30, REPORT, 6) == questions(30, REPORT, 6)
    assert {q.text for q in questions(60, REPORT)} != {q.text for q in questions(60, TUNE)}
    beyond = questions(30, REPORT, 20)[30:]
    assert len(beyond) == 20
    for q in beyond:
        assert q.held_out
        assert q.category in HELD_OUT_CATEGORIES
        assert {(n.kind, n.colour) for n in q.ask.nouns} & HELD_OUT
    with pytest.raises(ValueError, match="count is 0"):
        questions(0, REPORT)


def test_wilson_at_its_ends_and_in_the_middle():
    z2 = 1.959964**2
    assert wilson(10, 10) == pytest.approx((10 / (10 + z2), 1))
    assert wilson(0, 10) == pytest.approx((0, z2 / (10 + z2)))
    low, high = wilson(150, 300)
    assert low + high == pytest.approx(1)
    for share in (low, high):  # the defining equation: the share whose z-test just fails
        assert abs(0.5 - share) == pytest.approx(1.959964 * (share * (1 - share) / 300) ** 0.5)
    with pytest.raises(ValueError, match="right is 3 of 2"):
        wilson(3, 2)
    assert score([])["share"] is None


CAT = Found("cat", "red", "large", 0.3, 0.5, 0.2)
HOUSE = Found("house", "blue", "small", 0.8, 0.55, 0.12)


def seen(*objects, doubtful=0, scene=True, background="snow"):
    return Verdict(scene, background, objects, doubtful, float(scene), 1.0)


def marks(text, verdict):
    return check(parse(text).ask, verdict)


def test_words_are_marked_one_by_one():
    said = marks("a red cat left of a green house in the snow", seen(HOUSE, CAT))
    assert said == {
        "count": RIGHT, "background": RIGHT, "kind 1": RIGHT, "colour 1": RIGHT, "kind 2": RIGHT, "colour 2": WRONG,
        "relation": RIGHT, "overall": WRONG,
    }  # fmt: skip
    assert marks("a large red cat left of a small blue house", seen(HOUSE, CAT))["overall"] == RIGHT
    assert marks("a cat right of a house", seen(HOUSE, CAT))["relation"] == WRONG
    assert marks("a cat at night", seen(CAT))["background"] == WRONG


def test_counting_is_exact():
    star = [Found("star", "red", "small", x, 0.5, 0.1) for x in (0.2, 0.5, 0.8)]
    assert marks("two red stars", seen(*star[:2]))["overall"] == RIGHT
    assert marks("two stars", seen(*star))["count"] == WRONG
    assert marks("three stars", seen(*star[:2])) == {"count": WRONG, "kind 1": WRONG, "overall": WRONG}
    assert marks("a star", seen(*star[:2])) == {"count": WRONG, "kind 1": RIGHT, "overall": WRONG}
    assert marks("two stars", seen(star[0], CAT)) == {"count": RIGHT, "kind 1": WRONG, "overall": WRONG}
    assert marks("a cat and a house", seen(CAT, HOUSE, star[0]))["overall"] == WRONG
    assert marks("a star", seen(star[0], doubtful=1)) == {"count": UNSURE, "kind 1": RIGHT, "overall": UNSURE}


def test_where_more_was_asked_for_than_is_read_the_number_is_not_judged():
    reading = parse("a red cat, a blue house and a green tree")
    said = check(reading.ask, seen(CAT, HOUSE, Found("tree", "green", "small", 0.5, 0.8, 0.1)), reading.more)
    assert "count" not in said
    assert said["overall"] == RIGHT


def test_the_sentences_that_clip_is_asked_besides_say_something_else():
    assert changed("a red cat in the snow")[1:] == ("a purple cat in the snow", "a red cat at night")
    for text in ("a cat", "a red ball and a fish", "两只猫", "a cat at night"):
        asks = [parse(other).ask for other in changed(text)]
        assert len(set(asks) - {parse(text).ask}) == 3
        was = parse(text).ask
        for ask in asks:
            assert (ask.nouns[0].colour is None) == (was.nouns[0].colour is None)
            assert (ask.background is None) == (was.background is None)
            assert len({noun.kind for noun in ask.nouns}) == len(ask.nouns)
    assert changed("an astronaut") == ()


def test_abstaining_is_never_right():
    unsure = Found(None, "red", None, 0.3, 0.5, 0.2)
    assert marks("a red cat", seen(unsure)) == {"count": RIGHT, "kind 1": UNSURE, "colour 1": RIGHT, "overall": UNSURE}
    assert set(marks("a red cat", seen(CAT, scene=False)).values()) == {UNSURE}
    assert marks("a cat in the snow", seen(CAT, background=None))["overall"] == UNSURE
    diagonal = Found("house", "blue", "small", 0.7, 0.14, 0.12)
    assert marks("a cat left of a house", seen(CAT, diagonal))["relation"] == UNSURE
    assert marks("a cat left of a house", seen(CAT)) == {
        "count": WRONG, "kind 1": RIGHT, "kind 2": WRONG, "relation": WRONG, "overall": WRONG,
    }  # fmt: skip


def test_backgrounds_and_colours_alone():
    ask = Ask((Noun("cat", "red"),), None, "snow")
    assert plain(check(ask, seen(Found("cup", "red", "large", 0.5, 0.5, 0.2)))) is True
    assert plain(check(ask, seen(Found("cat", "blue", "large", 0.5, 0.5, 0.2)))) is False
    assert plain(check(Ask((Noun("cat"),)), seen(CAT))) is None


def test_a_measurement_is_whole_plain_data(suite):
    calls = []
    results = measure(
        suite, ["flat"], 12, TUNE, paint=brush, report=lambda *call: calls.append(call), batch=5, reference=40
    )
    assert json.loads(json.dumps(results)) == results
    flat = results["families"]["flat"]
    assert (flat["overall"]["count"], flat["held_out"]["count"]) == (12, 2)
    assert [flat["categories"][name]["count"] for name in CATEGORIES] == [2] * 6
    assert calls == [("flat", 5, 14), ("flat", 10, 14), ("flat", 14, 14)]
    assert results["weights"] == weights(suite)
    lines = table(results).splitlines()
    assert lines[0] == "|  | flat |"
    assert len({line.count("|") for line in lines}) == 1
    assert {line.split("|")[1].strip() for line in lines} >= {
        *CATEGORIES,
        "**overall**",
        "held-out pairs",
        "seconds a picture",
    }


def test_a_stopped_measurement_goes_on(suite, tmp_path):
    notes, painted_texts = tmp_path / "notes.jsonl", []

    def tired(family, prompts, seeds):
        if len(painted_texts) == 8:
            raise KeyboardInterrupt
        painted_texts.extend(prompts)
        return brush(family, prompts, seeds)

    with pytest.raises(KeyboardInterrupt):
        measure(suite, ["flat"], 12, TUNE, notes, paint=tired, batch=4, reference=40)
    with notes.open("a") as file:
        file.write('{"family": "flat", "k": 8, "mar')  # a kill in the middle of a line
    rest = []

    def fresh(family, prompts, seeds):
        rest.extend(prompts)
        return brush(family, prompts, seeds)

    results = measure(suite, ["flat"], 12, TUNE, notes, paint=fresh, batch=4, reference=40)
    assert painted_texts + rest == [q.text for q in questions(12, TUNE, 2)]
    unbroken = measure(suite, ["flat"], 12, TUNE, paint=brush, batch=4, reference=40)
    for each in (results, unbroken):
        del each["families"]["flat"]["seconds"]
    assert results == unbroken
    with pytest.raises(ValueError, match="other weights, seeds, counts"):
        measure(suite, ["flat"], 18, TUNE, notes, paint=brush)


def test_notes_without_a_file_forget_and_with_one_remember(tmp_path):
    for file in (None, tmp_path / "a" / "notes.jsonl"):
        first = Notes(file, {"count": 1})
        first.add("flat", {3: {"marks": {"overall": "right"}}})
        assert ("flat", 3) in first
        assert (("flat", 3) in Notes(file, {"count": 1})) == (file is not None)


@pytest.mark.parametrize("text", ["my shopping list", '{\n  "weights": {}\n}\n', '{"weights": {"a": 1}, "count": 1}\n'])
def test_a_file_of_something_else_is_no_notes_and_stays_as_it_is(tmp_path, text):
    file = tmp_path / "mine.txt"
    file.write_text(text)
    with pytest.raises(ValueError, match=re.escape(f"{file} holds notes of ")):
        Notes(file, {"weights": {}, "count": 1})
    assert file.read_text() == text


def test_notes_that_a_kill_cut_off_go_on_from_their_last_whole_line(tmp_path):
    file, about = tmp_path / "notes.jsonl", {"weights": {}, "device": "cpu"}
    Notes(file, about).add("flat", {k: {"marks": {}} for k in range(3)})
    whole = file.read_bytes()
    head = whole.index(b"\n") + 1
    for cut, rows in ((len(whole) - 3, 2), (head, 0), (head - 4, 0), (0, 0)):
        file.write_bytes(whole[:cut])
        again = Notes(file, about)
        assert len(again.rows) == rows
        assert file.read_bytes() == whole[: max(head, whole.rindex(b"\n", 0, cut) + 1 if cut > head else 0)]
    with pytest.raises(ValueError, match="or another device"):
        Notes(file, about | {"device": "openvino-bf16"})


def test_a_family_that_loses_pictures_is_named(suite):
    with pytest.raises(ValueError, match="lazy painted 1 pictures of 10"):
        measure(suite, ["lazy"], 12, TUNE, paint=lambda f, p, s: brush(f, p, s)[:1])


def test_the_painter_paints_what_is_asked():
    asked = questions(6, REPORT, 2)
    assert tuple(painted(asked).shape) == (8, 3, 64, 64)
    assert (painted(asked) == painted(questions(6, REPORT, 2))).all()
