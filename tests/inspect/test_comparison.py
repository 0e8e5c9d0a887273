"""Two stores are compared by what they serve. STORE-INSPECT-4."""

import pytest

from refimpl.inspect.comparison import Difference, compare
from refimpl.inspect.store_reading import open_reading
from refimpl.sim.memory_disk import MemoryDisk
from tests.inspect.apache_images import Files, files_of

NAME = "apache-4.9.7-clean"


def differences(left: Files, right: Files) -> list[Difference]:
    return list(compare(open_reading(MemoryDisk(left)), open_reading(MemoryDisk(right))))


def test_equal_stores_and_names_of_files() -> None:
    left, right = files_of(NAME), files_of(NAME)
    first = min(path for path in right if path.startswith("index/"))
    right["index/20000101000000000"] = right.pop(first)
    assert differences(left, right) == []


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (19, "flag"), (38, "sys_flag"), (47, "born_timestamp"), (51, "born_host"),
        (55, "born_host"), (63, "store_timestamp"), (67, "store_host"), (71, "store_host"),
        (75, "reconsume_times"), (83, "prepared_transaction_offset"),
    ],
)  # fmt: skip
def test_one_field_of_one_message(place: int, name: str) -> None:
    left, right = files_of(NAME), files_of(NAME)
    path = f"commitlog/{0:020d}"
    right[path] = right[path][:place] + bytes([right[path][place] ^ 1]) + right[path][place + 1 :]
    found = differences(left, right)
    assert [(d.where, d.what) for d in found] == [("S_A queue 0", f"message 0: {name}")]


def test_one_tags_code() -> None:
    left, right = files_of(NAME), files_of(NAME)
    queue = f"consumequeue/S_B/0/{0:020d}"
    right[queue] = right[queue][:59] + bytes([right[queue][59] ^ 1]) + right[queue][60:]
    found = differences(left, right)
    assert [(d.where, d.what) for d in found] == [("S_B queue 0", "tags code of unit 2")]


def test_queues_offsets_and_tables() -> None:
    left, right = files_of(NAME), files_of(NAME)
    offsets = "config/consumerOffset.json"
    right[offsets] = right[offsets].replace(b"0:77", b"0:76")
    right["abort"] = b""
    queue = f"consumequeue/S_B/0/{0:020d}"
    right[queue] = right[queue][:600] + bytes(1400)
    assert differences(left, right) == [
        Difference("S_B queue 0", "extent of the queue", "0..31", "0..30"),
        Difference("abort", "closed", "yes", "no"),
        Difference(offsets, "offsetTable.S_C@CG_STORE.0", "77", "76"),
    ]


def test_a_longer_store_has_the_messages_of_the_shorter() -> None:
    found = differences(files_of(NAME), files_of("apache-4.9.7-killed"))
    messages = [d for d in found if d.what.startswith("message")]
    assert len(messages) == 423 - 312
    assert {d.left for d in messages} == {"absent"}
