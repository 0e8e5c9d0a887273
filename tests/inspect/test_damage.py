"""Each kind of damage is found, by one clear finding, and random damage never ends in a traceback.

Requirements  STORE-INSPECT-3, STORE-FILES-1, STORE-FILES-2, STORE-FILES-3, STORE-FILES-6,
              STORE-MESSAGE-1, STORE-MESSAGE-4, STORE-MESSAGE-6, STORE-RECOVERY-2, STORE-CQ-2
"""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from refimpl.inspect.finding import Gravity, NotAStore
from refimpl.model.prng import Prng
from tests.inspect.apache_images import NAMES, Files, damage, files_of, findings_of

VIOLATION, CRASH, NOTE = Gravity
LOG = f"commitlog/{16384:020d}"
LAST_LOG = f"commitlog/{81920:020d}"
QUEUE = f"consumequeue/S_C/0/{0:020d}"
INDEX = 440  # place of entry 0: 40 bytes of header, 100 slots of four


class Planted(NamedTuple):
    """Damage to the closed store of 4.9.7, and what must be said of it."""

    name: str
    harm: Callable[[Files], None]
    gravity: Gravity
    rule: str
    path: str
    kind: str


def patched(path: str, at: int, data: bytes) -> Callable[[Files], None]:
    def harm(files: Files) -> None:
        before = files[path]
        files[path] = before[:at] + data + before[at + len(data) :]
        assert files[path] != before

    return harm


def replaced(path: str, change: Callable[[bytes], bytes]) -> Callable[[Files], None]:
    def harm(files: Files) -> None:
        before = files[path]
        files[path] = change(before)
        assert files[path] != before

    return harm


def removed(path: str) -> Callable[[Files], None]:
    def harm(files: Files) -> None:
        del files[path]

    return harm


def records_of(files: Files, path: str) -> list[int]:
    """Where the records of a log file begin."""
    data, at, found = files[path], 0, []
    while data[at + 4 : at + 8] == bytes.fromhex("daa320a7"):
        found.append(at)
        at += int.from_bytes(data[at : at + 4], "big")
    return [*found, at]


def in_record(path: str, number: int, at: int, data: bytes) -> Callable[[Files], None]:
    """Bytes within the record `number` of a file; -1 is the blank, or the end, behind the last."""

    def harm(files: Files) -> None:
        patched(path, records_of(files, path)[number] + at, data)(files)

    return harm


def index_path(files: Files, number: int) -> str:
    return sorted(path for path in files if path.startswith("index/"))[number]


def in_index(at: int, data: bytes) -> Callable[[Files], None]:
    return lambda files: patched(index_path(files, 0), at, data)(files)


def no_first_index(files: Files) -> None:
    del files[index_path(files, 0)]


def last_index_as(data: bytes) -> Callable[[Files], None]:
    return lambda files: files.update({index_path(files, -1): data})


def unit(offset: int, size: int, tags: int) -> bytes:
    return offset.to_bytes(8, "big") + size.to_bytes(4, "big") + tags.to_bytes(8, "big")


def json_text(path: str, before: str, after: str) -> Callable[[Files], None]:
    return replaced(path, lambda data: data.replace(before.encode(), after.encode()))


