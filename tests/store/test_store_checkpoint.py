"""STORE-FILES-6, STORE-RECOVERY-3: the checkpoint page."""

import struct

import pytest

from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, RELEASES, Release
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.store.store_checkpoint import StoreCheckpoint


def filled(disk: MemoryDisk, release: Release) -> StoreCheckpoint:
    checkpoint = StoreCheckpoint(disk, release)
    checkpoint.physic_msg_timestamp = 11
    checkpoint.logics_msg_timestamp = 22
    checkpoint.index_msg_timestamp = 33
    checkpoint.master_flushed_offset = 44
    checkpoint.confirm_phy_offset = 55
    checkpoint.logics_physical_offset = 66
    return checkpoint


@pytest.mark.parametrize(
    ("release", "numbers"),
    [
        (RELEASE_4_6, (11, 22, 33, 0, 0, 0)),
        (RELEASE_4_9, (11, 22, 33, 0, 0, 0)),
        (RELEASE_5_5, (11, 22, 33, 44, 55, 66)),
    ],
)
def test_layout(release: Release, numbers: tuple[int, ...]) -> None:
    """STORE-FILES-6."""
    disk = MemoryDisk()
    filled(disk, release).write()
    page = disk.files()["checkpoint"]
    assert len(page) == 4096
    assert struct.unpack_from(">6q", page) == numbers
    assert page[48:] == bytes(4096 - 48)


def test_old_releases_leave_later_numbers_alone() -> None:
    """STORE-FILES-6: a store that 5.5 wrote keeps its offsets through a life with 4.9."""
    disk = MemoryDisk()
    filled(disk, RELEASE_5_5).write()
    old = StoreCheckpoint(disk, RELEASE_4_9)
    old.load()
    old.physic_msg_timestamp = 99
    old.write()
    assert struct.unpack_from(">6q", disk.files()["checkpoint"]) == (99, 22, 33, 44, 55, 66)


@pytest.mark.parametrize("release", list(RELEASES.values()), ids=lambda r: r.name)
@pytest.mark.parametrize("length", [0, 10, 24, 4096])
def test_a_short_page_counts_as_zeros(release: Release, length: int) -> None:
    disk = MemoryDisk({"checkpoint": (b"\0" * 7 + b"\x05") * 512})
    disk.extend("checkpoint", length)
    checkpoint = StoreCheckpoint(disk, release)
    checkpoint.load()
    assert checkpoint.physic_msg_timestamp == (5 if length >= 8 else 0)
    assert checkpoint.index_msg_timestamp == (5 if length >= 24 else 0)


@pytest.mark.parametrize(
    ("physic", "logics", "index", "least", "least_index"),
    [
        (10_000, 20_000, 8_000, 7_000, 7_000),
        (20_000, 10_000, 5_000, 7_000, 5_000),
        (2_999, 10_000, 10_000, 0, 0),
        (0, 10_000, 10_000, 0, 0),
    ],
)
def test_margin(physic: int, logics: int, index: int, least: int, least_index: int) -> None:
    """STORE-RECOVERY-3 (B01)."""
    checkpoint = StoreCheckpoint(MemoryDisk(), RELEASE_4_9)
    checkpoint.physic_msg_timestamp = physic
    checkpoint.logics_msg_timestamp = logics
    checkpoint.index_msg_timestamp = index
    assert checkpoint.min_timestamp == least
    assert checkpoint.min_timestamp_index == least_index
