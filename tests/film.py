"""Films a race on the page: `python -m tests.film assets/pictures/race.webp`, the moving picture README opens with.

The first race after a start, in Chromium, at the speed it had; nothing is cut, and no other race is tried.
"""

import io
import sys
import time
from itertools import pairwise

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.chromium import ARGS, CHROMIUM, paint, served

WIDTH, HEIGHT, PACE, HOLD = 980, 900, 0.25, 4.0  # pixels; seconds between frames, and of the last one
QUALITY = 55


def film(url):
    """Pictures of the page from the click to the last signature, and the seconds each of them stood."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(f"{url}?__theme=light")
        page.wait_for_selector('.panel[data-lane="unclip"] .name:not(:empty)')
        page.wait_for_timeout(1500)
        paint(page)
        frames, times, after = [], [], 0.0
        while after < 1.5:  # seconds since the last signature
            times.append(time.monotonic())
            frames.append(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
            page.wait_for_timeout(max(0.0, 1000 * (PACE - (time.monotonic() - times[-1]))))
            if page.locator('[data-role="again"]:enabled').count():
                after += time.monotonic() - times[-1]
        browser.close()
    return frames, [b - a for a, b in pairwise(times)] + [HOLD]


def main(file):
    with served() as url:
        frames, seconds = film(url)
    frames[0].save(
        file, save_all=True, append_images=frames[1:], duration=[round(1000 * each) for each in seconds], loop=0,
        quality=QUALITY, method=4, minimize_size=False,
    )  # fmt: skip
    print(f"{file}: {len(frames)} pictures, {sum(seconds):.1f} s")


if __name__ == "__main__":
    main(sys.argv[1])
