"""Properties of the code itself: layers, sizes, purity, names."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = [  # a package may import itself and any row above it, never its own row's siblings
    {"model"},
    {"remoting"},
    {"store"},
    {"broker", "client", "inspect", "namesrv"},
    {"runtime", "sim"},
    {"tlc"},
    {"cli"},
]
RANK = {package: rank for rank, row in enumerate(LAYERS) for package in row}
PURE = {"model", "remoting", "store", "broker", "client", "inspect", "namesrv"}
SOURCES = sorted((ROOT / "refimpl").rglob("*.py"))
CONFORMANCE = sorted((ROOT / "conformance").rglob("*.py"))
EVERYTHING = sorted(
    path
    for folder in ("refimpl", "conformance", "fuzz", "tests", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
)
LINES_PER_MODULE_MAX = 600
LINES_PER_FUNCTION_MAX = 70
STANDARD_ONLY_EXCEPT = {"lark": "model/sql92"}  # a library in ranks 0-3, and the one place for it
IMPURE = {
    "asyncio",
    "datetime",
    "os",
    "pathlib",
    "random",
    "secrets",
    "socket",
    "subprocess",
    "threading",
    "time",
    "uuid",
}
MAY_DRAW = ROOT / "refimpl/model/prng.py"
FORBIDDEN_NAMES = {"utils", "util", "common", "base", "misc", "helpers"}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}: relative import"
            found.append(node.module or "")
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    return found


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_imports_point_downward(path: Path) -> None:
    parts = path.relative_to(ROOT).parts
    if len(parts) == 2:  # refimpl/__init__.py
        assert not [i for i in imports(path) if i.startswith("refimpl.")]
        return
    here = parts[1]
    for module in imports(path):
        if module.startswith("refimpl."):
            there = module.split(".")[1]
            assert there == here or RANK[there] < RANK[here], f"{name(path)} imports {there}"
        if here != "cli":
            assert not module.startswith("conformance"), f"{name(path)} imports {module}"


@pytest.mark.parametrize("path", CONFORMANCE, ids=name)
def test_the_suite_knows_bytes_not_objects(path: Path) -> None:
    adapter = path in (ROOT / "conformance/targets").glob("reference*.py")
    for module in imports(path):
        if module.startswith("refimpl.") and not adapter:
            assert module.split(".")[1] in {"model", "remoting"}, f"{name(path)} imports {module}"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_the_core_meets_no_world(path: Path) -> None:
    parts = path.relative_to(ROOT).parts
    if len(parts) == 2 or parts[1] not in PURE or path == MAY_DRAW:
        return
    for module in imports(path):
        top = module.split(".", maxsplit=1)[0]
        assert top not in IMPURE, f"{name(path)} imports {module}"
        if top in STANDARD_ONLY_EXCEPT:
            assert STANDARD_ONLY_EXCEPT[top] in name(path), f"{name(path)} imports {module}"


@pytest.mark.parametrize("path", EVERYTHING, ids=name)
def test_modules_and_functions_fit_in_the_head(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.count("\n") <= LINES_PER_MODULE_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= LINES_PER_FUNCTION_MAX, f"{node.name}: {lines}"


@pytest.mark.parametrize("path", sorted((ROOT / "refimpl/tlc").rglob("*.py")), ids=name)
def test_the_model_checker_knows_values_only(path: Path) -> None:
    for module in imports(path):
        if module.startswith("refimpl."):
            assert module.split(".")[1] in {"model", "tlc"}, f"{name(path)} imports {module}"
        else:
            assert module.split(".", maxsplit=1)[0] in sys.stdlib_module_names


@pytest.mark.parametrize("path", [*SOURCES, *CONFORMANCE], ids=name)
def test_no_room_for_everything(path: Path) -> None:
    assert path.stem not in FORBIDDEN_NAMES
    assert path.read_text("utf-8").strip(), "an empty placeholder"


@pytest.mark.parametrize("path", EVERYTHING, ids=name)
def test_nothing_names_a_machine(path: Path) -> None:
    text = path.read_text("utf-8")
    places = re.compile(r"(?<![\w.-])/(?:work|root|home|Users)/")
    assert not places.search(text.replace(places.pattern, ""))


def test_dependencies_are_pinned_with_hashes_and_without_addresses() -> None:
    text = (ROOT / "requirements.txt").read_text("utf-8")
    assert "://" not in text
    assert "index-url" not in text
    pins = re.findall(r"^([a-z0-9._-]+)==.*$", text, re.MULTILINE | re.IGNORECASE)
    assert len(pins) > 10
    for block in re.split(r"\n(?=\S)", text.strip()):
        if not block.lstrip().startswith("#"):
            assert "--hash=sha256:" in block, block.splitlines()[0]
