"""Stores that we wrote, opened by Apache: it starts and serves the same messages.

What differs is a rule with a `[Deviates from ...]` tag, and a paragraph of spec/differences.md.
Requirements  STORE-FILES-3, STORE-CQ-9, STORE-INDEX-11, STORE-RECOVERY-3, STORE-RECOVERY-9,
              STORE-RECOVERY-10
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from zlib import crc32

import pytest

from conformance.channel import TcpChannel
from conformance.frames import Frame, FrameReader, decode, encode
from conformance.target import STANDARD_OPTIONS
from conformance.targets.apache.target import ApacheTarget
from conformance.verdict import TargetUnavailable
from fuzz.interchange.campaign import Outcome, run
from fuzz.interchange.images import SETTINGS, Image, images
from fuzz.interchange.served import Served, ours
from refimpl.model.ids import Address, JsonValue
from refimpl.model.release import RELEASES, Release
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

pytestmark = pytest.mark.peer
SEED = 7
DOZEN = 12
KINDS = ("closed", "killed", "power")
TOPICS = ("T0", "T1")
BOTH_SPELLINGS = {
    "mapedFileSizeCommitLog": SETTINGS["mappedFileSizeCommitLog"],
    "mapedFileSizeConsumeQueue": SETTINGS["mappedFileSizeConsumeQueue"],
}


@pytest.fixture(params=RELEASES.values(), ids=lambda release: f"apache-{release.apache}")
def release(request: pytest.FixtureRequest) -> Release:
    found: Release = request.param
    return found


def test_a_dozen_stores_are_served_as_here(release: Release, tmp_path: Path) -> None:
    """Apache's own store, all images in one JVM."""
    try:
        outcome: Outcome = run(release, list(images(release, SEED, DOZEN)), tmp_path)
    except TargetUnavailable as error:
        pytest.skip(str(error))
    assert outcome.unexplained() == {}
    assert outcome.broken == {}
    opened = [case for case in outcome.cases.values() if case.theirs.messages]
    assert len(opened) >= DOZEN // 2
    assert sum(len(case.theirs.messages) for case in opened) > 40


class Connection:
    """Questions to a broker, one at a time."""

    def __init__(self, address: Address) -> None:
        self._channel = TcpChannel(address)
        self._reader = FrameReader()
        self._opaque = 0

    def ask(self, code: RequestCode, ext: Mapping[str, JsonValue]) -> Frame:
        self._opaque += 1
        self._channel.send(encode(Frame(code=code, opaque=self._opaque, ext=ext, version=335)))
        while True:
            data = self._channel.receive(10_000)
            assert data, "no answer"
            self._reader.feed(data)
            while (raw := self._reader.next_raw()) is not None:
                answer = decode(raw)
                if answer.is_response and answer.opaque == self._opaque:
                    return answer

    def offset(self, code: RequestCode, topic: str, queue_id: int) -> int:
        answer = self.ask(code, {"topic": topic, "queueId": str(queue_id)})
        assert answer.code == ResponseCode.SUCCESS, answer
        return int(str((answer.ext or {})["offset"]))

    def pull(self, topic: str, queue_id: int, offset: int) -> bytes:
        answer = self.ask(
            RequestCode.PULL_MESSAGE,
            {
                "consumerGroup": "INTERCHANGE",
                "topic": topic,
                "queueId": str(queue_id),
                "queueOffset": str(offset),
                "maxMsgNums": "1",
                "sysFlag": "4",  # the subscription comes with the request
                "commitOffset": "0",
                "suspendTimeoutMillis": "0",
                "subscription": "*",
                "subVersion": "0",
            },
        )
        assert answer.code == ResponseCode.SUCCESS, answer
        return answer.body

    def close(self) -> None:
        self._channel.close()


@pytest.fixture
def apache(release: Release) -> Iterator[ApacheTarget]:
    target = ApacheTarget(release.apache)
    try:
        target.start({**SETTINGS, **BOTH_SPELLINGS})
        yield target
    except TargetUnavailable as error:
        pytest.skip(str(error))
    finally:
        target.stop()


def plain(release: Release, kind: str) -> tuple[Image, Served]:
    """An image without delayed messages: the broker would deliver them while we look."""
    for image in images(release, SEED, 200):
        if image.kind != kind or any("SCHEDULE" in path for path in image.disk.files()):
            continue
        if any(not data and path != "abort" for path, data in image.disk.files().items()):
            continue  # an empty file: STORE-FILES-3
        served = ours(image.ours())
        if len(served.messages) > 3 and {key[0] for key in served.messages} <= set(TOPICS):
            return image, served
    raise AssertionError(kind)


def topics_json() -> str:
    table = {
        name: {
            "order": False,
            "perm": 6,
            "readQueueNums": 4,
            "topicFilterType": "SINGLE_TAG",
            "topicName": name,
            "topicSysFlag": 0,
            "writeQueueNums": 4,
        }
        for name in TOPICS
    }
    version = {"counter": 1, "timestamp": 1_700_000_000_000}
    return json.dumps({"dataVersion": version, "topicConfigTable": table})


def test_a_broker_serves_our_stores(apache: ApacheTarget, release: Release, tmp_path: Path) -> None:
    """Closed, killed, torn: the broker starts, and a consumer gets the same bytes."""
    assert STANDARD_OPTIONS["mappedFileSizeCommitLog"] != SETTINGS["mappedFileSizeCommitLog"]
    for kind in KINDS:
        image, served = plain(release, kind)
        written = image.write(tmp_path)
        (written / "config").mkdir(exist_ok=True)
        (written / "config" / "topics.json").write_text(topics_json(), "utf-8")
        apache.stop_broker(kill=True)
        store = apache.store_directory()
        assert store is not None
        shutil.rmtree(store)
        shutil.copytree(written, store)
        apache.start_broker()
        assert apache.broker is not None
        connection = Connection(apache.broker)
        try:
            for (topic, queue_id), (low, high) in served.queues.items():
                if topic in TOPICS:
                    assert connection.offset(RequestCode.GET_MIN_OFFSET, topic, queue_id) == low
                    assert connection.offset(RequestCode.GET_MAX_OFFSET, topic, queue_id) == high
            for (topic, queue_id, offset), message in served.messages.items():
                record = connection.pull(topic, queue_id, offset)
                assert (len(record), crc32(record)) == (message.size, message.checksum), image.name
        finally:
            connection.close()
