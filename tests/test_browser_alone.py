"""The page's scripts in Debian's Chromium without an app: what they do of what is told, and when nothing is."""

import pytest

from lab.ui.words import WORDS, say
from tests.alone import LANES, PAINTED, RED, TOAST, lane, opening, over, pages, tell
from tests.chromium import needs_chromium, states

pytestmark = needs_chromium
GONE = "Connection to the server was lost. Attempting reconnection..."
SAYS = "text => document.querySelector('[data-role=line]').innerText === text"


@pytest.fixture
def alone(browser):
    with pages(browser) as open_page:
        yield open_page


def line(page):
    return page.locator('[data-role="line"]').inner_text()


def test_on_a_phone_every_figure_of_a_painter_unfolds_by_the_keyboard_in_either_language(alone):
    page = alone(width=390)
    marks = {"kind": "marks", "lane": "latent", "similarity": [0.31], "judge": False, "words": None, "workspace": 2**20}
    tell(page, 1, opening(), lane(state="done", dots=[0.1, 0.2]), marks)
    panel = page.locator('.panel[data-lane="latent"]')
    hidden = [say(f"meter.{key}", "en") for key in ("evals", "parameters", "similarity", "memory")]
    assert not [word for word in hidden if word in panel.inner_text()]
    panel.locator(".more > summary").focus()
    page.keyboard.press("Enter")
    assert not [word for word in hidden if word not in panel.inner_text()]
    assert [panel.locator(".more > dl dd").nth(k).inner_text() for k in (0, 2)] == ["2", "0.31"]
    panel.locator(".memory > summary").press("Enter")
    assert say("memory.work", "en") in panel.inner_text()
    tell(page, 1, lane(state="done", dots=[0.3]), since=3)
    assert panel.locator(".more > dl dd").first.inner_text() == "3", "what was unfolded goes on"
    page.evaluate("quartet.speak('zh')")
    chinese = [say(key, "zh") for key in ("meter.more", "meter.evals", "meter.parameters", "memory.work")]
    assert not [word for word in chinese if word not in panel.inner_text()]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the phone"
    page.set_viewport_size({"width": 1280, "height": 844})
    page.wait_for_function("!document.querySelector('.more')")
    assert panel.locator("dl").first.locator("dd").count() == 4


def test_memory_that_was_not_measured_is_said_to_be_reckoned(alone):
    page = alone()
    marks = {"kind": "marks", "lane": "latent", "similarity": [0.31], "judge": False, "words": None}
    measured, reckoned = {"workspace": 2**20}, {"reckoned": 3 * 2**20}
    cases = ({}, "unmeasured", "2.0"), (reckoned, "reckoned", "5.0"), (measured, "work", "3.0")
    for race, (more, said, whole) in enumerate(cases, 1):
        tell(page, race, opening(), lane(state="done"), marks | {"workspace": 0, "reckoned": 0} | more)
        box = page.locator('.panel[data-lane="latent"] .memory')
        box.evaluate("box => (box.open = true)")
        told = box.inner_text()
        assert say(f"memory.{said}", "en") in told
        assert say("unit.mib", "en", n=whole) in told


def test_words_wait_for_the_judge_where_he_will_mark_them_and_nothing_moves_then(alone):
    page = alone(width=980)
    words = [{"en": f"a word {k}", "zh": f"词 {k}", "mark": "waits"} for k in range(5)]
    marks = {"kind": "marks", "lane": "latent", "similarity": [0.31], "judge": True, "workspace": 0}
    marks["words"] = [[word | {"mark": "right"} for word in words]]
    tell(page, 1, opening() | {"words": words}, *(lane(name) for name in LANES))
    seen = page.locator('.panel[data-lane="latent"] .word')
    above = page.locator('[data-role="score"]').bounding_box()["y"]
    assert seen.evaluate_all("all => all.map(each => each.className)") == ["word waits"] * 5
    assert seen.evaluate_all("all => new Set(all.map(each => each.offsetTop)).size") > 1, "they fit into one line"
    tell(page, 1, lane(state="done"), marks, since=5)
    assert seen.evaluate_all("all => all.map(each => each.className)") == ["word right"] * 5
    assert page.locator('[data-role="score"]').bounding_box()["y"] == above
    tell(page, 2, opening())
    assert say("judge.unread", "en") in page.locator('.panel[data-lane="latent"]').inner_text()


