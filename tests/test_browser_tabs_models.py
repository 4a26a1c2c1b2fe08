"""The Models tab in Debian's Chromium: a part is put away and read again by the keyboard, and memory has a limit."""

import pytest

from lab.ui.words import say
from tests.chromium import needs_chromium

pytestmark = needs_chromium
BUTTON = "#parts button[data-key=vae]"
ROW = f"#parts tr:has({BUTTON[7:]})"
LINE = "document.querySelector('#parts .line').innerText"


@pytest.fixture(scope="module")
def address(classroom):
    return classroom


def test_parts_come_and_go_and_memory_has_a_limit(visit):
    page = visit()
    page.click('#tabs button[data-tab-id="models"]')
    page.wait_for_selector(ROW)
    for _ in range(300):  # the app reads its parts as soon as it is up
        if page.locator(f"{ROW}.resident").count():
            break
        page.get_by_role("button", name=say("models.again", "en")).click()
        page.wait_for_timeout(300)
    page.locator(BUTTON).focus()
    for said, state in (("is put away", "evicted"), ("is in memory now", "resident")):
        page.keyboard.press("Enter")
        page.wait_for_function(f"{LINE}.includes({said!r})")
        assert page.locator(f"{ROW}.{state}").count() == 1
        assert page.locator(BUTTON).evaluate("button => button === document.activeElement"), "the focus was lost"
    slider = page.locator("#parts input[type=range]")
    slider.press("Home")
    page.wait_for_function(f"{LINE}.startsWith('The largest painter alone needs')")
    slider.press("ArrowLeft")
    page.wait_for_function(f"{LINE}.startsWith('At most')")
    slider.press("End")
    page.wait_for_function(f"{LINE}.startsWith('No limit')")
    page.click("#turn")
    page.wait_for_function(f"document.querySelector('{BUTTON}').innerText === '收起'")
