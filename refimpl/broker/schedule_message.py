"""Delayed messages: one actor per delay level reads its queue and stores what is due.

Java 4.9.7: store/schedule/ScheduleMessageService (5.5.0: broker/schedule). A message of level n
lies in queue n-1 of SCHEDULE_TOPIC_XXXX; the tag code of its unit is the time of delivery.
"""

from collections.abc import Mapping
from struct import Struct
from typing import TYPE_CHECKING

from refimpl.broker.behind_log import BehindLog
from refimpl.model.data_version import DataVersion
from refimpl.model.delay_level import (
    delay_level_to_queue_id,
    parse_delay_levels,
)
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import Actor, Millis, PhysicalOffset, QueueId, QueueOffset, Topic
from refimpl.model.java import parse_int
from refimpl.model.message import MessageExt, MessageExtBrokerInner
from refimpl.model.message_property import (
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_REAL_QUEUE_ID,
    PROPERTY_REAL_TOPIC,
    PROPERTY_TAGS,
    PROPERTY_TIMER_DELAY_SEC,
    PROPERTY_TIMER_DELIVER_MS,
    PROPERTY_WAIT_STORE_MSG_OK,
    in_java_order,
    properties_to_string,
)
from refimpl.model.status import PutMessageStatus
from refimpl.model.subscription import tags_code
from refimpl.model.topic_validator import RMQ_SYS_SCHEDULE_TOPIC, RMQ_SYS_TRANS_HALF_TOPIC
from refimpl.model.trace import (
    LATE_MAX,
    DelayStarted,
    DeliverDelayed,
    PassDelayed,
    PersistDelay,
    RefuseDelayed,
)

if TYPE_CHECKING:
    from refimpl.broker.context import BrokerContext
    from refimpl.store.consume_queue import ConsumeQueue

FIRST_DELAY_TIME = 1000
DELAY_FOR_A_WHILE = 100
DELAY_FOR_A_PERIOD = 10_000
PERSIST_AFTER = 10_000
PERSIST = Actor("schedule-message-persist")
_TOPIC = Topic(RMQ_SYS_SCHEDULE_TOPIC)
_UNIT = Struct(">qiq")  # physical offset, size, tags code


