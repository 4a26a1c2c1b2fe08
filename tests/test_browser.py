"""The page in Debian's Chromium, on a tiny suite: it paints, stops, speaks both languages, and asks no other host."""

from urllib.parse import parse_qs, urlsplit

from lab.record import read
from lab.ui.words import say
from tests.chromium import ended, looks, needs_chromium, paint, states

SAME = "last => [...document.querySelectorAll('.frame canvas')].every((canvas, k) => canvas.toDataURL() === last[k])"

FRAMES = """(() => {  // counts the frames that anybody asks for, from before Gradio's own scripts on
    const ask = window.requestAnimationFrame.bind(window);
    window.frames = 0;
    window.requestAnimationFrame = (call) => (window.frames++, ask(call));
})()"""
STILL = """async () => {  // a page that does nothing asks for no frames
    const before = frames;
    await new Promise((done) => setTimeout(done, 500));
    return frames === before;
}"""

pytestmark = needs_chromium


def steps(page, count):
    """So many steps for the slow painter, by its own control."""
    page.click("#drawer > button")
    page.click(".knobs.vqgan_clip > button")
    page.wait_for_timeout(500)  # on a busy machine Gradio listens to what was just unfolded a moment later
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
    varnish = "getComputedStyle(document.querySelector('.frame.signed'), '::before').animationName"
    assert page.evaluate(varnish) == "none", "nothing moves for who wants no motion"
    axis = page.locator('[data-role="axis"]')
    axis.focus()
    axis.press("Home")
    assert page.locator(".panel .state").first.inner_text() == "waits for its turn"
    axis.press("End")
    page.wait_for_function(SAME, arg=last)
    with page.expect_download() as kept:
        page.click('[data-role="keep"]')
    assert len(read(kept.value.path()).receipts) == 4
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click('[data-role="link"]')
    page.wait_for_function(
        "text => document.querySelector('[data-role=line]').innerText === text", arg=say("stage.linked", "en")
    )
    link = parse_qs(urlsplit(page.evaluate("navigator.clipboard.readText()")).query)
    assert (link["prompt"], link["vqgan_clip.steps"]) == (["a large red cat in a meadow"], ["4"])
    papers = ["rgb(21, 19, 27)", "rgb(247, 242, 232)"]
    for paper in papers:
        page.click("#dark")
        page.wait_for_function("paper => getComputedStyle(document.body).backgroundColor === paper", arg=paper)
        assert page.evaluate("localStorage.getItem('quartet.dark')") == str(1 - papers.index(paper))


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
    hold, painter = page.locator('[data-role="hold"]'), page.locator('.panel[data-lane="vqgan_clip"]')
    hold.click()
    page.wait_for_selector('.panel[data-lane="vqgan_clip"][data-state="paused"]')
    said = painter.inner_text()
    page.wait_for_timeout(500)
    assert (painter.inner_text(), hold.inner_text()) == (said, "Go on")
    hold.click()
    page.wait_for_selector('.panel[data-lane="vqgan_clip"][data-state="running"]')
    page.wait_for_function(
        "said => document.querySelector('.panel[data-lane=vqgan_clip]').innerText !== said", arg=said
    )
    assert hold.inner_text() == "Pause"
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


def test_a_sentence_that_looks_like_html_stays_text_and_a_refusal_takes_nothing_down(visit):
    page = visit(width=390, height=844, script=FRAMES)
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
    before, asked = states(page), []
    page.route("**/queue/join*", lambda route: asked.append(route))
    page.locator("#prompt textarea").fill("a red cat")
    page.click("#paint")
    page.wait_for_selector('.panel[data-state="queued"]')  # at the click: the server has not been told yet
    page.wait_for_function(
        "text => document.querySelector('[data-role=line]').innerText === text", arg=say("stage.asked", "en")
    )
    while not asked:
        page.wait_for_timeout(20)
    asked[0].fulfill(status=503, json={"detail": "Queue is full. Max size is 64 and size is 64."})
    page.wait_for_selector('[data-testid="toast-text"]')
    for place in ('[data-role="line"]', '[data-testid="toast-text"]'):
        page.wait_for_function(
            "([place, text]) => document.querySelector(place).innerText === text", arg=[place, say("toast.full", "en")]
        )
    assert states(page) == before
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the phone"
    page.locator('[data-testid="toast-close"]').click()
    page.wait_for_function(STILL)
