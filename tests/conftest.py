"""What tests share: an engine on the tiny suite, the first tab's handlers, the whole page; and for the browser's, the
app on that suite and on the shipped one, a Chromium, a visit."""

import numpy as np
import pytest
from PIL import Image

from lab.race import default_engine
from tests.chromium import ARGS, CHROMIUM, WAIT, served
from tests.tinysuite import folder


@pytest.fixture(scope="module")
def engine():
    running = default_engine(folder()).start()
    yield running
    running.stop()


@pytest.fixture
def show(engine):
    """The first tab's handlers, of visitors whom nobody saw before."""
    from lab.ui.compare.show import Show

    return Show(engine, "classroom")


@pytest.fixture(scope="module")
def page():
    """The page on an engine of its own, which knows few captions: to embed all would take most of a file's time."""
    from lab.lessons import captions
    from tests.pressed import Page

    every = captions.asks()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(captions, "asks", lambda: every[:40])
        yield Page(default_engine(folder()))


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A visitor's own picture."""
    file = tmp_path_factory.mktemp("own") / "own.png"
    Image.fromarray(np.random.default_rng(7).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(file)
    return str(file)


@pytest.fixture(scope="session")
def desktop(tmp_path_factory):
    """What makes a desktop of any machine: a screen, and a browser that writes down what it is to open."""
    browser = tmp_path_factory.mktemp("desktop") / "browser"
    browser.write_text('#!/bin/sh\necho "$1" > "$0.opened"\n')
    browser.chmod(0o755)
    return {"DISPLAY": ":99", "BROWSER": str(browser)}


@pytest.fixture(scope="session")
def address(desktop):
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CI", raising=False)
        with served("--suite-root", str(folder()), "--open", **desktop) as url:
            yield url


@pytest.fixture(scope="session")
def classroom():
    """The app on the shipped suite, for all who visit that."""
    with served() as url:
        yield url


@pytest.fixture(scope="module")  # while it is open a loop is running here, and other tests run their own
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS, timeout=WAIT)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, address):
    """Open the page: `visit(width=390)`.  What it asks of other hosts, and what breaks on it, fails the test."""
    contexts, strange = [], []

    def open_page(width=1280, height=900, locale="en-US", query="", motion="reduce", script=None):
        # without motion a canvas shows whole frames only, which can be compared
        context = browser.new_context(viewport={"width": width, "height": height}, locale=locale, reduced_motion=motion)
        contexts.append(context)
        if script:
            context.add_init_script(script)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.on("request", lambda request: strange.append(request.url) if foreign(request.url, address) else None)
        page.on("pageerror", lambda error: strange.append(str(error)))
        page.on("dialog", lambda dialog: strange.append(dialog.message))
        page.on("filechooser", lambda chooser: None)  # heard from the start: asked for at the click, it can come late
        page.goto(address + query)
        page.wait_for_selector('.panel[data-lane="unclip"] .name:not(:empty)')
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not strange


def foreign(url, address):
    return not url.startswith((address, "data:", "blob:", address.replace("http", "ws")))
