"""What a committed offset is worth after a kill, a power loss, an orderly end and a start."""

from collections.abc import Mapping
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from fuzz.dialogue import SUCCESS
from fuzz.stateful.registry import Machine
from fuzz.sync_flush import FORCE_FAILS, SYNC_INVARIANTS, SyncFlushMachine
from refimpl.broker.broker import PERSIST_CONSUMER_OFFSET
from refimpl.model.ids import QueueId, Topic
from refimpl.model.override import override
from refimpl.remoting.command import RemotingCommand
from refimpl.sim.crash_images import CrashImage

TOPIC = "T"
GROUPS = ("G1", "G2")
QUEUES = (0, 1)
PULL_OFFSET_MOVED = 21
_groups = st.sampled_from(GROUPS)
_queues = st.sampled_from(QUEUES)
_Key = tuple[str, int]


class ConsumerOffsetsMachine(SyncFlushMachine):
    """Two groups, two queues; the model is the table that the groups were told of."""

    WEIGHTS: ClassVar[Mapping[str, int]] = {
        **SyncFlushMachine.WEIGHTS,
        "persist": 3,
        "produce": 3,
        "lose_power": 2,
    }
    OVERRIDES: ClassVar[Mapping[str, str]] = {}

    @override
    def began(self) -> None:
        """Nothing is told; topic and groups are known."""
        self.told: dict[_Key, int] = {}
        self.persisted: list[dict[_Key, int]] = [{}]  # the durable table, and those after it
        self.resets: dict[_Key, int] = {}
        self.due = self._due()
        self._produce(0, b"first")
        for group in GROUPS:
            self.client.pull(group, TOPIC, 0, 0)

    def _produce(self, queue_id: int, body: bytes) -> None:
        def heard(answer: RemotingCommand | None) -> None:
            assert answer is None or answer.code == SUCCESS or self.sync_flush, answer.remark

        self.put(self.client.produce(TOPIC, body, queue_id=queue_id), heard)
        self.lab.settle()

    @rule(queue_id=_queues, count=st.integers(1, 3))
    def produce(self, queue_id: int, count: int) -> None:
        """Give offsets something to be within; what is not durable yet gives them nothing."""
        for _ in range(count):
            self._produce(queue_id, b"more")

    @rule(group=_groups, queue_id=_queues, offset=st.integers(0, 6))
    def commit(self, group: str, queue_id: int, offset: int) -> None:
        """A group tells how far it is, lower than before or not."""
        answer = self.client.commit_offset(group, TOPIC, queue_id, offset)
        self.must(answer.code == SUCCESS, "BROKER-OFFSET-1", answer.remark)
        if (group, queue_id) not in self.resets:  # BROKER-OFFSET-13
            self.told[group, queue_id] = offset

    @rule(group=_groups, queue_id=_queues, commit=st.integers(0, 6))
    def pull_with_commit(self, group: str, queue_id: int, commit: int) -> None:
        """A pull carries an offset; a pending reset is told once and counts more."""
        moved = self.resets.pop((group, queue_id), None)
        asked = self.client.pull(group, TOPIC, queue_id, 0, commit=commit)
        answer = asked.answer
        if moved is not None and answer is not None:
            fields = answer.ext_fields or {}
            told = (answer.code, fields.get("nextBeginOffset"))
            self.must(told == (PULL_OFFSET_MOVED, str(moved)), "BROKER-OFFSET-14", told)
        self.told[group, queue_id] = commit

    @precondition(lambda self: self.lab.release.server_side_reset_offset)
    @rule(group=_groups, queue_id=_queues, offset=st.integers(0, 3))
    def reset(self, group: str, queue_id: int, offset: int) -> None:
        """An operator resets a queue at the broker, also for a group without a record."""
        answer = self.client.reset_offset(group, TOPIC, queue_id, offset)
        within = offset <= self._end(queue_id) + 1
        assert (answer.code == SUCCESS) == within, answer.remark
        if within:
            self.told[group, queue_id] = self.resets[group, queue_id] = offset

    @rule(group=_groups, queue_id=st.sampled_from((0, 7)), known=st.booleans())
    def commit_for_nothing(self, group: str, queue_id: int, known: bool) -> None:
        """A topic that is not there: taken by old releases, refused without a trace by 5.5."""
        topic = TOPIC if known else "Nowhere"
        before = self.lab.ctx.consumer_offset_manager.encode_line()
        if topic == TOPIC:
            answer = self.client.query_offset(group, topic, queue_id)
        else:
            answer = self.client.commit_offset(group, topic, queue_id, 5)
            if answer.code == SUCCESS:
                return
        after = self.lab.ctx.consumer_offset_manager.encode_line()
        self.must(before == after, "RefusalChangesNothing", (answer.code, before, after))

    @precondition(lambda self: self.allows("persist"))
    @rule(fails=st.booleans())
    def persist(self, fails: bool) -> None:
        """The actor writes the file; its force may fail, which a kill does not notice."""
        if fails and self.allows(FORCE_FAILS):
            with self.failing_forces():
                self.lab.step(PERSIST_CONSUMER_OFFSET)
            self.persisted.append(dict(self.told))
        else:
            self.lab.step(PERSIST_CONSUMER_OFFSET)
            self.persisted = [dict(self.told)]
        self.due = self._due()

    def _due(self) -> int:
        """When the actor writes the file of its own accord."""
        return self.lab.node.actors()[PERSIST_CONSUMER_OFFSET]

    @override
    def came_back(self, *, killed: bool) -> None:
        """The table of memory after an orderly end, the last file after a kill."""
        super().came_back(killed=killed)
        if killed:
            self.told = self._readable(self.persisted[-1])
        self.persisted = [dict(self.told)]  # forced when it was loaded
        self.resets.clear()
        self.due = self._due()

    @override
    def lost_power(self, image: CrashImage) -> None:
        """The durable file, or one of those written since, held to what can be read."""
        super().lost_power(image)
        possible = [self._readable(table) for table in self.persisted]
        found = self._found()
        self.must(found in possible, "DurableIsKept", f"{found}, not of {possible}, {image.label}")
        self.told = found
        self.persisted = [dict(found)]
        self.resets.clear()
        self.due = self._due()

    def _readable(self, table: dict[_Key, int]) -> dict[_Key, int]:
        return {key: min(offset, self._end(key[1])) for key, offset in table.items()}

    def _found(self) -> dict[_Key, int]:
        manager = self.lab.ctx.consumer_offset_manager
        every = {
            (group, queue): manager.query_offset(group, TOPIC, queue)
            for group in GROUPS
            for queue in QUEUES
        }
        return {key: offset for key, offset in every.items() if offset >= 0}

    def _end(self, queue_id: int) -> int:
        return self.lab.ctx.store.max_offset_in_queue(Topic(TOPIC), QueueId(queue_id))

    @invariant()
    def what_was_told_is_answered(self) -> None:
        """The table is the model's, and the wire says the same; time may have written it."""
        if self._due() != self.due:
            self.due = self._due()
            self.persisted = [dict(self.told)]
        manager = self.lab.ctx.consumer_offset_manager
        for group in GROUPS:
            for queue_id in QUEUES:
                expected = self.told.get((group, queue_id), -1)
                expected = self.resets.get((group, queue_id), expected)
                found = manager.query_offset(group, TOPIC, queue_id)
                what = f"{group} in queue {queue_id}: {found}, told {expected}"
                self.must(found == expected, "CommittedIsKept", what)
        group, queue_id = GROUPS[0], QUEUES[0]
        if (group, queue_id) in self.told and (group, queue_id) not in self.resets:
            answer = self.client.query_offset(group, TOPIC, queue_id)
            offset = (answer.ext_fields or {}).get("offset")
            self.must(
                offset == str(self.told[group, queue_id]), "BROKER-OFFSET-1", (offset, self.told)
            )
        self.visit((tuple(sorted(self.told.items())), repr(self.persisted)))


MACHINE = Machine(
    name="ConsumerOffsets",
    machine=ConsumerOffsetsMachine,
    subject="refimpl.broker.consumer_offset_manager",
    invariants=(
        "CommittedIsKept",
        "DurableIsKept",
        "EveryImageOpens",
        "RefusalChangesNothing",
        *SYNC_INVARIANTS,
        "AtMostOneAnswer",
        "BROKER-OFFSET-1",
        "BROKER-OFFSET-14",
    ),
)
