"""What stands under the stage, on the shipped suite: CLIP's matrix, and two pictures under one slider."""

import pytest

from tests.chromium import ended, needs_chromium

pytestmark = needs_chromium
LINK = "?prompt=a+large+red+cat+in+a+meadow&seed=1&painters=latent,pixel,unclip"
PAIR = "() => [...document.querySelectorAll('#pair-slider img')].map((image) => image.src)"
FIGURES = """rows => rows.map((row) => [row.dataset.lane, ...[...row.querySelectorAll("td")].map((cell) =>
    [Number(cell.textContent), cell.className])])"""


@pytest.fixture(scope="module")
def address(classroom):
    return classroom


def test_the_matrix_says_what_the_panels_say_and_marks_the_nearest_sentence_of_each_picture(visit):
    page = visit(query=LINK)
    ended(page)
    page.wait_for_selector(".matrix td")
    rows = page.locator(".matrix tr[data-lane]").evaluate_all(FIGURES)
    assert [lane for lane, *_ in rows] == ["latent", "pixel", "unclip"]
    for lane, *cells in rows:
        values = [value for value, _ in cells]
        shown = page.locator(f'.panel[data-lane="{lane}"] dl').first.locator("dd").last.inner_text()
        assert (len(values), values[0]) == (4, float(shown))
        nearest = [value for value, name in cells if "nearest" in name]
        assert nearest == [max(values)]
        assert values[0] == max(values), f"{lane}: another sentence is nearer to a red cat in a meadow than its own"
    assert page.locator(".matrix th").all_inner_texts()[1] == "a large red cat in a meadow"


def test_two_pictures_lie_under_one_slider_and_a_choice_changes_one(visit):
    page = visit(query=LINK)
    ended(page)
    page.click("#pair > button")
    page.wait_for_function(f"({PAIR})().length === 2")
    before = page.evaluate(PAIR)
    choice = page.locator("#pair input").first
    assert choice.input_value().startswith("Latent: a large red cat")
    choice.click()
    page.get_by_role("option").nth(1).click()
    page.wait_for_function(f"first => ({PAIR})()[0] !== first", arg=before[0])
    after = page.evaluate(PAIR)
    assert after[1] == before[1]
    assert choice.input_value().startswith("Pixel: a large red cat")
