"""Who may import whom, and how large a file and a function may grow."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted([*ROOT.glob("models/**/*.py"), *ROOT.glob("lab/**/*.py"), *ROOT.glob("app.py")])
TABLES = ("lab/ui/words/", "lab/storybook/words.py")  # data, which may be longer

# From the bottom up: a unit may import units of lower floors, and itself.
FLOORS = (
    ("models.protocol", "models.knobs"),
    ("models.parts", "models.catalog", "models.samplers"),
    ("models.hub",),
    ("models.loaders",),
    ("models.registry",),
    ("models.engine",),
    ("lab.storybook",),
    ("lab.train", "lab.race", "lab.record"),
    ("lab.measure",),
    ("lab.lessons",),
    ("lab.ui", "lab.cli"),
    ("app",),
)
FLOOR = {unit: floor for floor, units in enumerate(FLOORS) for unit in units}
PAINTERS = ("latent", "pixel", "vqgan_clip", "unclip")


def name_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def unit_of(module: str) -> str | None:
    """`models.engine.batch` belongs to the unit `models.engine`; what is not ours belongs to none."""
    parts = module.split(".")
    return next((unit for unit in (".".join(parts[:2]), parts[0]) if unit in FLOOR), None)


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imports(file: Path) -> list[str]:
    """Every module and name that a file imports, fully qualified; relative imports are not used here."""
    found = []
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} imports relatively"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def each(files):
    return pytest.mark.parametrize("file", files, ids=lambda file: str(file.relative_to(ROOT)))


@each(FILES)
def test_imports_run_downwards(file):
    own = unit_of(name_of(file))
    assert own or name_of(file) in ("models", "lab"), f"{file} belongs to no floor of the house"
    for module in imports(file):
        other = unit_of(module)
        if module.split(".")[0] in ("models", "lab", "app", "tests"):
            assert other, f"{file} imports {module}, which belongs to no floor"
            assert other == own or FLOOR[other] < FLOOR[own], f"{file} imports {module}: upwards or sideways"


@each([file for file in FILES if "models/samplers" in str(file)])
def test_samplers_know_the_protocol_the_knobs_and_what_they_share(file):
    own = name_of(file).split(".")[2:3]
    for module in imports(file):
        if module.startswith("models."):
            assert unit_of(module) in ("models.protocol", "models.knobs", "models.samplers"), f"{file}: {module}"
            other = module.split(".")[2:3] if module.startswith("models.samplers.") else []
            painters = own and own != other and own[0] in PAINTERS and other and other[0] in PAINTERS
            assert not painters, f"{file} imports {module}: one painter of another"


@each([file for file in FILES if "models/" in str(file)])
def test_models_are_tensors_in_tensors_out(file):
    for module in imports(file):
        assert module.split(".")[0] not in ("gradio", "PIL", "lab", "app"), f"{file} imports {module}"
        pipeline = module.startswith("diffusers") and ("pipelines" in module or "Pipeline" in module)
        assert not pipeline, f"{file} imports {module}: loops are written here, pipelines are what they are held to"
    calls = [node for node in ast.walk(tree_of(file)) if isinstance(node, ast.Call)]
    prints = [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
    assert not prints, f"{file} prints in lines {prints}"


@each([file for file in FILES if "lab/ui" not in str(file) and file.name != "app.py"])
def test_gradio_stays_in_the_interface(file):
    assert not [module for module in imports(file) if module.split(".")[0] == "gradio"]


@each(FILES)
def test_files_stay_under_200_lines_and_functions_under_40(file):
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert lines < 200 or str(file.relative_to(ROOT)).startswith(TABLES), f"{file} has {lines} lines"
    for node in ast.walk(tree_of(file)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            long = node.end_lineno - node.lineno + 1
            assert long < 40, f"{file}:{node.lineno} {node.name} has {long} lines"


def test_the_rules_see_the_files_they_are_about():
    names = {name_of(file) for file in FILES}
    assert {"models.protocol", "models.engine", "models.registry", "models.loaders"} <= names
    assert unit_of("models.engine.batch") == "models.engine"
    assert unit_of("torch.nn") is None
