"""How the app is opened: its page comes up by itself where somebody sits, and where it listens is not fixed."""

import ast
import asyncio
import gc
import os
import socket
import time
from pathlib import Path

import pytest
import torch

import app
from lab.race.painters import leave_a_core
from models.engine import EngineStopped
from models.protocol import Target
from tests.tinysuite import folder

ROOT = Path(__file__).resolve().parents[1]


def test_the_page_opens_by_itself_on_a_desktop(desktop, address):
    note, end = Path(desktop["BROWSER"] + ".opened"), time.monotonic() + 120
    while not note.exists() or not note.read_text():
        assert time.monotonic() < end, "no browser was asked"
        time.sleep(0.05)
    assert note.read_text() == f"{address}\n"
    assert "python app.py --open" in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize(
    ("platform", "environment", "seen"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("darwin", {}, True),
        ("win32", {}, True),
        ("linux", {"DISPLAY": ":0", "SPACE_ID": "somebody/quartet"}, False),
        ("darwin", {"CI": "true"}, False),
    ],
)
def test_no_browser_is_opened_in_a_shell_alone_on_a_space_or_in_a_check(monkeypatch, platform, environment, seen):
    monkeypatch.setattr("sys.platform", platform)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SPACE_ID", "CI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert app.browsable() is seen


@pytest.mark.parametrize(("cores", "given", "taken"), [(2, 2, 1), (8, 8, 7), (8, 2, 2), (1, 1, 1)])
def test_the_painters_leave_a_core_to_the_page_and_take_no_more_than_they_are_given(monkeypatch, cores, given, taken):
    before = torch.get_num_threads()
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    try:
        torch.set_num_threads(given)
        leave_a_core()
        assert torch.get_num_threads() == taken
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("arguments", "device"),
    [
        ([], "cpu"),
        (["--suite-root", "full"], "auto"),
        (["--suite-root", "full:sd-2.1"], "auto"),
        (["--suite-root", "full", "--device", "cpu"], "cpu"),
        (["--device", "cuda"], "cuda"),
    ],
)
def test_the_classroom_stays_on_the_processor_and_the_full_suite_takes_what_there_is(monkeypatch, arguments, device):
    asked = []

    def suite_to_serve(name, device, public, safety):
        asked.append(device)
        raise ValueError("seen")

    monkeypatch.setattr(app, "suite_to_serve", suite_to_serve)
    monkeypatch.setattr(app, "leave_a_core", lambda: None)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.delenv("SPACE_ID", raising=False)
    with pytest.raises(SystemExit):
        app.main(arguments)
    assert asked == [device]


@pytest.fixture
def ends(monkeypatch, capsys):
    """What the app says where it ends with 2; asserts that it does, in one line."""
    monkeypatch.setattr(app, "leave_a_core", lambda: None)
    for name in ("SPACE_ID", "GRADIO_SHARE", "KAGGLE_KERNEL_RUN_TYPE"):
        monkeypatch.delenv(name, raising=False)
    folder()  # which shows a bar as it is written

    def main(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            app.main(arguments)
        said = capsys.readouterr().err
        assert end.value.code == 2
        assert said.startswith("quartet: ")
        assert len(said.splitlines()) == 1
        return said

    return main


def test_a_gpu_that_is_not_there_ends_in_a_sentence(monkeypatch, ends):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert "device is 'cuda', but torch finds no GPU of that kind here; give auto or cpu" in ends("--device", "cuda")


@pytest.mark.parametrize("error", [RuntimeError("no driver"), OSError("no driver"), ValueError("no driver")])
def test_what_breaks_before_the_page_ends_in_a_sentence(monkeypatch, ends, error):
    def engine_for(suite, device):
        raise error

    monkeypatch.setattr(app, "engine_for", engine_for)
    assert ends("--suite-root", str(folder())) == "quartet: no driver\n"


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # Gradio's, where it could not bind it
@pytest.mark.parametrize("taken", [True, False])
def test_a_port_that_cannot_be_had_ends_in_a_sentence_and_the_engine_with_it(monkeypatch, ends, taken):
    engines, begin = [], app.engine_for

    async def opened(port):  # in a loop, which Gradio would else open and leave open
        return ends("--suite-root", str(folder()), "--port", str(port))

    monkeypatch.setattr(app, "engine_for", lambda *given: engines.append(begin(*given)) or engines[0])
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1] if taken else 70_000
        said = asyncio.run(opened(port))
    gc.collect()
    assert said == f"quartet: port {port} is taken, or cannot be listened at; give a free one with --port\n"
    with pytest.raises(EngineStopped):
        engines[0].call(Target(lambda parts, x: x, ()), torch.zeros(1), client="a", suite="classroom")


@pytest.mark.parametrize(
    ("arguments", "environment", "public"),
    [
        ([], {}, False),
        (["--public"], {}, True),
        ([], {"SPACE_ID": "somebody/quartet"}, True),
        ([], {"GRADIO_SHARE": "true"}, True),
        ([], {"GRADIO_SHARE": "True"}, True),
        ([], {"GRADIO_SHARE": "1"}, False),  # which Gradio takes for no
        ([], {"KAGGLE_KERNEL_RUN_TYPE": "Interactive"}, True),
    ],
)
def test_whatever_has_gradio_open_a_public_link_makes_the_app_public(monkeypatch, ends, arguments, environment, public):
    asked = []

    def suite_to_serve(name, device, public, safety):
        asked.append(public)
        raise ValueError("seen")

    monkeypatch.setattr(app, "suite_to_serve", suite_to_serve)
    monkeypatch.setattr(app, "bring_pinned", lambda *_: None)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ends(*arguments) == "quartet: seen\n"
    assert asked == [public]


def test_no_server_name_is_forced_so_that_gradio_reads_its_environment():
    files = [ROOT / "app.py", *(ROOT / "lab").rglob("*.py")]
    calls = [node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
             if isinstance(node, ast.Call)]  # fmt: skip
    launches = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "launch"]
    assert len(launches) == 1
    names = {keyword.arg for call in calls for keyword in call.keywords}
    assert "server_port" in names
    assert "server_name" not in names | set(app.options())
