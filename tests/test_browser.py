"""The page in Debian's Chromium, on a tiny suite: it paints, stops, speaks both languages, and asks no other host."""

from lab.record import read
from tests.chromium import ended, looks, needs_chromium, paint, states

SAME = "last => [...document.querySelectorAll('.frame canvas')].every((canvas, k) => canvas.toDataURL() === last[k])"

pytestmark = needs_chromium


def steps(page, count):
    """So many steps for the slow painter, by its own control."""
    page.click("#drawer > button")
    page.click(".knobs.vqgan_clip > button")
    page.locator(".knobs.vqgan_clip input[type=number]").first.fill(str(count))
    page.locator(".knobs.vqgan_clip input[type=number]").first.press("Tab")


def test_one_click_paints_four_pictures_that_time_can_take_back(visit):
    page = visit()
    steps(page, 4)
    paint(page)
    ended(page)
    assert states(page) == ["done"] * 4
    last = looks(page)
    assert len(set(last)) == 4
    axis = page.locator('[data-role="axis"]')
    axis.focus()
    axis.press("Home")
    assert page.locator(".panel .state").first.inner_text() == "waits for its turn"
    axis.press("End")
    page.wait_for_function(SAME, arg=last)
    with page.expect_download() as kept:
        page.click('[data-role="keep"]')
    assert len(read(kept.value.path()).receipts) == 4


def test_every_tab_is_within_reach_in_a_window_that_was_narrowed(visit):
    page, button = visit(), '> .tab-wrapper button[role="tab"]'
    names = "tabs => tabs.map(tab => tab.innerText)"
    for tab, acts in {"latent": "#latent-acts", "pixel": "#pixel-acts", "vqgan_clip": "#vq-acts",
                      "unclip": "#unclip-acts"}.items():  # fmt: skip
        page.set_viewport_size({"width": 1280, "height": 900})
        page.click(f'#tabs {button}[data-tab-id="{tab}"]')
        page.wait_for_selector(acts)
        wide = {bar: page.locator(f"{bar} {button}").evaluate_all(names) for bar in ("#tabs", acts)}
        page.set_viewport_size({"width": 390, "height": 844})
        for bar, said in wide.items():
            page.wait_for_function("document.documentElement.clientWidth <= 390")
            assert page.locator(f"{bar} {button}").evaluate_all(names) == said
            edges = "tabs => tabs.map(tab => [tab.getBoundingClientRect().left, tab.getBoundingClientRect().right])"
            assert all(0 <= left < right <= 390 for left, right in page.locator(f"{bar} {button}").evaluate_all(edges))
        last = page.locator(f"{acts} {button}").last
        last.click()
        page.wait_for_function("last => last.ariaSelected === 'true'", arg=last.element_handle())


def test_stop_stops_and_the_page_turns_chinese_around_the_race(visit):
    page = visit()
    steps(page, 1000)  # a race that is not over before it is stopped
    paint(page)
    page.wait_for_selector('.panel[data-state="running"]')
    page.click('[data-role="halt"]')
    ended(page)
    then = states(page)
    assert "cancelled" in then
    page.click("#turn")
    page.wait_for_function("document.documentElement.lang === 'zh-CN'")
    page.wait_for_function("document.querySelector('#paint').innerText.startsWith('画')")
    page.wait_for_function("document.querySelector('#prompt textarea').value.startsWith('草地上')")
    assert "停" in page.locator(".stage").inner_text()
    assert states(page) == then


def test_a_sentence_that_looks_like_html_stays_text(visit):
    page = visit(width=390, height=844)
    text = "an astronaut <img src=x onerror=alert(1)>"
    page.locator("#prompt textarea").fill(text)
    page.wait_for_selector(".hints mark")
    assert page.locator("#prompt .behind").inner_text() == text
    assert page.locator("#prompt img, .hints img[src='x'], .stage img").count() == 0
    page.locator(".hints .near .chip").first.click()
    page.wait_for_function("document.querySelector('#prompt textarea').value.startsWith('a rocket')")
    page.locator("#prompt textarea").fill("")
    page.click("#paint")
    page.wait_for_selector(".stage-line.trouble")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the phone"
