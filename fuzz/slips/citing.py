"""Which tests cite a rule: by their docstring, or in a file where none does, by the file's."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from conformance.requirements import ROOT, cited


def citing_tests(root: Path = ROOT) -> Mapping[str, list[str]]:
    """Rule -> its tests as pytest names them, those of the store first: they are quick."""
    harness = root / "tests" / "conformance"  # its tests make rules up
    files = [p for p in sorted((root / "tests").rglob("test_*.py")) if harness not in p.parents]
    found: dict[str, list[str]] = {}
    for path in sorted(files, key=lambda p: p.parent != root / "tests" / "store"):
        for rule, tests in _of_file(path, str(path.relative_to(root))).items():
            found.setdefault(rule, []).extend(tests)
    return found


def _of_file(path: Path, name: str) -> Mapping[str, list[str]]:
    tree = ast.parse(path.read_text("utf-8"))
    tests = list(_tests(tree.body, name))
    found: dict[str, list[str]] = {}
    for test, text in tests:
        for rule in dict.fromkeys(cited(text)):
            found.setdefault(rule, []).append(test)
    for rule in cited(ast.get_docstring(tree) or ""):
        found.setdefault(rule, [test for test, _ in tests])
    return found


def _tests(body: Iterable[ast.stmt], name: str) -> Iterator[tuple[str, str]]:
    """Each test and its docstring; one of a class has the docstring of the class as well."""
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield f"{name}::{node.name}", ast.get_docstring(node) or ""
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            of_class = ast.get_docstring(node) or ""
            for test, text in _tests(node.body, f"{name}::{node.name}"):
                yield test, f"{of_class}\n{text}"
