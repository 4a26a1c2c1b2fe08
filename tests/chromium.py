"""Debian's Chromium and an app to visit with it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium")
ARGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

WAIT = 180_000  # milliseconds: a machine may be slow, and busy besides
LOOKS = "canvases => canvases.map(canvas => canvas.toDataURL())"
DRAWN = """() => !document.querySelector('.frame canvas[aria-busy="true"]')"""

SCRUB = """async () => {  // {painter: {step: picture}} along the whole time axis; "bare" is what stands before any step
    const axis = document.querySelector('[data-role="axis"]'), shown = {};
    for (let k = 0; k <= 1000; k++) {
        axis.value = (Number(axis.max) * k) / 1000;
        axis.dispatchEvent(new Event("input"));
        for (const panel of document.querySelectorAll(".panel")) {
            const canvas = panel.querySelector("canvas"), pictures = (shown[panel.dataset.lane] ||= {});
            const step = /step (\\d+) of/.exec(canvas.ariaLabel)?.[1] ?? "bare";
            if (step in pictures) continue;
            while (canvas.ariaBusy === "true") await new Promise((done) => setTimeout(done, 5));
            pictures[step] = canvas.toDataURL();
        }
    }
    return shown;
}"""

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")


@contextmanager
def served(*options, **environment):
    """The app in a process of its own, as a visitor meets it; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "app.py", *options, "--port", str(port)]
    root = Path(__file__).resolve().parents[1]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=root, env=os.environ | environment, **quiet) as app:
        try:
            yield ready(f"http://127.0.0.1:{port}/", app)
        finally:
            app.terminate()
            app.wait(60)


def ready(url, app, seconds=300):
    for _ in range(10 * seconds):
        assert app.poll() is None, f"the app ended with {app.returncode}"
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return url
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise AssertionError(f"{url} did not answer within {seconds} s")


def paint(page):
    """Click, and wait for the new race: by its number, since a short one may be over before Chromium looks."""
    before = page.locator(".stage").get_attribute("data-race")
    page.click("#paint")
    page.wait_for_function("before => document.querySelector('.stage').dataset.race !== before", arg=before)


def states(page):
    """What every panel says of its painter."""
    return page.locator(".panel").evaluate_all("panels => panels.map(panel => panel.dataset.state)")


def ended(page):
    """Wait for the end of a race, until its pictures are drawn: they are decoded first."""
    page.wait_for_selector('[data-role="again"]:enabled')
    page.wait_for_function(DRAWN)


def looks(page):
    """What every panel shows."""
    return page.locator(".frame canvas").evaluate_all(LOOKS)
