"""From a link to a painted picture and back, by keyboard alone; and every screen in Chinese, what went wrong
too: on the shipped suite."""

import json
import re

import pytest

from lab.record import read
from lab.ui.words import NAMES, WORDS, say
from models.catalog.full import CHOICES
from models.catalog.licences import LICENCES
from tests.chromium import ended, needs_chromium, paint, states

pytestmark = needs_chromium
LINK = "?prompt=a+red+cat+%3Cimg+src%3Dx+onerror%3Dalert(1)%3E&seed=3&painters=latent,pixel&latent.guidance=3"
FOCUSED = "document.activeElement.matches(%s)"
# What is written alike in both languages: names, classes, licences.
ALIKE = NAMES | {key.removeprefix("piece.") for key in WORDS if key.startswith("piece.")} | {
    "PSNR", "VAE", "MIT", "UNet2DModel", "UNet2DConditionModel", "AutoencoderKL", "PriorTransformer", "picture_tower",
}  # fmt: skip
# Weights of the hub are called by their names, and so are their licences, whatever is said around them.
LICENSED = {name for name, _ in LICENCES.values() if name}
NAMED = re.compile("|".join(["(full:)?" + re.escape(name) for name in [*CHOICES, *LICENSED]]))
SAID = """() => {  // all that is to be seen or heard on the page, but for code and for what says that it is English
    const found = [], literal = "code, script, style, [lang=en]";
    const names = ["aria-label", "aria-description", "aria-valuetext", "title", "alt", "placeholder"];
    const seen = { opacityProperty: true, visibilityProperty: true };
    for (const each of document.querySelectorAll("body *")) {
        if (each.closest(literal) || !each.checkVisibility(seen)) continue;
        for (const name of each.closest("[aria-hidden=true]") ? [] : names) found.push(each.getAttribute(name));
        for (const node of each.childNodes) if (node.nodeType === Node.TEXT_NODE) found.push(node.data);
        if (each.matches("input:not([type=checkbox], [type=radio]), textarea")) found.push(each.value);
    }
    return [...new Set(found.filter(Boolean))];
}"""
DRAWERS = """() => {
    document.querySelectorAll("details:not([open])").forEach((each) => (each.open = true));
    const drawers = [...document.querySelectorAll("button.label-wrap:not(.open)")];
    const closed = drawers.filter((each) => each.checkVisibility());
    closed.forEach((each) => each.click());
    return closed.length;
}"""


@pytest.fixture(scope="module")
def address(classroom):
    return classroom


def walk(page, selector, key="Tab", most=60):
    """Press a key until what `selector` names has the focus."""
    for _ in range(most):
        page.keyboard.press(key)
        if page.evaluate(FOCUSED % json.dumps(selector)):
            return
    raise AssertionError(f"{selector} is not reached by {most} presses of {key}")


def test_a_link_reopens_a_race_and_the_keyboard_alone_keeps_and_repaints_it(visit, tmp_path):
    page = visit(query=LINK)
    page.wait_for_selector('.panel[data-lane="vqgan_clip"][data-state="absent"]')
    ended(page)
    assert states(page) == ["done", "done", "absent", "absent"]
    assert page.locator("#prompt textarea").input_value() == "a red cat <img src=x onerror=alert(1)>"
    assert page.locator("#prompt img, .stage img[src='x']").count() == 0
    assert page.locator("#seed input").input_value() == "3"
    walk(page, '[data-role="axis"]')
    last = page.locator('.panel[data-lane="latent"] canvas').evaluate("canvas => canvas.toDataURL()")
    page.keyboard.press("Home")
    page.wait_for_function(
        "last => document.querySelector('.panel[data-lane=\"latent\"] canvas').toDataURL() !== last", arg=last
    )
    page.keyboard.press("End")
    walk(page, '[data-role="keep"]')
    with page.expect_download() as kept:
        page.keyboard.press("Enter")
    kept.value.save_as(tmp_path / "card.png")
    receipts = read(tmp_path / "card.png").receipts
    assert [receipt["knobs"]["guidance"] for receipt in receipts if receipt["sampler"] == "latent"] == [3.0]
    page.evaluate("document.body.tabIndex = -1; document.body.focus()")
    walk(page, '#tabs > .tab-wrapper button[role="tab"]:last-child')
    page.keyboard.press("Enter")
    walk(page, "#file button, #file input, #file [tabindex]")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(tmp_path / "card.png")
    page.wait_for_function("document.querySelector('#info').innerText.includes('a red cat')")
    walk(page, "#repaint")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelectorAll('#info figure.again').length === 2")
    told = page.locator("#info figure.again figcaption").all_inner_texts()
    assert all(re.search(r"same in every pixel|at most [1-3]\b", each) for each in told), told


