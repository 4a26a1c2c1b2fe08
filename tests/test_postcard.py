"""Postcards: every letter of the sentence is one, every picture is there, and each can be painted again from there."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from lab.record import read
from lab.ui import controls, info, letters, postcard
from tests.test_ui import KNOBS, heard, painted, settings, visitor
from tests.tinysuite import TEXT

SENTENCES = ("老虎骑马快跑", "园里的恐龙", "красный кот", "a cat 😀\u200d\ufe0f", "a cat\nin\tsnow", "龘😀ж\U000e0001")


@pytest.fixture(params=["this system's fonts", "none but ours"])
def fonts(request, monkeypatch):
    if request.param == "none but ours":
        monkeypatch.setattr(letters, "SYSTEM", ())
    return [font for name, place in (*letters.OURS, *letters.SYSTEM) if (font := letters._font(name, place, 28))]


def card_of(show, key, language="en"):
    return Image.open(io.BytesIO(base64.b64decode(show.postcard(key, language)["png"]))).convert("RGB")


def boxes(strip, font):
    """How often the sign that `font` draws for what it lacks stands in `strip`."""
    mask = font.getmask(letters.NOBODY)
    sign = np.asarray(mask).reshape(mask.size[::-1]) > 127
    dark = np.asarray(strip.convert("L")) < 139  # between paper and ink
    windows = np.lib.stride_tricks.sliding_window_view(dark, sign.shape)
    return int((windows == sign).all((2, 3)).sum())


@pytest.mark.parametrize("text", SENTENCES)
def test_no_character_of_a_sentence_is_drawn_as_an_empty_box(show, fonts, text):
    key = painted(show, text=text, lanes=["pixel"], steps=1)[0]["key"]
    card = card_of(show, key)
    strip = card.crop((0, 0, card.width, postcard.TOP))
    assert (np.asarray(strip.convert("L")) < 139).sum() > 20, "nothing is written"
    assert [boxes(strip, font) for font in fonts] == [0] * len(fonts)


def test_what_ours_lack_is_drawn_in_a_font_that_has_it_and_else_as_three_dots(monkeypatch):
    lacks, has = (letters._font(*one, 28) for one in letters.OURS)
    monkeypatch.setattr(letters, "SYSTEM", ())
    assert letters.runs("a cat", 28) == [("a cat", lacks)]
    assert letters.runs("大红猫", 28) == [("大红猫", has)]
    assert letters.runs("大红猫 ÅΩ龘", 28) == [("大红猫 ", has), ("Å", lacks), ("…", has)]
    monkeypatch.setattr(letters, "OURS", letters.OURS[:1])
    monkeypatch.setattr(letters, "SYSTEM", (("nowhere.ttf", 0), (str(letters.ASSETS / "fonts/quartet-kai.woff2"), 0)))
    assert letters.runs("猫", 28) == [("猫", has)]


def test_a_sentence_longer_than_the_card_ends_in_dots_within_it():
    for text in ("夜里有三颗白色的星星" * 9, "a cat and " * 30):
        short = letters.fitted(text, 28, 500)
        assert short.endswith("…")
        assert text.startswith(short[:-1])
        assert 440 < letters.width(short, 28) <= 500


def wide(width):
    """The settings of all painters, Latent's pictures that wide and then enlarged."""
    values, names = settings(2), [spec.name for spec in controls.shown(KNOBS["latent"])]
    for name, value in {"width": width, "height": width, "upsample": True, "upsample_steps": 2}.items():
        values[names.index(name)] = value
    return values


def test_pictures_of_any_size_stand_apart_and_are_painted_again_from_the_card(engine, show, tmp_path):
    lanes = ["latent", "pixel"]
    key = heard(show.paint(visitor(), TEXT, 1, lanes, 0, 2, *wide(96)))[0]["key"]
    file = tmp_path / "card.png"
    file.write_bytes(base64.b64decode(show.postcard(key, "en")["png"]))
    card, outcomes = read(file), show.visits.kept(key).race.outcomes
    assert [(note["sampler"], note["index"]) for note in card.receipts] == [(lane, k) for lane in lanes for k in (0, 1)]
    assert outcomes["latent"].images.shape == (2, 384, 384, 3)
    taken = np.zeros(card.image.shape[:2], int)
    for note in card.receipts:
        left, top, width, height = note["box"]
        place = slice(top, top + height), slice(left, left + width)
        taken[place] += 1
        times = height // outcomes[note["sampler"]].images.shape[1]
        assert np.array_equal(card.image[place][::times, ::times], outcomes[note["sampler"]].images[note["index"]]), (
            "cut off, or painted over"
        )
    assert taken.max() == 1
    *_, last = info.paint_again(engine, str(file), info.Repaint())
    assert "error" not in last
    assert [pair["most"] <= 1 for pair in last["again"]] == [True] * 4


def test_a_card_never_grows_larger_than_what_is_read_back(engine, show, monkeypatch):
    key = painted(show, lanes=["pixel"], count=3)[0]["key"]
    visit = show.visits.kept(key)
    whole, notes = postcard.draw(engine, visit, "en")
    assert [note["index"] for note in notes] == [0, 1, 2]
    monkeypatch.setattr(postcard, "PIXELS", whole.width * whole.height - 1)
    card, notes = postcard.draw(engine, visit, "en")
    assert card.width * card.height <= postcard.PIXELS
    assert [note["index"] for note in notes] == [0, 1]
