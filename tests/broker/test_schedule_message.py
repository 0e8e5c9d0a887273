"""Delayed messages."""

import pytest

from fuzz.store_rig import message
from refimpl.broker.schedule_message import deliver_actor
from refimpl.model.ids import Millis, PhysicalOffset, QueueId, Topic
from refimpl.model.message import MessageExt
from refimpl.model.release import RELEASE_4_6, RELEASE_5_5, RELEASES, Release
from refimpl.model.status import PutMessageStatus
from refimpl.model.trace import LATE_MAX, DeliverDelayed, PassDelayed, TraceEvent
from tests.broker.harness import NOW, BrokerUnderTest

ALL = pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
SCHEDULE = Topic("SCHEDULE_TOPIC_XXXX")


def _queue(broker: BrokerUnderTest, topic: str, queue_id: int = 0) -> list[MessageExt]:
    queue = broker.ctx.store.consume_queue(Topic(topic), QueueId(queue_id))
    found: list[MessageExt] = []
    if queue is None:
        return found
    for offset in range(queue.min_offset_in_queue, queue.max_offset_in_queue):
        unit = queue.get(offset)
        assert unit is not None
        message = broker.ctx.store.look_message_by_offset(PhysicalOffset(unit[0]))
        assert message is not None
        found.append(message)
    return found


@ALL
def test_a_message_is_delivered_when_it_is_due(release: Release) -> None:
    """Level 2 waits five seconds.

    BROKER-SCHEDULE-2, BROKER-SCHEDULE-5, BROKER-SCHEDULE-7, BROKER-SCHEDULE-9.
    """
    broker = BrokerUnderTest(release).start()
    broker.run(10)
    broker.produce(queue_id=1, properties={"DELAY": "2", "KEYS": "k", "TAGS": "a"})
    broker.run(4900)
    assert _queue(broker, "T", 1) == []
    broker.run(300)
    (message,) = _queue(broker, "T", 1)
    assert (message.body, message.flag) == (b"hello", 7)
    assert message.properties["DELAY"] == "2"
    assert message.properties["REAL_TOPIC"] == "T"
    assert message.properties["KEYS"] == "k"
    broker.run(20_000)
    assert len(_queue(broker, "T", 1)) == 1
    assert broker.ctx.schedule_message_service.offset_table[2] == 1
    stats = broker.ctx.schedule_message_service.build_running_stats()
    assert stats["scheduleMessageOffset_2"] == "1,1"


@ALL
def test_order_within_a_level(release: Release) -> None:
    """BROKER-SCHEDULE-3: and a level above the highest is the highest."""
    broker = BrokerUnderTest(release, {"messageDelayLevel": "1s 3s"}).start()
    for number in range(3):
        broker.produce(body=b"%d" % number, properties={"DELAY": "9"})
        broker.run(900)
    assert _queue(broker, "T") == []
    broker.run(1400)
    assert [m.body for m in _queue(broker, "T")] == [b"0", b"1"]
    broker.run(5000)
    assert [m.body for m in _queue(broker, "T")] == [b"0", b"1", b"2"]


@ALL
def test_a_clock_that_was_set_back(release: Release) -> None:
    """BROKER-SCHEDULE-4: due more than the delay from now counts as due."""
    broker = BrokerUnderTest(release).start()
    broker.produce(properties={"DELAY": "2"})
    broker.run(1)
    service = broker.ctx.schedule_message_service
    offset, _ = service.deliver(2, 0, Millis(NOW - 10))
    assert offset == 1
    broker.run(1)
    assert len(_queue(broker, "T")) == 1


@ALL
def test_a_failed_delivery_is_tried_again(release: Release) -> None:
    """BROKER-SCHEDULE-6: the same message, and none behind it before."""
    broker = BrokerUnderTest(release).start()
    for body in (b"a", b"b"):
        broker.produce(body=body, properties={"DELAY": "1"})
    broker.run(500)
    flags = broker.ctx.store.running_flags
    flags.set_disk_full(full=True)
    broker.now = Millis(broker.now + 2000)
    service = broker.ctx.schedule_message_service
    assert service.deliver(1, 0, broker.now) == (0, broker.now + release.schedule_retry_after)
    flags.set_disk_full(full=False)
    broker.run(20_000)
    assert [m.body for m in _queue(broker, "T")] == [b"a", b"b"]


