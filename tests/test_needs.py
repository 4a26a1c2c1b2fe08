"""What a run will need in memory is told with its first news; where it is refused, what would fit."""

import threading
from dataclasses import replace

import pytest

from lab.lessons.together import together
from lab.race import LANES, Race, default_engine, open_suite
from lab.race.events import Event
from lab.race.needs import need_of, refused
from lab.ui import models
from lab.ui.painters.unclip.acts import _line
from lab.ui.stage.news import merged, note, of_event
from lab.ui.wall import Wall
from lab.ui.words import LANGUAGES, say
from models.catalog.full import full
from models.engine import Engine
from models.loaders import weigh
from models.registry import Fits, WontFit, advice
from tests.tinysuite import KNOBS, TEXT, engine, folder


def needed(count, lane="latent"):
    """Of so many pictures, on a device without a limit."""
    race = Race(engine(), "classroom", TEXT, lanes=[lane], knobs={lane: KNOBS[lane]}, count=count)
    return need_of(engine(), race.requests[lane])


def tight(budget):
    return default_engine(open_suite(folder()), budget=budget)


def raced(running, count, lanes=("latent",)):
    return list(Race(running, "classroom", TEXT, lanes=lanes, knobs={lane: KNOBS[lane] for lane in lanes}, count=count))


def said(sentence):
    """In both languages, whole and without a field left open."""
    texts = [say(sentence["key"], language, **sentence["values"]) for language in LANGUAGES]
    assert texts[0] != texts[1]
    assert all("{" not in text and "'key'" not in text for text in texts)
    return texts[0]


def test_the_first_news_of_a_painter_tell_what_its_own_request_needs():
    one, four = needed(1), needed(4)
    assert one["weights"] == four["weights"]
    assert one["workspace"] < four["workspace"], "more pictures, more room"
    first, *rest = raced(tight(2 * four["need"]), 4)
    assert first.need == four | {"budget": 2 * four["need"]}
    assert all(event.need is None for event in rest)
    (news,) = merged([of_event(event) for event in (first, *rest)])
    assert news["need"] == first.need, "though it is told with what came later"


@pytest.mark.parametrize("lane", LANES)
def test_without_a_limit_nothing_is_reckoned(monkeypatch, lane):
    monkeypatch.setattr(Engine, "forecast", lambda *_: pytest.fail("nobody asked"))
    assert all(event.need is None for event in raced(engine(), 1, [lane]))


def test_a_refusal_says_what_would_fit_and_advises_nothing_that_would_not_help():
    one, four, told = needed(1), needed(4), {}
    for budget in ((one["need"] + four["need"]) // 2, one["weights"] // 4):
        last = raced(tight(budget), 4)[-1]
        assert last.state == "failed"
        assert (last.need["budget"], last.need["fits"]) == (budget, False)
        told[note(last)["values"]["would"]["key"]] = said(note(last))
    part = open_suite(folder())["unet"]
    size = weigh(part)
    error = WontFit(size, size - 1, [], advice({part: size}, 0, size - 1))
    told["fits.half"] = said(note(Event("latent", "failed", 1.0, 0, 0, 0.0, {}, need=refused(error))))
    assert list(told) == ["fits.fewer", "fits.neither", "fits.half"]
    assert "choose fewer or smaller pictures" in told["fits.fewer"]
    assert all("fewer pictures do not help" in told[key] for key in ("fits.half", "fits.neither"))
    assert "latent denoiser with" in told["fits.neither"]
    assert "in half precision it would take" in told["fits.half"]
    half = {part: size, full()["clip"]: 2 * size}  # CLIP stays as it is: only the net would shrink
    assert advice(half, 0, 2 * size + size // 2).bytes == 2 * size + size // 2
    assert advice(half, 0, 2 * size).kind == "neither"
    assert raced(tight((one["need"] + four["need"]) // 2), 1)[-1].state == "done", "and so few do fit"


def test_a_painters_tab_tells_it_above_its_wall_and_a_refusal_in_its_cell():
    one, running = needed(1), tight(2 * needed(1)["need"])
    race = Race(running, "classroom", TEXT, lanes=["latent"], knobs={"latent": KNOBS["latent"]})
    shown = Wall(["a", "b"])
    assert shown.value["need"] is None
    for event in together(running, {"a": race.requests["latent"]}, threading.Event()):
        shown.follow(event, 0, 0)
    assert shown.need["need"] == one["need"]
    assert "of memory" in said(shown.value["need"])
    other = Event("b", "failed", 1.0, 0, 0, 0.0, {}, need=refused(WontFit(9, 5, [], Fits("fewer", 3))))
    shown.follow(other, 0, 1)
    assert shown.need["need"] == one["need"], "the refused run says so itself"
    assert shown.value["cells"]["0,1"]["captions"][-1]["key"] == "say.large"
    assert _line(other, "", "")["key"] == "say.large", "so does the tab that says it in a line"
    assert note(replace(other, need=None, note="OutOfMemoryError: ...")) == {"key": "say.memory", "values": {}}


def test_a_part_that_will_not_be_loaded_says_whether_half_precision_would():
    size = weigh(open_suite(folder())["unet"])
    for budget, key in ((size - 1, "models.wontfit.half"), (size // 2 - 1, "models.wontfit")):
        line = models.fetch(tight(budget), "classroom", "unet")["line"]
        assert line["key"] == key
        assert "Raise the limit" in said(line)
