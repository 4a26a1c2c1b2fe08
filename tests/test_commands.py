"""What somebody is told to type brings the very files that it is about."""

from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from lab.cli import app
from lab.measure.bench.made_up import full_engine
from lab.race.commands import options, typed
from lab.race.suites import Machine, availability, suite_to_serve
from models.catalog import Part, Source, Suite

CPU = Machine("cpu", 80 * 10**9, 10**12, False)
SMALLER = "full:sd-2.1,clip-vit-b-32"


@pytest.fixture(params=[False, True], ids=["no GPU", "a GPU"])
def gpu(request, monkeypatch, tmp_path):
    """Whether there is a GPU; and nothing was fetched yet."""
    monkeypatch.setenv("QUARTET_HOME", str(tmp_path))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: request.param)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    return request.param


def test_a_device_is_named_where_the_command_would_find_another_precision_or_is_for_elsewhere(gpu):
    assert options("full", "auto") == (" --device cuda" if gpu else "")
    assert options("full", "cuda") == " --device cuda"
    assert options("full", "openvino") == options("full", "cpu") == (" --device cpu" if gpu else "")
    assert options("classroom", "cpu") == " --suite classroom"
    assert typed("pin", ["vae"], SMALLER, "cuda") == f"quartet pin vae --suite {SMALLER} --device cuda"
    assert typed("fetch", [], "full", "cuda", "my lock") == "quartet fetch --device cuda --lock 'my lock' --accept"


def test_the_models_tab_tells_a_command_for_the_device_that_the_page_runs_on(gpu):
    rows = {row["suite"]: row["command"] for row in availability(CPU, {})}
    assert rows["full:sd-2.1"].endswith(f" --suite full:sd-2.1{' --device cpu' if gpu else ''} --accept")
    rows = {row["suite"]: row["command"] for row in availability(replace(CPU, device="cuda"), {})}
    assert rows["full:sd-2.1"].endswith(" --suite full:sd-2.1 --device cuda --accept")


def test_who_serves_is_told_suite_and_device(gpu, monkeypatch):
    with pytest.raises(ValueError, match=rf"Give both commands --suite {SMALLER} --device cuda$"):
        suite_to_serve(SMALLER, "cuda", public=True)
    monkeypatch.setattr("lab.race.suites.unfit_for_public", lambda *_: None)
    with pytest.raises(ValueError, match=rf"`quartet fetch safety --suite {SMALLER} --device cuda --accept`"):
        suite_to_serve(SMALLER, "cuda", public=True)


def test_who_times_the_full_suite_is_told_what_to_fetch_for_each_choice(gpu):
    device = " --device cpu" if gpu else ""
    first = rf"`quartet fetch clip .*latent/clip .*--suite full:sd-2\.1{device} --accept`"
    told = rf"{first}, `quartet fetch unet vae latent/clip --suite full:sd-turbo{device} --accept`"
    with pytest.raises(ValueError, match=told), full_engine(["full:sd-2.1", "full:sd-turbo"], None, "cpu"):
        pass


def test_a_shell_repeats_what_it_was_asked(tmp_path, monkeypatch):
    sources = {"unet": Source("a/b", ("c.json",)), "vqgan": Source(None, ("d.ckpt",), url="https://example.org/d")}
    parts = {name: Part(name, "vqgan", tmp_path / name, source=source) for name, source in sources.items()}
    monkeypatch.setattr("lab.race.painters.plan", lambda *_: Suite(SMALLER, parts))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    asked = ["--suite", SMALLER, "--device", "cuda", "--lock", str(tmp_path / "lock.json")]
    found = CliRunner().invoke(app, ["pin", *asked])
    assert found.exit_code == 1
    assert f"run `quartet pin unet {' '.join(asked)}` online" in found.stderr
    found = CliRunner().invoke(app, ["fetch", "vqgan", *asked, "--accept"])
    assert found.exit_code == 1
    assert found.stderr.endswith(f"`quartet fetch vqgan {' '.join(asked)} --accept`\n")


@pytest.mark.parametrize("command", [["fetch"], ["pin"], ["serve", "--suite", "full"]], ids=" ".join)
def test_a_home_of_nobodys_is_called_by_its_name_with_what_to_give_instead(command, monkeypatch):
    monkeypatch.setenv("QUARTET_HOME", "~nobody-of-that-name")
    found = CliRunner().invoke(app, command)
    assert found.exit_code == 2, found.output
    assert "QUARTET_HOME = '~nobody-of-that-name'" in found.stderr
    assert "Traceback" not in found.output
