"""The DALL-E 2 tab in Debian's Chromium: thoughts in words become pictures, in either language; the slider fills."""

import pytest

from tests.chromium import ended, needs_chromium, paint

pytestmark = needs_chromium
LONG = 120_000  # milliseconds: the parts may have to be read before the first thought


@pytest.fixture(scope="module")
def address(classroom):
    return classroom


def open_tab(page):
    page.locator('#tabs button[role="tab"]:visible', has_text="DALL·E 2").first.click()
    page.wait_for_selector("#unclip-prior-go:visible")


@pytest.mark.parametrize("width", [1280, 390])
def test_thoughts_are_words_before_they_are_pictures(visit, width):
    page = visit(width=1280)
    open_tab(page)
    page.set_viewport_size({"width": width, "height": 900})
    page.click("#unclip-prior-go")
    page.wait_for_selector("#unclip-prior .bare p", timeout=LONG)
    assert page.locator("#unclip-prior img").count() == 0
    assert page.locator("#unclip-prior .cell").count() == 4
    page.wait_for_function("document.querySelector('#unclip-prior .stage-line').innerText.includes('diamond')")
    page.wait_for_function("document.querySelectorAll('#unclip-prior img').length === 4")
    assert page.locator("#unclip-prior figcaption", has_text="◆").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than its window"
    page.set_viewport_size({"width": 1280, "height": 900})
    page.click("#turn")
    page.wait_for_function("document.querySelector('#unclip-prior').innerText.includes('最接近句子')")
    assert not page.evaluate("/[a-z]{3}/i.test(document.querySelector('#unclip-prior').innerText.replace('DALL', ''))")


def test_small_and_large_lie_under_the_slider(visit):
    page = visit()
    open_tab(page)
    page.get_by_role("tab", name="Small and large").click()
    page.click("#unclip-larger-go")
    page.wait_for_function("document.querySelectorAll('#unclip-slider img').length === 2")
    widths = page.locator("#unclip-slider img").evaluate_all("images => images.map(image => image.naturalWidth)")
    assert widths[0] == widths[1]


def test_an_empty_sentence_is_answered_and_nothing_is_lost(visit):
    page = visit()
    open_tab(page)
    page.locator("#unclip-text textarea, #unclip-text input").first.fill("")
    page.click("#unclip-prior-go")
    page.wait_for_selector("#unclip-prior .stage-line.trouble")
    assert "Write a sentence" in page.locator("#unclip-prior .stage-line").inner_text()


def test_in_a_race_the_painter_tells_what_it_imagines_until_it_paints(visit):
    page = visit()
    open_tab(page)  # its parts may be in memory by now
    page.click("#unclip-prior-go")
    page.wait_for_selector("#unclip-prior .bare p", timeout=LONG)
    page.locator('#tabs button[role="tab"]:visible').first.click()
    page.click("#drawer > button")
    for painter in ("Latent", "Pixel", "VQGAN"):
        page.locator("#lanes label", has_text=painter).click()
    paint(page)
    page.wait_for_selector('.panel[data-lane="unclip"][data-state="done"]', timeout=LONG)
    ended(page)
    said = page.evaluate(
        """() => {
            const axis = document.querySelector('[data-role="axis"]'), box = '.panel[data-lane="unclip"] .thought';
            for (let time = 0; time < Number(axis.max); time += Number(axis.max) / 400) {
                axis.value = time;
                axis.dispatchEvent(new Event('input'));
                if (!document.querySelector(box).hidden) return document.querySelector(box).innerText;
            }
            return "";
        }"""
    )
    assert len(said.splitlines()) >= 3