@ALL
def test_deliveries_are_counted(release: Release) -> None:
    """BROKER-SCHEDULE-8, BROKER-SEND-34: sent to the schedule topic, delivered to its own."""
    broker = BrokerUnderTest(release).start()
    broker.produce(properties={"DELAY": "1"})
    broker.run(5000)
    sent = broker.ctx.broker_stats.find("TOPIC_PUT_NUMS", "SCHEDULE_TOPIC_XXXX")
    assert sent is not None
    assert sent.value == 1
    delivered = broker.ctx.broker_stats.find("TOPIC_PUT_NUMS", "T")
    assert (delivered is not None) == release.counts_delivered_delays
    assert delivered is None or delivered.value == 1


@ALL
def test_offsets_survive_and_are_clamped(release: Release) -> None:
    """BROKER-SCHEDULE-1, BROKER-SCHEDULE-10: a file that is ahead of its queue."""
    broker = BrokerUnderTest(release).start()
    broker.produce(properties={"DELAY": "1"})
    broker.run(11_000)
    service = broker.ctx.schedule_message_service
    service.persist()
    text = service.encode()
    if release is RELEASE_4_6:
        assert text == '{\n\t"offsetTable":{1:1\n\t}\n}'
    again = BrokerUnderTest(release, disk=broker.disk.image(), now=broker.now).start()
    assert again.ctx.schedule_message_service.offset_table == {1: 1}
    assert again.ctx.schedule_message_service.encode() == text
    service.offset_table = {1: 77, 3: 5}
    service.persist()
    ahead = BrokerUnderTest(release, disk=broker.disk.image(), now=broker.now).start()
    assert ahead.ctx.schedule_message_service.offset_table[1] == 1
    ahead.produce(properties={"DELAY": "1"})
    ahead.run(5000)
    assert len(_queue(ahead, "T")) == 2


def versions(step: int) -> list[int]:
    """The counter of the data version after each of some deliveries."""
    broker = BrokerUnderTest(RELEASE_5_5, {"delayOffsetUpdateVersionStep": str(step)}).start()
    counters = []
    for _ in range(3):
        broker.produce(properties={"DELAY": "1"})
        broker.run(1500)
        counters.append(broker.ctx.schedule_message_service.data_version.counter)
    return counters


