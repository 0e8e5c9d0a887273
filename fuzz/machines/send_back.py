"""Given back, tried again, dead at last: attempts are counted and nothing is lost on the way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from fuzz.broker_machine import KILL, PUT_REFUSED, BrokerMachine
from fuzz.dialogue import SUCCESS
from fuzz.stateful.registry import Machine
from refimpl.model.ids import QueueId, Topic
from refimpl.model.message import MessageExt
from refimpl.model.message_id import create_message_id
from refimpl.model.override import override

TOPIC, GROUP = "T", "G"
RETRY, DEAD = f"%RETRY%{GROUP}", f"%DLQ%{GROUP}"
SCHEDULE = "SCHEDULE_TOPIC_XXXX"
LEVELS = 8
_LONGEST = 9_000


@dataclass(slots=True)
class Attempt:
    """One message in the hands of the consumer."""

    message: MessageExt
    origin: str  # the id of the first of its copies


class SendBackMachine(BrokerMachine):
    """One consumer that fails; the model is what it holds and what it gave back."""

    FAULTS: ClassVar[tuple[str, ...]] = (KILL, PUT_REFUSED)
    OVERRIDES: ClassVar[Mapping[str, str]] = {"messageDelayLevel": "1s 2s 3s 4s 5s 6s 7s 8s"}

    @override
    def began(self) -> None:
        """The consumer holds nothing."""
        self.held: list[Attempt] = []
        self.origins: dict[bytes, str] = {}
        self.expected: dict[tuple[bytes, int], int] = {}  # (body, attempts) -> copies that went in
        self.found: dict[tuple[bytes, int], int] = {}
        self.read: dict[tuple[str, int], int] = {}
        self.deaths = 0
        self.client.pull(GROUP, TOPIC, 0, 0)  # makes the group

    @rule()
    def consume_new(self) -> None:
        """A message is sent and consumed for the first time."""
        body = f"m{len(self.origins)}".encode()
        properties = {"own": "kept", "TAGS": "A"}
        answer = self.client.produce(TOPIC, body, properties=properties).answer
        self.must(answer is not None and answer.code == SUCCESS, "BROKER-BACK-14", answer)
        self.lab.settle()
        message = self.lab.records(TOPIC, 0)[-1]
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
        """CONSUMER_SEND_MSG_BACK: BROKER-BACK-7, -8, -9, -11."""
        attempt = self.held.pop(which % len(self.held))
        message = attempt.message
        self._give(attempt, level, limit)
        dead = message.reconsume_times >= limit or level < 0
        key = (message.body, message.reconsume_times + 1)
        self.expected[key] = self.expected.get(key, 0) + 1
        if dead:
            self._read_queue(DEAD, 0)
            what = f"{message.body!r} after {message.reconsume_times} of {limit}"
            self.must(self.found.get(key, 0) > 0, "DeadLetterAtTheMaximum", what)
        else:
            wanted = min(level or 3 + message.reconsume_times, LEVELS)
            waits = [m for m in self.lab.records(SCHEDULE, wanted - 1) if m.body == message.body]
            times = [m.reconsume_times for m in waits]
            what = f"{message.body!r} at level {wanted}: {times}"
            self.must(message.reconsume_times + 1 in times, "RetryLevel", what)

    def _give(self, attempt: Attempt, level: int, limit: int) -> None:
        message = attempt.message
        ends = self._ends()
        asked = self.client.send_back(GROUP, message.physical_offset, level=level, max_times=limit)
        self.lab.settle()
        code = asked.answer.code if asked.answer else None
        self.must(code == SUCCESS, "BROKER-BACK-14", asked.answer)
        grown = sum(self._ends().values()) - sum(ends.values())
        self.must(grown == 1, "GivenBackOnce", f"{grown} copies of {message.body!r}")

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
    def came_back(self, *, killed: bool) -> None:  # noqa: ARG002 - both are the same here
        """What was not written down may be delivered again."""
        self.deaths += 1
        self.lab.jump(1_100)

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
        self.must(key in self.expected, "AttemptsAreCounted", f"{key} of {sorted(self.expected)}")
        found = self.found[key] = self.found.get(key, 0) + 1
        most = self.expected[key] * (1 + self.deaths)
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
        for _ in range(4):
            self.lab.jump(_LONGEST)
        self._read_queue(RETRY, 0)
        self._read_queue(DEAD, 0)
        for key, count in self.expected.items():
            found = self.found.get(key, 0)
            self.must(found >= count, "AcknowledgedIsStored", f"{key}: {found} of {count}")


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
        "AtMostOneAnswer",
        "BROKER-BACK-6",
        "BROKER-BACK-14",
    ),
)
