"""The switch: what the page fetches from a hub, what is ready by it, and painting with it beside the first page."""

import asyncio
import shutil
import threading
from functools import partial

import gradio as gr
import httpx
import pytest
import torch
from fastapi import FastAPI

from lab.race import default_engine, missing, open_suite, settle
from lab.race.choices import chosen, joined
from lab.race.painters import plan, samplers_of
from lab.race.suites import Machine, needed, suite_to_serve
from lab.ui import suites
from lab.ui.suites import ending, fetch, near, report, way
from lab.ui.switch import Switch
from lab.ui.weights import reachable
from lab.ui.words import LANGUAGES, say
from models.catalog import shapes as at
from models.catalog.full import CLIP_FILES, NET, SAFETY_FILES, home
from models.hub.fetch import Hub
from models.hub.store import ByHand
from models.hub.trouble import SENTENCES, NotFetched
from models.protocol import Prompt, Request
from tests import tinyhub
from tests.standin import COMMIT, standin
from tests.tinysuite import KNOBS, folder

WANTED, WEIGHTS = "full:ddpm-cat-256", f"{NET}.safetensors"
NEEDED = {at.CLIP_L14: CLIP_FILES, at.CAT: ("config.json", WEIGHTS, "scheduler_config.json")}


@pytest.fixture
def hub(monkeypatch, tmp_path):
    monkeypatch.setenv("QUARTET_HOME", str(tmp_path))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "no-cache"))
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 20_000)
    here = Machine("cpu", 80 * 10**9, 10**12, False)
    monkeypatch.setattr(Machine, "here", classmethod(lambda cls, device="cpu": here))
    monkeypatch.setattr(suites, "PACE", 0.01)
    monkeypatch.setattr(suites, "_needs", lambda *_: [])  # has tests of its own
    wanted = NEEDED | {at.SD15: SAFETY_FILES}
    files = {(repo, name): (tinyhub.hub() / repo / name).read_bytes() for repo in wanted for name in wanted[repo]}
    with standin(files) as server:
        yield server


@pytest.fixture
def engine():
    return default_engine(open_suite(folder()))


def switch_of(engine, hub, public=False):
    switch = Switch(engine, "classroom", partial(suite_to_serve, public=public), public)
    switch.fetching._hub = Hub(hub.url, offline=False)
    switch.front = FastAPI()
    return switch


def row(told, name=WANTED):
    return next(row for row in told["rows"] if row["suite"] == name)


def said(told):
    line = told["line"]
    for language in LANGUAGES:
        words = say(line["key"], language, **line["values"])
        assert words
        assert "{" not in words
    return line["key"]


def get(engine, switch, accepted=True):
    return list(fetch(engine, "classroom", switch, WANTED, accepted, here=True))


def weights():
    return (tinyhub.hub() / at.CAT / WEIGHTS).stat().st_size


def test_nothing_is_fetched_before_the_licences_are_accepted(engine, hub):
    switch = switch_of(engine, hub)
    assert row(report(engine, "classroom", switch, here=True))["acts"] == ["fetch"]
    (told,) = get(engine, switch, accepted=False)
    assert said(told) == "suites.unaccepted"
    (told,) = fetch(engine, "classroom", switch, "../../etc", True, here=True)
    assert said(told) == "suites.refused"
    assert hub.asked == []


def test_a_fetch_is_seen_stopped_half_way_and_gone_on_with(engine, hub):
    switch, go = switch_of(engine, hub), threading.Event()
    hub.trouble[WEIGHTS] = ("hold", 0.6, go)
    seen, busy = [], []
    for told in fetch(engine, "classroom", switch, WANTED, True, here=True):
        now = told["fetch"]
        if now and now["file"] == WEIGHTS and now["done"] and not go.is_set():
            seen.append((now["nth"], now["of"], now["done"], now["total"]))
            busy.append(said(next(fetch(engine, "classroom", switch, WANTED, True, here=True))))
            switch.fetching.stop()
            assert report(engine, "classroom", switch)["fetch"]["state"] == "stopping"
            go.set()
    assert (said(told), told["fetch"], row(told)["state"]) == ("fetch.stopped", None, "fetch")
    assert busy == ["suites.busy"]
    (nth, of, done, total), size = seen[0], weights()
    assert (nth, of, total) == (2, 2, size)
    assert 0 < done < size
    assert row(told)["missing"] == ["pixel"], "the other part is here already"
    hub.trouble.clear()
    hub.served.clear()
    told = get(engine, switch)[-1]
    assert (said(told), row(told)["state"], row(told)["acts"]) == ("fetch.done", "ready", ["paint"])
    assert hub.served[WEIGHTS] <= size - done, "what had arrived was asked for again"
    assert "model.safetensors" not in hub.served


