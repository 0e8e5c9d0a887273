"""An inspection changes nothing, not even where it could not. STORE-INSPECT-1, STORE-INSPECT-2."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from refimpl.cli.store import store_group
from refimpl.inspect.store_reading import open_reading
from refimpl.sim.memory_disk import MemoryDisk
from tests.inspect.apache_images import NAMES, Files, files_of

ROOT = Path(__file__).parents[2]
VERSIONS = {"4.6.1": "4.6", "4.9.7": "4.9", "5.5.0": "5.5"}


def unpack(files: Files, root: Path) -> Path:
    for path, data in files.items():
        full = root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(data)
    return root


def tree(root: Path) -> list[tuple[str, int, int, str]]:
    """Every name with mode, times and a hash of what is in it."""
    found = []
    for path in sorted([root, *root.rglob("*")]):
        state = path.stat()
        data = path.read_bytes() if path.is_file() else b""
        digest = hashlib.sha256(data).hexdigest()
        name = str(path.relative_to(root))
        found.append((name, state.st_mode, state.st_mtime_ns, f"{state.st_ctime_ns} {digest}"))
    return found


def run(*words: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(store_group, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.fixture
def stores(tmp_path: Path) -> Sequence[Path]:
    return [unpack(files_of(name), tmp_path / name) for name in NAMES]


def test_nothing_is_changed(stores: Sequence[Path]) -> None:
    before = [tree(store) for store in stores]
    for store in stores:
        assert run("inspect", store)[0] == 0
        assert run("verify", store)[0] == 0
    assert run("diff", stores[0], stores[1])[0] == 1
    assert [tree(store) for store in stores] == before


def test_files_are_opened_for_reading(
    stores: Sequence[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """STORE-INSPECT-1: with rights to write nobody would see the difference."""
    modes, real = set(), os.open

    def opened(path: str | Path, flags: int, mode: int = 0o777) -> int:
        modes.add(flags & ~os.O_CLOEXEC)
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", opened)
    assert run("inspect", stores[0])[0] == 0
    assert run("diff", stores[0], stores[0])[0] == 0
    assert modes == {os.O_RDONLY}


def unprivileged(store: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run as somebody with few rights: as another user, where the tests run as root."""
    command = [sys.executable, "-m", "refimpl.cli", "store", *words, str(store)]
    if os.geteuid() == 0:
        if any(parent.stat().st_mode & 0o005 != 0o005 for parent in store.parents[:-1]):
            pytest.skip("another user may not come here")
        other = ["setpriv", "--reuid=65534", "--clear-groups"]
        alive = subprocess.run([*other, sys.executable, "-c", ""], capture_output=True, check=False)
        if alive.returncode != 0:
            pytest.skip("another user cannot run this Python")
        command = [*other, *command]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that every user may look into."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)
        for path in Path(name).rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)


def test_a_directory_that_cannot_be_written(reachable: Path) -> None:
    store = unpack(files_of(NAMES[3]), reachable / "store")
    for path in [*sorted(store.rglob("*"), reverse=True), store]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = tree(store)
    done = unprivileged(store, "verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert "sound" in done.stdout
    assert tree(store) == before


def test_a_file_that_cannot_be_read(reachable: Path) -> None:
    """STORE-INSPECT-3: one sentence that names the file, and exit code 2."""
    store = unpack(files_of(NAMES[3]), reachable / "store")
    for path, mode in (("checkpoint", 0), ("index", 0o444), (f"commitlog/{0:020d}", 0)):
        (store / path).chmod(mode)
        done = unprivileged(store, "verify")
        assert done.returncode == 2, done
        assert path in done.stderr
        assert "Traceback" not in done.stderr
        (store / path).chmod(0o755)


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_sizes_and_release_are_deduced(stores: Sequence[Path], number: int) -> None:
    code, text = run("inspect", "--json", stores[number])
    assert code == 0
    shown = json.loads(text)
    summary = {row["what"]: row["value"] for row in shown["store"]}
    assert summary["release"].startswith(VERSIONS[NAMES[number].split("-")[1]])
    assert summary["mappedFileSizeCommitLog"] == 16384
    assert summary["mappedFileSizeConsumeQueue"] == 2000
    assert (summary["maxHashSlotNum"], summary["maxIndexNum"]) == (100, 400)
    assert shown["findings"] == []


def test_the_length_is_the_one_of_most_files(stores: Sequence[Path]) -> None:
    """STORE-INSPECT-2: two files that are too long do not outvote names and the others."""
    for start in (0, 16384):
        path = stores[2] / f"commitlog/{start:020d}"
        path.write_bytes(path.read_bytes() + bytes(16384))
    code, text = run("inspect", "--json", stores[2])
    shown = json.loads(text)
    summary = {row["what"]: row["value"] for row in shown["store"]}
    assert (code, summary["mappedFileSizeCommitLog"]) == (1, 16384)
    assert [(f["rule"], f["path"]) for f in shown["findings"]] == [
        ("STORE-FILES-2", f"commitlog/{start:020d}") for start in (0, 16384)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_one_trace_of_a_release_is_enough(name: str) -> None:
    """STORE-INSPECT-2: without the folders of 5.5 the tables tell."""
    files = {path: data for path, data in files_of(name).items() if "timer" not in path}
    reading = open_reading(MemoryDisk(files))
    assert reading.release.apache == name.split("-")[1]
    assert reading.deduced.startswith("config/topics.json has") is ("5.5.0" in name)


def test_the_tables_say_what_the_manifest_says(stores: Sequence[Path]) -> None:
    for name, store in zip(NAMES, stores, strict=True):
        lines = (ROOT / "spec" / "vectors" / "stores" / f"{name}.jsonl").read_text("utf-8")
        head = json.loads(lines.splitlines()[0])
        shown = json.loads(run("inspect", "--json", store)[1])
        queues = {(r["topic"], r["queue"]): (r["min"], r["max"]) for r in shown["queues"]}
        assert queues == {(q[0], q[1]): (q[2], q[3]) for q in head["queues"]}
        index = [(r["file"], r["slots used"], r["keys"] + 1) for r in shown["index"]]
        wanted = head["index_files"]
        assert index == [(f["file"], f["hash_slot_count"], f["index_count"]) for f in wanted]
        summary = {row["what"]: row["value"] for row in shown["store"]}
        assert summary["log"] == f"0..{head['commitlog_end']}"
        assert summary["records"] == len(lines.splitlines()) - 1


def test_exit_codes_are_the_verdict(stores: Sequence[Path], tmp_path: Path) -> None:
    """STORE-INSPECT-3."""
    assert run("diff", stores[0], stores[0]) == (0, "equal\n")
    (stores[0] / "checkpoint").write_bytes(b"\xff" * 4096)
    code, text = run("verify", stores[0])
    assert (code, "VIOLATED" in text, "STORE-FILES-6" in text) == (1, True, True)
    for place in (tmp_path / "nowhere", tmp_path, stores[0] / "checkpoint"):
        code, text = run("verify", place)
        assert code == 2
        assert "no store" in text
        assert "Traceback" not in text


def test_a_setting_that_the_files_do_not_tell(stores: Sequence[Path]) -> None:
    levels = "--property=messageDelayLevel=7s 9s"
    code, text = run("verify", levels, stores[2])
    assert code == 1
    assert "STORE-RECOVERY-9" in text
