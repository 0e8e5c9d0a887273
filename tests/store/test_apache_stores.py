"""Stores that Apache wrote open here and serve what Apache served. STORE-FILES-1, STORE-RECOVERY-1.

Killed stores recover to what the same release made of them (STORE-RECOVERY-2, STORE-RECOVERY-4):
there is no difference, so spec/differences.md has none of this direction.
"""

import hashlib
import json
from pathlib import Path

import pytest

from fuzz.store_rig import message
from refimpl.inspect.finding import Gravity
from refimpl.inspect.store_reading import open_reading
from refimpl.inspect.verification import verify
from refimpl.model.config import Config
from refimpl.model.ids import Address, Group, Millis, QueueId, QueueOffset, Topic
from refimpl.model.message_codec import decode_record
from refimpl.model.message_id import create_message_id
from refimpl.model.release import RELEASES, Release
from refimpl.runtime.directory_disk import DirectoryDisk
from refimpl.runtime.reading_directory import ReadingDirectory
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.store.message_store import MessageStore
from refimpl.store.store_event import StoreStopped
from tests.broker.harness import BrokerUnderTest
from tests.inspect.apache_images import files_of
from tests.store.harness import force_all

STORES = Path(__file__).parents[2] / "spec" / "vectors" / "stores"
RELEASE_OF = {release.apache: release for release in RELEASES.values()}
HOST = Address("127.0.0.1", 10911)
NOW = Millis(1_800_000_000_000)
NAMES = sorted(path.stem for path in STORES.glob("*.jsonl"))
SERVED = json.loads((STORES / "served.json").read_text("utf-8"))


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
        self.root = root / name
        for path, data in files_of(name).items():
            full = self.root / path
            full.parent.mkdir(parents=True, exist_ok=True)
            full.write_bytes(data)
        self.served = SERVED[name]
        self.log = b"".join(p.read_bytes() for p in sorted((self.root / "commitlog").iterdir()))
        overrides = {key: str(value) for key, value in self.head["store_config"].items()}
        self.config = Config.of(self.release, "broker", overrides)

    store: MessageStore

    def record(self, place: int, size: int) -> bytes:
        """The bytes as Apache left them."""
        return self.log[place : place + size]

    def open(self) -> MessageStore:
        store = MessageStore(DirectoryDisk(self.root), self.config, self.release, HOST)
        store.load(NOW)
        store.start(NOW)
        return store


@pytest.fixture(params=NAMES)
def image(request: pytest.FixtureRequest, tmp_path: Path) -> Image:
    return Image(request.param, tmp_path)


@pytest.fixture(scope="module", params=NAMES)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """One image for all tests that only read: its `store` is open."""
    image = Image(request.param, tmp_path_factory.mktemp("opened"))
    image.store = image.open()
    return image


def test_all_six_stores_are_here() -> None:
    assert len(NAMES) == 6


def test_serves_every_message_at_its_place(opened: Image) -> None:
    image, store = opened, opened.store
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


def test_queues_begin_and_end_where_apache_says(opened: Image) -> None:
    image, store = opened, opened.store
    for topic, queue_id, least, most in image.head["queues"]:
        assert store.min_offset_in_queue(Topic(topic), QueueId(queue_id)) == least
        assert store.max_offset_in_queue(Topic(topic), QueueId(queue_id)) == most, topic


def test_serves_the_bytes_that_apache_wrote(opened: Image) -> None:
    """Through the queue, and by their place; half messages that were rolled back by place only."""
    image, store = opened, opened.store
    for expected in image.messages:
        place, size = expected["physical_offset"], expected["size"]
        written = image.record(place, size)
        assert store.select_one_message_by_offset(place) == written
        assert store.select_one_message_by_offset(place, size) == written
        if expected["in_consume_queue"]:
            topic, queue_id = Topic(expected["topic"]), QueueId(expected["queue_id"])
            offset = QueueOffset(expected["queue_offset"])
            result = store.get_message(Group("g"), topic, queue_id, offset, 1, None, NOW)
            assert result is not None
            assert [bytes(record) for record in result.records] == [written]


