"""How the app is opened: its page comes up by itself where somebody sits, and where it listens is not fixed."""

import ast
import os
import time
from pathlib import Path

import pytest
import torch

import app
from lab.race.painters import leave_a_core

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
    monkeypatch.delenv("SPACE_ID", raising=False)
    with pytest.raises(SystemExit):
        app.main(arguments)
    assert asked == [device]


def test_no_server_name_is_forced_so_that_gradio_reads_its_environment():
    files = [ROOT / "app.py", *(ROOT / "lab").rglob("*.py")]
    calls = [node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
             if isinstance(node, ast.Call)]  # fmt: skip
    launches = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "launch"]
    assert len(launches) == 1
    names = {keyword.arg for call in calls for keyword in call.keywords}
    assert "server_port" in names
    assert "server_name" not in names | set(app.options())
