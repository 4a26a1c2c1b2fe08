"""README, pins and files say the same thing as the code."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PINS = {
    Requirement(line).name.lower().replace("_", "-"): Requirement(line)
    for line in (ROOT / "requirements.txt").read_text().split()
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


SPACE = (ROOT / "deploy" / "full" / "README.md").read_text(encoding="utf-8")  # lies over README on a GPU Space


def front_matter(text: str = README) -> dict[str, str]:
    block = text.split("---")[1]
    return {key: value.strip().strip('"') for key, value in re.findall(r"^(\w+): (.*)$", block, re.M)}


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    if not listed:
        pytest.skip("not a git checkout: nothing is tracked")
    return [path for name in listed.split("\0")[:-1] if (path := ROOT / name).is_file()]


def test_every_requirement_is_pinned_inside_its_range():
    wanted = {Requirement(line).name.lower().replace("_", "-"): Requirement(line) for line in PROJECT["dependencies"]}
    assert sorted(wanted) == sorted(PINS)
    for name, pin in PINS.items():
        (exact,) = pin.specifier
        assert exact.operator == "=="
        assert Version(exact.version) in wanted[name].specifier, name


def test_the_space_runs_the_pinned_gradio_on_an_allowed_python():
    matter = front_matter()
    (gradio,) = PINS["gradio"].specifier
    assert matter["sdk_version"] == gradio.version
    assert matter["python_version"] == "3.12.12"
    assert Version(matter["python_version"]) in Requirement("python" + PROJECT["requires-python"]).specifier
    assert matter["license"].lower() == PROJECT["license"].lower()
    assert (ROOT / matter["app_file"]).is_file()
    assert (ROOT / matter["thumbnail"]).is_file()


def test_a_space_with_a_gpu_is_the_same_program_with_other_weights():
    plain, full = front_matter(), front_matter(SPACE)
    for name in ("sdk", "sdk_version", "python_version", "app_file", "license", "thumbnail", "emoji"):
        assert full[name] == plain[name], name
    named = set(re.findall(r"^  - (\S+)$", SPACE.split("---")[1], re.M))
    shown = {line.split("|")[3].strip() for line in README.splitlines() if line.count("|") > 6}
    assert named
    assert named <= shown, "weights that README's table of the full suite does not have"
    assert "`QUARTET_SUITE` with the value `full`" in SPACE


def test_readme_names_every_command_and_shows_only_pictures_that_exist():
    from lab.cli import app

    commands = {info.name or info.callback.__name__ for info in app.registered_commands}
    told = set(re.findall(r"`quartet (\w+)", README))
    assert commands == told
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (ROOT / path).is_file(), path


def test_readme_names_only_tests_that_exist():
    told = set(re.findall(r"`(test_\w+)`", README))
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("test_*.py"))
    assert len(told) > 10
    assert {name for name in told if f"def {name}(" not in tests} == set()


def test_tracked_files_stay_small_and_are_no_pickles():
    files = tracked()
    assert sum(file.stat().st_size for file in files) < 48 * 2**20
    for file in files:
        assert file.stat().st_size < 10e6, file
        assert file.suffix not in {".pt", ".pth", ".ckpt", ".pkl", ".bin", ".npy"}, file


def test_the_wheel_carries_every_module_and_the_classroom_suite():
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    data = {ROOT / package.replace(".", "/"): patterns for package, patterns in told["package-data"].items()}
    assert told["py-modules"] == ["app"]
    assert {f"{path.name}*" for path in (ROOT / "models", ROOT / "lab", ROOT / "assets")} == set(
        told["packages"]["find"]["include"]
    )
    for file in tracked():
        if file.relative_to(ROOT).parts[0] not in ("assets", "lab", "models"):
            continue
        if file.suffix == ".py":
            assert (file.parent / "__init__.py").is_file(), f"{file.parent} is no package, and would be left out"
        else:
            patterns = [pattern for folder, found in data.items() if file.is_relative_to(folder) for pattern in found]
            assert "**/*" in patterns or file.name in patterns, f"{file} would be left out"


def test_readmes_table_is_the_measurement_of_the_weights_that_ship():
    from lab.measure.card import PAINTERS
    from lab.measure.suite import table, weights
    from models.catalog import ASSETS

    measured = json.loads((ASSETS / "classroom" / PAINTERS).read_text())
    assert measured["weights"] == weights(ASSETS / "classroom")
    assert table(measured) in README
    assert table(measured) in (ASSETS / "classroom" / "MODEL_CARD.md").read_text(encoding="utf-8")
