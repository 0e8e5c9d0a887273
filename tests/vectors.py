"""Reader of the golden vectors under spec/vectors, for parametrised tests.

    def test_parse() -> None:
        assert vectors.mismatches("string_to_props", lambda release, vector: ...) == []

One test for a whole file is a hundred times cheaper than one test for a line, and its failure still
lists every line that differs.  `load` and `each` give the vectors themselves.

A directory is named after the published Apache release that printed it; `all` holds the functions
on which the three agree. A vector is an input and either an output or an error, never both.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

from refimpl.model.errors import RefimplError
from refimpl.model.ids import JsonValue
from refimpl.model.release import RELEASES, Release

ROOT = Path(__file__).parent.parent / "spec" / "vectors"


@dataclass(frozen=True, slots=True)
class Vector:
    """One line of one file: what went into Apache's function and what came out."""

    name: str  # function:line, the name of the test case
    input: JsonValue
    output: JsonValue
    error: str | None  # simple name of the Java exception
    code: int | None  # of the exception, where it has one
    message: str | None  # of the exception, where it has one
    machine: JsonValue = None  # config_*: the outputs that depend on the machine
    row: JsonValue = None  # the whole line

    def fields(self) -> dict[str, JsonValue]:
        """The input, which is an object."""
        assert isinstance(self.input, dict), self.name
        return self.input

    def result(self) -> dict[str, JsonValue]:
        """The output, which is an object."""
        assert isinstance(self.output, dict), self.name
        return self.output


def _vector(name: str, number: int, line: str) -> Vector:
    row = cast("dict[str, JsonValue]", json.loads(line))
    assert ("out" in row) != ("error" in row), f"{name}:{number}"
    error, code, message = row.get("error"), row.get("code"), row.get("msg")
    assert error is None or isinstance(error, str)
    assert code is None or isinstance(code, int)
    assert message is None or isinstance(message, str)
    return Vector(
        f"{name}:{number}", row["in"], row.get("out"), error, code, message, row.get("machine"), row
    )


def load(release: Release | str, name: str) -> tuple[Vector, ...]:
    """Every vector of function `name` in `release` (a row, or "4.6" or "4.6.1"); never none."""
    if isinstance(release, str):
        release = next(r for r in RELEASES.values() if release in {r.name, r.apache})
    return _read(release.apache, name)


@cache
def _read(directory: str, name: str) -> tuple[Vector, ...]:
    path = ROOT / directory / f"{name}.jsonl"
    if not path.exists():
        path = ROOT / "all" / f"{name}.jsonl"
    lines = path.read_text(encoding="utf-8").split("\n")  # splitlines would cut at U+2028
    found = tuple(_vector(name, i, text) for i, text in enumerate(lines, 1) if text)
    assert found, path
    return found


def each(name: str, *releases: str) -> list[tuple[Release, Vector]]:
    """(release, vector) pairs of the named releases, or of all three."""
    rows = [RELEASES[r] for r in releases] if releases else list(RELEASES.values())
    return [(row, vector) for row in rows for vector in load(row, name)]


def mismatches(
    name: str, function: Callable[[Release, Vector], JsonValue], *releases: str
) -> list[str]:
    """What `function` gets wrong: it returns the output, or raises a `RefimplError` for an error.

    Which error is not compared; a test that knows what class, code or text is right does that.
    """
    wrong = []
    for release, vector in each(name, *releases):
        try:
            mine, refused = function(release, vector), False
        except RefimplError as error:
            mine, refused = str(error), True
        if refused != (vector.error is not None) or not (refused or mine == vector.output):
            expected = vector.error if vector.error is not None else vector.output
            wrong.append(
                f"{release.name} {vector.name} {vector.input!r}: {mine!r} is not {expected!r}"
            )
    return wrong