@pytest.mark.parametrize(("trouble", "kind"), [(404, "file"), (500, "server"), ("gated", "gated")])
def test_what_goes_wrong_is_a_sentence_in_both_languages(engine, hub, trouble, kind):
    hub.trouble["config.json"] = trouble
    switch = switch_of(engine, hub)
    assert said(get(engine, switch)[-1]) == f"fetch.{kind}"
    assert not switch.fetching.busy


def test_stable_diffusion_brings_the_safety_checker_and_what_has_come_is_shown_under_it(engine, hub):
    wanted, switch = "full:sd-1.5", switch_of(engine, hub)
    told = row(report(engine, "classroom", switch, here=True), wanted)
    assert told["missing"] == ["clip", "unet", "vae", "safety"]
    assert told["guard"] == {"bytes": 1_220_000_000, "licence": "creativeml-openrail-m"}
    assert told["bytes"] > 1_220_000_000 + 3_440_000_000
    assert " vae safety " in told["command"]
    shutil.copytree(tinyhub.hub() / at.CLIP_L14, home() / at.CLIP_L14)
    shutil.copytree(tinyhub.hub() / at.SD15, home() / at.SD15, ignore=shutil.ignore_patterns("safety_checker"))
    told = row(report(engine, "classroom", switch, here=True), wanted)
    assert (told["state"], told["missing"], told["acts"]) == ("ready", ["safety"], ["paint", "fetch"])
    assert told["bytes"] == told["guard"]["bytes"]
    assert "safety" not in suite_to_serve("full").parts
    last = list(fetch(engine, "classroom", switch, wanted, True, here=True))[-1]
    assert said(last) == "fetch.done"
    told = row(last, wanted)
    assert (told["guard"], told["missing"], told["bytes"], told["command"]) == (None, [], 0, "")
    assert "safety" in suite_to_serve("full").parts
    assert {path.rsplit("/", 1)[0].partition(f"/{COMMIT}/")[2] for _, path, *_ in hub.asked} >= {"safety_checker"}


def asking(host):
    return gr.Request(client={"host": host, "port": 1}, headers={})


async def drawn(engine, switch):
    """The table alone, drawn while a loop runs: where none does, Gradio opens one and never closes it."""
    with gr.Blocks() as page, gr.Tab() as tab:
        suites.draw(engine, "classroom", tab, switch)
    return page


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"])
def test_who_sits_at_this_machine_is_near(host):
    assert near(asking(host))


@pytest.mark.parametrize("host", ["192.168.0.9", "10.0.0.1", "::ffff:192.168.0.9", "fe80::1", "0.0.0.0", "name", ""])
def test_another_machine_may_look_on_and_no_more(engine, hub, host):
    switch = switch_of(engine, hub)
    page = asyncio.run(drawn(engine, switch))
    call = {one.fn.__name__: one.fn for one in page.fns.values()}
    (table,) = [block for block in page.blocks.values() if block.elem_id == "suites"]
    (halt,) = [fn for fn in table.server_fns if fn.__name__ == "halt"]
    event = gr.EventData(None, {"suite": WANTED, "accepted": True})
    (told,) = call["begin"](event, asking(host))
    assert said(told) == "suites.far"
    assert (hub.asked, switch.fetching.now) == ([], None)
    (told,) = call["look"](asking(host))
    assert told["far"]
    assert [row["acts"] for row in told["rows"] if "fetch" in row["acts"]] == []
    halt([], asking(host))
    assert not switch.fetching._stop.is_set()
    (told,) = call["look"](asking("127.0.0.1"))
    assert (told["far"], row(told)["acts"]) == (False, ["fetch"])
    halt([], asking("127.0.0.1"))
    assert switch.fetching._stop.is_set()