def test_every_field_is_read_as_by_another_reader(opened: Image) -> None:
    """Times, hosts, flags, properties and body, against the digests of the manifest."""
    image, store = opened, opened.store
    wanted = image.served["fields"].split(" ")
    for expected, digest in zip(image.messages, wanted, strict=True):
        place, size = expected["physical_offset"], expected["size"]
        record = store.select_one_message_by_offset(place, size)
        assert record is not None
        found = decode_record(record, release=image.release, decompress=False)
        assert found is not None
        host, port = found.born_host
        fields = [
            create_message_id(found.store_host, found.physical_offset),
            found.born_timestamp,
            f"{bytes(map(int, host.split('.'))).hex()}:{port}",
            found.flag,
            found.sys_flag,
            found.reconsume_times,
            found.prepared_transaction_offset,
            found.queue_offset,
            hashlib.sha1(found.body, usedforsecurity=False).hexdigest(),
            dict(found.properties),
        ]
        text = json.dumps(fields, sort_keys=True)
        assert hashlib.sha256(text.encode()).hexdigest()[:12] == digest, text


def test_times_are_those_of_apache(opened: Image) -> None:
    image, store = opened, opened.store
    by_times_alone = image.release.search_by_time_has_boundaries
    assert store.earliest_message_time() == image.served["earliest"]
    for expected in image.messages:
        if expected["in_consume_queue"]:
            topic, queue_id = Topic(expected["topic"]), QueueId(expected["queue_id"])
            time = store.message_store_timestamp(topic, queue_id, expected["queue_offset"])
            assert time == expected["store_timestamp"]
            queue = store.consume_queue(topic, queue_id)
            assert queue is not None
            if len(queue.mapped_file_queue.mapped_files) > 1 and not by_times_alone:
                continue  # STORE-CQ-11: 4.x chooses the file by its modification time
            found = store.offset_in_queue_by_time(topic, queue_id, time)
            assert store.message_store_timestamp(topic, queue_id, found) == time


def test_the_log_is_what_apache_recovered(opened: Image) -> None:
    """Nothing acknowledged was missing in the image, and nothing of the image is lost here."""
    image, store = opened, opened.store
    assert image.served["acknowledged_but_not_in_image"] == 0
    extent = (store.min_phy_offset, store.max_phy_offset)
    assert extent == (image.served["commitLogMinOffset"], image.served["commitLogMaxOffset"])
    now = b"".join(p.read_bytes() for p in sorted((image.root / "commitlog").iterdir()))
    assert now[: extent[1]] == image.log[: extent[1]]
    findings = list(verify(open_reading(ReadingDirectory(image.root))).findings)
    assert [f for f in findings if f.gravity is Gravity.VIOLATION] == []


def test_finds_messages_by_their_keys(opened: Image) -> None:
    """By the unique key, and by each of the application's keys."""
    image, store = opened, opened.store
    for expected in image.messages:
        if not expected["in_consume_queue"]:
            continue
        written = image.record(expected["physical_offset"], expected["size"])
        found = decode_record(written, release=image.release, read_body=False)
        assert found is not None
        keys = [k for k in found.properties.get("KEYS", "").split(" ") if k]
        for key in [*keys, *([expected["unique_key"]] if expected["unique_key"] else [])]:
            result = store.query_message(Topic(expected["topic"]), key, 200, 0, NOW)
            assert written in {bytes(record) for record in result.records}, (key, expected)


def test_a_broker_knows_the_offsets_and_topics(image: Image) -> None:
    """BROKER-OFFSET-17, BROKER-OFFSET-18, BROKER-SCHEDULE-10: tables of `config/`, as served."""
    files = {
        str(path.relative_to(image.root)): path.read_bytes()
        for path in image.root.rglob("*")
        if path.is_file()
    }
    overrides = {key: str(value) for key, value in image.head["store_config"].items()}
    broker = BrokerUnderTest(image.release, overrides, disk=MemoryDisk(files), now=NOW).start()
    offsets = broker.ctx.consumer_offset_manager
    for group, topic, queue_id, offset in image.served["committed"]:
        assert offsets.query_offset(group, topic, queue_id) == offset
    assert broker.ctx.schedule_message_service.offset_table[1] == 2
    for topic, queue_id, _, _ in image.head["queues"]:
        known = broker.ctx.topic_config_manager.topic_config_table.get(topic)
        if topic.startswith("S_"):
            assert known is not None
            assert known.write_queue_nums > queue_id


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
