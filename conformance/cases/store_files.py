"""The store's directory: names, sizes and bytes of files, and what a damaged one does."""

import fcntl
import json
import struct
from collections.abc import Sequence
from pathlib import Path

from conformance.case import case
from conformance.records import Record, decode_records
from conformance.target import STANDARD_OPTIONS, Capability
from conformance.verdict import TargetDied
from conformance.wire import Wire

_LOG_FILE = int(STANDARD_OPTIONS["mappedFileSizeCommitLog"])
_QUEUE_FILE = int(STANDARD_OPTIONS["mappedFileSizeConsumeQueue"])
_SLOTS, _ENTRIES = int(STANDARD_OPTIONS["maxHashSlotNum"]), int(STANDARD_OPTIONS["maxIndexNum"])
_MAGIC, _BLANK_MAGIC = 0xDAA320A7, 0xCBD43194
_UNIT = struct.Struct(">qiq")
_INDEX_HEADER = struct.Struct(">qqqqii")
_INDEX_ENTRY = struct.Struct(">iqii")
_CHECKPOINT_BYTES = 4096
_DIRECTORY = (Capability.STORE_DIRECTORY, Capability.RESTART, Capability.KILL)


def _java_hash(text: str) -> int:
    """String.hashCode of ASCII text, as a signed number."""
    value = 0
    for char in text:
        value = (31 * value + ord(char)) & 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def _log_files(store: Path) -> list[Path]:
    return sorted(path for path in (store / "commitlog").iterdir() if path.name.isdigit())


def _log_records(store: Path) -> list[Record]:
    """Every record of the log's files, read up to the first place that is none."""
    records: list[Record] = []
    for path in _log_files(store):
        data, at = path.read_bytes(), 0
        while at + 8 <= len(data):
            size, magic = struct.unpack_from(">iI", data, at)
            if magic != _MAGIC:
                break
            records += decode_records(data[at : at + size])
            at += size
    return records


def _units(store: Path, topic: str, queue: int) -> list[tuple[int, int, int]]:
    """The units of a queue up to the first empty one."""
    units: list[tuple[int, int, int]] = []
    for path in sorted((store / "consumequeue" / topic / str(queue)).iterdir()):
        units += [unit for unit in _UNIT.iter_unpack(path.read_bytes()) if unit[1] > 0]
    return units


def _checkpoint(store: Path) -> tuple[int, int, int]:
    """Times of log, queues and index."""
    times: tuple[int, int, int] = struct.unpack(">qqq", (store / "checkpoint").read_bytes()[:24])
    return times


@case(
    "STORE-FILES-1/names-and-sizes",
    rules=["STORE-FILES-1", "STORE-FILES-9", "STORE-FILES-6", "STORE-INDEX-5"],
    needs=_DIRECTORY,
)
def names_and_sizes(w: Wire) -> None:
    """After an orderly end files have their names and full sizes, and `abort` is gone."""
    topic = w.create_topic(queues=1)
    for _ in range(20):
        w.send(topic, bytes(60_000), properties={"KEYS": "k"})
    w.receive(topic, 0, 19)
    store = w.stop_broker()
    logs = _log_files(store)
    first = int(logs[0].name)
    expected = [f"{first + n * _LOG_FILE:020}" for n in range(len(logs))]
    w.equal([path.name for path in logs], expected, "names of log files")
    w.equal({path.stat().st_size for path in logs}, {_LOG_FILE}, "sizes of log files")
    queue = list((store / "consumequeue" / topic / "0").iterdir())
    w.equal([(p.name, p.stat().st_size) for p in queue], [("0" * 20, _QUEUE_FILE)], "queue files")
    index = [path for path in (store / "index").iterdir() if path.name.isdigit()]
    w.check(index, "no index file")
    size = _INDEX_HEADER.size + 4 * _SLOTS + _INDEX_ENTRY.size * _ENTRIES
    names = {(len(path.name), path.stat().st_size) for path in index}
    w.equal(names, {(len("yyyyMMddHHmmssSSS"), size)}, "index files")
    w.equal((store / "checkpoint").stat().st_size, _CHECKPOINT_BYTES, "size of the checkpoint")
    w.check(not (store / "abort").exists(), "abort is there")
    w.start_broker()
    running = w.target.store_directory()
    w.check(running is not None and (running / "abort").exists(), "a broker runs without abort")