TABLE = [
    # the log
    Planted(
        "a body is changed",
        in_record(LOG, 3, 95, b"\xff\xfe\xfd"),
        VIOLATION,
        "STORE-MESSAGE-1",
        LOG,
        "no record where one was dispatched",
    ),
    Planted(
        "a magic code is changed",
        in_record(LOG, 3, 4, b"\0"),
        VIOLATION,
        "STORE-MESSAGE-6",
        LOG,
        "no record where one was dispatched",
    ),
    Planted(
        "a size is changed",
        in_record(LOG, 3, 0, b"\x7f"),
        VIOLATION,
        "STORE-MESSAGE-6",
        LOG,
        "no record where one was dispatched",
    ),
    Planted(
        "a record says another place",
        in_record(LOG, 3, 28, b"\1"),
        VIOLATION,
        "STORE-RECOVERY-2",
        LOG,
        "no record where one was dispatched",
    ),
    Planted(
        "a host has no port that can be",
        in_record(LOG, 3, 52, b"\0\1\0\0"),
        VIOLATION,
        "STORE-RECOVERY-12",
        LOG,
        "no record where one was dispatched",
    ),
    Planted(
        "a queue offset is changed",
        in_record(LOG, 3, 20, b"\1"),
        VIOLATION,
        "STORE-LOG-7",
        "commitlog",
        "queue offsets are missing",
    ),
    Planted(
        "a store time is changed",
        in_record(LOG, 3, 56, b"\x7f"),
        VIOLATION,
        "STORE-INDEX-4",
        "index/",
        "an entry tells a wrong time",
    ),
    Planted(
        "a blank is wiped",
        in_record(LOG, -1, 0, bytes(8)),
        VIOLATION,
        "STORE-MESSAGE-4",
        LOG,
        "no record where one was dispatched",
    ),
    Planted(
        "a blank tells another length",
        in_record(LOG, -1, 0, b"\0\0\0\1"),
        VIOLATION,
        "STORE-MESSAGE-4",
        "commitlog",
        "the blank record tells a wrong length",
    ),
    Planted(
        "the last record is torn",
        in_record(LAST_LOG, -2, 90, bytes(20)),
        VIOLATION,
        "STORE-MESSAGE-6",
        LAST_LOG,
        "no record where one was dispatched",
    ),
    Planted(
        "a page of the end is zeros",
        in_record(LAST_LOG, -6, 0, bytes(4096)),
        VIOLATION,
        "STORE-CQ-9",
        LAST_LOG,
        "no record where one was dispatched",
    ),
    Planted(
        "an old record behind the end",
        in_record(LAST_LOG, -1, 0, b"\0\0\0\x64garbage"),
        NOTE,
        "STORE-RECOVERY-6",
        LAST_LOG,
        "bytes behind the end that an earlier recovery cut off",
    ),
    Planted(
        "a file of the log is cut",
        replaced(LOG, lambda data: data[:9000]),
        VIOLATION,
        "STORE-FILES-2",
        LOG,
        "the length of the file is not that of the others",
    ),
    Planted(
        "a file of the log is gone",
        removed(LOG),
        VIOLATION,
        "STORE-FILES-1",
        "commitlog",
        "a file is missing",
    ),
    Planted(
        "a foreign name",
        lambda files: files.update({"commitlog/notes": b"x"}),
        VIOLATION,
        "STORE-FILES-1",
        "commitlog/notes",
        "the name is no offset of twenty digits",
    ),
    Planted(
        "an empty last file",
        lambda files: files.update({f"commitlog/{98304:020d}": b""}),
        VIOLATION,
        "STORE-FILES-3",
        f"commitlog/{98304:020d}",
        "the last file is empty",
    ),
    # consume queues
    Planted(
        "a unit points elsewhere",
        patched(QUEUE, 200, unit(77, 180, 0)),
        VIOLATION,
        "STORE-CQ-2",
        "consumequeue/S_C/0",
        "a unit does not point to its record",
    ),
    Planted(
        "a tags code is changed",
        patched(QUEUE, 212, bytes(8)),
        VIOLATION,
        "STORE-CQ-2",
        "consumequeue/S_C/0",
        "a unit has a wrong tags code",
    ),
    Planted(
        "a unit is wiped",
        patched(QUEUE, 200, bytes(20)),
        VIOLATION,
        "STORE-CQ-2",
        "consumequeue/S_C/0",
        "a unit is missing",
    ),
    Planted(
        "the end of a queue is wiped",
        patched(f"consumequeue/S_B/1/{0:020d}", 500, bytes(100)),
        VIOLATION,
        "STORE-FLUSH-12",
        "consumequeue/S_B/1",
        "units are missing that the checkpoint calls flushed",
    ),
    Planted(
        "a unit too many",
        patched(f"consumequeue/S_B/1/{0:020d}", 600, unit(0, 210, 9)),
        VIOLATION,
        "STORE-CQ-2",
        "consumequeue/S_B/1",
        "a unit points to no message of its queue",
    ),
    Planted(
        "a unit behind the log",
        patched(f"consumequeue/S_B/1/{0:020d}", 600, unit(95000, 9, 9)),
        VIOLATION,
        "STORE-CQ-9",
        "consumequeue",
        "units point behind the end of the log",
    ),
    Planted(
        "a negative unit",
        patched(f"consumequeue/S_B/1/{0:020d}", 600, b"\xff" * 20),
        VIOLATION,
        "STORE-CQ-8",
        "consumequeue/S_B/1",
        "a unit with an impossible offset or size",
    ),
    Planted(
        "a delayed message has the hash of its tag",
        patched(f"consumequeue/SCHEDULE_TOPIC_XXXX/0/{0:020d}", 12, bytes(8)),
        VIOLATION,
        "STORE-RECOVERY-9",
        "consumequeue/SCHEDULE_TOPIC_XXXX/0",
        "",
    ),
    Planted(
        "a file of a queue is cut",
        replaced(QUEUE, lambda data: data[:1990]),
        VIOLATION,
        "STORE-FILES-2",
        QUEUE,
        "the length of the file is not that of the others",
    ),
    Planted(
        "a queue is gone",
        removed(f"consumequeue/S_TX/0/{0:020d}"),
        VIOLATION,
        "STORE-FLUSH-12",
        "consumequeue/S_TX/0",
        "",
    ),
    # the index
    Planted(
        "a hash is changed",
        in_index(INDEX + 20 * 9, b"\0\0\0\1"),
        VIOLATION,
        "STORE-INDEX-4",
        "index/",
        "",
    ),
    Planted(
        "an entry points elsewhere",
        in_index(INDEX + 20 * 9 + 4, b"\0\0\0\0\0\0\0\1"),
        VIOLATION,
        "STORE-INDEX-1",
        "index/",
        "an entry points to no message",
    ),
    Planted(
        "an entry has another time",
        in_index(INDEX + 20 * 9 + 12, b"\0\0\1\0"),
        VIOLATION,
        "STORE-INDEX-4",
        "index/",
        "an entry tells a wrong time",
    ),
    Planted(
        "a chain is broken",
        in_index(INDEX + 20 * 300 + 16, b"\0\0\0\1"),
        VIOLATION,
        "STORE-INDEX-4",
        "index/",
        "an entry does not name the one before it",
    ),
    Planted(
        "a slot is wiped",
        in_index(40 + 4 * 7, bytes(4)),
        VIOLATION,
        "STORE-INDEX-4",
        "index/",
        "a slot does not name its newest entry",
    ),
    Planted(
        "the header counts too many",
        in_index(36, b"\0\1\0\0"),
        VIOLATION,
        "STORE-INDEX-5",
        "index/",
        "the header counts more entries than fit",
    ),
    Planted(
        "the header begins elsewhere",
        in_index(16, b"\0\0\0\0\0\0\0\1"),
        VIOLATION,
        "STORE-INDEX-5",
        "index/",
        "the header's offsets are not those of its entries",
    ),
    Planted(
        "the header counts slots wrongly",
        in_index(32, bytes(4)),
        VIOLATION,
        "STORE-INDEX-3",
        "index/",
        "the header counts its slots wrongly",
    ),
    Planted(
        "the first index file is gone",
        no_first_index,
        VIOLATION,
        "STORE-INDEX-11",
        "index",
        "the first messages of the log are not indexed",
    ),
    Planted(
        "an index file is cut",
        last_index_as(b"\0" * 4000),
        VIOLATION,
        "STORE-INDEX-1",
        "index/",
        "the length of the file is not that of the others",
    ),
    # what stands beside them
    Planted(
        "the checkpoint is ahead",
        patched("checkpoint", 0, b"\0\0\x7f"),
        VIOLATION,
        "STORE-FLUSH-12",
        "checkpoint",
        "the checkpoint is ahead of the log",
    ),
    Planted(
        "the checkpoint is negative",
        patched("checkpoint", 8, b"\xff"),
        VIOLATION,
        "STORE-FILES-6",
        "checkpoint",
        "a number of the checkpoint is negative",
    ),
    Planted(
        "the checkpoint is cut",
        replaced("checkpoint", lambda data: data[:30]),
        VIOLATION,
        "STORE-FILES-6",
        "checkpoint",
        "the checkpoint is not one page",
    ),
    Planted(
        "the checkpoint is gone",
        removed("checkpoint"),
        NOTE,
        "STORE-FILES-6",
        "checkpoint",
        "there is no checkpoint",
    ),
    Planted(
        "a table is torn",
        replaced("config/topics.json", lambda data: data[:900]),
        VIOLATION,
        "BROKER-LIFECYCLE-10",
        "config/topics.json",
        "the file is bad and its backup is used",
    ),
    Planted(
        "a backup is torn",
        replaced("config/topics.json.bak", lambda data: data[:900]),
        VIOLATION,
        "BROKER-LIFECYCLE-10",
        "config/topics.json.bak",
        "the backup is no JSON object",
    ),
    Planted(
        "a table and its backup are torn",
        lambda files: files.update({"config/topics.json": b"{", "config/topics.json.bak": b""}),
        VIOLATION,
        "BROKER-LIFECYCLE-11",
        "config/topics.json",
        "neither the file nor a backup can be read",
    ),
    Planted(
        "a group is too far",
        json_text("config/consumerOffset.json", "0:77", "0:777"),
        VIOLATION,
        "BROKER-OFFSET-18",
        "config/consumerOffset.json",
        "a group is beyond the end of its queue",
    ),
    Planted(
        "a group without its topic",
        json_text("config/consumerOffset.json", "S_C@", "S_C"),
        VIOLATION,
        "BROKER-OFFSET-17",
        "config/consumerOffset.json",
        "an entry is no topic@group with queues and offsets",
    ),
    Planted(
        "a level is too far",
        json_text("config/delayOffset.json", "1:2", "1:3"),
        VIOLATION,
        "BROKER-SCHEDULE-1",
        "config/delayOffset.json",
        "a level is beyond the end of its queue",
    ),
    Planted(
        "a topic of another name",
        json_text("config/topics.json", '"topicName":"S_A"', '"topicName":"S_Z"'),
        VIOLATION,
        "BROKER-TOPIC-9",
        "config/topics.json",
        "an entry does not bear its own name",
    ),
]


