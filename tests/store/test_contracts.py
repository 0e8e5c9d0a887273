"""STORE-FILES-1, STORE-FLUSH-6, STORE-INDEX-2, STORE-LOG-8: arithmetic that CrossHair checks.

A contract says what must hold of all integers; the tests below tie each to the store's own code.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.store_rig import START, message
from refimpl.model.config import Config
from refimpl.model.java import string_hash
from refimpl.model.message_codec import MESSAGE_MAGIC_CODE, encode_record
from refimpl.model.preset import MINIMAL
from refimpl.model.release import RELEASE_4_9
from refimpl.model.status import AppendMessageStatus
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.store.append_message import do_append
from refimpl.store.commit_log import CommitLog
from refimpl.store.consume_queue import ConsumeQueue
from refimpl.store.index_file import IndexFile, index_key_hash
from refimpl.store.mapped_file import MappedFile, offset_to_file_name
from refimpl.store.mapped_file_queue import MappedFileQueue
from tests.store import contracts

HERE = Path(__file__).parent
SIZES = st.integers(1, 1 << 12)
OFFSETS = st.integers(0, 1 << 40)


def crosshair(path: Path, seconds: float) -> "subprocess.CompletedProcess[str]":
    options = ["--per_condition_timeout", str(seconds), "--analysis_kind", "PEP316"]
    return subprocess.run(
        [sys.executable, "-m", "crosshair", "check", str(path), *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=HERE.parent.parent,
    )


@pytest.mark.slow
def test_no_contract_is_refuted() -> None:
    done = crosshair(HERE / "contracts.py", 0.25)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_wrong_contracts_are_refuted() -> None:
    done = crosshair(HERE / "wrong_contract.py", 3)
    assert done.returncode == 1
    assert "file_from_offset" in done.stdout
    assert "hash_slot" in done.stdout
    assert "names_in_order" in done.stdout


@given(OFFSETS, SIZES)
def test_files_begin_where_the_contract_says(offset: int, size: int) -> None:
    queue = MappedFileQueue(MemoryDisk(), "q", size)
    assert queue.roll(offset).file_from_offset == contracts.file_from_offset(offset, size)
    found = queue.find_mapped_file_by_offset(offset)
    assert found is queue.mapped_files[contracts.file_index(offset, offset // size, size)]


@given(st.integers(0, (1 << 63) - 1), st.integers(0, (1 << 63) - 1))
def test_files_are_named_as_the_contract_says(offset: int, other: int) -> None:
    name = offset_to_file_name(offset)
    assert (int(name[:10]), int(name[10:])) == contracts.name_halves(offset)
    assert len(name) == 20
    assert (name < offset_to_file_name(other)) == contracts.names_in_order(offset, other)


@given(OFFSETS)
def test_the_next_file_begins_where_the_contract_says(offset: int) -> None:
    log = CommitLog(MemoryDisk(), Config.of(RELEASE_4_9, "broker", MINIMAL), RELEASE_4_9)
    assert log.roll_next_file(offset) == contracts.roll_next_file(offset, log.file_size)


@given(st.integers(0, 1 << 20), st.integers(0, 1 << 16))
def test_pages_are_counted_as_the_contract_says(flushed: int, more: int) -> None:
    mapped_file = MappedFile(MemoryDisk(), "f", 1 << 21, 0)
    mapped_file.flushed_position, mapped_file.wrote_position = flushed, flushed + more
    pages = contracts.dirty_pages(mapped_file.read_position, flushed)
    for least in range(1, 18):
        assert mapped_file.is_able_to_flush(least) == (pages >= least)


@given(st.integers(1, 4000))
def test_queue_files_have_whole_units(size: int) -> None:
    text = {**MINIMAL, "mappedFileSizeConsumeQueue": str(size)}
    config = Config.of(RELEASE_4_9, "broker", text)
    assert config.integer("mappedFileSizeConsumeQueue") == contracts.unit_aligned(size)


@given(st.integers(1, 60), st.integers(1, 9))
def test_first_files_are_filled_as_the_contract_says(queue_offset: int, units: int) -> None:
    log = CommitLog(MemoryDisk(), Config.of(RELEASE_4_9, "broker", MINIMAL), RELEASE_4_9)
    queue = ConsumeQueue(
        MemoryDisk(), "q", "T", 0, mapped_file_size=units * 20, log=log, release=RELEASE_4_9
    )
    queue.put_message_position_info(100 * queue_offset, 50, 0, queue_offset)
    first = queue.mapped_file_queue.mapped_files[0]
    begins = first.file_from_offset // contracts.CQ_STORE_UNIT_SIZE
    assert queue_offset - begins == contracts.pre_blank_units(queue_offset, units)


@given(st.text(max_size=12), st.integers(1, 1000))
def test_slots_are_those_of_the_contract(key: str, slots: int) -> None:
    assert index_key_hash(key) % slots == contracts.hash_slot(string_hash(key), slots)


def test_the_smallest_hash_has_a_slot() -> None:
    assert string_hash("polygenelubricants") == -(1 << 31)
    assert index_key_hash("polygenelubricants") % 7 == contracts.hash_slot(-(1 << 31), 7) == 0


@given(st.integers(1, 50), st.integers(0, 50))
def test_entries_stand_where_the_contract_says(slots: int, number: int) -> None:
    index_file = IndexFile(MemoryDisk(), "f", slots, 60)
    assert index_file._entry_position(number) == contracts.entry_position(slots, number)


@given(st.integers(0, 300), st.integers(0, 60))
def test_records_leave_the_room_of_the_contract(position: int, body: int) -> None:
    """STORE-LOG-8."""
    mapped_file = MappedFile(MemoryDisk(), "f", 400, 0)
    mapped_file.disk.create("f", 400)
    mapped_file.wrote_position = position
    inner = message(body=bytes(body))
    size = len(encode_record(inner, 0, position, START, MESSAGE_MAGIC_CODE))
    done = do_append(mapped_file, inner, MESSAGE_MAGIC_CODE, {}, START)
    fits = contracts.leaves_room_for_a_blank(position, size, 400)
    assert (done.status is AppendMessageStatus.PUT_OK) == fits
