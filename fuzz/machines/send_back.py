"""Given back, tried again, dead at last: attempts are counted and nothing is lost on the way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from fuzz.broker_machine import KILL, POWER_LOSS, PUT_REFUSED
from fuzz.dialogue import SUCCESS
from fuzz.stateful.registry import Machine
from fuzz.sync_flush import FORCE_FAILS, FORCES_WAIT, SYNC_INVARIANTS, SyncFlushMachine
from refimpl.model.ids import PhysicalOffset, QueueId, Topic
from refimpl.model.message import MessageExt
from refimpl.model.message_id import create_message_id
from refimpl.model.override import override
from refimpl.remoting.command import RemotingCommand
from refimpl.sim.crash_images import CrashImage

TOPIC, GROUP = "T", "G"
RETRY, DEAD = f"%RETRY%{GROUP}", f"%DLQ%{GROUP}"
SCHEDULE = "SCHEDULE_TOPIC_XXXX"
LEVELS = 8
_LONGEST = 9_000
_WHOLE = {"own", "TAGS", "RETRY_TOPIC"}
_Key = tuple[bytes, int]  # body and attempts


@dataclass(slots=True)
class Attempt:
    """One message in the hands of the consumer."""

    message: MessageExt
    origin: str  # the id of the first of its copies


class SendBackMachine(SyncFlushMachine):
    """One consumer that fails; the model is what it holds and what it gave back."""

    FAULTS: ClassVar[tuple[str, ...]] = (KILL, POWER_LOSS, PUT_REFUSED, FORCES_WAIT, FORCE_FAILS)
    WEIGHTS: ClassVar[Mapping[str, int]] = {
        **SyncFlushMachine.WEIGHTS,
        "consume_new": 2,
        "consume_again": 2,
        "give_back": 4,
    }
    OVERRIDES: ClassVar[Mapping[str, str]] = {"messageDelayLevel": "1s 2s 3s 4s 5s 6s 7s 8s"}

    @override
    def began(self) -> None:
        """The consumer holds nothing."""
        self.held: list[Attempt] = []
        self.origins: dict[bytes, str] = {}
        self.stored: dict[_Key, int] = {}  # copies that went in
        self.promised: dict[_Key, int] = {}  # copies that must come out
        self.found: dict[_Key, int] = {}
        self.read: dict[tuple[str, int], int] = {}
        self.unforced: list[range] = []  # of the log, at a power failure: what is left may be torn
        self.count = self.deaths = 0
        self.client.pull(GROUP, TOPIC, 0, 0)  # makes the group

    @rule()
    def consume_new(self) -> None:
        """A message is sent and, where it can be read, consumed for the first time."""
        body = f"m{self.count}".encode()
        self.count += 1
        asked = self.client.produce(TOPIC, body, properties={"own": "kept", "TAGS": "A"})
        self.put(asked, lambda _: None)
        self.lab.settle()
        messages = self.lab.records(TOPIC, 0)
        if not messages or messages[-1].body != body:
            self.must(self.sync_flush, "AcknowledgedIsStored", f"{body!r} of {len(messages)}")
            return
        message = messages[-1]
        origin = create_message_id(message.store_host, message.physical_offset)
        self.origins[body] = origin
        self.held.append(Attempt(message, origin))

    @precondition(lambda self: self.held)
    @rule(
        which=st.integers(0, 7),
        level=st.sampled_from((0, 0, 0, 1, 2, -1)),
        limit=st.sampled_from((0, 1, 2, 3)),
    )
    def give_back(self, which: int, level: int, limit: int) -> None:
        """CONSUMER_SEND_MSG_BACK: BROKER-BACK-7, -8, -9, -11, -15.

        The consumer lets go at SUCCESS, and keeps the message at every other answer or none.
        """
        attempt = self.held.pop(which % len(self.held))
        message = attempt.message
        ends = self._ends()
        asked = self.client.send_back(GROUP, message.physical_offset, level=level, max_times=limit)
        grown = sum(self._ends().values()) - sum(ends.values())
        self.must(grown == 1, "GivenBackOnce", f"{grown} copies of {message.body!r}")
        key = (message.body, message.reconsume_times + 1)
        self.stored[key] = self.stored.get(key, 0) + 1

        def heard(answer: RemotingCommand | None) -> None:
            if answer is None or answer.code != SUCCESS:
                self.must(self.sync_flush, "BROKER-BACK-14", answer)
                self.held.append(attempt)
                return
            self.promised[key] = self.promised.get(key, 0) + 1
            self.lab.settle()
            self._went(message, level, limit)

        self.put(asked, heard)

    def _went(self, message: MessageExt, level: int, limit: int) -> None:
        """Where the copy of an acknowledged message is."""
        key = (message.body, message.reconsume_times + 1)
        if message.reconsume_times >= limit or level < 0:
            self._read_queue(DEAD, 0)
            what = f"{message.body!r} after {message.reconsume_times} of {limit}"
            self.must(self.found.get(key, 0) > 0, "DeadLetterAtTheMaximum", what)
        else:
            wanted = min(level or 3 + message.reconsume_times, LEVELS)
            waits = [m for m in self.lab.records(SCHEDULE, wanted - 1) if m.body == message.body]
            times = [m.reconsume_times for m in waits]
            what = f"{message.body!r} at level {wanted}: {times}"
            self.must(message.reconsume_times + 1 in times, "RetryLevel", what)

    @precondition(lambda self: self.held and self.allows(PUT_REFUSED))
    @rule(which=st.integers(0, 7))
    def give_back_in_vain(self, which: int) -> None:
        """The store refuses: the consumer is told so and keeps the message."""
        self.fault(PUT_REFUSED)
        attempt = self.held[which % len(self.held)]
        flags = self.lab.ctx.store.running_flags
        flags.set_disk_full(full=True)
        ends = self._ends()
        offset = attempt.message.physical_offset
        asked = self.client.send_back(GROUP, offset, level=0, max_times=3)
        flags.set_disk_full(full=False)
        self.lab.settle()
        code = asked.answer.code if asked.answer else None
        self.must(code != SUCCESS, "AcknowledgedIsStored", f"{attempt.message.body!r}: {code}")
        self.must(self._ends() == ends, "RefusalChangesNothing", f"{ends}, {self._ends()}")

    @rule(offset=st.sampled_from((7, 1 << 40)))
    def give_back_nothing(self, offset: int) -> None:
        """BROKER-BACK-6: an offset at which nothing is."""
        ends = self._ends()
        asked = self.client.send_back(GROUP, offset, level=0, max_times=3)
        code = asked.answer.code if asked.answer else None
        self.must(code not in {SUCCESS, None}, "BROKER-BACK-6", code)
        self.must(self._ends() == ends, "RefusalChangesNothing", f"{ends}, {self._ends()}")

    @rule(millis=st.sampled_from((1_000, 4_000, _LONGEST)))
    def consume_again(self, millis: int) -> None:
        """Time passes; the consumer takes what came back."""
        self.lab.jump(1_100)
        self.lab.jump(millis)
        self._read_queue(RETRY, 0)
        self._read_queue(DEAD, 0)

    @override
    def came_back(self, *, killed: bool) -> None:
        """What was not written down may be delivered again."""
        super().came_back(killed=killed)
        self.deaths += 1
        self.lab.jump(1_100)

    @override
    def _lose_power(self, seed: int) -> CrashImage:
        queue = self.lab.ctx.store.commit_log.mapped_file_queue
        self.unforced.append(range(queue.flushed_where, queue.max_wrote_position))
        return super()._lose_power(seed)

    def _was_unforced(self, message: MessageExt) -> bool:
        return any(message.physical_offset in span for span in self.unforced)

    @override
    def lost_power(self, image: CrashImage) -> None:
        """What SYNC_FLUSH acknowledged is all there; else what is there, and no more, is owed."""
        super().lost_power(image)
        self.deaths += 1
        end = self.lab.ctx.store.commit_log.mapped_file_queue.max_wrote_position
        self.unforced = [range(span.start, min(span.stop, end)) for span in self.unforced]
        self.held = [attempt for attempt in self.held if self._is_there(attempt, image)]
        self.read = {
            (topic, queue): min(seen, self.lab.ctx.store.next_offset(Topic(topic), QueueId(queue)))
            for (topic, queue), seen in self.read.items()
        }
        if not self.sync_flush:
            self.promised.clear()
        self.lab.jump(1_100)

    def _is_there(self, attempt: Attempt, image: CrashImage) -> bool:
        """Tell whether the message can still be given back."""
        was = attempt.message
        now = self.lab.ctx.store.look_message_by_offset(PhysicalOffset(was.physical_offset))
        there = now is not None and (now.body, now.properties) == (was.body, was.properties)
        # Under SYNC_FLUSH nobody is shown what is not durable.
        self.must(there or not self.sync_flush, "DurableIsKept", f"{was.body!r}, {image.label}")
        return there

    def _ends(self) -> dict[tuple[str, int], int]:
        queues = [(RETRY, 0), (DEAD, 0), *((SCHEDULE, level) for level in range(LEVELS))]
        store = self.lab.ctx.store
        return {
            (topic, queue): store.next_offset(Topic(topic), QueueId(queue))
            for topic, queue in queues
        }

    def _read_queue(self, topic: str, queue_id: int) -> None:
        for message in self.lab.records(topic, queue_id, self.read.get((topic, queue_id), 0)):
            self.read[topic, queue_id] = message.queue_offset + 1
            self._copy(topic, message)

    def _copy(self, topic: str, message: MessageExt) -> None:
        """A copy in a retry or dead-letter topic: BROKER-BACK-10, -11, -12."""
        key = (message.body, message.reconsume_times)
        if _is_torn(message):
            excused = self._was_unforced(message) or any(
                copied.body == message.body and _is_torn(copied) and self._was_unforced(copied)
                for level in range(LEVELS)
                for copied in self.lab.records(SCHEDULE, level)
            )
            self.must(excused, "OriginIsKept", f"{key}: {message.properties}")
            return
        self.must(key in self.stored, "AttemptsAreCounted", f"{key} of {sorted(self.stored)}")
        found = self.found[key] = self.found.get(key, 0) + 1
        most = self.stored[key] * (1 + self.deaths)
        self.must(found <= most, "GivenBackOnce", f"{key} in {topic}: {found} times")
        properties = message.properties
        origin = properties.get("ORIGIN_MESSAGE_ID")
        lost = (
            topic == DEAD
            and message.reconsume_times == 1
            and not (self.lab.release.prints_origin_id)
        )
        self.must(
            origin == self.origins[message.body] or (lost and origin is None),
            "OriginIsKept",
            f"{key}: {origin}, first {self.origins[message.body]}",
        )
        kept = (properties.get("own"), properties.get("RETRY_TOPIC"), properties.get("TAGS"))
        self.must(kept == ("kept", TOPIC, "A"), "OriginIsKept", f"{key}: {kept}")
        if topic == RETRY:
            self.held.append(Attempt(message, self.origins[message.body]))
        self.visit((topic, key, found))

    @override
    def at_the_end(self) -> None:
        """Whatever was acknowledged has come back or is dead."""
        self.heal()
        for _ in range(4):
            self.lab.jump(_LONGEST)
        self._read_queue(RETRY, 0)
        self._read_queue(DEAD, 0)
        for key, count in self.promised.items():
            found = self.found.get(key, 0)
            self.must(found >= count, "AcknowledgedIsStored", f"{key}: {found} of {count}")


def _is_torn(message: MessageExt) -> bool:
    """The checksum covers the body alone: names may be lost, and values be zeros."""
    values = message.properties.values()
    return not message.properties.keys() >= _WHOLE or any("\0" in value for value in values)


MACHINE = Machine(
    name="SendBackAndRetry",
    machine=SendBackMachine,
    subject="refimpl.broker.processor.consumer_send_back",
    invariants=(
        "AttemptsAreCounted",
        "RetryLevel",
        "DeadLetterAtTheMaximum",
        "OriginIsKept",
        "GivenBackOnce",
        "AcknowledgedIsStored",
        "RefusalChangesNothing",
        "DurableIsKept",
        "EveryImageOpens",
        *SYNC_INVARIANTS,
        "AtMostOneAnswer",
        "BROKER-BACK-6",
        "BROKER-BACK-14",
    ),
)
