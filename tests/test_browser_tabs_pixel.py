"""The DDPM tab in Debian's Chromium: one click goes into the noise and back; a picture of one's own does too."""

import pytest
from PIL import Image

from tests.chromium import needs_chromium

pytestmark = needs_chromium
PICTURES = "count => document.querySelectorAll('#pixel-trip img').length === count"


@pytest.fixture(scope="module")
def address(classroom):
    return classroom


def open_tab(page):
    page.locator('#tabs button[role="tab"]:visible', has_text="DDPM").first.click()
    page.wait_for_selector("#pixel-trip-go")


def test_the_upper_strip_waits_and_one_click_brings_the_other_two(visit, tmp_path):
    page = visit()
    open_tab(page)
    page.wait_for_function(PICTURES, arg=7)
    page.click("#pixel-trip-go")
    page.wait_for_selector("#pixel-trip .stage-line:not([hidden])")
    page.wait_for_function(PICTURES, arg=21)
    sources = page.locator("#pixel-trip img").evaluate_all("images => images.map(image => image.src)")
    assert sources[6] == sources[13], "the way back begins with another noise than the way in ended with"
    said = page.locator("#pixel-trip .stage-line").inner_text()
    page.click("#turn")
    page.wait_for_function("said => document.querySelector('#pixel-trip .stage-line').innerText !== said", arg=said)
    assert "走到尽头" in page.locator("#pixel-trip .stage-line").inner_text()
    Image.new("RGB", (80, 40), (200, 30, 40)).save(tmp_path / "mine.png")
    with page.expect_file_chooser() as chooser:
        page.click("#pixel-file")
    chooser.value.set_files(tmp_path / "mine.png")
    page.wait_for_function("document.querySelector('#pixel-trip').innerText.includes('取 80 × 40 像素的中间')")
    page.click("#pixel-trip-stop")


COUNTED = """(() => {  // how often it is asked for the title of a plot
    const find = Element.prototype.querySelector;
    window.asked = 0;
    Element.prototype.querySelector = function (what) {
        window.asked += what.includes("role-title");
        return find.call(this, what);
    };
})()"""


def test_every_table_that_is_ticked_is_a_line_in_either_language(visit):
    page = visit(script=COUNTED)
    open_tab(page)
    page.locator("#pixel-acts button[role=tab]:visible", has_text="noise table").click()
    lines = """names => JSON.stringify(names) === JSON.stringify(
        [...document.querySelectorAll('#pixel-plot-bar .mark-line path')].filter(path => path.getAttribute('d'))
        .map(path => path.getAttribute('aria-label').split('line: ')[1]).sort())"""
    page.wait_for_function(lines, arg=["cosine", "this net's own"])
    page.locator("#pixel-acts label:visible", has_text="scaled linear").click()
    page.wait_for_function(lines, arg=["cosine", "scaled linear", "this net's own"])
    page.click("#turn")
    page.wait_for_function(lines, arg=["余弦", "平方直线", "这个网络自己的"])
    page.wait_for_function(
        """names => JSON.stringify(names) === JSON.stringify(
            [...document.querySelectorAll('#pixel-plot-bar .role-legend-label text')].map(each => each.textContent)
            .sort())""",
        arg=["余弦", "平方直线", "这个网络自己的"],
    )
    asked = page.evaluate("window.asked")
    print(f"\nnine lines of 100 points, drawn anew at every turn: {asked} times asked what their plots are called")
    assert 0 < asked < 300, "a plot is named once as it is drawn, not once for each of its points"


def test_on_a_phone_the_wall_has_its_own_line_above_the_curves(visit):
    page = visit(width=390, height=844)
    open_tab(page)
    page.locator("#pixel-acts button[role=tab]:visible", has_text="How much chance").click()
    page.wait_for_selector("#pixel-plot-variance svg")
    wall, curves = (page.locator(name).bounding_box() for name in ("#pixel-variance", "#pixel-plot-variance"))
    assert wall["width"] > 300
    assert wall["y"] + wall["height"] <= curves["y"]