def test_the_stage_is_cleared_at_the_click_and_its_clock_runs_before_the_server_answers(alone):
    page = alone()
    over(page)
    began = page.evaluate(
        """async () => {
            const [clock, axis] = ["clock", "axis"].map((role) => document.querySelector(`[data-role=${role}]`));
            const at = performance.now();
            quartet.stage.ask();
            const cleared = clock.textContent, place = axis.value;
            while (axis.value === place) await new Promise((done) => setTimeout(done, 5));
            return [cleared, performance.now() - at];
        }"""
    )
    print(f"the barline moves after {began[1]:.0f} ms")
    assert began[0].startswith("0.0")
    assert began[1] < 1000, "of a machine that does nothing else: 100"
    assert line(page) == say("stage.asked", "en")
    assert states(page) == ["queued"] * 4
    page.wait_for_function(f"!({PAINTED})().some(Boolean)")
    assert page.locator('[data-role="keep"]').is_disabled()
    tell(page, 2, opening())
    assert line(page) == say("stage.turns", "en")


@pytest.mark.parametrize("answer", ["error", "full"])
def test_what_stood_on_the_stage_stands_there_again_if_the_server_refuses(alone, answer):
    page = alone()
    over(page)
    page.evaluate("quartet.stage.ask()")
    if answer == "error":
        tell(page, 2, {"kind": "error", "key": "say.empty", "values": {}})
        assert line(page) == say("say.empty", "en")
    else:
        page.evaluate(TOAST, ["Error", "This application is currently busy. Please try again. "])
        page.wait_for_function(SAYS, arg=say("toast.full", "en"))
    assert states(page) == ["done"] * 4
    page.wait_for_function(f"({PAINTED})().every(Boolean)")
    page.evaluate("quartet.stage.ask()")
    tell(page, 3, opening())
    assert states(page) == ["queued"] * 4
    page.evaluate("quartet.stage.ask()")  # refused while another is on its way: that one goes on
    tell(page, 3, lane(dots=[0.1]), since=1)
    tell(page, 4, {"kind": "error", "key": "say.empty", "values": {}})
    tell(page, 3, lane("pixel"), since=2)
    assert states(page) == ["running", "running", "queued", "queued"]


def test_a_server_that_is_gone_is_said_by_the_stage_in_either_language(alone):
    page = alone()
    over(page)
    page.click('[data-role="keep"]')
    page.wait_for_function(SAYS, arg=say("say.busy", "en"))
    tell(page, 2, opening(), lane())
    assert line(page) == say("stage.turns", "en")
    page.evaluate(TOAST, ["Error", GONE])
    page.wait_for_selector(".stage-line.trouble")
    assert line(page) == say("say.busy", "en")
    assert page.locator('[data-role="hold"]').is_disabled()
    page.evaluate("quartet.speak('zh')")
    assert line(page) == say("say.busy", "zh")


def test_the_shelf_says_that_the_server_is_gone_and_stays(alone):
    page = alone(scripts=["js/parts.js"], html='<div class="parts"></div>')
    part = dict.fromkeys(("bytes", "parameters", "hits", "loads", "seconds"), 0)
    part |= {"name": "vae", "said": "vae", "state": "away", "lanes": [], "kind": "", "licence": "MIT", "source": "ours"}
    told = {"rows": [part], "used": 0, "peak": 0, "budget": None, "seconds": 0, "counts": {}, "line": None}
    page.evaluate("value => told(value)", told)
    page.evaluate("document.querySelector('.wide').style = 'width: 200px; overflow: auto'")
    line, wide = page.query_selector(".line"), page.query_selector(".wide")
    pushed = wide.evaluate("wide => (wide.scrollLeft = 60, wide.scrollLeft)")
    page.click("button[data-key=vae]")
    page.wait_for_function("text => document.querySelector('.line').innerText === text", arg=say("say.busy", "en"))
    assert page.locator("button[data-key=vae]").count() == 1
    assert line.evaluate("line => line.isConnected && line.innerText") == say("say.busy", "en"), (
        "nobody hears a new one"
    )
    assert wide.evaluate("wide => wide.scrollLeft") == pushed > 0