MAIN = {"latent": "latent-guidance", "pixel": "pixel-trip", "vqgan_clip": "vq-crops", "unclip": "unclip-prior"}
MUTE = """() => [...document.querySelectorAll("main :is(img, canvas, input, textarea, button, select)")]
    .filter((each) => each.checkVisibility() && !each.closest("[aria-hidden=true], .image-editor, [role=presentation]"))
    .filter((each) => !(each.alt || each.ariaLabel || each.title || each.placeholder || each.labels?.length
        || each.innerText?.trim() || each.getAttribute("aria-labelledby")))
    .map((each) => each.outerHTML.slice(0, 200))"""


def test_the_keyboard_alone_plays_the_main_act_of_every_painter_and_every_picture_is_told_in_words(visit):
    page = visit()
    for lane, act in MAIN.items():
        page.evaluate("scrollTo(0, 0); document.body.tabIndex = -1; document.body.focus()")
        walk(page, f'#tabs button[role="tab"][data-tab-id="{lane}"]')
        page.keyboard.press("Enter")
        page.wait_for_selector(f"#{act}-go:visible")
        walk(page, f"#{act}-go")
        page.keyboard.press("Enter")
        page.wait_for_function("act => document.querySelectorAll(`#${act} img`).length >= 4", arg=act)
        page.wait_for_function("act => !document.querySelector(`#${act} .bare`)", arg=act)
        if lane in ("latent", "vqgan_clip"):  # the others show a way or thoughts, nothing that one would keep
            page.wait_for_selector(f"#{act} a[download]")
            walk(page, f"#{act} a[download]", most=10)
        while page.evaluate(DRAWERS):
            page.wait_for_timeout(50)
        assert not page.evaluate(MUTE), lane


def latin(text):
    return set(re.findall(r"[A-Za-z][A-Za-z0-9_]+", NAMED.sub("", text)))


def stray(page):
    """What the page says, once its drawers are open, that is neither Chinese nor a name; it may still be on its way."""
    while page.evaluate(DRAWERS):
        page.wait_for_timeout(50)
    for _ in range(20):
        found = [text for text in page.evaluate(SAID) if latin(text) - ALIKE]
        if not found:
            break
        page.wait_for_timeout(500)
    return sorted(found)


def fits(page):
    """Whether the page is as wide as its window, on a phone and on a desk."""
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            return f"too wide at {width}"
    return ""


def test_every_screen_is_chinese_in_an_english_browser_and_as_wide_as_the_window(visit, tmp_path):
    page = visit()
    page.click("#turn")
    page.wait_for_function("document.querySelector('#paint').innerText.startsWith('画')")
    page.click("#drawer > button")
    for painter in ("pixel", "vqgan_clip", "unclip"):
        page.locator("#lanes label", has_text=say(f"painter.{painter}", "zh")).click()
    paint(page)
    ended(page)
    seen = {"a race": stray(page)}
    page.locator("#prompt textarea").fill("")
    page.click("#paint")
    page.wait_for_selector(".stage-line.trouble")
    seen["a refusal"] = stray(page)
    button = '> .tab-wrapper button[role="tab"]:visible'
    for tab in page.locator(f"#tabs {button}").all():
        tab.click()
        for act in page.locator(f".acts:visible {button}").all() or [tab]:
            act.click()
            where = tab.inner_text(), act.inner_text()
            if where[0] == say("tab.models", "zh"):
                page.wait_for_selector(".suites li")  # what other weights there are is asked for by the page itself
            seen[where] = [*stray(page), *filter(None, [fits(page)])]
    with (tmp_path / "large.png").open("wb") as large:
        large.truncate(2**26)
    page.locator("#file input[type=file]").set_input_files(tmp_path / "large.png")
    page.wait_for_selector('[data-testid="toast-text"]')
    seen["an error"] = [text for text in stray(page) if "large.png" not in text]
    assert len(seen) >= 23
    assert not {where: words for where, words in seen.items() if words}
