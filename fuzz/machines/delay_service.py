"""Delayed messages: never early, in the order of their level, and delivered through every death."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from fuzz.broker_machine import KILL, POWER_LOSS, PUT_REFUSED
from fuzz.dialogue import SUCCESS
from fuzz.stateful.registry import Machine
from fuzz.sync_flush import FORCE_FAILS, FORCES_WAIT, SYNC_INVARIANTS, SyncFlushMachine
from refimpl.broker.invariants import DELAY_OFFSET_IN_QUEUE
from refimpl.broker.schedule_message import PERSIST, deliver_actor
from refimpl.model.ids import Actor, QueueId, Topic
from refimpl.model.message import MessageExt
from refimpl.model.override import override
from refimpl.remoting.command import RemotingCommand
from refimpl.sim.crash_images import CrashImage

TOPICS = ("T1", "T2")
LEVELS = {1: 1_000, 2: 3_000, 3: 8_000}
CLOCK_BACK = "clock-set-back"
OLD_OFFSETS = "offset-file-out-of-range"
FLUSH = Actor("store.flush_commit_log")
_SCHEDULE = "SCHEDULE_TOPIC_XXXX"
_FIRST_STEP = 1_100  # a level begins a second after the start
_ROUNDS = 8


@dataclass(slots=True)
class Delayed:
    """One message that was accepted."""

    level: int
    topic: str
    due: int  # by the clock at which it was stored
    back: int  # how far that clock was set back before
    durable: bool = False
    delivered: int = 0


class DelayServiceMachine(SyncFlushMachine):
    """Three levels, two topics; the model is the list of what was accepted, by body."""

    FAULTS: ClassVar[tuple[str, ...]] = (
        KILL,
        POWER_LOSS,
        PUT_REFUSED,
        CLOCK_BACK,
        OLD_OFFSETS,
        FORCES_WAIT,
        FORCE_FAILS,
    )
    WEIGHTS: ClassVar[Mapping[str, int]] = {
        **SyncFlushMachine.WEIGHTS,
        "send": 4,
        "wait_for_the_disk": 4,
    }
    OVERRIDES: ClassVar[Mapping[str, str]] = {"messageDelayLevel": "1s 3s 8s"}

    @override
    def began(self) -> None:
        """Nothing is delayed yet."""
        self.sent: dict[bytes, Delayed] = {}
        self.count = 0
        self.seen: dict[str, int] = dict.fromkeys(TOPICS, 0)  # how far each topic was read
        self.last: dict[int, int] = {}  # newest first delivery of each level, by number
        self.in_order = True
        self.back = 0  # how far the clock was set back in all
        self.offsets: dict[int, int] = {}
        self.deaths = 0
        self.lab.jump(_FIRST_STEP)

    @rule(topic=st.sampled_from(TOPICS), level=st.sampled_from((1, 2, 3, 7)))
    def send(self, topic: str, level: int) -> None:
        """A level beyond the last is the last: BROKER-SCHEDULE-12."""
        body = str(self.count).encode()
        self.count += 1
        properties = {"DELAY": str(level), "own": "kept"}
        asked = self.client.produce(topic, body, properties=properties)
        level = min(level, max(LEVELS))
        self.sent[body] = Delayed(level, topic, self.lab.now + LEVELS[level], self.back)

        def heard(answer: RemotingCommand | None) -> None:
            assert answer is None or answer.code == SUCCESS or self.sync_flush, answer.remark
            if answer is not None and answer.code == SUCCESS and self.sync_flush:
                self.sent[body].durable = True

        self.put(asked, heard)
        self.lab.settle()
        queue = self.lab.ctx.store.commit_log.mapped_file_queue
        if self.sync_flush and self.flushed < queue.max_wrote_position:
            return  # nobody is shown what is not durable
        end = self.lab.ctx.store.next_offset(Topic(_SCHEDULE), QueueId(level - 1))
        last = self.lab.records(_SCHEDULE, level - 1, end - 1) if end else []
        there = [message.body for message in last]
        self.must(there == [body], "BROKER-SCHEDULE-12", f"{body!r} of {level}: {there}")

    @rule(millis=st.sampled_from((1, 100, 999, 1_000, 3_000, 8_100)))
    def jump(self, millis: int) -> None:
        """Time passes, and what is late runs."""
        self.lab.jump(millis)
        self._read()

    @rule(level=st.sampled_from(sorted(LEVELS)), millis=st.sampled_from((0, 500, 5_000)))
    def step_level(self, level: int, millis: int) -> None:
        """One level runs, the others are late."""
        self.lab.move(millis)
        self.lab.step(deliver_actor(level))
        self._read()

    @rule()
    def persist(self) -> None:
        """The table is written."""
        self.lab.step(PERSIST)

    @rule()
    def flush(self) -> None:
        """The log becomes durable: what is in it now is promised, whatever happens."""
        self.lab.move(10_001)  # the interval of a thorough flush
        self.lab.step(FLUSH)
        queue = self.lab.ctx.store.commit_log.mapped_file_queue
        if queue.flushed_where == queue.max_wrote_position:
            for delayed in self.sent.values():
                delayed.durable = True

    @precondition(lambda self: self.allows(PUT_REFUSED))
    @rule(level=st.sampled_from(sorted(LEVELS)))
    def deliver_while_puts_fail(self, level: int) -> None:
        """BROKER-SCHEDULE-6: a delivery that the store refuses is tried again."""
        flags = self.lab.ctx.store.running_flags
        flags.set_disk_full(full=True)
        failed = self.lab.ctx.store.store_stats.put_message_failed_times
        self.lab.move(9_000)
        self.lab.step(deliver_actor(level))
        flags.set_disk_full(full=False)
        if self.lab.ctx.store.store_stats.put_message_failed_times > failed:
            self.fault(PUT_REFUSED)
        self._read()

    @precondition(lambda self: self.allows(CLOCK_BACK))
    @rule(millis=st.sampled_from((10, 2_000)))
    def set_clock_back(self, millis: int) -> None:
        """BROKER-SCHEDULE-4: what is due later than its level allows is due now."""
        self.fault(CLOCK_BACK)
        self.lab.move(-millis)
        self.back += millis

    @precondition(lambda self: self.allows(OLD_OFFSETS))
    @rule(level=st.sampled_from(sorted(LEVELS)), beyond=st.booleans())
    def restart_with_wrong_offsets(self, level: int, beyond: bool) -> None:
        """BROKER-SCHEDULE-1, fault B49: the file is older or newer than the queue."""
        self.fault(OLD_OFFSETS)
        self.lab.trace = None  # what an operator writes is no step of a broker
        self.lab.shutdown()
        path = "config/delayOffset.json"
        text = '{"offsetTable":{%d:%d}}' % (level, 40 if beyond else -3)  # noqa: UP031 - braces
        for name in (path, path + ".bak"):
            if self.lab.disk.exists(name):
                self.lab.disk.unlink(name)
        self.lab.disk.create(path, len(text))
        self.lab.disk.write(path, 0, text.encode())
        self.lab.start()
        self._abandon()
        if beyond:  # the operator's word: what the level holds now counts as delivered
            for delayed in self.sent.values():
                if delayed.level == level and not delayed.delivered:
                    delayed.delivered = -1
        self._returned()

    @override
    def came_back(self, *, killed: bool) -> None:
        """Every accepted message is still there; levels begin after a second."""
        super().came_back(killed=killed)
        self._returned()

    @override
    def lost_power(self, image: CrashImage) -> None:
        """What was not durable may be gone, or torn behind its body; what was is delivered."""
        super().lost_power(image)
        waiting = {
            message.body
            for level in LEVELS
            for message in self.lab.records(_SCHEDULE, level - 1)
            if message.properties.keys() >= {"own", "DELAY"}
            and message.properties.get("REAL_TOPIC") in TOPICS
            and message.properties.get("REAL_QID") == "0"
        }
        there = {topic: self.lab.records(topic, 0) for topic in TOPICS}
        delivered = {
            message.body
            for messages in there.values()
            for message in messages
            if message.properties.get("own") == "kept"
        }
        self.seen = {topic: len(messages) for topic, messages in there.items()}
        for body, delayed in list(self.sent.items()):
            if body not in waiting:
                self.must(not delayed.durable, "DurableIsKept", f"{body!r}, {image.label}")
                del self.sent[body]
            else:
                delayed.delivered = 1 if body in delivered else min(delayed.delivered, 0)
                delayed.durable = True  # recovered from the disk
        self.last.clear()
        self._returned()
        self._read()

    def _returned(self) -> None:
        self.deaths += 1
        self.in_order = False  # from here on a level may repeat
        self.offsets.clear()
        self.lab.jump(_FIRST_STEP)

    def _read(self) -> None:
        """Take note of deliveries: each whole, none early, first ones in order."""
        news = [
            (message.physical_offset, topic, message)
            for topic in TOPICS
            for message in self.lab.records(topic, 0, self.seen[topic])
        ]
        for _, topic, message in sorted(news, key=lambda new: new[0]):
            self.seen[topic] = message.queue_offset + 1
            self._delivered(topic, message)

    def _delivered(self, topic: str, message: MessageExt) -> None:
        delayed = self.sent.get(message.body)
        if delayed is None:  # of a message whose record did not survive whole
            self.must(int(message.body) < self.count, "NothingIsInvented", message.body)
            return
        self.must(delayed.topic == topic, "BROKER-SCHEDULE-7", f"{message.body!r} in {topic}")
        self.must(message.properties.get("own") == "kept", "BROKER-SCHEDULE-7", message.properties)
        early = delayed.due - message.store_timestamp
        if delayed.back == self.back:  # else what is too far away is due at once
            self.must(early <= 0, "NeverEarly", f"{message.body!r} by {early} ms")
        number = int(message.body)
        if delayed.delivered == 0 and self.in_order:
            before = self.last.get(delayed.level, -1)
            self.must(before < number, "LevelOrder", f"{number} after {before}")
            self.last[delayed.level] = number
        delayed.delivered = max(0, delayed.delivered) + 1
        self.must(
            delayed.delivered <= 1 + self.deaths, "NeverTwice", f"{number}: {delayed.delivered}"
        )

    @invariant()
    def offsets_grow(self) -> None:
        """Within one life no level goes back."""
        table = self.lab.ctx.schedule_message_service.offset_table
        for level, offset in table.items():
            before = self.offsets.get(level, 0)
            self.must(offset >= before, "DelayOffsetGrows", f"level {level}: {before}, {offset}")
        self.offsets = dict(table)
        self.visit((tuple(sorted(table.items())), len(self.sent), tuple(self.seen.values())))

    @override
    def at_the_end(self) -> None:
        """When everything works again, everything is delivered."""
        self.heal()
        for _ in range(_ROUNDS):
            self.lab.jump(max(LEVELS.values()) + 1_000)
        self._read()
        for body, delayed in self.sent.items():
            what = f"{body!r} of level {delayed.level}"
            self.must(delayed.delivered != 0, "EveryAcknowledgedIsDelivered", what)


MACHINE = Machine(
    name="DelayService",
    machine=DelayServiceMachine,
    subject="refimpl.broker.schedule_message",
    invariants=(
        "NeverEarly",
        "LevelOrder",
        "NeverTwice",
        "EveryAcknowledgedIsDelivered",
        "DelayOffsetGrows",
        DELAY_OFFSET_IN_QUEUE,
        "DurableIsKept",
        "NothingIsInvented",
        "EveryImageOpens",
        *SYNC_INVARIANTS,
        "AtMostOneAnswer",
        "BROKER-SCHEDULE-7",
        "BROKER-SCHEDULE-12",
    ),
)
