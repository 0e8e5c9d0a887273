"""What Apache makes of an image after a crash, by its own rules: a prediction to be held to.

A difference between two answers is explained only where Apache answers what is predicted here.
Written from CommitLog#recoverAbnormally, #isMappedFileMatchedRecover, #checkMessageAndReturnSize,
DefaultMessageStore#load, #recover, #start and IndexService#load, #buildIndex (4.6.1, 4.9.7, 5.5.0).
"""

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from fuzz.interchange.apache_queue import ApacheQueue, Unit
from fuzz.interchange.images import SETTINGS
from refimpl.model.config import Config
from refimpl.model.delay_level import parse_delay_levels
from refimpl.model.message_codec import (
    MESSAGE_MAGIC_CODE,
    NO_RECORD,
    DeliverAt,
    DispatchRequest,
    check_record,
)
from refimpl.model.message_property import PROPERTY_TAGS
from refimpl.model.release import Release
from refimpl.model.sys_flag import (
    BORNHOST_V6_FLAG,
    TRANSACTION_PREPARED_TYPE,
    TRANSACTION_ROLLBACK_TYPE,
    transaction_value,
)
from refimpl.sim.crash_disk import CrashDisk
from refimpl.store.index_file import IndexFile
from refimpl.store.index_service import INDEX_TAG_TYPE
from refimpl.store.message_store import ABORT_PATH
from refimpl.store.recovery import NORMAL_RECOVERY_FILES, deliver_at
from refimpl.store.store_checkpoint import SAFETY_MARGIN, StoreCheckpoint

LOG_FILE = int(SETTINGS["mappedFileSizeCommitLog"])
QUEUE_FILE = int(SETTINGS["mappedFileSizeConsumeQueue"])
_SLOTS = int(SETTINGS["maxHashSlotNum"])
_ENTRIES = int(SETTINGS["maxIndexNum"])
_FILES_LOOKED_AT = 10  # by 5.5
_FAR = 1 << 62
_LOADS_LEVELS_LATE = "4.9"  # after it has recovered the log
_WITHOUT_UNIT = (TRANSACTION_PREPARED_TYPE, TRANSACTION_ROLLBACK_TYPE)


@dataclass(slots=True, eq=False)
class Recovery:
    """What must come of one image: where reading began, where the log ends, what is dispatched.

    `refused` names files of a wrong length; `stuck` the place of a record whose queue cannot be
    made. After either nothing else is said.
    """

    refused: tuple[str, ...] = ()
    stuck: int | None = None
    start: int = 0
    end: int = 0
    queues: dict[tuple[str, int], ApacheQueue] = field(default_factory=dict)
    tags_codes: dict[int, int] = field(default_factory=dict)  # by place, of what recovery read
    kept: list[IndexFile] = field(default_factory=list)
    made: list[IndexFile] = field(default_factory=list)

    def finds(self, topic: str, key: str, place: int) -> bool:
        """True where a query finds the message at `place`."""
        found: list[int] = []
        for file in self.kept + self.made:
            with suppress(struct.error):  # a chain that leaves a torn file; Apache catches it too
                file.select_phy_offset(
                    found, f"{topic}#{key}", max_num=_FAR, begin=0, end=_FAR, store_time=lambda _: 0
                )
        return place in found

    def unit(self, topic: str, queue_id: int, number: int) -> Unit | None:
        """What stands at a queue offset."""
        queue = self.queues.get((topic, queue_id))
        return None if queue is None else queue.unit(number)


def recover(image: CrashDisk, release: Release) -> Recovery:
    """Predict what the release makes of `image`, which is not changed."""
    return _Recovering(image.fork(), release).run()