def test_after_so_many_moves_the_file_has_a_new_version() -> None:
    """BROKER-SCHEDULE-10: in 5.5, by delayOffsetUpdateVersionStep; never where that is 0."""
    moves = versions(1)
    assert moves[-1] > 3
    assert versions(3) == [number // 3 for number in moves]
    assert versions(0) == [0, 0, 0]


@ALL
def test_offsets_are_written_at_their_time(release: Release) -> None:
    """BROKER-SCHEDULE-10: first ten seconds after the start, then as configured."""
    broker = BrokerUnderTest(release, {"flushDelayOffsetInterval": "4000"}).start()
    service = broker.ctx.schedule_message_service
    disk, path = broker.disk, "config/delayOffset.json"
    for until, offset, written in ((9_999, 1, 0), (10_000, 1, 1), (13_999, 2, 1), (14_000, 2, 2)):
        service.offset_table = {7: offset}
        broker.run(until - (broker.now - NOW))
        text = disk.read(path, 0, disk.size(path)).decode() if disk.exists(path) else ""
        assert f"7:{written}" in text or not written, until
        assert f"7:{written + 1}" not in text, until


@ALL
def test_an_offset_outside_the_queue_is_moved(release: Release) -> None:
    """BROKER-SCHEDULE-1: also while the broker runs."""
    broker = BrokerUnderTest(release).start()
    broker.produce(properties={"DELAY": "1"})
    broker.run(1)
    service = broker.ctx.schedule_message_service
    assert service.deliver(1, 99, broker.now) == (1, broker.now + 100)
    assert service.deliver(4, 0, broker.now) == (0, broker.now + 100)


@ALL
def test_a_delayed_half_message_is_dropped(release: Release) -> None:
    """BROKER-SCHEDULE-11: as an older broker may have stored one."""
    broker = BrokerUnderTest(release).start()
    broker.produce(properties={"DELAY": "1", "REAL_TOPIC": "x"})
    broker.run(1)
    (waiting,) = _queue(broker, SCHEDULE)
    service = broker.ctx.schedule_message_service
    properties = {**waiting.properties, "REAL_TOPIC": "RMQ_SYS_TRANS_HALF_TOPIC"}
    inner = service.message_time_up(waiting)
    assert inner is not None
    assert inner.topic == "T"
    assert "DELAY" not in inner.properties
    for broken in ({"REAL_QID": "x"}, {"REAL_TOPIC": None}):
        changed = {k: v for k, v in {**properties, **broken}.items() if v is not None}
        message = MessageExt(
            **{
                **{name: getattr(waiting, name) for name in MessageExt.__slots__},
                "properties": changed,
            }
        )
        assert service.message_time_up(message) is None


@ALL
def test_what_cannot_be_delivered_does_not_block_its_level(release: Release) -> None:
    """BROKER-SCHEDULE-15: the power tore its properties, so its unit has no time either."""
    broker = BrokerUnderTest(release).start()
    heard = list[TraceEvent]()
    broker.ctx.tracer = heard.append
    torn = message(b"torn", topic=SCHEDULE)
    assert broker.ctx.store.put_message(torn, broker.now).status is PutMessageStatus.PUT_OK
    end = broker.ctx.store.commit_log.max_offset()
    broker.produce(body=b"behind it", properties={"DELAY": "1"})
    broker.run(3000)
    assert [m.body for m in _queue(broker, "T")] == [b"behind it"]
    passed, delivered = (e for e in heard if isinstance(e, (PassDelayed, DeliverDelayed)))
    assert isinstance(passed, PassDelayed)
    assert passed.where > end
    assert delivered[:2] == (1, 1)


@ALL
def test_no_delivery_is_later_than_a_model_can_count(release: Release) -> None:
    """The power took DELAY alone: what stands in the unit is no time."""
    broker = BrokerUnderTest(release).start()
    heard = list[TraceEvent]()
    broker.ctx.tracer = heard.append
    half = message(b"half", topic=SCHEDULE, properties={"REAL_TOPIC": "T", "REAL_QID": "0"})
    broker.ctx.store.put_message(half, broker.now)
    broker.run(3000)
    (delivered,) = (e for e in heard if isinstance(e, DeliverDelayed))
    assert delivered.late == LATE_MAX < broker.now


def test_levels_are_actors() -> None:
    """Each of the 18 levels has its own row; the simulator may run them in any order."""
    broker = BrokerUnderTest().start()
    actors = broker.broker.actors()
    assert all(deliver_actor(level) in actors for level in range(1, 19))
    assert deliver_actor(19) not in actors
    assert actors[deliver_actor(1)] == NOW + 1000


@ALL
@pytest.mark.parametrize(("level", "queue"), [("1", 0), ("18", 17), ("19", 17), ("2147483647", 17)])
def test_a_level_is_a_queue(release: Release, level: str, queue: int) -> None:
    """BROKER-SCHEDULE-12: a level beyond the last is the last."""
    broker = BrokerUnderTest(release).start()
    broker.produce(properties={"DELAY": level})
    broker.run(10)
    (waiting,) = _queue(broker, SCHEDULE, queue)
    assert waiting.properties["DELAY"] == str(queue + 1)


@ALL
@pytest.mark.parametrize("level", ["soon", "1.5", " 1", "2147483648"])
def test_a_level_that_is_no_number_fails(release: Release, level: str) -> None:
    """BROKER-SCHEDULE-12: with Java's exception, and nothing is stored."""
    broker = BrokerUnderTest(release).start()
    end = broker.ctx.store.max_phy_offset
    failed = broker.produce(properties={"DELAY": level})
    assert failed is not None
    remark = f'java.lang.NumberFormatException: For input string: "{level}"'
    assert (failed.code, failed.remark) == (1, remark)
    assert broker.ctx.store.max_phy_offset == end


@ALL
def test_a_record_that_grows_is_delivered(release: Release) -> None:
    """BROKER-SCHEDULE-13: a longer topic makes the record longer than a client may send."""
    broker = BrokerUnderTest(release).start()
    topic = "L" * 127
    properties = {"DELAY": "1", "UNIQ_KEY": "u"}
    broker.produce(topic, body=b"x", properties=properties)
    broker.run(10)
    (waiting,) = _queue(broker, SCHEDULE)
    largest = 8192 - (waiting.store_size - 1)
    accepted = broker.produce(topic, body=b"x" * largest, properties=properties)
    assert accepted is not None
    assert accepted.code == 0
    broker.run(3000)
    (_, grown) = _queue(broker, topic)
    assert (len(grown.body), grown.store_size > 8192) == (largest, True)
