"""The vectors themselves: readable, all used, and the comparison is able to fail."""

from pathlib import Path

from refimpl.model.errors import InvalidInput
from refimpl.model.ids import JsonValue
from refimpl.model.release import RELEASES, Release
from tests import vectors
from tests.vectors import Vector

COLLECTIONS = ("captures", "stores")  # directories that are no function's inputs and outputs


def test_every_directory_is_a_release_or_all() -> None:
    directories = {path.name for path in vectors.ROOT.iterdir() if path.is_dir()}
    releases = {release.apache for release in RELEASES.values()}
    assert directories == releases | {"all", *COLLECTIONS}


def test_a_function_is_either_common_or_by_release() -> None:
    common = {path.name for path in (vectors.ROOT / "all").iterdir()}
    for release in RELEASES.values():
        own = {path.name for path in (vectors.ROOT / release.apache).iterdir()}
        assert not own & common


def test_a_release_is_found_by_both_names() -> None:
    assert vectors.load("4.6", "crc32") is not None
    assert vectors.load("4.6", "record_encode") == vectors.load("4.6.1", "record_encode")
    assert vectors.load("4.6", "record_encode") != vectors.load("4.9", "record_encode")


def test_a_wrong_function_is_seen_on_every_line() -> None:
    def wrong(_release: Release, _vector: Vector) -> JsonValue:
        return "wrong"

    def refuses(_release: Release, vector: Vector) -> JsonValue:
        raise InvalidInput("vector", vector.name, "always")

    count = len(vectors.each("crc32"))
    assert len(vectors.mismatches("crc32", wrong)) == count
    assert len(vectors.mismatches("crc32", refuses)) == count


def test_every_file_is_named_by_a_test() -> None:
    """A vector that no test runs proves nothing."""
    tests = vectors.ROOT.parent.parent / "tests"
    others = (p for p in sorted(tests.rglob("*.py")) if p != Path(__file__))
    text = "".join(path.read_text(encoding="utf-8") for path in others)
    functions = [p for p in vectors.ROOT.rglob("*.jsonl") if p.parent.name not in COLLECTIONS]
    unused = {path.stem for path in functions if f'"{path.stem}"' not in text}
    assert unused == set()
    for name in COLLECTIONS:  # read as a whole, by the test that names the directory
        assert f'"{name}"' in text