def test_apaches_stores_are_sound() -> None:
    for name in NAMES:
        assert findings_of(files_of(name)) == [], name


@pytest.mark.parametrize("planted", TABLE, ids=lambda planted: planted.name)
def test_each_kind_of_damage_is_found(planted: Planted) -> None:
    files = files_of("apache-4.9.7-clean")
    planted.harm(files)
    found = findings_of(files)
    first = [f for f in found if f.rule == planted.rule and f.path.startswith(planted.path)]
    assert first, found
    assert first[0].gravity is planted.gravity
    assert not planted.kind or first[0].kind == planted.kind
    worse = [f for f in found if f.gravity is VIOLATION]
    assert len(worse) <= 2, worse  # what follows from it is not told again


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("killed")])
def test_what_a_crash_leaves_is_no_violation(name: str) -> None:
    """The same traces in a store with `abort`: recovery will repair them. STORE-INSPECT-3."""
    files = files_of(name)
    last = max(path for path in files if path.startswith("commitlog/") and any(files[path]))
    records = records_of(files, last)
    torn = files[last][: records[-2] + 60].ljust(16384, b"\0")
    files[last] = torn
    found = findings_of(files)
    assert [f.gravity for f in found] == [CRASH], found
    del files["abort"]
    assert {f.gravity for f in findings_of(files)} == {VIOLATION}