class ScheduleMessageService:
    """How far each level has been delivered, and the actors that go on."""

    __slots__ = (
        "_behind",
        "_ctx",
        "_file",
        "_updates",
        "data_version",
        "levels",
        "offset_table",
    )

    def __init__(self, ctx: "BrokerContext") -> None:
        self._ctx = ctx
        self._file = ctx.config_file("config/delayOffset.json")
        self._updates = 0
        self.levels = parse_delay_levels(ctx.config.text("messageDelayLevel"))
        self.offset_table: dict[int, int] = {}
        self._behind: dict[int, BehindLog[int]] = {}  # what of the table may be written down
        self.data_version = DataVersion()

    # --- life

    def start(self, now: Millis) -> None:
        """Clamp the offsets to what the queues hold, then begin every level in one second.

        BROKER-SCHEDULE-1, BROKER-SCHEDULE-2. The store must have recovered.
        """
        before = dict(self.offset_table)
        self.correct_delay_offset()
        self._behind = {level: BehindLog(offset) for level, offset in self.offset_table.items()}
        if self.offset_table != before:
            self.persist()
        first = Millis(now + FIRST_DELAY_TIME)
        tracer = self._ctx.tracer
        for level in self.levels.table:
            if tracer is not None:
                tracer(DelayStarted(level, QueueOffset(self.offset_table.get(level, 0))))
            self._ctx.actors.add(deliver_actor(level), first, self._step_of(level))
        self._ctx.actors.every(
            PERSIST,
            Millis(now + PERSIST_AFTER),
            lambda: self._ctx.config.integer("flushDelayOffsetInterval"),
            lambda _now: self.persist(),
        )

    def correct_delay_offset(self) -> None:
        """Move an offset outside of its queue to the nearer end. Fault B49."""
        for level, offset in list(self.offset_table.items()):
            if level not in self.levels.table:
                continue
            queue = self._queue(level)
            low = 0 if queue is None else queue.min_offset_in_queue
            queue_id = QueueId(delay_level_to_queue_id(level))
            high = self._ctx.store.next_offset(_TOPIC, queue_id)
            self.offset_table[level] = min(max(offset, low), high)

    def _step_of(self, level: int) -> "_Deliver":
        return _Deliver(self, level, self.offset_table.get(level, 0))

    def _queue(self, level: int) -> "ConsumeQueue | None":
        return self._ctx.store.consume_queue(_TOPIC, QueueId(delay_level_to_queue_id(level)))

    # --- one level

    def deliver(self, level: int, offset: int, now: Millis) -> tuple[int, Millis]:
        """Deliver what is due from `offset` on: the next offset, and when to go on there.

        BROKER-SCHEDULE-3, BROKER-SCHEDULE-4, BROKER-SCHEDULE-5, BROKER-SCHEDULE-6,
        BROKER-SCHEDULE-7, BROKER-SCHEDULE-8, BROKER-SCHEDULE-9.
        """
        queue = self._queue(level)
        soon = Millis(now + DELAY_FOR_A_WHILE)
        if queue is None:
            return offset, soon
        units = queue.index_buffer(offset)
        if units is None:  # below, or behind what is shown: what was recovered is not shown yet
            high = self._ctx.store.next_offset(_TOPIC, QueueId(delay_level_to_queue_id(level)))
            return min(max(offset, queue.min_offset_in_queue), high), soon
        release = self._ctx.release
        for physical, size, deliver_at in _UNIT.iter_unpack(units):
            wait = self._countdown(level, deliver_at, now)
            if wait > 0:
                if release.schedule_waits_exactly or release.fast_offset_update:
                    self._update_offset(level, offset, now)
                return offset, Millis(now + wait) if release.schedule_waits_exactly else soon
            inner = self._due_message(physical, size)
            delivered = inner is None or self._deliver_one(inner, now)
            if self._ctx.tracer is not None:
                self._trace(level, offset, -wait, passed=inner is None, delivered=delivered)
            if not delivered:
                pause = release.schedule_retry_after
                if release.schedule_waits_exactly:
                    self._update_offset(level, offset, now)
                return offset, Millis(now + pause)
            offset += 1
            self._update_offset(level, offset, now)
        return offset, soon

    def _trace(self, level: int, offset: int, late: int, *, passed: bool, delivered: bool) -> None:
        tracer, place, late = self._ctx.tracer, QueueOffset(offset), min(late, LATE_MAX)
        assert tracer is not None
        end = PhysicalOffset(self._ctx.store.commit_log.mapped_file_queue.max_wrote_position)
        if passed:
            tracer(PassDelayed(level, place, end))
        elif delivered:
            tracer(DeliverDelayed(level, place, late, end))
        else:
            tracer(RefuseDelayed(level, place, late))

    def _countdown(self, level: int, deliver_at: int, now: Millis) -> int:
        """Milliseconds to wait; never longer than the level says. BROKER-SCHEDULE-4."""
        longest = now + self.levels.table[level]
        return (now if deliver_at > longest else deliver_at) - now

    def _due_message(self, physical: int, size: int) -> MessageExtBrokerInner | None:
        """The message as its topic stores it; None for one that is passed.

        BROKER-SCHEDULE-11: one for the half topic. BROKER-SCHEDULE-15: one that names no topic
        and queue, or is not there.
        """
        message = self._ctx.store.look_message_by_offset(PhysicalOffset(physical), size)
        inner = None if message is None else self.message_time_up(message)
        return None if inner is None or inner.topic == RMQ_SYS_TRANS_HALF_TOPIC else inner

    def _deliver_one(self, inner: MessageExtBrokerInner, now: Millis) -> bool:
        """Store one delayed message for its topic; False to try it again later.

        BROKER-SCHEDULE-13: the limit of a sent message does not apply again.
        """
        result = self._ctx.store.put_message(inner, now)
        if result.status is not PutMessageStatus.PUT_OK or result.append is None:
            return False
        if self._ctx.release.counts_delivered_delays:
            self._ctx.broker_stats.put(
                inner.topic,
                self._ctx.config.text("brokerClusterName"),
                result.append.msg_num,
                result.append.wrote_bytes,
            )
        return True

    def message_time_up(self, message: MessageExt) -> MessageExtBrokerInner | None:
        """The message as its topic stores it; None where its real queue cannot be read.

        The stored text keeps DELAY, REAL_TOPIC and REAL_QID. BROKER-SCHEDULE-7.
        """
        release = self._ctx.release
        properties = in_java_order(message.properties, release)
        text = properties_to_string(properties, release)
        topic = properties.get(PROPERTY_REAL_TOPIC)
        try:
            queue_id = parse_int(properties.get(PROPERTY_REAL_QUEUE_ID))
        except InvalidInput:
            return None
        if topic is None:
            return None
        for name in (
            PROPERTY_DELAY_TIME_LEVEL,
            PROPERTY_TIMER_DELIVER_MS,
            PROPERTY_TIMER_DELAY_SEC,
        ):
            properties.pop(name, None)
        properties[PROPERTY_WAIT_STORE_MSG_OK] = "false"
        return MessageExtBrokerInner(
            topic=Topic(topic),
            queue_id=QueueId(queue_id),
            body=message.body,
            flag=message.flag,
            sys_flag=message.sys_flag,
            properties=properties,
            properties_string=text,
            tags_code=tags_code(properties.get(PROPERTY_TAGS)),
            born_timestamp=message.born_timestamp,
            born_host=message.born_host,
            store_host=message.store_host,
            reconsume_times=message.reconsume_times,
            accepted=True,
        )

    def _update_offset(self, level: int, offset: int, now: Millis) -> None:
        self.offset_table[level] = offset
        behind = self._behind.get(level)
        if behind is None:
            behind = self._behind[level] = BehindLog(0)
        behind.moved(offset, self._ctx.store.commit_log.mapped_file_queue.max_wrote_position)
        if self._ctx.release.delay_offset_has_version:
            self._updates += 1
            step = self._ctx.config.integer("delayOffsetUpdateVersionStep")
            if step > 0 and self._updates % step == 0:
                self.data_version = self.data_version.next_version(now)

    def build_running_stats(self) -> dict[str, str]:
        """BROKER-ADMIN-60: `scheduleMessageOffset_<level>`, delivered offset, end of the queue."""
        stats = {}
        for level, offset in self.offset_table.items():
            end = self._ctx.store.max_offset_in_queue(
                _TOPIC, QueueId(delay_level_to_queue_id(level))
            )
            stats[f"scheduleMessageOffset_{level}"] = f"{offset},{end}"
        return stats

    # --- the file

    def config_file_path(self) -> str:
        """Path below the root of the store."""
        return self._file.path

    def load(self) -> bool:
        """Read the file or its backup."""
        return self._file.load(self.decode)

    def persist(self) -> None:
        """Write what may be written: no offset whose deliveries are not durable.

        BROKER-SCHEDULE-14.
        """
        flushed_where = self._ctx.store.commit_log.mapped_file_queue.flushed_where
        settled = {
            level: offset
            if level not in self._behind
            else self._behind[level].settled(flushed_where)
            for level, offset in self.offset_table.items()
        }
        written = self._file.persist(self._encoded(settled))
        if written and self._ctx.tracer is not None:
            for level, offset in settled.items():
                self._ctx.tracer(PersistDelay(level, QueueOffset(offset)))

    def encode(self) -> str:
        """The table as Java's pretty JSON; levels are bare integers. BROKER-SCHEDULE-10."""
        return self._encoded(self.offset_table)

    def _encoded(self, table: Mapping[int, int]) -> str:
        pairs = [f"{level}:{offset}" for level, offset in table.items()]
        if not self._ctx.release.delay_offset_has_version:
            return '{\n\t"offsetTable":{' + ",".join(pairs) + "\n\t}\n}"
        inside = ",".join(f"\n\t\t{pair}" for pair in pairs)
        offsets = '"offsetTable":{' + inside + ("\n\t}" if pairs else "}")
        version = self.data_version
        return (
            '{\n\t"dataVersion":{\n\t\t"counter":' + str(version.counter) + ",\n\t\t"
            f'"stateVersion":{version.state_version},\n\t\t"timestamp":{version.timestamp}\n\t}},'
            "\n\t" + offsets + "\n}"
        )

    def decode(self, text: str) -> None:
        """Put every level of `text` into the table; raises `InvalidInput`."""
        from refimpl.model import data_version as versions  # noqa: PLC0415 - once, at start
        from refimpl.remoting.body.java_json import parse  # noqa: PLC0415 - once, at start
        from refimpl.remoting.errors import BodyRefused  # noqa: PLC0415 - the same

        try:
            value = parse(text, self._ctx.release)
        except BodyRefused as error:
            raise InvalidInput("configuration file", text[:40], str(error)) from error
        if not isinstance(value, dict):
            raise InvalidInput("delayOffset.json", text[:40], "not an object")
        table = value.get("offsetTable")
        if isinstance(table, dict):
            for level, offset in table.items():
                if isinstance(offset, int):
                    self.offset_table[parse_int(level)] = offset
        version = value.get("dataVersion")
        if isinstance(version, dict):
            self.data_version = versions.from_json(version, self._ctx.release)


class _Deliver:
    """The actor of one level: where it goes on."""

    __slots__ = ("_level", "_offset", "_service")

    def __init__(self, service: ScheduleMessageService, level: int, offset: int) -> None:
        self._service = service
        self._level = level
        self._offset = offset

    def __call__(self, now: Millis) -> Millis:
        self._offset, due = self._service.deliver(self._level, self._offset, now)
        return due


def deliver_actor(level: int) -> Actor:
    """The name of a level's actor."""
    return Actor(f"deliver-delayed-message-{level}")
