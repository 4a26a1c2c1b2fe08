"""From a link to a painted picture and back, by keyboard alone; and every screen in Chinese: on the shipped suite."""

import json
import re

import pytest

from lab.record import read
from tests.chromium import ended, needs_chromium, states

pytestmark = needs_chromium
LINK = "?prompt=a+red+cat+%3Cimg+src%3Dx+onerror%3Dalert(1)%3E&seed=3&painters=latent,pixel&latent.guidance=3"
FOCUSED = "document.activeElement.matches(%s)"
# What is written alike in both languages: names, classes, licences, an example in the other language, a status unseen.
ALIKE = re.compile(
    r"Stable Diffusion|DALL·E 2|DDPM|DDIM|DPM|VQGAN|CLIP|VAE|PSNR|UNet2D(Condition)?Model|AutoencoderKL|"
    r"PriorTransformer|English|Paint|Euler|Heun|MIT|PNG|\b(clip|judge|vqgan|classroom)\b|a large red cat in a meadow|"
    r"processing \| [\d.]+s|[a-z_]+[._:/-][\w./:-]+"
)


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


def test_every_screen_is_chinese_and_as_wide_as_the_window(visit):
    page = visit(locale="zh-CN", query="?lang=zh")
    page.wait_for_function("document.querySelector('#paint').innerText.startsWith('画')")
    seen, button = {}, 'button[role="tab"]:visible'
    for tab in page.locator(f"#tabs > .tab-wrapper {button}").all_inner_texts():
        page.locator(f"#tabs > .tab-wrapper {button}", has_text=tab).first.click()
        acts = page.locator(f".acts:visible > .tab-wrapper {button}").all_inner_texts()
        for act in acts or [""]:
            if act:
                page.locator(f".acts:visible > .tab-wrapper {button}", has_text=act).first.click()
            for _ in range(20):  # what stays English, not what flits by while a screen is put together
                text = ALIKE.sub("", page.locator("body").inner_text())
                seen[tab, act] = sorted(set(re.findall(r"[A-Za-z]{2,}[A-Za-z' ]*", text)))
                if not seen[tab, act]:
                    break
                page.wait_for_timeout(500)
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{tab}: too wide"
    assert len(seen) >= 20
    assert not {where: words for where, words in seen.items() if words}
