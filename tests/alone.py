"""The page's pieces on a page of their own, without an app: mounted as Gradio mounts them, told made-up news."""

from contextlib import contextmanager

from lab.ui.stage import SHARED
from lab.ui.theme import asset, css, head
from tests.chromium import WAIT

LANES = ("latent", "pixel", "vqgan_clip", "unclip")
MOUNT = """([script, value]) => {
    const watchers = [];
    window.props = { value, led: [] };
    window.told = (value) => { props.value = value; watchers.forEach((each) => each()); };
    window.server = {
        keep: async () => undefined,  // what Gradio gives when the server is gone
        load: async () => undefined,
        look: async () => ({ suite: "classroom", suites: ["classroom", "full"] }),
    };
    new Function("element", "props", "trigger", "server", "watch", script)(
        document.body, props, (...event) => (window.triggered = event), server, (_, call) => watchers.push(call));
}"""
TOAST = """([kind, message]) => document.body.insertAdjacentHTML("beforeend", `<div data-testid="toast-body">
    <div class="toast-title-row"><span>${kind} </span></div>
    <button data-testid="toast-close" aria-label="Close"></button>
    <div data-testid="toast-text">${message}</div></div>`)"""
PAINTED = """() => [...document.querySelectorAll(".frame canvas")]
    .map((canvas) => canvas.getContext("2d").getImageData(9, 9, 1, 1).data[3] > 0)"""
RED = """() => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 64 });
    const pen = canvas.getContext("2d");
    pen.fillStyle = "red";
    pen.fillRect(0, 0, 64, 64);
    return canvas.toDataURL();
}"""


def opening():
    weight = {"bytes": 2**21, "parameters": 10**6, "workspace": 0, "crops": 0}
    weight["parts"] = [{"name": "vae", "bytes": 2**21}]
    said = {"text": "a cat", "seed": 1, "budget": None, "judge": True, "words": None, "dropped": ""}
    return {"kind": "open", "key": "k", "time": 0, "lanes": dict.fromkeys(LANES, weight)} | said


def lane(name="latent", state="running", time=1.0, dots=(), **more):
    said = {"kind": "lane", "lane": name, "state": state, "time": time, "i": 3, "n": 8, "seconds": 0.5, "shown": 3}
    return said | {"note": None, "dots": [[at, 0] for at in dots], "images": []} | more


def value(race, *news, since=0):
    """What the stage's value is: news numbered from `since`."""
    return {"race": race, "news": {str(since + k): item for k, item in enumerate(news)}}


def over(page, race=1):
    """Tell the stage a race that is over, four pictures in it."""
    picture = page.evaluate(RED)
    done = [lane(name, "done", images=[picture], dots=[0.1, 0.2], i=8) for name in LANES]
    tell(page, race, opening(), *done, {"kind": "over", "time": 1.5, "keep": True})
    page.wait_for_function(f"({PAINTED})().every(Boolean)")


def tell(page, race, *news, since=0):
    page.evaluate("value => told(value)", value(race, *news, since=since))


@contextmanager
def pages(browser):
    """Gives `open_page(width=390)`; what breaks on a page fails whoever opened it."""
    contexts, broken = [], []

    def open_page(width=1280, scripts=SHARED, html=None):
        contexts.append(browser.new_context(viewport={"width": width, "height": 844}))
        page = contexts[-1].new_page()
        page.set_default_timeout(WAIT)
        page.on("pageerror", lambda error: broken.append(str(error)))
        inside = html or asset("html/stage.html")
        page.set_content(f'{head()}<style>{css()}</style><body class="gradio-container">{inside}</body>')
        page.evaluate(MOUNT, ["\n".join(map(asset, scripts)), None])
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not broken
