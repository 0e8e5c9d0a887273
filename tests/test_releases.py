"""The page of switches is true, and every switch is somebody's."""

import re
from pathlib import Path

from refimpl.cli.releases import table
from refimpl.model.release import RELEASES, Release

ROOT = Path(__file__).parent.parent


def test_the_page_is_current() -> None:
    assert (ROOT / "spec/RELEASES.md").read_text("utf-8") == table(), (
        "rmqref releases > spec/RELEASES.md"
    )


def test_every_switch_has_a_row_and_a_reader() -> None:
    page = table()
    sources = "".join(
        path.read_text("utf-8")
        for path in sorted((ROOT / "refimpl").rglob("*.py"))
        if path.stem not in {"release", "release_switches"}
    )
    for name in Release._fields:
        assert f"| `{name}` |" in page, name
        assert re.search(rf"\.{name}\b", sources), f"nobody asks {name}"


def test_every_switch_tells_two_releases_apart() -> None:
    for name in Release._fields:
        values = [getattr(release, name) for release in RELEASES.values()]
        assert any(value != values[0] for value in values), name


def test_code_never_compares_the_name_of_a_release() -> None:
    for path in sorted((ROOT / "refimpl").rglob("*.py")):
        if path.parent.name in {"cli", "runtime"}:
            continue
        text = path.read_text("utf-8")
        assert not re.search(r"release\.(?:name|apache)\s*(?:==|!=|in\b|<|>)", text), path
