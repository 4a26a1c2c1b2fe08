"""The endpoints as programs meet them: over HTTP, with `gradio_client`, to the last yield."""

import asyncio
import gc
import json
import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from inspect import signature
from pathlib import Path

import gradio as gr
import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from lab.lessons.own import open_own
from lab.measure.appraise import appraise
from lab.race import LANES, SAMPLERS, default_engine, open_suite, settle
from lab.record import read, rerun
from lab.ui.api import Api
from lab.ui.api.asked import MESSAGE, Common, named
from lab.ui.api.pictures import SIDES, TAKES
from models.protocol import Prompt, Request
from tests.pixels import decoded, hashed
from tests.tinysuite import ENDS, KNOBS, TEXT, folder

LONG = {"steps": 1000}  # more than anybody here waits for
README = Path(__file__).resolve().parents[1] / "README.md"

pytestmark = [  # of the server in this process: it uses what pandas will drop
    pytest.mark.filterwarnings("ignore::pandas.errors.PandasChangeWarning"),
]


@pytest.fixture(scope="module")
def engine():
    running = default_engine(open_suite(folder())).start()
    running.submitted = []
    submit = running.submit

    def remember(*given, **more):
        running.submitted.append(submit(*given, **more))
        return running.submitted[-1]

    running.submit = remember
    yield running
    running.stop()


@pytest.fixture(scope="module")
def address(engine):
    async def built():  # in a loop, which Gradio would else open and leave open
        with gr.Blocks(analytics_enabled=False) as page:
            api = Api(engine, "classroom")
            api.add()
            page.unload(api.leave)
        page.queue(default_concurrency_limit=8, api_open=False)
        return page, page.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")[1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_HEARTBEAT_INTERVAL", "0.5")  # a client looks whether it was closed once a beat
        page, url = asyncio.run(built())
        yield url
    page.close(verbose=False)
    gc.collect()


@pytest.fixture(scope="module")
def client(address, tmp_path_factory):
    known = Client(address, verbose=False, download_files=tmp_path_factory.mktemp("files"))
    yield known
    known.close()


def inline(engine, lane, seeds=(5,), text=TEXT, knobs=None, exact=False, **pictures):
    """Pictures by step, and the finished ones, of the same painting without a server."""
    knobs = settle(engine, lane, KNOBS[lane] | (knobs or {}), "classroom")
    alone = default_engine(engine.registry.suite("classroom"))
    asked = Request(lane, Prompt(text, seeds=seeds, **pictures), knobs, "classroom", "test", exact)
    frames = list(alone.drive(asked))
    return {frame.i: frame.images for frame in frames}, frames[-1].images


def wait_for(holds, seconds=120):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_the_endpoints_are_named_and_typed_by_the_knobs(client, engine):
    told = client.view_api(print_info=False, return_format="dict")
    assert set(told["named_endpoints"]) == {f"/{name}" for name in (*LANES, "race")}
    assert not told["unnamed_endpoints"]
    for lane in LANES:
        takes = {one["parameter_name"]: one for one in told["named_endpoints"][f"/{lane}"]["parameters"]}
        own = named(SAMPLERS[lane].knobs)
        common, pictures = [spec.name for spec in Common.specs()], list(TAKES.get(lane, ()))
        assert list(takes) == ["prompt", "negative", *common, *pictures, *own]
        assert all(set(takes[name]["python_type"]["type"].split(" | ")) == {"filepath", "None"} for name in pictures)
        for name, spec in own.items():
            assert takes[name]["parameter_default"] == getattr(settle(engine, lane, None, "classroom"), spec.name)
            if spec.choices:
                assert takes[name]["type"] == {"enum": list(spec.choices)}
        assert takes["steps"]["type"] == {"type": "integer"}
        assert not takes["prompt"]["parameter_has_default"]


