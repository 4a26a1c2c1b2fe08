"""The VQGAN+CLIP tab in Debian's Chromium: two climbs side by side with live curves, going on, stopping, switches."""

import base64
import io
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from tests.chromium import needs_chromium

pytestmark = needs_chromium
LINE = "document.querySelector('#vq-crops .stage-line').innerText"
PICTURES = """images => Promise.all(images.map(async (image) => {
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL();  // the pixels alone: the files of finished pictures carry receipts
}))"""
LINES = """[...document.querySelectorAll('#vq-crops-loss .mark-line path')].filter(path => path.getAttribute('d'))
    .map(path => path.getAttribute('aria-label'))"""
LONG = 120_000  # milliseconds


@pytest.fixture(scope="module")
def address(classroom):
    return classroom


def open_tab(page, steps):
    page.locator('#tabs button[role="tab"]:visible', has_text="VQGAN+CLIP").first.click()
    page.wait_for_selector("#vq-crops-go:visible")
    page.locator("#vq-steps input[type=number]").fill(str(steps))
    page.locator("#vq-steps input[type=number]").press("Tab")


@pytest.mark.parametrize("width", [1280, 390])
def test_one_click_climbs_with_and_without_crops_and_another_goes_on(visit, width):
    page = visit(width=1280)
    open_tab(page, 4)
    page.set_viewport_size({"width": width, "height": 900})
    assert page.locator("#vq-crops .bare").count() == 6
    page.click("#vq-crops-further")
    page.wait_for_function(f"{LINE}.includes('Nobody has climbed')")
    page.click("#vq-crops-go")
    page.wait_for_function(f"{LINE}.startsWith('Without crops')", timeout=LONG)
    first = page.locator("#vq-crops img").evaluate_all(PICTURES)
    pixels = [np.asarray(Image.open(io.BytesIO(base64.b64decode(each.split(",")[1])))).astype(int) for each in first]
    alike = [one for one, other in combinations(pixels, 2) if one.shape == other.shape and abs(one - other).max() <= 1]
    assert (len(pixels), len(alike)) == (6, 1), "without crops CLIP is shown the picture itself, but for rounding"
    for plot in ("asked", "fresh", "loss"):
        page.wait_for_function(f"document.querySelectorAll('#vq-crops-{plot} .mark-line path').length >= 2")
    page.click("#vq-crops-further")
    page.wait_for_function(f"{LINE} === ''")
    page.wait_for_function(f"{LINE}.startsWith('Without crops')", timeout=LONG)
    assert page.locator("#vq-crops img").evaluate_all(PICTURES)[0] != first[0]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than its window"
    page.set_viewport_size({"width": 1280, "height": 900})
    page.click("#turn")
    page.wait_for_function(f"{LINE}.startsWith('不裁')")
    page.wait_for_function(f"{LINES}.filter(label => label.includes('看许多裁片')).length === 1")


def test_a_climb_stops_and_a_switch_changes_its_sheet(visit):
    page = visit()
    open_tab(page, 200)
    page.click("#vq-crops-go")
    page.wait_for_selector("#vq-crops img")
    page.click("#vq-crops-stop")
    page.wait_for_function(f"{LINE}.startsWith('Stopped')")
    page.locator("#vq-acts button[role=tab]:visible", has_text="Every switch").click()
    sheets = "count => document.querySelectorAll('#vq-switches img').length === count"
    page.wait_for_function(sheets, arg=9)
    page.locator("#vq-chances label", has_text="holes").click()
    page.wait_for_function(sheets, arg=8)
    page.locator("#vq-acts button[role=tab]:visible", has_text="Tiles").click()
    page.wait_for_function("document.querySelectorAll('#vq-tiles img').length === 3")