@case(
    "STORE-FILES-8/abort-stays-after-a-kill",
    rules=["STORE-FILES-8", "STORE-FILES-9"],
    needs=_DIRECTORY,
)
def abort_stays(w: Wire) -> None:
    """A killed broker leaves `abort`; an orderly end after the recovery removes it."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"kept")
    store = w.stop_broker(kill=True)
    w.check((store / "abort").exists(), "abort is gone after a kill")
    w.start_broker()
    w.equal(w.receive(topic)[0].body, b"kept", "body")
    w.stop_broker()
    w.check(not (store / "abort").exists(), "abort is there after an orderly end")
    w.start_broker()


@case(
    "STORE-FLUSH-12/checkpoint-does-not-run-ahead",
    rules=["STORE-FLUSH-12", "STORE-FLUSH-13", "STORE-FILES-6"],
    needs=_DIRECTORY,
)
def checkpoint_does_not_run_ahead(w: Wire) -> None:
    """After an orderly end no time of the checkpoint is behind the last message's."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"last")
    (record,) = w.receive(topic)
    log, queues, index = _checkpoint(w.stop_broker())
    last = record.store_timestamp
    w.check(max(log, queues, index) <= last, f"times {(log, queues, index)}, last message {last}")
    if w.release != "5.5":  # which takes the time when queues are flushed, not when they are filled
        w.equal(queues, last, "time of the queues")
    w.start_broker()


@case(
    "STORE-MESSAGE-1/bytes-of-the-log",
    rules=["STORE-MESSAGE-1", "STORE-MESSAGE-4", "STORE-LOG-8", "STORE-CQ-2"],
    needs=_DIRECTORY,
    fresh=True,
)
def bytes_of_the_log(w: Wire) -> None:
    """The files hold the records that consumers got, blank records, and one unit for each."""
    topic = w.create_topic(queues=2)
    for number in range(36):
        tags = {"TAGS": f"t{number}"} if number % 3 else {}
        w.send(topic, bytes((number,)) * 60_000, queue_id=number % 2, properties=tags)
    pulled = [r for queue in (0, 1) for n in range(18) for r in w.receive(topic, queue, n)]
    store = w.stop_broker()
    stored = [r for r in _log_records(store) if r.topic == topic]
    by_place = sorted(pulled, key=lambda r: r.physical_offset)
    w.equal(stored == by_place, True, "records of the files are those that were pulled")
    for path in _log_files(store)[:-1]:
        _check_blank(w, path, stored)
    for queue in (0, 1):
        expected = [
            (r.physical_offset, r.store_size, _java_hash(r.properties.get("TAGS", "")))
            for r in stored
            if r.queue_id == queue
        ]
        w.equal(_units(store, topic, queue), expected, f"units of queue {queue}")
    w.start_broker()


def _check_blank(w: Wire, path: Path, records: Sequence[Record]) -> None:
    """The file ends with a blank record behind its last record."""
    first = int(path.name)
    inside = [r for r in records if first <= r.physical_offset < first + _LOG_FILE]
    end = inside[-1].physical_offset + inside[-1].store_size - first
    blank = struct.unpack_from(">iI", path.read_bytes(), end)
    w.equal(blank, (_LOG_FILE - end, _BLANK_MAGIC), f"blank record of {path.name}")