@pytest.mark.parametrize("lane", LANES)
def test_a_painting_is_told_step_by_step_and_ends_in_a_file_with_its_receipt(client, engine, lane):
    stream = list(client.submit(TEXT, seed=5, api_name=f"/{lane}", **KNOBS[lane]))
    states = [news["state"] for news, _, _ in stream]
    assert list(dict.fromkeys(states)) == ["queued", "running", "done"]
    assert states.count("done") == 1
    steps = [news["i"] for news, _, _ in stream]
    assert steps == sorted(steps)
    assert all(news["painter"] == lane for news, _, _ in stream)
    by_step, finished = inline(engine, lane)
    for news, looks, files in stream:
        assert not files or news["state"] == "done"
        if news["shown"]:
            assert (decoded(looks[0]) == by_step[news["shown"]][0]).all(), news
    news, looks, (file,) = stream[-1]
    assert news["i"] == news["n"] == ENDS[lane]
    assert news["evals"] > 0
    assert news["facts"]
    assert (decoded(looks[0]) == finished[0]).all()
    record = read(file)
    assert (record.image == finished[0]).all()
    (note,) = record.receipts
    assert (note["sampler"], note["prompt"]["text"], note["seeds"], note["index"]) == (lane, TEXT, [5], 0)
    assert note["knobs"]["steps"] == KNOBS[lane]["steps"]
    assert f"Seed: {note['seeds'][0]}" in record.parameters
    with engine.registry.borrow("classroom", ["clip"]) as parts:
        found = appraise(engine, "classroom", TEXT, finished, parts["clip"].tokenize([TEXT]))
    assert note["verdict"]["marks"] == dict(found.marks[0])
    assert note["verdict"]["similarity"] == pytest.approx(found.similarity[0], abs=1e-5)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A picture that is no square, a mask of its right half, and what is neither."""
    home = tmp_path_factory.mktemp("sent")
    rng = np.random.default_rng(3)
    Image.fromarray(rng.integers(0, 256, (48, 80, 3), dtype=np.uint8)).save(home / "image.png")
    Image.new("L", (80, 48)).save(home / "black.png")
    half = Image.new("L", (80, 48))
    half.paste(255, (40, 0, 80, 48))
    half.save(home / "mask.png")
    (home / "text.png").write_text("no picture")
    return home


def seen(files, name, side):
    """What a net of `side` pixels is given of a file."""
    return open_own(files / f"{name}.png", side, side).picture


@pytest.mark.parametrize(
    ("lane", "names", "more"),
    [
        ("latent", ["image"], {"strength": 0.5}),
        ("latent", ["image", "mask"], {"strength": 1.0}),
        ("vqgan_clip", ["image"], {}),
        ("unclip", ["image"], {}),
    ],
)
def test_a_painting_begins_with_the_picture_that_is_sent(client, engine, files, lane, names, more):
    sent = {name: handle_file(files / f"{name}.png") for name in names}
    text = "" if lane == "unclip" else TEXT  # variations of a picture need no words
    stream = list(client.submit(text, seed=5, api_name=f"/{lane}", **sent, **KNOBS[lane], **more))
    states = [news["state"] for news, _, _ in stream]
    assert list(dict.fromkeys(states)) == ["queued", "running", "done"]
    side = SIDES[lane](engine, "classroom")
    given = {name: seen(files, name, side) for name in names}
    if "mask" in given:
        given["mask"] = (given["mask"].mean(0, keepdim=True) > 0.5).float()
    knobs = more | ({"embedding": "image"} if lane == "unclip" else {})
    by_step, finished = inline(engine, lane, text=text, knobs=knobs, **given)
    for news, looks, _ in stream:
        if news["shown"]:
            assert (decoded(looks[0]) == by_step[news["shown"]][0]).all(), news
    record = read(stream[-1][2][0])
    assert (record.image == finished[0]).all()
    (again,) = rerun(record, default_engine(engine.registry.suite("classroom")))
    assert again.most <= 1, "the receipt holds the pictures as well"
    assert (finished != inline(engine, lane, text=text or TEXT)[1]).any()


@pytest.mark.parametrize(
    ("lane", "sent", "words"),
    [
        ("latent", {"image": "text"}, ("image is no picture", "PNG")),
        ("vqgan_clip", {"image": "text"}, ("image is no picture", "PNG")),
        ("latent", {"mask": "mask"}, ("mask is given without", "give image as well")),
        ("latent", {"image": "image", "mask": "black"}, ("mask is black", "white where")),
        ("unclip", {"embedding": "image"}, ("embedding is 'image'", "as image")),
    ],
)
def test_a_picture_that_will_not_do_is_refused_with_what_to_do(client, files, lane, sent, words):
    given = {name: handle_file(files / f"{file}.png") if name != "embedding" else file for name, file in sent.items()}
    with pytest.raises(AppError) as refused:
        client.predict(TEXT, api_name=f"/{lane}", **given, **KNOBS[lane])
    assert all(word in str(refused.value) for word in words), refused.value


@pytest.mark.parametrize("meta", [{}, {"meta": {"_type": "gradio.FileData"}}])
def test_no_file_of_the_server_is_opened_but_what_was_sent(address, files, meta):
    url = f"{address}gradio_api/call/v2/latent"
    for image in ({"path": str(files / "image.png"), **meta}, str(files / "image.png")):
        event = httpx.post(url, json={"prompt": TEXT, "image": image, **KNOBS["latent"]}, timeout=60).json()["event_id"]
        told = httpx.get(f"{url}/{event}", timeout=60).text
        assert "event: error" in told
        assert '"files"' not in told
        assert "event: complete" not in told


@pytest.mark.parametrize(
    ("endpoint", "change", "words"),
    [
        ("/latent", {"prompt": " "}, ("1 到 1000 个字",)),
        ("/latent", {"steps": 0}, ("latent: steps 是 0", "1 到 1000 的整数")),
        ("/latent", {"scheduler": "x"}, ("'ddpm', 'ddim'", "之一")),
        ("/pixel", {"width": 12}, ("每 8 一档", "或者不给")),
        ("/vqgan_clip", {"whole": 3}, ("真或假",)),
        ("/unclip", {"embedding": "image"}, ("没有图片",)),
        ("/race", {"lanes": ["latent", "latent"]}, ("每个一次",)),
        ("/race", {"knobs": {"latent": {"stepz": 3}}}, ("没有这个字段",)),
        ("/race", {"lanes": ["pixel"], "knobs": {"latent": {}}}, ("这一场只有 pixel",)),
    ],
)
def test_errors_come_in_the_language_that_is_asked_for(client, endpoint, change, words):
    with pytest.raises(AppError) as refused:
        client.predict(**({"prompt": TEXT, "language": "zh"} | change), api_name=endpoint)
    assert all(word in str(refused.value) for word in words), refused.value


@pytest.mark.parametrize(("language", "words"), [("en", "latent could not paint"), ("zh", "latent 没能画出来")])
def test_a_run_that_fails_says_why_in_the_language_that_is_asked_for(client, files, language, words):
    image = handle_file(files / "image.png")
    with pytest.raises(AppError, match=words) as refused:
        client.predict(TEXT, image=image, strength=0.0, language=language, api_name="/latent", **KNOBS["latent"])
    assert "strength is 0.0; give 0.25 to 1" in str(refused.value)


def test_a_language_that_nobody_speaks_here_is_refused(client):
    with pytest.raises(AppError, match="language is 'fr'; give one of 'en', 'zh'"):
        client.predict(TEXT, language="fr", api_name="/pixel", **KNOBS["pixel"])


def test_a_race_is_told_lane_by_lane_and_its_last_yield_holds_every_file(client):
    lanes = ["latent", "pixel"]
    stream = list(
        client.submit(TEXT, seed=7, count=2, lanes=lanes, knobs={lane: KNOBS[lane] for lane in lanes}, api_name="/race")
    )
    for lane in lanes:
        mine = [(news, looks) for news, looks, _ in stream if news["painter"] == lane]
        assert mine[-1][0]["state"] == "done"
        assert len(mine[-1][1]) == 2
    counts = [len(files) for _, _, files in stream]
    assert counts == sorted(counts)
    notes = [read(file).receipts[0] for file in stream[-1][2]]
    assert sorted((note["sampler"], note["index"]) for note in notes) == [(lane, k) for lane in lanes for k in (0, 1)]
    assert all(note["seeds"] == [7, 8] for note in notes)


def test_every_yield_of_a_race_of_four_shows_the_step_of_an_inline_run_by_its_hash(client, engine):
    stream = list(client.submit(TEXT, seed=5, exact=True, knobs=KNOBS, api_name="/race"))
    frames = {lane: inline(engine, lane, exact=True) for lane in LANES}
    seen, kept, first = {lane: set() for lane in LANES}, {}, {}
    rising = dict.fromkeys(LANES, (0, 0.0, 0))
    for at, (news, looks, files) in enumerate(stream):
        lane = news["painter"]
        first.setdefault(lane, at)
        now = tuple(news[name] for name in ("i", "seconds", "evals"))
        assert all(new >= old for new, old in zip(now, rising[lane], strict=True)), news
        assert news["i"] <= news["n"] or not news["n"]
        rising[lane] = now
        if news["shown"]:
            assert news["shown"] > max(seen[lane], default=0), "a look came twice"
            seen[lane].add(news["shown"])
        assert len(looks) == min(1, len(seen[lane])), "looks stay until there are newer ones"
        if looks:
            assert hashed(decoded(looks[0])) == hashed(frames[lane][0][max(seen[lane])][0]), news
        assert len(files) == len(kept) + (news["state"] == "done")
        if news["state"] == "done":
            kept[lane] = files[-1]
            assert news["i"] == news["n"] == ENDS[lane]
            assert hashed(decoded(looks[0])) == hashed(frames[lane][1][0])
    states = {lane: [news["state"] for news, _, _ in stream if news["painter"] == lane] for lane in LANES}
    for told in states.values():  # whose turn comes before the first news are sent was never seen to wait
        assert list(dict.fromkeys(told)) in (["queued", "running", "done"], ["running", "done"]), states
    assert max(first.values()) < min(k for k, (news, _, _) in enumerate(stream) if news["state"] == "done")
    assert any(len(steps) > 1 for steps in seen.values()), f"nobody was seen on the way: {seen}"
    for lane, file in kept.items():
        record = read(file)
        (note,) = record.receipts
        assert hashed(record.image) == hashed(frames[lane][1][0])
        assert (note["sampler"], note["seeds"], note["exact"], note["suite"]) == (lane, [5], True, "classroom")
        assert "similarity" in note["verdict"]


def test_the_lines_of_python_in_readme_paint_as_they_stand(address, tmp_path):
    (lines,) = re.findall(r"```python\n(from gradio_client .*?)```", README.read_text(encoding="utf-8"), re.S)
    assert len([line for line in lines.splitlines() if line.strip()]) == 3
    told = subprocess.run(
        [sys.executable, "-c", lines.replace("http://127.0.0.1:7860", address)],
        capture_output=True, text=True, timeout=120, check=False, env=os.environ | {"GRADIO_TEMP_DIR": str(tmp_path)},
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    *_, last = told.stdout.splitlines()
    (file,) = re.fullmatch(r"latent done (\d+) of \1 \['(.+\.png)'\]", last).groups()[1:]
    (note,) = read(file).receipts
    assert (note["sampler"], note["prompt"]["text"], note["seeds"]) == ("latent", "a red cat in the snow", [1])


def test_what_is_to_be_avoided_changes_the_picture(client):
    files = [client.predict(TEXT, negative, 1, api_name="/latent", **KNOBS["latent"])[2] for negative in ("", "blue")]
    one, other = (read(file[0]).image for file in files)
    assert (one != other).any()


@pytest.mark.parametrize(
    ("endpoint", "change", "words"),
    [
        ("/latent", {"prompt": "  "}, ("prompt is '  '", "text of 1 to 1000 letters")),
        ("/latent", {"prompt": ["a"]}, ("prompt is ['a']", "text of 1 to 1000 letters")),
        ("/latent", {"prompt": "x" * 5_000_000}, ("prompt is", "text of 1 to 1000 letters")),
        ("/latent", {"negative": 3}, ("negative is 3", "0 to 1000")),
        ("/latent", {"steps": 0}, ("latent: steps is 0", "int from 1 to 1000")),
        ("/latent", {"steps": 2.5}, ("steps is 2.5", "int from 1 to 1000")),
        ("/latent", {"guidance": "7"}, ("guidance is '7'", "float from 1.0 to 30.0")),
        ("/latent", {"scheduler": "../../etc/passwd"}, ("scheduler is", "one of 'ddpm', 'ddim'")),
        ("/pixel", {"width": 12}, ("width is 12", "in steps of 8")),
        ("/vqgan_clip", {"knob_negative": 9}, ("negative is 9", "from 0.0 to 2.0")),
        ("/unclip", {"embedding": "image"}, ("embedding is 'image'", "give a picture")),
        ("/latent", {"seed": -1}, ("seed is -1", "from 0 to 2147483647")),
        ("/latent", {"count": 5}, ("count is 5", "int from 1 to 4")),
        ("/latent", {"budget": True}, ("budget is True", "from 0.1 to 600.0")),
        ("/race", {"lanes": []}, ("lanes is []", "some of latent, pixel")),
        ("/race", {"lanes": ["latent", "upsample"]}, ("'upsample'", "some of latent, pixel")),
        ("/race", {"lanes": ["latent", "latent"]}, ("lanes is", "each once")),
        ("/race", {"lanes": "latent"}, ("lanes is 'latent'", "some of latent, pixel")),
        ("/race", {"knobs": {"latent": 3}}, ("knobs is", "settings by painter")),
        ("/race", {"knobs": {"latent": {"stepz": 3}}}, ("stepz is 3", "no such field")),
        ("/race", {"lanes": ["pixel"], "knobs": {"latent": {}}}, ("knobs is given for latent", "this race has pixel")),
    ],
)
def test_what_cannot_be_done_is_refused_with_value_and_range(client, endpoint, change, words):
    with pytest.raises(AppError) as refused:
        client.predict(**({"prompt": TEXT} | change), api_name=endpoint)
    message = str(refused.value)
    assert all(word in message for word in words), message
    assert len(message) <= MESSAGE + 3


def begun(engine, start):
    """The run that `start` submits, once it has taken a few steps."""
    engine.submitted.clear()
    started = start()
    wait_for(lambda: engine.submitted and engine.submitted[0].meters.steps >= 3)
    return engine.submitted[0], started


def test_a_cancelled_job_ends_its_run_and_the_next_one_paints(client, engine):
    run, job = begun(engine, lambda: client.submit(TEXT, api_name="/latent", **LONG))
    job.cancel()
    wait_for(lambda: run.over)
    assert run.state == "cancelled"
    assert run.meters.steps < LONG["steps"]
    assert client.predict(TEXT, api_name="/pixel", **KNOBS["pixel"])[0]["state"] == "done"


def test_a_client_that_closes_ends_its_runs(address, engine):
    leaving = Client(address, verbose=False)
    run, _ = begun(engine, lambda: leaving.submit(TEXT, lanes=["pixel"], knobs={"pixel": LONG}, api_name="/race"))
    leaving.close()
    wait_for(lambda: run.over)
    assert run.state == "cancelled"


def test_a_connection_that_breaks_ends_its_run(address, engine):
    url = f"{address}gradio_api/call/v2/latent"

    def listen():
        event = httpx.post(url, json={"prompt": TEXT, **LONG}, timeout=60).json()["event_id"]
        listening = closing.enter_context(httpx.stream("GET", f"{url}/{event}", timeout=60))
        lines = listening.iter_lines()
        assert next(lines) == "event: generating"
        news, looks, files = json.loads(next(lines).removeprefix("data: "))
        assert (news["painter"], looks, files) == ("latent", [], [])
        return lines  # whoever forgets them hangs up

    with ExitStack() as closing:
        run, lines = begun(engine, listen)
        assert not run.over
        lines.close()
    wait_for(lambda: run.over)
    assert run.state == "cancelled"


def test_an_endpoint_begins_at_what_fits_the_nets_of_the_suite():
    fitted = default_engine(replace(open_suite(folder()), knobs={"latent": {"steps": 1, "guidance": 1.0}}))
    takes = signature(Api(fitted, "classroom")._painter("latent")).parameters
    assert (takes["steps"].default, takes["guidance"].default) == (1, 1.0)
