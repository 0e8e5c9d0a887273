"""Tables of topics and groups: told is kept, a version names one table, no file is ever half."""

import json
from collections.abc import Mapping
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from fuzz.broker_machine import KILL, POWER_LOSS, BrokerMachine
from fuzz.dialogue import SUCCESS
from fuzz.stateful.registry import Machine
from refimpl.model.override import override
from refimpl.model.subscription_group import SubscriptionGroupConfig, to_json
from refimpl.remoting.header.topic_admin import (
    CreateTopicRequestHeader,
    DeleteTopicRequestHeader,
)
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import CrashImage
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint
from refimpl.sim.node_lab import Asked

UPDATE_AND_CREATE_TOPIC, DELETE_TOPIC_IN_BROKER = 17, 215
UPDATE_AND_CREATE_SUBSCRIPTIONGROUP = 200
SYSTEM_ERROR = 1
TOPICS = ("T1", "T2", "T3")
GROUPS = ("G1", "G2")
FILES = ("config/topics.json", "config/subscriptionGroup.json")
DURABLE_FIRST = "BROKER-TOPIC-13"
FORCE_FAILS, NO_SPACE, FORCES_WAIT = "force-fails", "no-space", "forces-wait"
_Tables = tuple[str, str]


class TopicConfigMachine(BrokerMachine):
    """The model is the history of both tables: what was told, and what is durable at least."""

    FAULTS: ClassVar[tuple[str, ...]] = (KILL, POWER_LOSS, FORCE_FAILS, NO_SPACE, FORCES_WAIT)
    OVERRIDES: ClassVar[Mapping[str, str]] = {}

    @override
    def began(self) -> None:
        """The tables of a new broker; nothing is on the disk."""
        # Per file: the tables that a power loss may leave, the durable one first.
        self.history: list[list[str]] = [[self._tables()[0]], [self._tables()[1]]]
        self.names: dict[tuple[int, str], str] = {}  # (file, version) -> table
        self.versions = self._versions()
        self.waiting: list[Asked] = []  # changes whose answers wait for the disk

    def _tables(self) -> _Tables:
        """Both tables without their versions."""
        ctx = self.lab.ctx
        topics, groups = ctx.topic_config_manager, ctx.subscription_group_manager
        return (
            repr(sorted(topics.topic_config_table.items())),
            repr(sorted(groups.subscription_group_table.items())),
        )

    def _versions(self) -> tuple[str, str]:
        ctx = self.lab.ctx
        return (
            repr(ctx.topic_config_manager.data_version),
            repr(ctx.subscription_group_manager.data_version),
        )

    @rule(topic=st.sampled_from(TOPICS), queues=st.integers(1, 4), millis=st.integers(0, 2))
    def create_topic(self, topic: str, queues: int, millis: int) -> None:
        """UPDATE_AND_CREATE_TOPIC."""
        self.lab.move(millis)
        self._take(self._ask_for_topic(topic, queues))

    def _take(self, asked: Asked) -> None:
        """A change was asked for: it is made, and told at once or when its file is durable."""
        lab, answer = self.lab, asked.answer
        waits = self._note() and lab.release.forces_config_files and not lab.forces_complete
        self.must((answer is None) == waits, DURABLE_FIRST, f"{asked.command}: {answer}")
        if answer is None:
            self.waiting.append(asked)
        else:
            self.must(answer.code == SUCCESS, "BROKER-TOPIC-7", answer)

    def _ask_for_topic(self, topic: str, queues: int) -> Asked:
        header = CreateTopicRequestHeader(
            topic=topic,
            default_topic="TBW102",
            read_queue_nums=queues,
            write_queue_nums=queues,
            perm=6,
            topic_filter_type="SINGLE_TAG",
            topic_sys_flag=0,
            order=False,
        )
        return self.lab.send(self.client.channel, UPDATE_AND_CREATE_TOPIC, header)

    def _ask_to_delete(self, topic: str) -> Asked:
        header = DeleteTopicRequestHeader(topic=topic)
        return self.lab.send(self.client.channel, DELETE_TOPIC_IN_BROKER, header)

    def _ask_for_group(self, group: str, times: int) -> Asked:
        config = SubscriptionGroupConfig(group_name=group, retry_max_times=times)
        body = json.dumps(to_json(config, self.lab.release)).encode()
        return self.lab.send(self.client.channel, UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, None, body)

    @rule(topic=st.sampled_from(("", "bad topic", "TBW102", "SCHEDULE_TOPIC_XXXX", "x" * 300)))
    def create_wrong_topic(self, topic: str) -> None:
        """A name that is refused changes neither tables nor files."""
        before = (self._tables(), self._versions(), self._files())
        header = {
            "topic": topic, "defaultTopic": "TBW102", "readQueueNums": "1", "writeQueueNums": "1",
            "perm": "6", "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false",
        }  # fmt: skip
        asked = self.lab.send(self.client.channel, UPDATE_AND_CREATE_TOPIC, header)
        if asked.answer is None or asked.answer.code == SUCCESS:  # 4.6 lets some pass
            self._take(asked)
            return
        after = (self._tables(), self._versions(), self._files())
        self.must(before == after, "RefusalChangesNothing", f"{topic}: {asked.answer.remark}")

    @rule(topic=st.sampled_from(TOPICS))
    def delete_topic(self, topic: str) -> None:
        """DELETE_TOPIC_IN_BROKER, known or not."""
        known = topic in self.lab.ctx.topic_config_manager.topic_config_table
        self.lab.move(1)
        asked = self._ask_to_delete(topic)
        if known:
            gone = topic not in self.lab.ctx.topic_config_manager.topic_config_table
            self.must(gone, "BROKER-TOPIC-7", topic)
            self._take(asked)

    @rule(topic=st.sampled_from(TOPICS))
    def create_by_send(self, topic: str) -> None:
        """A send to an unknown topic makes it."""
        self._take(self.client.produce(topic, b"m"))

    @rule(group=st.sampled_from(GROUPS), times=st.integers(0, 3))
    def update_group(self, group: str, times: int) -> None:
        """An administrator's word on a group."""
        self.lab.move(1)
        self._take(self._ask_for_group(group, times))

    @precondition(lambda self: self.allows(FORCES_WAIT))
    @rule(wait=st.booleans())
    def let_forces_wait(self, wait: bool) -> None:
        """Files become durable later, or now."""
        self.lab.forces_complete = not wait
        if wait:
            self.fault(FORCES_WAIT)
            return
        durable = {pending.path for pending in self.lab.forces}
        for pending in list(self.lab.forces):
            self.lab.complete_force(pending)
        for path, history in zip(FILES, self.history, strict=True):
            if path in durable:
                del history[:-1]
        for asked in self.waiting:
            told = asked.answer is not None and asked.answer.code == SUCCESS
            self.must(told, DURABLE_FIRST, f"{asked.command}: {asked.answer}")
        self.waiting.clear()

    @precondition(lambda self: self.allows(FORCE_FAILS))
    @rule(topic=st.sampled_from(TOPICS), queues=st.integers(1, 4))
    def create_while_forces_fail(self, topic: str, queues: int) -> None:
        """The file is written, and its force fails."""
        self.fault(FORCE_FAILS)
        waited, self.lab.forces_complete = not self.lab.forces_complete, True
        self.lab.forces_fail = True
        self.lab.move(1)
        self._take(self._ask_for_topic(topic, queues))
        self.lab.forces_fail = False
        self.lab.forces_complete = not waited

    @precondition(lambda self: self.allows(NO_SPACE))
    @rule(
        what=st.sampled_from(("topic", "deleted", "send", "group")),
        n=st.integers(0, 2),
        count=st.integers(1, 4),
        point=st.sampled_from((FaultPoint.NO_SPACE_CREATE, FaultPoint.NO_SPACE_WRITE)),
    )
    def change_without_space(self, what: str, n: int, count: int, point: FaultPoint) -> None:
        """BROKER-TOPIC-12: the disk is full; who is refused has changed nothing."""
        disk = self.lab.disk
        assert isinstance(disk, CrashDisk)
        before = (self._tables(), self._versions(), self._files())
        disk.faults = faults = DiskFaults([DiskFault(point, "config/*.tmp", times=9)])
        self.lab.move(1)
        if what == "topic":
            answer = self._ask_for_topic(TOPICS[n], count).answer
        elif what == "deleted":
            answer = self._ask_to_delete(TOPICS[n]).answer
        elif what == "group":
            answer = self._ask_for_group(GROUPS[n % 2], count).answer
        else:
            answer = self.client.produce(TOPICS[n], b"m").answer
        assert answer is not None, "a refusal, and what changes nothing, waits for no file"
        disk.faults = None
        after = (self._tables(), self._versions(), self._files())
        if not faults.fired:  # nothing was written: then nothing may have changed
            self.must(before == after, "ToldIsKept", f"{what}: {answer}")
            return
        self.fault(NO_SPACE)
        self.must(answer.code == SYSTEM_ERROR, "ToldIsKept", f"{what}: {answer}")
        self.must(before == after, "RefusalChangesNothing", f"{what}: {answer.remark}")

    def _note(self) -> bool:
        """A change was made: true where a file was written; durable where its force ended well."""
        rewritten = self._versions() != self.versions  # also a table as it was
        changed = [t != h[-1] for h, t in zip(self.history, self._tables(), strict=True)]
        for history, table, written in zip(self.history, self._tables(), changed, strict=True):
            if written:
                history.append(table)
            if self.lab.forces_complete and not self.lab.forces_fail and written:
                del history[:-1]
        self._note_versions()
        return rewritten or any(changed)

    def _note_versions(self) -> None:
        self.versions = self._versions()
        for n, (version, table) in enumerate(zip(self.versions, self._tables(), strict=True)):
            first = self.names.setdefault((n, version), table)
            self.must(first == table, "VersionNamesOneTable", f"{version} of {FILES[n]}")

    @override
    def came_back(self, *, killed: bool) -> None:  # noqa: ARG002 - both are the same here
        """What was told is in the file: the page cache survives."""
        tables = self._tables()
        for n, (history, table) in enumerate(zip(self.history, tables, strict=True)):
            self.must(table == history[-1], "ToldIsKept", f"{FILES[n]}: {table}, {history[-1]}")
            del history[:-1]  # what was loaded is written anew, and forced
        self.versions = self._versions()
        self.waiting.clear()
        if not self.lab.forces_complete:
            self.lab.forces_complete = True
            for pending in list(self.lab.forces):
                self.lab.complete_force(pending)

    @override
    def lost_power(self, image: CrashImage) -> None:
        """One of the tables since the durable one."""
        for n, (history, table) in enumerate(zip(self.history, self._tables(), strict=True)):
            what = f"{FILES[n]}: {table}, not of {history}; {image.label}"
            self.must(table in history, "FileIsNeverHalf", what)
            history[:] = [table]
        self.names.clear()  # a version that nobody read is told anew
        self.came_back(killed=True)

    def _files(self) -> dict[str, bytes]:
        disk = self.lab.disk
        names = [name for path in FILES for name in (path, path + ".bak")]
        return {path: disk.read(path, 0, disk.size(path)) for path in names if disk.exists(path)}

    @invariant()
    def every_file_is_whole(self) -> None:
        """The page cache shows a whole text, or its backup is one, at any time."""
        files = self._files()
        for path in FILES:
            texts = [files[name] for name in (path, path + ".bak") if name in files]
            whole = not texts or any(not t or t[:1] + t[-1:] == b"{}" for t in texts)
            self.must(whole, "FileIsNeverHalf", f"{path}: {texts}")
        self.visit(self._tables())


MACHINE = Machine(
    name="TopicConfig",
    machine=TopicConfigMachine,
    subject="refimpl.model.config_file",
    invariants=(
        "FileIsNeverHalf",
        "ToldIsKept",
        "VersionNamesOneTable",
        "RefusalChangesNothing",
        "EveryImageOpens",
        "AtMostOneAnswer",
        "BROKER-TOPIC-7",
        DURABLE_FIRST,
    ),
    untraced="a deleted topic begins again at offset 0, which no event tells",
)