@case(
    "STORE-INDEX-4/bytes-of-the-index",
    rules=["STORE-INDEX-4", "STORE-INDEX-2", "STORE-INDEX-1"],
    needs=_DIRECTORY,
    fresh=True,
)
def bytes_of_the_index(w: Wire) -> None:
    """Slot and chain of a key lead to its messages; times are seconds since the file began."""
    topic = w.create_topic(queues=1)
    for number in range(4):
        w.send(topic, str(number).encode(), properties={"KEYS": "Aa" if number % 2 else "BB"})
    records = w.receive(topic, count=4)
    store = w.stop_broker()
    (path,) = (p for p in (store / "index").iterdir() if p.name.isdigit())
    data = path.read_bytes()
    begin, end, first, last, _slots, number_of_entries = _INDEX_HEADER.unpack_from(data)
    w.check(begin <= records[0].store_timestamp <= records[-1].store_timestamp <= end, "times")
    w.check(first <= records[0].physical_offset, f"begin offset {first}")
    w.check(last >= records[-1].physical_offset, f"end offset {last}")
    w.check(number_of_entries > len(records), f"{number_of_entries} entries")
    for key in ("Aa", "BB"):
        hashed = abs(_java_hash(f"{topic}#{key}"))
        (at,) = struct.unpack_from(">i", data, _INDEX_HEADER.size + 4 * (hashed % _SLOTS))
        places = []
        while at > 0:
            where = _INDEX_HEADER.size + 4 * _SLOTS + _INDEX_ENTRY.size * at
            entry_hash, place, seconds, at = _INDEX_ENTRY.unpack_from(data, where)
            if entry_hash == hashed:
                places.append(place)
                w.check(0 <= seconds <= (end - begin) // 1000 + 1, f"{seconds} seconds")
        expected = [r.physical_offset for r in reversed(records)]
        w.equal(places, expected, f"places under the hash of {key}")
    w.start_broker()


@case(
    "STORE-FILES-7/second-holder",
    rules=["STORE-FILES-7"],
    needs=(*_DIRECTORY, Capability.OTHER_PROCESS),
)
def second_holder(w: Wire) -> None:
    """A store whose lock another process holds refuses the start; then it opens unharmed."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"kept")
    w.receive(topic)
    store = w.stop_broker()
    with (store / "lock").open("r+b") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _expect_refusal(w)
        fcntl.lockf(lock, fcntl.LOCK_UN)
    w.start_broker()
    w.equal(w.receive(topic)[0].body, b"kept", "body")


def _expect_refusal(w: Wire) -> None:
    try:
        w.start_broker()
    except TargetDied as refusal:
        w.note(refusal.reason)
        return
    w.fail("the broker started")


@case(
    "STORE-FILES-2/file-of-another-length",
    rules=["STORE-FILES-2"],
    needs=_DIRECTORY,
    matrix={"log": {"folder": "commitlog"}, "queue": {"folder": "consumequeue"}},
)
def file_of_another_length(w: Wire, folder: str) -> None:
    """A file of another length than configured refuses the start, and nothing is changed."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"kept")
    w.receive(topic)
    store = w.stop_broker()
    path = _log_files(store)[0]
    if folder == "consumequeue":
        (path,) = (store / "consumequeue" / topic / "0").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    _expect_refusal(w)
    w.equal(path.stat().st_size, len(whole) - 20, "size of the file after the refusal")
    path.write_bytes(whole)
    w.start_broker()
    w.equal(w.receive(topic)[0].body, b"kept", "body")


def _same_size_messages(w: Wire, topic: str, count: int) -> list[Record]:
    for number in range(count):
        w.send(topic, f"message {number:03}".encode())
    return w.receive(topic, count=count)


def _file_of(store: Path, place: int) -> tuple[Path, int]:
    """The file of the log that holds a physical offset, and the place in it."""
    name = f"{place // _LOG_FILE * _LOG_FILE:020}"
    return store / "commitlog" / name, place % _LOG_FILE


def _overwrite(store: Path, place: int, data: bytes) -> None:
    path, at = _file_of(store, place)
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


@case(
    "STORE-RECOVERY-2/torn-record",
    rules=["STORE-RECOVERY-2", "STORE-CQ-9"],
    needs=_DIRECTORY,
    fresh=True,
    matrix={
        "magic": {"skip": 4, "data": bytes(4)},
        "length": {"skip": 0, "data": bytes(4)},
        "body": {"skip": -1, "data": bytes(11)},
    },
)
def torn_record(w: Wire, skip: int, data: bytes) -> None:
    """After a crash the log ends before a record that is torn; its offset is given again."""
    topic = w.create_topic(queues=1)
    records = _same_size_messages(w, topic, 5)
    store = w.stop_broker(kill=True)
    torn = records[4]
    if skip < 0:  # relative to the body
        path, at = _file_of(store, torn.physical_offset)
        skip = path.read_bytes().index(torn.body, at) - at
    _overwrite(store, torn.physical_offset + skip, data)
    w.start_broker()
    w.equal(w.receive(topic, count=4) == records[:4], True, "records before the torn one")
    w.equal(w.max_offset(topic), 4, "max offset")
    w.equal(w.send(topic, b"again").queue_offset, 4, "offset of the next message")
    w.equal(w.receive(topic, 0, 4)[0].body, b"again", "body")


@case(
    "STORE-RECOVERY-6/what-was-cut-off-stays-away",
    rules=["STORE-RECOVERY-6", "STORE-CQ-10"],
    needs=_DIRECTORY,
    fresh=True,
    limit_ms=60_000,  # two restarts
)
def cut_off_stays_away(w: Wire) -> None:
    """Records behind a torn one do not come back when new ones end where they begin.

    The new message may stand at the cut, or in the next file behind a blank record.
    """
    topic = w.create_topic(queues=1)
    records = _same_size_messages(w, topic, 8)
    store = w.stop_broker(kill=True)
    _overwrite(store, records[4].physical_offset, bytes(8))
    w.start_broker()
    w.equal(w.max_offset(topic), 4, "max offset after the cut")
    w.equal(w.send(topic, b"new message").queue_offset, 4, "offset of the new message")
    (new,) = w.receive(topic, 0, 4)
    cut = records[4].physical_offset
    w.equal(new.store_size, records[4].store_size, "size of the new record")
    w.check(new.physical_offset in {cut, _LOG_FILE}, f"place {new.physical_offset}, cut at {cut}")
    w.restart_broker(kill=True)
    bodies = [r.body for r in w.receive(topic, count=5)]
    w.equal(bodies, [r.body for r in records[:4]] + [b"new message"], "bodies")
    w.equal(w.max_offset(topic), 5, "max offset")


@case(
    "STORE-RECOVERY-8/queues-without-a-log",
    rules=["STORE-RECOVERY-8"],
    needs=_DIRECTORY,
    fresh=True,
)
def queues_without_a_log(w: Wire) -> None:
    """Where the files of the log are gone, queues begin at 0 and serve new messages."""
    topic = w.create_topic(queues=1)
    _same_size_messages(w, topic, 3)
    store = w.stop_broker()
    for path in (store / "commitlog").iterdir():
        path.unlink()
    w.start_broker()
    w.equal(w.max_offset(topic), 0, "max offset")
    w.equal(w.send(topic, b"new").queue_offset, 0, "offset of the next message")
    w.equal(w.receive(topic)[0].body, b"new", "body")


@case(
    "STORE-RECOVERY-4/queues-are-built-again",
    rules=["STORE-RECOVERY-4", "STORE-CQ-2"],
    needs=_DIRECTORY,
    fresh=True,
)
def queues_are_built_again(w: Wire) -> None:
    """Queues that a crash took are built from the log, unit for unit."""
    topic = w.create_topic(queues=1)
    for number in range(6):
        w.send(topic, str(number).encode(), properties={"TAGS": f"t{number}"})
    records = w.receive(topic, count=6)
    store = w.stop_broker(kill=True)
    before = _units(store, topic, 0)
    for path in (store / "consumequeue" / topic / "0").iterdir():
        path.unlink()
    w.start_broker()
    w.equal(w.receive(topic, count=6) == records, True, "records")
    w.equal(w.send(topic, b"next").queue_offset, 6, "offset of the next message")
    w.receive(topic, 0, 6)
    w.stop_broker()
    w.equal(_units(store, topic, 0)[:6], before, "units")
    w.start_broker()


@case(
    "STORE-RECOVERY-9/delayed-message-keeps-its-time",
    rules=["STORE-RECOVERY-9"],
    needs=_DIRECTORY,
    fresh=True,
)
def delayed_message_keeps_its_time(w: Wire) -> None:
    """A delayed message whose unit a crash took still comes in its time, not at once."""
    waiting, control = w.create_topic(queues=1), w.create_topic(queues=1)
    w.send(waiting, b"in an hour", properties={"DELAY": "17"})
    w.eventually(lambda: w.max_offset("SCHEDULE_TOPIC_XXXX", 16) == 1, what="the unit")
    store = w.stop_broker(kill=True)
    for path in (store / "consumequeue" / "SCHEDULE_TOPIC_XXXX" / "16").iterdir():
        path.unlink()
    w.start_broker()
    w.equal(w.max_offset("SCHEDULE_TOPIC_XXXX", 16), 1, "max offset of the level")
    w.send(control, b"in a second", properties={"DELAY": "1"})
    w.receive(control, within_ms=10_000)
    w.equal(w.max_offset(waiting), 0, "max offset of the topic that waits")


@case(
    "STORE-INDEX-11/keys-survive-a-crash",
    rules=["STORE-INDEX-11"],
    needs=_DIRECTORY,
    options={
        "mapedFileSizeCommitLog": "131072",
        "mappedFileSizeCommitLog": "131072",
        "flushConsumeQueueThoroughInterval": "100",
        "flushIntervalConsumeQueue": "100",
        "flushCommitLogThoroughInterval": "100",
    },
)
def keys_survive_a_crash(w: Wire) -> None:
    """A message of a log file that recovery need not read is still found by its key."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"old", properties={"KEYS": "old"})
    for _ in range(4):
        w.send(topic, bytes(60_000))
    last = w.receive(topic, 0, 4)[0].store_timestamp
    w.eventually(lambda: w.now() > last + 3_500, what="the margin of the checkpoint")
    w.send(topic, b"new", properties={"KEYS": "new"})
    newest = w.receive(topic, 0, 5)[0].store_timestamp

    def stored() -> bool:
        store = w.target.store_directory()
        assert store is not None
        return min(_checkpoint(store)[:2]) >= newest

    w.eventually(stored, what="a checkpoint")
    w.restart_broker(kill=True)
    for key in ("new", "old"):
        response = w.broker.request(
            12,
            ext={
                "topic": topic,
                "key": key,
                "maxNum": 8,
                "beginTimestamp": 0,
                "endTimestamp": 2**63 - 1,
            },
        )
        w.expect(response, code=0)
        w.equal([r.body for r in decode_records(response.body)], [key.encode()], "bodies")


@case(
    "STORE-RECOVERY-5/configuration-files",
    rules=["STORE-RECOVERY-5"],
    needs=_DIRECTORY,
)
def configuration_files(w: Wire) -> None:
    """Topics, groups and consumer offsets are files that any JSON reader of 4.x reads."""
    topic, group = w.create_topic(queues=2), w.create_group()
    w.send(topic)
    w.commit_offset(group, topic, 0, 1)
    store = w.stop_broker()
    topics = json.loads((store / "config" / "topics.json").read_text("utf-8"))
    w.equal(topics["topicConfigTable"][topic]["writeQueueNums"], 2, "write queues")
    groups = json.loads((store / "config" / "subscriptionGroup.json").read_text("utf-8"))
    w.check(group in groups["subscriptionGroupTable"], "the group is not in its file")
    offsets = (store / "config" / "consumerOffset.json").read_text("utf-8")
    w.check(f'"{topic}@{group}"' in offsets, "the offset is not in its file")
    w.start_broker()
