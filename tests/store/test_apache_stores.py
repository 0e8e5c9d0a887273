"""Stores that Apache wrote open here and serve what Apache served. STORE-FILES-1, STORE-RECOVERY-1.

Killed stores recover to what the same release made of them (STORE-RECOVERY-2, STORE-RECOVERY-4).
"""

import json
import tarfile
from pathlib import Path

import pytest

from refimpl.model.config import Config
from refimpl.model.ids import Address, Group, Millis, QueueId, QueueOffset, Topic
from refimpl.model.message_codec import decode_record
from refimpl.model.release import RELEASES, Release
from refimpl.runtime.directory_disk import DirectoryDisk
from refimpl.store.message_store import MessageStore
from refimpl.store.store_event import StoreStopped
from tests.store.harness import force_all, message

STORES = Path(__file__).parents[2] / "spec" / "vectors" / "stores"
RELEASE_OF = {release.apache: release for release in RELEASES.values()}
PARTS = ("abort", "checkpoint", "lock", "commitlog", "consumequeue", "index", "config")
HOST = Address("127.0.0.1", 10911)
NOW = Millis(1_800_000_000_000)
NAMES = sorted(path.stem for path in STORES.glob("*.jsonl"))


class Image:
    """One unpacked store and what its manifest says."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        _, version, self.kind = name.split("-")
        self.release: Release = RELEASE_OF[version]
        with (STORES / f"{name}.jsonl").open() as lines:
            self.head = json.loads(next(lines))
            columns = self.head["columns"]
            self.messages = [dict(zip(columns, json.loads(line), strict=True)) for line in lines]
        with tarfile.open(STORES / f"{name}.tar.xz") as archive:
            members = [
                member
                for member in archive
                if member.isfile() and member.name.split("/")[1] in PARTS
            ]
            archive.extractall(root, members=members, filter="data")
        self.root = root / name
        overrides = {key: str(value) for key, value in self.head["store_config"].items()}
        self.config = Config.of(self.release, "broker", overrides)

    def open(self) -> MessageStore:
        store = MessageStore(DirectoryDisk(self.root), self.config, self.release, HOST)
        store.load(NOW)
        store.start(NOW)
        return store


@pytest.fixture(params=NAMES)
def image(request: pytest.FixtureRequest, tmp_path: Path) -> Image:
    return Image(request.param, tmp_path)


def test_all_six_stores_are_here() -> None:
    assert len(NAMES) == 6


def test_serves_every_message_at_its_place(image: Image) -> None:
    store = image.open()
    assert store.max_phy_offset == image.head["commitlog_end"]
    queued = [m for m in image.messages if m["in_consume_queue"]]
    assert len(queued) > 300
    for expected in queued:
        topic, queue_id = Topic(expected["topic"]), QueueId(expected["queue_id"])
        offset = QueueOffset(expected["queue_offset"])
        result = store.get_message(Group("g"), topic, queue_id, offset, 1, None, NOW)
        assert result is not None
        assert result.queue_offsets == (offset,), expected
        found = decode_record(result.records[0], release=image.release)
        assert found is not None
        assert (
            found.topic,
            found.queue_offset,
            found.physical_offset,
            found.store_size,
            found.store_timestamp,
            found.body_crc,
        ) == (
            topic,
            offset,
            expected["physical_offset"],
            expected["size"],
            expected["store_timestamp"],
            expected["body_crc"],
        )
        queue = store.consume_queue(topic, queue_id)
        assert queue is not None
        assert queue.get(offset) == (
            expected["physical_offset"],
            expected["size"],
            expected["tags_code"],
        )


def test_queues_begin_and_end_where_apache_says(image: Image) -> None:
    store = image.open()
    for topic, queue_id, least, most in image.head["queues"]:
        assert store.min_offset_in_queue(Topic(topic), QueueId(queue_id)) == least
        assert store.max_offset_in_queue(Topic(topic), QueueId(queue_id)) == most, topic


def test_finds_messages_by_their_unique_key(image: Image) -> None:
    store = image.open()
    plain = [m for m in image.messages if m["unique_key"] and m["topic"].startswith("S_")]
    for expected in plain[:: max(1, len(plain) // 40)]:
        result = store.query_message(Topic(expected["topic"]), expected["unique_key"], 32, 0, NOW)
        places = {
            found.physical_offset
            for found in (decode_record(r, release=image.release) for r in result.records)
            if found is not None
        }
        assert expected["physical_offset"] in places, expected


def test_goes_on_where_apache_ended(image: Image) -> None:
    store = image.open()
    before = (image.root / "commitlog" / f"{0:020d}").read_bytes()
    topic, queue_id, _, most = image.head["queues"][0]
    result = store.put_message(message(topic=topic, queue_id=queue_id), NOW)
    assert result.append is not None
    assert result.append.logics_offset == most
    assert result.append.wrote_offset >= image.head["commitlog_end"]
    store.shutdown(NOW)
    stopped = [e for e in force_all(store, NOW) if isinstance(e, StoreStopped)]
    assert stopped == [StoreStopped(clean=True)]
    assert not (image.root / "abort").exists()
    assert (image.root / "commitlog" / f"{0:020d}").read_bytes() == before
    again = image.open()
    assert again.max_offset_in_queue(Topic(topic), QueueId(queue_id)) == most + 1
