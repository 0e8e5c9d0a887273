"""The explorer sees every history of a small store, and each of several bugs planted in it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from unittest.mock import patch

import pytest
from click.testing import CliRunner

from fuzz.planted import store_side
from refimpl.cli.explore import explore_command
from refimpl.model.prng import Prng
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import Crash, CrashImage
from refimpl.sim.small_scope import Bound, explore, first_lab, state_key
from refimpl.sim.store_fork import fork
from refimpl.sim.store_lab import StoreLab
from refimpl.store import recovery
from refimpl.store.mapped_file_queue import MappedFileQueue
from refimpl.store.message_store import FLUSH_COMMIT_LOG

Patch = AbstractContextManager[object]

ONE = Bound(puts=1, ticks=0, crashes=1)


def test_every_history_of_one_message_and_one_crash() -> None:
    """STORE-PROMISE-1..12, in every state; the numbers are those of this bound."""
    certificate = explore(ONE)
    assert certificate.violations == []
    assert certificate.states > 500
    assert certificate.transitions > certificate.states
    assert certificate.images > 100
    assert certificate.sampled == 0
    assert "no violation" in certificate.text()


def test_a_store_that_has_messages_already() -> None:
    """Those from before are there in every state, and a crash takes none of them."""
    bound = Bound(puts=0, ticks=0, crashes=1, messages=3)
    lab = first_lab(bound)
    assert lab.read("T", 0) == [1]
    assert lab.read("T", 1) == [0, 2]
    assert lab.disk.disk.read("checkpoint", 0, 8) != bytes(8)
    certificate = explore(bound, lab=lab)
    assert certificate.violations == []
    assert certificate.images == 1  # nothing is pending, so a power failure leaves one thing
    assert certificate.recoveries == 2


@pytest.mark.slow
def test_the_certificate_is_the_same_in_every_process() -> None:
    """Nothing depends on the order of a set: states, transitions and images are counted alike."""
    command = [sys.executable, "-m", "refimpl.cli", "explore", "--puts", "1", "--crashes", "1"]
    texts = set()
    for seed in ("0", "1", "random"):
        done = subprocess.run(
            command,
            capture_output=True,
            check=True,
            text=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        texts.add(done.stdout.partition(" (")[0])
    assert texts == {explore(ONE).text()}


@pytest.mark.parametrize("mode", ["async", pytest.param("pool", marks=pytest.mark.slow)])
def test_the_other_ways_to_flush(mode: str) -> None:
    """STORE-PROMISE-2: and a power failure after each step."""
    certificate = explore(Bound(mode=mode, puts=1, ticks=0, crashes=1, images=8, stops=False))
    assert certificate.violations == []
    assert certificate.recoveries > 10


def cuts_everything() -> Patch:
    cut = MappedFileQueue.truncate_dirty_files
    return patch.object(
        MappedFileQueue, "truncate_dirty_files", lambda queue, _offset: cut(queue, 0)
    )


def lies_about_the_force() -> Patch:
    return patch.object(CrashDisk, "force", lambda _disk, _path, **_how: None)


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (store_side.acks_on_wrote, "STORE-PROMISE-1"),
        (cuts_everything, "STORE-PROMISE-2"),
        (store_side.shows_what_is_written, "ShownIsDurable"),
        (lies_about_the_force, "STORE-PROMISE-"),
    ],
)
def test_a_planted_bug_is_found(plant: Callable[[], Patch], expected: str) -> None:
    """STORE-PROMISE-1, STORE-PROMISE-8: the path to the violation is part of it."""
    with plant():
        certificate = explore(ONE)
    assert certificate.violations
    assert expected in certificate.violations[0]
    assert "put" in certificate.violations[0].split(" | ")


def test_an_image_that_is_not_made_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate is of all images, by their exact count, or says that it is not."""
    right = Crash.images

    def the_first_three(self: Crash, budget: int, prng: Prng) -> Iterator[CrashImage]:
        return islice(right(self, budget, prng), 3)

    bound = Bound(puts=1, ticks=0, crashes=1, images=3)
    few = explore(bound)
    assert few.sampled > 0
    monkeypatch.setattr(Crash, "images", the_first_three)
    fewer = explore(replace(bound, images=512))
    assert (fewer.sampled, fewer.images) == (few.sampled, few.images)


def test_a_fork_goes_its_own_way() -> None:
    """Equal before, different after, and the first one has not moved."""
    lab = StoreLab(overrides={"flushDiskType": "SYNC_FLUSH"}, disk=CrashDisk())
    lab.put()
    before = state_key(lab)
    twin = fork(lab)
    assert state_key(twin) == before
    twin.step(FLUSH_COMMIT_LOG)
    twin.complete_force(next(iter(twin.pending)))
    twin.put()
    assert state_key(twin) != before
    assert state_key(lab) == before
    assert twin.check() == []
    lab.settle()
    assert lab.read() == [0]


def test_the_command_prints_its_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["--puts", "0", "--crashes", "2"]
    result = CliRunner().invoke(explore_command, arguments)
    assert result.exit_code == 0, result.output
    assert "no violation" in result.output
    monkeypatch.setattr(recovery, "_nothing_left", lambda queue: 1 / 0)
    assert CliRunner().invoke(explore_command, arguments).exit_code == 1