def test_the_address_of_a_visitor_comes_from_the_connection(engine, hub):
    """Through Gradio's own routes, as a browser on another machine would come."""
    switch = switch_of(engine, hub)

    async def halt(host, **headers):
        page = await drawn(engine, switch)
        server = gr.mount_gradio_app(FastAPI(), page, "/")
        (table,) = [number for number, block in page.blocks.items() if block.elem_id == "suites"]
        body = {"component_id": table, "data": [], "fn_name": "halt", "session_hash": "somebody"}
        transport = httpx.ASGITransport(server, client=(host, 1))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            answer = await client.post("/gradio_api/component_server", json=body, headers=headers)
        return answer.status_code, switch.fetching._stop.is_set()

    assert asyncio.run(halt("192.168.0.9", **{"x-forwarded-for": "127.0.0.1"})) == (200, False)
    assert asyncio.run(halt("127.0.0.1")) == (200, True)


def test_every_trouble_has_its_sentence():
    for kind in SENTENCES:
        now = suites.Progress(WANTED, ("pixel",), state="failed", error=NotFetched(kind, repo="a/b", file="c"))
        assert said({"line": ending(now)}) == f"fetch.{kind}"
    for error, key in ((ByHand(), "byhand"), (KeyError("x"), "broken")):
        assert (
            said({"line": ending(suites.Progress(WANTED, ("pixel",), state="failed", error=error))}) == f"fetch.{key}"
        )


def test_a_file_that_was_saved_by_hand_and_is_none_of_its_kind_is_named(engine, hub):
    switch, wanted = switch_of(engine, hub), "full:vqgan-f16-16384"
    for name, data in (("configs/model.yaml", b"model: {}"), ("ckpts/last.ckpt", b"?")):
        (home() / at.VQGAN / name).parent.mkdir(parents=True)
        (home() / at.VQGAN / name).write_bytes(data)
    assert switch.fetching.begin(wanted, {"vqgan": plan(wanted)["vqgan"]})
    *_, told = suites.follow(engine, "classroom", switch, here=True, begun=True)
    assert said(told) == "fetch.wrong"
    for language in LANGUAGES:
        assert "model.yaml is no model.yaml of taming" in say("fetch.wrong", language, **told["line"]["values"])


def test_what_was_fetched_gets_a_page_without_a_restart_and_paints_as_alone(engine, hub):
    switch = switch_of(engine, hub)
    knobs, prompt = {"steps": 2}, Prompt("a red cat", seeds=(3,))
    before = engine.paint(Request("latent", prompt, settle(engine, "latent", KNOBS["latent"]), "classroom", "t", True))
    assert reachable(engine, "classroom", switch) == ["classroom"]
    assert said(get(engine, switch)[-1]) == "fetch.done"
    assert reachable(engine, "classroom", switch) == ["classroom", "full"]

    async def visit():
        to = await way(switch, "classroom", WANTED)
        again = await way(switch, "classroom", "full")
        transport = httpx.ASGITransport(switch.front)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return to, again, await client.get("/" + to["path"])

    to, again, page = asyncio.run(visit())
    assert to == again == {"up": "", "path": "with/full/"}
    assert page.status_code == 200
    assert "with/full" in page.text
    assert suites.up(switch, "full") == "../../"
    assert set(missing(engine, "full")) == {"latent", "vqgan_clip", "unclip"}
    assert row(report(engine, "full", switch))["here"]
    assert row(report(engine, "full", switch), "classroom")["acts"] == ["paint"]

    request = Request("pixel", prompt, settle(engine, "pixel", knobs, "full"), "full", "t", True)
    alone = default_engine(suite_to_serve("full"))
    assert alone.registry.suites.keys() == {"full"}
    assert torch.equal(engine.paint(request), alone.paint(request))
    after = engine.paint(Request("latent", prompt, settle(engine, "latent", KNOBS["latent"]), "classroom", "t", True))
    assert torch.equal(before, after)


def visited(switch, *paths):
    """What the first page's server answers to each of `paths`, one after another."""

    async def visits():
        transport = httpx.ASGITransport(switch.front)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(visits())


