"""The clients of other languages: pinned by name, and a visible skip where they cannot be had."""

import json
from pathlib import Path

import pytest

from conformance.verdict import TargetUnavailable
from tests.peers import foreign

HERE = Path(__file__).parent


def test_packages_are_pinned_without_addresses() -> None:
    lock = (HERE / "js/package-lock.json").read_text("utf-8")
    assert "http" not in lock
    packages = json.loads(lock)["packages"]
    assert all("resolved" not in one for one in packages.values())
    assert all("integrity" in one for name, one in packages.items() if name)
    wanted = json.loads((HERE / "js/package.json").read_text("utf-8"))["dependencies"]
    assert wanted == {"ali-ons": "3.12.0", "rocketmq-nodejs": "1.1.2"}
    assert (HERE / "cpp/requirements.txt").read_text("utf-8") == "rocketmq==0.4.4\n"
    assert "rocketmq-client-go/v2 v2.1.2" in (HERE / "go/go.mod").read_text("utf-8")
    assert "rocketmq-client-go/v2 v2.1.2 h1:" in (HERE / "go/go.sum").read_text("utf-8")


def test_an_absent_tool_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TargetUnavailable, match="no go on the PATH"):
        foreign.go_program()
    with pytest.raises(TargetUnavailable, match="no node on the PATH"):
        foreign.node_program("ali_ons.js")


def test_an_absent_registry_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And nothing half made stays, so that the next run tries again."""
    tool = tmp_path / "npm"
    tool.write_text("#!/bin/sh\necho no registry here >&2\nexit 1\n", "utf-8")
    tool.chmod(0o755)
    (tmp_path / "node").symlink_to(tool)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setenv("RMQREF_PEERS", str(tmp_path / "cache"))
    for _ in range(2):
        with pytest.raises(TargetUnavailable, match="npm cannot fetch: no registry here"):
            foreign.node_program("ali_ons.js")
    assert not [path for path in (tmp_path / "cache").iterdir() if path.name.count(".") == 0]