class _Recovering:
    """One recovery: the disk that it may change, and what came of it."""

    def __init__(self, disk: CrashDisk, release: Release) -> None:
        self._disk = disk
        self._release = release
        self._is_5_5 = release.checkpoint_has_offsets
        levels = Config.of(release, "broker", {}).text("messageDelayLevel")
        self._deliver_at = deliver_at(parse_delay_levels(levels))
        self._log: dict[int, bytes] = {}
        self._checkpoint = StoreCheckpoint(disk, release)
        self._crashed = disk.exists(ABORT_PATH)
        self._done = Recovery()

    def run(self) -> Recovery:
        done = self._done
        done.refused = tuple(self._wrong_lengths())
        if done.refused:
            return done
        self._log = self._numbered("commitlog")
        self._checkpoint.load()
        for topic in self._disk.list("consumequeue"):
            for queue_id in self._disk.list(f"consumequeue/{topic}"):
                files = self._numbered(f"consumequeue/{topic}/{queue_id}")
                queue = done.queues[topic, int(queue_id)] = ApacheQueue(files, QUEUE_FILE)
                queue.recover()
        self._load_index()
        before = self._queues_end()
        self._read_log()
        if done.stuck is not None:
            return done
        if not self._log:
            done.queues.clear()
        elif (self._queues_end() if self._is_5_5 else before) >= done.end:
            for queue in done.queues.values():
                queue.truncate_to(done.end)
        self._reput()
        return done

    def _wrong_lengths(self) -> Iterator[str]:
        """Files that MappedFileQueue#load refuses; 5.5 removes an empty one that is the last."""
        folders = [("commitlog", LOG_FILE)]
        for topic in self._disk.list("consumequeue"):
            queues = self._disk.list(f"consumequeue/{topic}")
            folders += [(f"consumequeue/{topic}/{name}", QUEUE_FILE) for name in queues]
        for folder, size in folders:
            names = self._disk.list(folder)
            for name in names:
                path = f"{folder}/{name}"
                if self._is_5_5 and name == names[-1] and not self._disk.size(path):
                    self._disk.unlink(path)
                elif self._disk.size(path) != size:
                    yield path

    def _numbered(self, folder: str) -> dict[int, bytes]:
        disk = self._disk
        paths = {int(name): f"{folder}/{name}" for name in disk.list(folder)}
        return {start: disk.read(path, 0, disk.size(path)) for start, path in paths.items()}

    def _queues_end(self) -> int:
        queues = self._done.queues.values()
        return max((queue.max_physic_offset for queue in queues), default=-1)

    def _load_index(self) -> None:
        """Files that end behind the checkpoint's time are removed; nothing else is looked at."""
        for name in self._disk.list("index"):
            path = f"index/{name}"
            file = IndexFile.load(self._disk, path, hash_slot_num=_SLOTS, index_num=_ENTRIES)
            if not self._crashed or file.end_timestamp <= self._checkpoint.index_msg_timestamp:
                self._done.kept.append(file)

    def _matches(self, base: int, end_of_queues: int) -> bool:
        """CommitLog#isMappedFileMatchedRecover: 4.x reads the time without checking the record."""
        checkpoint, data = self._checkpoint, self._log[base]
        if self._is_5_5:
            first = check_record(data, 0, release=self._release)
            if not first.success or not first.store_timestamp:
                return False
            if self._crashed and checkpoint.logics_physical_offset <= 0:
                return first.store_timestamp <= checkpoint.logics_msg_timestamp
            limit = checkpoint.logics_physical_offset if self._crashed else end_of_queues
            return first.commit_log_offset <= limit
        host = 20 if data[39] & BORNHOST_V6_FLAG else 8
        stored = int.from_bytes(data[48 + host : 56 + host], "big", signed=True)
        times = (checkpoint.physic_msg_timestamp, checkpoint.logics_msg_timestamp)
        limit = max(0, min(times) - SAFETY_MARGIN)
        magic = int.from_bytes(data[4:8], "big", signed=True)
        return magic == MESSAGE_MAGIC_CODE and 0 != stored <= limit

    def _begin(self, end_of_queues: int) -> int:
        """The file at which reading begins."""
        bases = list(self._log)
        if not self._crashed and not self._is_5_5:
            return bases[-NORMAL_RECOVERY_FILES:][0]
        for looked, base in enumerate(reversed(bases), start=1):
            if self._is_5_5 and looked == _FILES_LOOKED_AT:
                return base
            if self._matches(base, end_of_queues):
                return base
        return bases[0]

    def _records(
        self, start: int, levels: DeliverAt | None
    ) -> Iterator[tuple[int, DispatchRequest]]:
        """Records from `start` on with their places; at last a place without one: the end."""
        base = position = 0
        for base in (base for base in self._log if base + LOG_FILE > start):
            position = max(0, start - base)
            while True:
                found = check_record(
                    self._log[base], position, release=self._release, deliver_at=levels
                )
                within = 0 <= found.commit_log_offset - base <= LOG_FILE
                if not found.success or (self._is_5_5 and found.msg_size and not within):
                    yield base + position, NO_RECORD
                    return
                if not found.msg_size:
                    break
                yield base + position, found
                position += found.msg_size
        yield base + position, NO_RECORD

    def _read_log(self) -> None:
        """CommitLog#recoverAbnormally, or #recoverNormally where there is no `abort`."""
        if not self._log:
            return
        done, end_of_queues = self._done, self._queues_end()
        levels = None if self._release.name == _LOADS_LEVELS_LATE else self._deliver_at
        done.start = self._begin(end_of_queues)
        dispatches = self._crashed or self._is_5_5
        behind = -1 if self._crashed else end_of_queues
        for place, record in self._records(done.start, levels):
            done.end = place
            if record.success and dispatches and record.commit_log_offset > behind:
                done.tags_codes[record.commit_log_offset] = record.tags_code
                self._dispatch(record)
                if done.stuck is not None:
                    return

    def _reput(self) -> None:
        """4.x dispatches from the end of the queues on, with the levels loaded; 5.5 one record."""
        if self._is_5_5 or not self._log:
            return
        for place, record in self._records(
            max(self._queues_end(), min(self._log)), self._deliver_at
        ):
            if place >= self._done.end or not record.success:
                return
            self._dispatch(record)

    def _dispatch(self, record: DispatchRequest) -> None:
        done, place = self._done, record.commit_log_offset
        if transaction_value(record.sys_flag) not in _WITHOUT_UNIT:
            if "\0" in record.topic:
                done.stuck = place
                return
            key = (str(record.topic), int(record.queue_id))
            queue = done.queues.setdefault(key, ApacheQueue({}, QUEUE_FILE))
            unit = Unit(place, record.msg_size, record.tags_code)
            queue.dispatch(unit, record.consume_queue_offset)
        self._index(record)

    def _index(self, record: DispatchRequest) -> None:
        done, place = self._done, record.commit_log_offset
        files = done.kept + done.made
        if files and place < files[-1].end_phy_offset:
            return
        if transaction_value(record.sys_flag) == TRANSACTION_ROLLBACK_TYPE:
            return
        keys = [record.uniq_key] if record.uniq_key is not None else []
        keys += [key for key in (record.keys or "").split(" ") if key]
        tags = (record.properties or {}).get(PROPERTY_TAGS)
        if self._release.indexes_tags and tags:
            keys.append(f"{INDEX_TAG_TYPE}#{tags}")
        for key in keys:
            file = self._writable()
            assert file.put_key(
                f"{record.topic}#{key}",
                place,
                record.store_timestamp,
                counts_every_put=self._release.index_counts_every_put,
            )

    def _writable(self) -> IndexFile:
        done = self._done
        last = (done.kept + done.made)[-1:]
        if last and not last[0].is_write_full:
            return last[0]
        made = IndexFile.create(
            self._disk,
            f"predicted/{len(done.made)}",
            hash_slot_num=_SLOTS,
            index_num=_ENTRIES,
            end_phy_offset=last[0].end_phy_offset if last else 0,
            end_timestamp=last[0].end_timestamp if last else 0,
        )
        done.made.append(made)
        return made
