"""The Stable Diffusion tab in Chromium: the guidance strip, stopped and painted, in both languages; the editor."""

import pytest

from lab.ui.words import say
from tests.chromium import needs_chromium

pytestmark = needs_chromium
CAPTIONS = "[...document.querySelectorAll('#latent-guidance figcaption')].map(each => each.innerText)"


@pytest.fixture(scope="module")
def address(classroom):
    return classroom


def opened(visit, **options):
    page = visit(**options)
    page.get_by_role("tab", name="Stable Diffusion").click()
    page.wait_for_selector("#latent-guidance-go")
    return page


def test_the_strip_is_painted_at_five_scales_and_says_so_in_chinese(visit):
    page = opened(visit)
    assert page.locator("#latent-guidance .bare").count() == 5
    page.click("#latent-guidance-go")
    page.wait_for_function(f"{CAPTIONS}.every(text => text.includes('CLIP similarity'))")
    pictures = page.locator("#latent-guidance img").evaluate_all("images => images.map(image => image.src)")
    assert len(set(pictures)) == 5
    page.click("#turn")
    page.wait_for_function(f"{CAPTIONS}.every(text => text.includes('CLIP 相似度'))")
    page.wait_for_function("document.querySelector('#latent-guidance-go').innerText === '画这一排'")
    assert page.locator("#latent-guidance img").evaluate_all("images => images.map(image => image.src)") == pictures


def test_stop_keeps_what_is_there_and_a_message_takes_nothing_down(visit):
    page = opened(visit, width=390, height=844)
    page.locator("#latent-guidance-go").scroll_into_view_if_needed()
    page.get_by_role("tabpanel").locator("visible=true").get_by_role("button", name="Settings").click()
    page.locator("#latent-guidance-steps input[type=number]").fill("50")
    page.locator("#latent-guidance-steps input[type=number]").press("Tab")
    page.click("#latent-guidance-go")
    page.wait_for_function(  # pressed by the page itself: the strip must not be done before
        """() => document.querySelectorAll('#latent-guidance img').length > 0
               && (document.querySelector('#latent-guidance-stop').click(), true)"""
    )
    page.wait_for_function(f"{CAPTIONS}.some(text => text.includes('stopped'))")
    held = page.locator("#latent-guidance img").count()
    assert held
    page.locator(".sentence textarea").locator("visible=true").fill("")
    page.click("#latent-guidance-go")
    page.wait_for_selector("#latent-guidance .stage-line.trouble")
    assert page.locator("#latent-guidance img").count() == held
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the phone"


def test_what_is_covered_in_the_editor_is_repainted(visit):
    page = opened(visit)
    page.locator("#latent-acts").get_by_role("tab", name="Repaint a part").click()
    page.wait_for_selector("#latent-editor canvas")
    page.click("#latent-repaint-go")
    page.wait_for_function("document.querySelector('#latent-repaint').innerText.includes('outside the hole')")
    assert page.locator("#latent-repaint img").count() == 2


def test_a_file_that_is_none_is_told_under_the_editor_and_enter_leads_to_the_strip(visit, tmp_path):
    page = opened(visit)
    page.locator("#latent-acts").get_by_role("tab", name="Repaint a part").click()
    page.wait_for_selector("#latent-editor canvas")
    (tmp_path / "broken.png").write_bytes(b"<svg onload=alert(1)>")
    with page.expect_file_chooser() as chooser:
        page.click("#latent-repaint-file")
    chooser.value.set_files(tmp_path / "broken.png")
    page.wait_for_selector("#latent-repaint .stage-line.trouble")
    assert page.locator("#latent-repaint .stage-line").inner_text() == say("latent.say.unreadable", "en")
    page.locator("#latent-text textarea").press("Enter")
    page.wait_for_selector("#latent-guidance-go:visible")
    page.wait_for_function("document.querySelectorAll('#latent-guidance img').length === 5")


@pytest.mark.parametrize("width", [1280, 390])
def test_a_word_nobody_learned_is_waved_under_and_a_known_one_is_one_tap_away(visit, width):
    page = visit(width=1280)
    page.get_by_role("tab", name="Stable Diffusion").click()
    page.set_viewport_size({"width": width, "height": 900})
    page.locator("#latent-text textarea").fill("an astronaut in a meadow")
    page.wait_for_selector("#latent-text-hints mark")
    assert page.locator("#latent-text .behind mark").inner_text() == "astronaut"
    assert page.evaluate(
        """() => {
            const [text, behind] = ['textarea', '.behind'].map(name => document.querySelector('#latent-text ' + name));
            const [one, other] = [text, behind].map(getComputedStyle);
            return one.fontSize === other.fontSize && one.fontFamily === other.fontFamily
                && Math.abs(text.getBoundingClientRect().x - behind.getBoundingClientRect().x) < 1;
        }"""
    ), "the wave stands elsewhere than the word"
    page.locator("#latent-text-hints .near .chip").first.click()
    page.wait_for_function("!document.querySelector('#latent-text textarea').value.includes('astronaut')")
    page.wait_for_function("!document.querySelector('#latent-text-hints mark')")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than its window"
