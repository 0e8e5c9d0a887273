"""A store opened for reading: its release and sizes deduced, its parts at hand.

Requirements  STORE-INSPECT-1, STORE-INSPECT-2, STORE-FILES-6, STORE-FILES-8, STORE-CQ-1
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from refimpl.inspect.config_reading import ConfigReading, read_config
from refimpl.inspect.finding import Findings, NotAStore
from refimpl.inspect.index_reading import IndexReading, Shape, deduce_slots, find_index_files
from refimpl.inspect.queue_reading import QueueKey, QueueReading
from refimpl.inspect.store_files import (
    NumberedFile,
    NumberedFiles,
    StoreFiles,
    arrange,
    deduce_size,
    file_size_of,
    find_numbered,
)
from refimpl.model.config import Config
from refimpl.model.delay_level import parse_delay_levels
from refimpl.model.disk import DiskError
from refimpl.model.message_codec import DeliverAt
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, Release
from refimpl.model.topic_validator import RMQ_SYS_SCHEDULE_TOPIC
from refimpl.store.consume_queue import CQ_STORE_UNIT_SIZE
from refimpl.store.mapped_file import OS_PAGE_SIZE
from refimpl.store.message_store import ABORT_PATH
from refimpl.store.recovery import deliver_at
from refimpl.store.store_checkpoint import CHECKPOINT_PATH

_CHECKPOINT: Final = struct.Struct(">6q")
_SIGNS: Final = ("commitlog", "consumequeue", CHECKPOINT_PATH, ABORT_PATH)
_ONLY_5_5: Final = ("timerwheel", "rocksdbstore", "compaction", "config/timercheck")


class CheckpointReading(NamedTuple):
    """The numbers of `checkpoint`; zeros where there is none."""

    physic_msg_timestamp: int = 0
    logics_msg_timestamp: int = 0
    index_msg_timestamp: int = 0
    master_flushed_offset: int = 0
    confirm_phy_offset: int = 0
    logics_physical_offset: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class StoreReading:
    """The parts of one store; nothing was changed to make it."""

    files: StoreFiles
    release: Release
    deduced: str  # why this release
    unclean: bool
    log: NumberedFiles
    queues: Mapping[QueueKey, QueueReading]
    index: Sequence[IndexReading]
    shape: Shape | None
    checkpoint: CheckpointReading
    config: ConfigReading
    deliver_at: DeliverAt
    findings: Findings


def open_reading(
    files: StoreFiles,
    *,
    release: Release | None = None,
    settings: Mapping[str, str] | None = None,
) -> StoreReading:
    """Look at the store in `files`; raises `NotAStore`.

    STORE-INSPECT-2: lengths of files are deduced from the files; `settings` may give
    `messageDelayLevel` and `maxHashSlotNum` where a store was not configured by default.
    """
    try:
        return _open(files, release, settings or {})
    except DiskError as error:
        raise NotAStore(f"{error.path} cannot be read: {error.reason}") from error


def _open(files: StoreFiles, release: Release | None, settings: Mapping[str, str]) -> StoreReading:
    if not any(files.exists(path) for path in _SIGNS):
        raise NotAStore(f"there is none of {', '.join(_SIGNS)}")
    findings = Findings(unclean=files.exists(ABORT_PATH))
    index = find_index_files(files)
    deduced = "as asked for"
    if release is None:
        release, deduced = _deduce_release(files, index)
    found = find_numbered(files, "commitlog", findings)
    log = arrange(files, "commitlog", found, deduce_size([found]), findings)
    slots = settings.get("maxHashSlotNum")
    config = Config.of(release, "broker", dict(settings))
    return StoreReading(
        files=files,
        release=release,
        deduced=deduced,
        unclean=findings.unclean,
        log=log,
        queues=_queues(files, findings),
        index=index,
        shape=deduce_slots(index, None if slots is None else int(slots)),
        checkpoint=_checkpoint(files, release, findings),
        config=read_config(files, release, findings),
        deliver_at=deliver_at(parse_delay_levels(config.text("messageDelayLevel"))),
        findings=findings,
    )


def _deduce_release(files: StoreFiles, index: Sequence[IndexReading]) -> tuple[Release, str]:
    """The release that last wrote the store, as far as it left traces.

    5.5 has folders of its own and writes a state version; 4.6 counts every entry of the index as a
    slot (STORE-INDEX-3) and does not list the schedule topic.
    """
    for path in _ONLY_5_5:
        if files.exists(path):
            return RELEASE_5_5, f"there is {path}"
    topics = _text(files, "config/topics.json")
    if '"stateVersion"' in topics:
        return RELEASE_5_5, "config/topics.json has a state version"
    counts = [found.header for found in index if found.header.index_count > 2]  # noqa: PLR2004 - two may differ
    if counts and all(header.hash_slot_count == header.index_count - 1 for header in counts):
        if not topics or f'"{RMQ_SYS_SCHEDULE_TOPIC}"' not in topics:
            return RELEASE_4_6, "the index counts entries as slots"
    elif topics and f'"{RMQ_SYS_SCHEDULE_TOPIC}"' not in topics:
        return RELEASE_4_6, "config/topics.json lacks the schedule topic"
    return RELEASE_4_9, "nothing speaks for another one"


def _text(files: StoreFiles, path: str) -> str:
    size = file_size_of(files, path)
    return "" if size is None else files.read(path, 0, size).decode("utf-8", "replace")


def _queues(files: StoreFiles, findings: Findings) -> dict[QueueKey, QueueReading]:
    found: dict[QueueKey, tuple[str, list[NumberedFile]]] = {}
    for topic in files.list("consumequeue"):
        for name in files.list(f"consumequeue/{topic}"):
            path = f"consumequeue/{topic}/{name}"
            if not (name.isascii() and name.isdigit()):
                findings.violated("STORE-FILES-1", path, "the name is no queue id")
                continue
            found[topic, int(name)] = (path, find_numbered(files, path, findings))
    size = deduce_size(held for _, held in found.values())
    queues = {}
    if size % CQ_STORE_UNIT_SIZE:
        findings.violated(
            "STORE-FILES-2",
            "consumequeue",
            "files of queues hold no whole units",
            detail=f"{size} bytes",
        )
        size = 0
    for key, (path, held) in found.items():
        if size or not any(found.size for found in held):
            queues[key] = QueueReading(key, arrange(files, path, held, size, findings))
    return queues


def _checkpoint(files: StoreFiles, release: Release, findings: Findings) -> CheckpointReading:
    """STORE-FILES-6: one page; a missing one counts as never flushed."""
    size = file_size_of(files, CHECKPOINT_PATH)
    if size is None:
        if files.list("commitlog"):
            findings.note("STORE-FILES-6", CHECKPOINT_PATH, "there is no checkpoint")
        return CheckpointReading()
    if size != OS_PAGE_SIZE:
        findings.interrupted(
            "STORE-FILES-6",
            CHECKPOINT_PATH,
            "the checkpoint is not one page",
            detail=f"{size} bytes",
        )
    data = files.read(CHECKPOINT_PATH, 0, _CHECKPOINT.size).ljust(_CHECKPOINT.size, b"\0")
    found = CheckpointReading._make(_CHECKPOINT.unpack(data))
    if not release.checkpoint_has_offsets:
        found = CheckpointReading(*found[:3])
    if min(found) < 0:
        findings.violated(
            "STORE-FILES-6", CHECKPOINT_PATH, "a number of the checkpoint is negative"
        )
    return found
