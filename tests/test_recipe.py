"""README's way to weights, and that of a Space, from an empty disk to a served suite, on a hub on this computer."""

import re
import shutil
import sys
from collections.abc import Iterable

import pytest
import yaml
from huggingface_hub import hf_hub_download
from typer.testing import CliRunner

import app
from lab.cli import app as shell
from lab.race import missing
from lab.race.painters import LENT, plan
from lab.race.suites import suite_to_serve
from models.catalog import Part
from models.catalog import shapes as at
from models.catalog.full import TAMING_FILES, full, home
from models.hub.lock import read_lock
from tests import lending, tinyhub
from tests.standin import COMMIT, standin
from tests.test_docs import SPACE
from tests.test_half import card
from tests.test_hub import _no_account  # noqa: F401 - neither token nor cache of whoever runs the tests

UNET = "unet/diffusion_pytorch_model.safetensors"
HALF = UNET.replace(".safetensors", ".fp16.safetensors")


def by_repository(parts: Iterable[Part]) -> dict[str, set[str]]:
    found = {}
    for part in parts:
        if part.source.repo:
            found.setdefault(part.source.repo, set()).update(part.source.files)
    return found


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """Every file of the preset, in both precisions; the disk and the lock file are empty."""
    root = tinyhub.hub()
    wanted = {(repo, name) for dtype in ("float32", "float16")
              for repo, names in by_repository(full(dtype=dtype).parts.values()).items() for name in names}  # fmt: skip
    with standin({(repo, name): (root / repo / name).read_bytes() for repo, name in wanted}) as server:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
                            server.url + "/{repo_id}/resolve/{revision}/{filename}")  # fmt: skip
        monkeypatch.setattr("models.hub.lock.LOCK", tmp_path / "lock.json")
        monkeypatch.setattr(read_lock, "__defaults__", (tmp_path / "lock.json",))
        monkeypatch.setenv("QUARTET_HOME", str(tmp_path / "home"))
        monkeypatch.chdir(tmp_path)
        yield server


def quartet(*arguments):
    found = CliRunner().invoke(shell, [str(word) for word in arguments])
    assert found.exit_code == 0, (found.output, found.exception)


@pytest.mark.parametrize(("gpu", "read", "left"), [(False, UNET, HALF), (True, HALF, UNET)])
def test_what_was_pinned_and_fetched_on_a_machine_is_served_there_to_the_public(hub, monkeypatch, gpu, read, left):
    if gpu:
        card(monkeypatch, native=True)
    for name in TAMING_FILES:
        (home() / at.VQGAN / name).parent.mkdir(parents=True)
        shutil.copy(tinyhub.hub() / at.VQGAN / name, home() / at.VQGAN / name)
    quartet("pin")
    with pytest.raises(ValueError, match="quartet fetch"):
        suite_to_serve("full", "auto", public=True)
    quartet("fetch", "--accept")
    assert read in hub.served
    assert left not in hub.served
    suite = suite_to_serve("full", "cuda" if gpu else "auto", public=True)
    assert suite.parts.keys() == plan("full").parts.keys()
    assert suite["unet"].dtype == ("float16" if gpu else "float32")


class Opened(Exception):
    """The app came as far as its page."""


@pytest.fixture
def space(monkeypatch):
    """A Space that lends GPUs; gives what opens the app there: its engine."""
    for name, value in {"SPACE_ID": "somebody/quartet", "QUARTET_SUITE": "full", LENT: "true"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, "spaces", lending)
    monkeypatch.setattr(app, "leave_a_core", lambda: None)

    def build(engine, *_):
        raise Opened(engine)

    monkeypatch.setattr(app, "build", build)

    def start():
        with pytest.raises(Opened) as opened:
            app.main([])
        return opened.value.args[0]

    return start


def preloads():
    return {repo: files.split(",") for repo, files in map(str.split, front()["preload_from_hub"])}


def front():
    return yaml.safe_load(SPACE.split("---")[1])


def test_a_space_preloads_the_files_that_it_reads_and_no_others():
    assert {repo: set(files) for repo, files in preloads().items()} == by_repository(
        full(dtype="bfloat16").parts.values()
    )


def test_a_space_brings_what_was_pinned_from_what_was_preloaded_and_opens(hub, space, monkeypatch, tmp_path, capsys):
    with pytest.raises(SystemExit):
        app.main([])
    assert "quartet pin" in capsys.readouterr().err
    assert hub.asked == [], "what nobody pinned is not fetched"
    recipe = "\n".join(re.findall(r"```\w+\n(.*?)```", SPACE, re.S))
    for name in TAMING_FILES:
        shutil.copy(tinyhub.hub() / at.VQGAN / name, tmp_path)
    (tmp_path / "quartet.toml").write_text(re.search(r"```toml\n(.*?)```", SPACE, re.S)[1])
    with pytest.MonkeyPatch.context() as laptop:
        laptop.delenv(LENT)
        for line in re.findall(r"^quartet (.+?)(?: +#.*)?$", recipe, re.M):
            quartet(*line.split())
    cache = tmp_path / "cache"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    for repo, files in preloads().items():
        for name in files:
            hf_hub_download(repo, name, cache_dir=cache, endpoint=hub.url)
    hub.push({(at.SD15, HALF): b"another"})
    shutil.rmtree(cache / f"models--{at.KARLO.replace('/', '--')}")
    hub.served.clear()
    engine = space()
    suite = engine.registry.suites["full"]
    assert missing(engine, "full") == {}
    assert "safety" in suite.parts
    assert (suite["unet"].dtype, suite["prior"].dtype, suite["clip"].dtype) == ("float16", "bfloat16", "float32")
    brought = {name for repo, name in hub.files if repo == at.KARLO}
    assert hub.served.keys() <= brought, "what was preloaded is not sent again"
    assert any(name.endswith(".safetensors") for name in hub.served)
    assert read_lock()[at.SD15].revision == COMMIT