def test_queues_of_another_kind_are_noted() -> None:
    """5.5 may keep the queues of a topic, or of all, where an inspection does not read them."""
    files = files_of("apache-5.5.0-clean")
    attributes = b'{\n\t\t\t"attributes":{"queue.type":"BatchCQ"},'
    before = files["config/topics.json"]
    at = before.index(b'"S_B":{') + len(b'"S_B":')
    rest = before[at:].replace(b'{\n\t\t\t"attributes":{},', attributes, 1)
    files["config/topics.json"] = before[:at] + rest
    for path in [path for path in files if path.startswith("consumequeue/S_B/")]:
        del files[path]
    assert [(f.gravity, f.path) for f in findings_of(files)] == [(NOTE, "batchconsumequeue")]
    for path in [path for path in files if path.startswith("consumequeue/")]:
        del files[path]
    files["consumequeue_rocksdb/CURRENT"] = b""
    assert [(f.gravity, f.path) for f in findings_of(files)] == [(NOTE, "consumequeue_rocksdb")]


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_random_damage_is_told_or_harmless(number: int) -> None:
    """STORE-INSPECT-3: a finding, or one sentence why it is no store; never a traceback.

    Each store has every third of its files damaged; two stores of a release have other thirds.
    """
    told, tried = 0, 0
    paths = sorted(files_of(NAMES[number]))
    for position, path in enumerate(paths):
        if position % 3 != number % 3:
            continue
        files = files_of(NAMES[number])
        what = damage(files, path, Prng(1000 * number + position))
        tried += 1
        try:
            found = findings_of(files)
        except NotAStore:
            told += 1
            continue
        told += bool(found)
        assert len(found) <= 4, (what, found)
    assert told > tried // 3