def test_a_link_puts_the_page_of_another_suite_up_and_keeps_its_race(engine, hub):
    for repo in NEEDED:
        shutil.copytree(tinyhub.hub() / repo, home() / repo)
    switch = switch_of(engine, hub)
    asked = "prompt=a+red+cat&pixel.steps=2"
    ways = (
        f"/with/full?{asked}",
        f"/with/full_ddpm-cat-256/?{asked}",
        f"/with/full/?{asked}",
        f"/with/classroom/?{asked}",
    )
    *answers, page, first = visited(switch, *ways)
    assert [answer.headers["location"] for answer in (*answers, first)] == [
        f"../with/full/?{asked}", f"../../with/full/?{asked}", f"../../?{asked}",
    ]  # fmt: skip
    assert (page.status_code, "with/full" in page.text) == (200, True)
    assert switch.open == {"classroom": "", "full": "with/full/"}


def test_a_link_to_weights_that_are_not_here_says_what_to_do_and_fetches_nothing(engine, hub):
    switch = switch_of(engine, hub)
    lost, *strange = visited(switch, "/with/full/", "/with/palace/", "/with/full_sdxl/")
    for answer, key in ((lost, "suites.lost"), *((answer, "suites.refused") for answer in strange)):
        assert answer.status_code == 404
        assert all(say(key, language) in answer.text for language in LANGUAGES), answer.url
    assert 'href="../../"' in lost.text
    assert (hub.asked, switch.open) == ([], {"classroom": ""})
    for repo in NEEDED:
        shutil.copytree(tinyhub.hub() / repo, home() / repo)
    public = switch_of(engine, hub, public=True)
    (answer,) = visited(public, "/with/full/?prompt=a+cat")
    assert say("suites.refused", "en") in answer.text
    assert set(public.open) == {"classroom"}


def test_to_the_public_nothing_is_fetched_and_only_what_is_pinned_is_painted_with(engine, hub):
    for repo in NEEDED:
        shutil.copytree(tinyhub.hub() / repo, home() / repo)
    switch = switch_of(engine, hub, public=True)
    told = report(engine, "classroom", switch)
    assert [row["acts"] for row in told["rows"] if row["acts"]] == []
    assert row(told)["state"] == "ready"
    assert reachable(engine, "classroom", switch) == ["classroom"]
    assert said(get(engine, switch)[-1]) == "suites.refused"
    for wanted in (WANTED, "full:sdxl", str(folder()), "../../etc"):
        assert said(asyncio.run(way(switch, "classroom", wanted))) == "suites.refused"
    assert said(asyncio.run(way(None, "classroom", WANTED))) == "suites.refused"
    assert hub.asked == []
    assert set(switch.open) == {"classroom"}
    assert [row for row in report(engine, "classroom")["rows"] if row["acts"]] == [], "a lent GPU has no switch"


def test_a_guard_that_comes_with_another_suite_leaves_the_first_as_it_was(engine):
    request = Request(
        "pixel", Prompt("a red cat", seeds=(3,)), settle(engine, "pixel", {"steps": 2}), "classroom", "t", True
    )
    before = engine.paint(request)
    table = tinyhub.suite(dtype="float32")
    engine.add(table, samplers_of(table))
    assert torch.equal(engine.paint(request), before)
    guarded = engine.submit(Request("pixel", request.prompt, request.knobs, "full", "t", True))
    assert engine.wait(guarded).state == "done"
    assert "safety" in [note.target for note in guarded.evals]
    assert "safety" not in needed(table, "pixel")


def test_a_choice_takes_its_painters_place_and_leaves_the_others():
    assert joined("classroom", "full:sd-1.5") == joined("full:sd-2.1", "full") == "full"
    assert joined("full", "full:sd-2.1") == joined("classroom", "full:sd-2.1") == "full:sd-2.1"
    assert joined("full:sd-2.1", "full:ddpm-cifar10-32") == "full:sd-2.1,ddpm-cifar10-32"
    assert joined("full:sd-2.1,ddpm-cifar10-32", "full:sd-turbo") == "full:sd-turbo,ddpm-cifar10-32"
    assert joined("full:sd-2.1", "full:sd-1.5") == "full"
    assert joined("full:sd-2.1", "classroom") == "classroom"
    assert chosen("full:sd-2.1")["latent"] == "sd-2.1"
    assert chosen("classroom") == {}
    with pytest.raises(ValueError, match="full has no 'sdxl'"):
        joined("full", "full:sdxl")
