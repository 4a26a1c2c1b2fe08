"""The page in Debian's Chromium, on a tiny suite: it paints, stops, speaks both languages, and asks no other host."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from lab.record import read
from tests.tinysuite import folder

CHROMIUM = shutil.which("chromium")
ARGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
SAME = "last => [...document.querySelectorAll('.frame canvas')].every((canvas, k) => canvas.toDataURL() === last[k])"
WAIT = 30_000  # milliseconds

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")


@pytest.fixture(scope="module")
def address():
    """The app in a process of its own, as a visitor meets it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "app.py", "--suite-root", str(folder()), "--port", str(port)]
    root = Path(__file__).resolve().parents[1]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as app:
        try:
            yield ready(f"http://127.0.0.1:{port}/", app)
        finally:
            app.terminate()
            app.wait(20)


def ready(url, app, seconds=120):
    for _ in range(10 * seconds):
        assert app.poll() is None, f"the app ended with {app.returncode}"
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return url
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise AssertionError(f"{url} did not answer within {seconds} s")


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, address):
    """Open the page: `visit(width=390)`.  What it asks of other hosts, and what breaks on it, fails the test."""
    contexts, strange = [], []

    def open_page(width=1280, height=900, locale="en-US", query=""):
        # without motion a canvas shows whole frames only, which can be compared
        context = browser.new_context(
            viewport={"width": width, "height": height}, locale=locale, reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.on("request", lambda request: strange.append(request.url) if foreign(request.url, address) else None)
        page.on("pageerror", lambda error: strange.append(str(error)))
        page.on("dialog", lambda dialog: strange.append(dialog.message))
        page.goto(address + query)
        page.wait_for_selector('.panel[data-lane="unclip"] .method')
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not strange


def foreign(url, address):
    return not url.startswith((address, "data:", "blob:", address.replace("http", "ws")))


def few_steps(page):
    """Two steps for the slow painter, by its own control."""
    page.click("#drawer > button")
    page.click(".knobs.vqgan_clip > button")
    page.locator(".knobs.vqgan_clip input[type=number]").first.fill("4")
    page.locator(".knobs.vqgan_clip input[type=number]").first.press("Tab")


def ended(page):
    page.wait_for_selector('[data-role="again"]:enabled')


def test_one_click_paints_four_pictures_that_time_can_take_back(visit):
    page = visit()
    few_steps(page)
    page.click("#paint")
    page.wait_for_selector('[data-role="halt"]:enabled')
    ended(page)
    states = page.locator(".panel").evaluate_all("panels => panels.map(panel => panel.dataset.state)")
    assert states == ["done"] * 4
    looks = "canvases => canvases.map(canvas => canvas.toDataURL())"
    last = page.locator(".frame canvas").evaluate_all(looks)
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


def test_stop_stops_and_the_page_turns_chinese_around_the_race(visit):
    page = visit()
    page.click("#paint")
    page.wait_for_selector('.panel[data-state="running"]')
    page.click('[data-role="halt"]')
    ended(page)
    states = page.locator(".panel").evaluate_all("panels => panels.map(panel => panel.dataset.state)")
    assert "cancelled" in states
    page.click("#turn")
    page.wait_for_function("document.documentElement.lang === 'zh-CN'")
    page.wait_for_function("document.querySelector('#paint').innerText.startsWith('画')")
    page.wait_for_function("document.querySelector('#prompt textarea').value.startsWith('草地上')")
    assert "停" in page.locator(".stage").inner_text()
    assert page.locator(".panel").evaluate_all("panels => panels.map(panel => panel.dataset.state)") == states


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
