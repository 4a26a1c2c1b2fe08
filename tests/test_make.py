"""Two commands do all the set-up; a second run of either installs nothing, and a changed requirement installs again."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def would(folder, goal):
    """The commands that `make GOAL` would run."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    found = subprocess.run(["make", "-n", goal], cwd=folder, env=outside, capture_output=True, text=True, check=True)
    return found.stdout.splitlines()


def written(file, age):
    file.parent.mkdir(exist_ok=True)
    file.touch()
    os.utime(file, (1_000_000 - age, 1_000_000 - age))


@pytest.mark.parametrize(("goal", "done"), [("demo", ["ready"]), ("test", ["ready", "ready-test"])])
def test_a_second_run_installs_nothing_and_a_changed_requirement_installs_again(tmp_path, goal, done):
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
        written(tmp_path / name, age=100)
    fresh = would(tmp_path, goal)
    work = [line for line in fresh if not any(word in line for word in ("-m venv", "pip install", "touch"))]
    assert sum("pip install" in line for line in fresh) == 1 + len(done)
    for k, name in enumerate(done):
        written(tmp_path / ".venv" / name, age=50 - k)
    assert would(tmp_path, goal) == work != []
    written(tmp_path / "requirements.txt", age=0)
    assert sum("pip install" in line for line in would(tmp_path, goal)) == 1 + len(done)