SPOKEN = {  # what Gradio 6.31 says, and what the page makes of it
    'File(s) exceed the maximum allowed size of 8.0 Mb: "big.png"': ("toast.large", {"n": "8.0", "files": '"big.png"'}),
    "Invalid file type: notes.txt. Only image/* allowed.": ("toast.kind", {"files": "notes.txt"}),
    "This application is currently busy. Please try again. ": ("toast.full", {}),
    GONE: ("toast.lost", {}),
    "Connection errored out. ": ("toast.lost", {}),
    "An error occurred.": ("toast.broken", {}),
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_gradio_says_of_its_own_accord_is_said_in_the_pages_language(alone, language):
    page = alone()
    for message in [*SPOKEN, "A sentence of somebody else's."]:
        page.evaluate(TOAST, ["Error", message])
    page.evaluate("language => quartet.speak(language)", language)
    said = [say(key, language, **values) for key, values in SPOKEN.values()]
    page.wait_for_function("text => document.querySelector('[data-testid=toast-text]').innerText === text", arg=said[0])
    assert page.locator('[data-testid="toast-text"]').all_inner_texts() == [*said, "A sentence of somebody else's."]
    at = ("en", "zh").index(language)
    assert page.locator(".toast-title-row").first.inner_text().strip() == WORDS["toast.error"][at]
    assert page.locator('[data-testid="toast-close"]').first.get_attribute("aria-label") == WORDS["toast.close"][at]


def test_a_page_that_missed_news_goes_on_and_counts_what_the_server_counted(alone):
    page = alone()
    news = [lane(name, dots=[1.0], evals=40) for name in LANES]
    tell(page, 1, *news, since=30)
    evals = page.locator('.panel[data-lane="latent"] dd').nth(1)
    assert evals.inner_text() == "40"
    assert states(page) == ["running"] * 4
    assert page.locator('[data-role="hold"]').is_enabled()
    tell(page, 1, lane(time=2.0, dots=[1.5, 1.7], evals=45), since=70)
    assert evals.inner_text() == "45"
    done = [lane(name, "done", 3.0, evals=50) for name in LANES]
    tell(page, 1, *done, {"kind": "over", "time": 3.0, "keep": False}, since=90)
    assert [text.count("50") for text in page.locator(".summary li").all_inner_texts()] == [1] * 4
    page.locator('[data-role="axis"]').fill("1.5")
    assert evals.inner_text() == "41", "40 by the first second, and a dot after it"


LABELS = {  # of sliders, of the editor's tools, of a box to tick
    "number input for Steps": ("gradio.number", {"label": "Steps"}),
    "Brush Size": ("gradio.size", {}),
    "undo": ("gradio.undo", {}),
}


def test_the_names_of_gradios_own_pieces_turn_with_the_page(alone):
    page = alone(scripts=[], html='<label>Latent <input type="checkbox" title="latent"></label>')
    page.evaluate("names => names.forEach((name) => document.body.append(quartet.make('i'))"
                  " || document.body.lastChild.setAttribute('aria-label', name))", list(LABELS))  # fmt: skip
    for language in ("zh", "en"):
        page.evaluate("language => quartet.speak(language)", language)
        said = [say(key, language, **values) for key, values in LABELS.values()]
        assert page.locator("i").evaluate_all("all => all.map((each) => each.ariaLabel)") == said
    page.locator("i").first.evaluate("each => each.setAttribute('aria-label', 'number input for Seed')")
    page.wait_for_function(
        "text => document.querySelector('i').ariaLabel === text", arg=say("gradio.number", "en", label="Seed")
    )
    assert page.locator("input").get_attribute("title") is None


def test_other_weights_are_looked_for_once_the_page_stands(alone):
    page = alone(scripts=["js/weights.js"], html='<nav class="weights" hidden></nav>')
    page.wait_for_selector(".weights button")
    assert page.locator(".weights").inner_text().split() == ["Weights:", "Classroom", "Full"]
    page.click(".weights button")  # which nobody answers here: said beside the switch, in either language
    for language in ("en", "zh"):
        page.evaluate("language => quartet.speak(language)", language)
        page.wait_for_function(
            "text => document.querySelector('.weights .line').innerText === text", arg=say("toast.broken", language)
        )
    assert page.locator(".weights button").is_enabled()


SENTENCE = '<div id="prompt"><label><textarea></textarea></label></div><div class="hints"></div>'


def hinted(page, text, *unknown, **more):
    """Tell the lines under a sentence what nobody learned of it: pairs of a word and what is near it."""
    told = [{"word": word, "near": near} for word, near in unknown]
    said = {"text": text, "unknown": told, "dropped": "", "language": "en", "foreign": False, "english": ""}
    page.evaluate("value => { props.field = 'prompt'; told(value); }", said | more)


def waved(page):
    """The sentence behind the letters: what is not waved under, and what is, in turn."""
    return page.locator(".behind").evaluate("behind => [...behind.childNodes].map((each) => each.textContent)")


def test_a_word_nobody_learned_is_a_whole_word_and_in_chinese_wherever_it_stands(alone):
    page = alone(scripts=["js/hints.js"], html=SENTENCE)
    for text, word, known, language, parts, put in (
        ("a pink cat in a house", "in", "on", "en", ["a pink cat ", "in", " a house"], "a pink cat on a house"),
        ("a cat, an Astronaut", "astronaut", "rocket", "en", ["a cat, an ", "Astronaut", ""], "a cat, a rocket"),
        ("一只小狗在草地上", "狗", "猫", "zh", ["一只小", "狗", "在草地上"], "一只小猫在草地上"),
    ):
        hinted(page, text, (word, [known]), language=language)
        assert waved(page) == parts
        page.click(".near .chip")
        assert page.evaluate("triggered") == ["pick", {"text": put}]


def test_what_is_said_of_a_sentence_is_drawn_again_only_where_it_changed_and_heard_without_the_stickers(alone):
    page = alone(scripts=["js/hints.js"], html=SENTENCE)
    chip = page.locator('[data-key="dog cat"]')
    hinted(page, "a dog", ("dog", ["cat"]))
    chip.focus()
    chip.evaluate("chip => (window.chip = chip)")
    hinted(page, "a dog in a meadow", ("dog", ["cat"]))
    assert chip.evaluate("now => now === chip"), "drawn again at every letter"
    chip.press("Enter")
    assert page.evaluate("triggered") == ["pick", {"text": "a cat in a meadow"}], "the sentence has grown since"
    hinted(page, "a dog in a hat", ("dog", ["cat"]), ("hat", ["house"]))
    assert page.evaluate("document.activeElement.dataset.key") == "dog cat"
    hinted(page, "a cat")
    assert page.evaluate("document.activeElement.matches('.try .chip')"), "whoever stood there stands nowhere"
    hinted(page, "a hat", ("hat", ["cup"]))
    heard = page.locator("[aria-live]")
    assert heard.count() == 1
    assert "hat" in heard.inner_text()
    assert page.locator("[aria-live] :is(.stickers, .try)").count() == 0


HUNG = {"columns": [""], "rows": [""], "size": 64, "cells": {}, "line": None, "need": None, "trouble": None}


def test_of_a_wall_the_line_alone_is_heard_and_no_step_of_it_twice(alone):
    page = alone(scripts=["js/wall.js"], html='<div class="wall unclip"></div>')
    page.evaluate("window.line = document.querySelector('.stage-line')")
    assert page.locator("[aria-live]").count() == 1
    for key, values, live in (
        ("unclip.begins", {}, "polite"), ("unclip.decodes", {"i": 1, "n": 9}, "polite"),
        ("unclip.decodes", {"i": 2, "n": 9}, "off"), ("unclip.stopped", {}, "polite"),
    ):  # fmt: skip
        page.evaluate("value => told(value)", HUNG | {"columns": [key], "line": {"key": key, "values": values}})
        assert page.locator(".stage-line").inner_text() == say(key, "en", **values)
        assert page.evaluate("[line.isConnected, line.ariaLive]") == [True, live]
    page.evaluate("value => told(value)", HUNG | {"columns": [], "trouble": {"key": "say.empty", "values": {}}})
    assert page.locator(".stage-line.trouble").inner_text() == say("say.empty", "en")
    assert page.locator(".place").count() == 1, "a message takes nothing down"
    for nothing in ("null", '""'):  # as Gradio may say it
        page.evaluate(f"told({nothing})")
        page.evaluate("quartet.speak(quartet.language)")
        assert page.locator(".wall").inner_text() == ""
        assert page.locator(".place").count() == 0


def test_whoever_stood_on_a_picture_to_keep_still_does_when_the_page_turns(alone):
    page = alone(scripts=["js/wall.js"], html='<div class="wall latent"></div>')
    cell = {"images": [page.evaluate(RED)], "files": ["one.png"], "captions": [], "inside": []}
    page.evaluate("value => told(value)", HUNG | {"columns": ["", ""], "cells": {"0,0": cell, "0,1": cell}})
    page.locator(".wall a").nth(1).focus()
    page.evaluate("quartet.speak('zh')")
    assert page.evaluate("[...document.querySelectorAll('.wall a')].indexOf(document.activeElement)") == 1


def test_of_a_picture_that_is_painted_again_the_line_alone_is_heard(alone):
    page = alone(scripts=["js/info.js"], html='<div class="info"></div>')
    shown = {"picture": page.evaluate(RED), "receipts": [], "settings": {"Steps": "9"}, "again": []}
    for more, text in (
        ({"waits": True}, say("info.waits", "en")), ({}, ""),
        ({"error": {"key": "say.notagain", "values": {}}}, say("say.notagain", "en")),
    ):  # fmt: skip
        page.evaluate("value => told(value)", shown | more)
        assert page.locator("[aria-live]").evaluate_all("all => all.map((each) => each.textContent)") == [text]
        assert page.locator(".info img").count() == 1


INK = """([seconds, span]) => {  // of every stave at such a time, whether its painter's own ink is there
    const canvas = document.querySelector('[data-role="score"]'), pen = canvas.getContext("2d");
    const { margin, stave } = quartet.Score, x = margin + (seconds / span) * (canvas.width - margin - 6);
    return quartet.lanes.map((lane, k) => {
        const [r, g, b, alpha] = pen.getImageData(Math.round(x), Math.round(stave * (k + 0.5)) - 1, 1, 1).data;
        const own = [1, 3, 5].map((at) => parseInt(quartet.ink(lane).slice(at, at + 2), 16));
        return alpha > 200 && Math.max(...[r, g, b].map((value, k) => Math.abs(value - own[k]))) < 40;
    });
}"""


def test_the_score_has_a_mark_for_every_evaluation_at_its_time_and_fades_those_to_come(alone):
    page = alone()
    marks = {"latent": [0.5], "pixel": [0.5, 1.5], "vqgan_clip": [1.0], "unclip": []}
    tell(page, 1, opening(), *(lane(name, "done", dots=dots) for name, dots in marks.items()))
    tell(page, 1, {"kind": "over", "time": 2.0, "keep": True}, since=5)
    axis = page.locator('[data-role="axis"]')

    def inked(at):
        return page.evaluate(INK, [at, 2.0])

    def want(at, until=2.0):
        return [at in dots and at <= until for dots in marks.values()]

    axis.press("End")
    for at in (0.25, 0.5, 1.0, 1.25, 1.5):
        assert inked(at) == want(at), f"{at} s"
    axis.press("Home")
    for _ in range(24):  # by 0.03 s each
        axis.press("ArrowRight")
    assert 0.5 < float(axis.input_value()) < 1.0
    for at in (0.5, 1.0, 1.5):
        assert inked(at) == want(at, until=float(axis.input_value())), f"{at} s, unpainted"


def test_arrows_move_the_time_axis_by_what_can_be_seen(alone):
    page = alone()
    over(page)
    axis = page.locator('[data-role="axis"]')
    axis.focus()
    for key, place in (("ArrowLeft", 1.47), ("ArrowDown", 1.44), ("ArrowRight", 1.47), ("Home", 0), ("ArrowUp", 0.03)):
        axis.press(key)
        assert float(axis.input_value()) == pytest.approx(place, abs=1e-3), key
        assert axis.get_attribute("aria-valuetext") == say("unit.second", "en", n=f"{place:.1f}")
    assert not page.evaluate(f"({PAINTED})().some(Boolean)"), "nothing was painted yet after 0.03 s"
    axis.press("End")
    page.wait_for_function(f"({PAINTED})().every(Boolean)")


def test_whoever_brings_an_earlier_race_back_by_the_keyboard_stays_on_it(alone):
    page = alone()
    over(page)
    over(page, 2)
    first = page.locator('.strip .race[data-key="1"]')
    first.focus()
    first.press("Enter")
    page.wait_for_selector('.strip .race[data-key="1"][aria-pressed="true"]')
    assert page.evaluate("document.activeElement.dataset.key") == "1"


def test_a_sentence_says_what_was_missed_or_what_the_judge_cannot_tell(alone):
    page = alone()
    word = lambda en, mark: {"en": en, "zh": en, "mark": mark}  # noqa: E731
    told = {"kind": "marks", "judge": True, "similarity": [0.5], "apart": None, "workspace": 0}
    tell(
        page, 1, opening(), *(lane(name, "done") for name in LANES),
        told | {"lane": "latent", "words": [[word("red", "right"), word("cat", "wrong"), word("large", "cannot say")]]},
        told | {"lane": "pixel", "words": [[word("red", "right"), word("cat", "cannot say")]]},
        told | {"lane": "unclip", "words": [[word("red", "right")]]},
        {"kind": "over", "time": 1.5, "keep": False},
    )  # fmt: skip
    said = [line.split("evaluations")[1] for line in page.locator(".summary li").all_inner_texts()]
    assert said == [", missed cat.", "; the judge cannot tell cat.", ".", ", every word right."]
