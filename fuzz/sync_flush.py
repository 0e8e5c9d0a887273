"""Brokers whose answers wait for the disk: forces that the machine lets end, fail, or never come.

Half of the runs flush synchronously. `put` takes a request that stores something; what its answer
means is judged here: SUCCESS says that the record is durable, FLUSH_DISK_TIMEOUT that a force
failed or the time was over, and one of both comes.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from fuzz.broker_machine import KILL, POWER_LOSS, BrokerMachine
from fuzz.dialogue import SUCCESS
from refimpl.model.effect import Force
from refimpl.model.ids import ChannelId
from refimpl.model.override import override
from refimpl.model.release import RELEASES
from refimpl.remoting.command import RemotingCommand
from refimpl.sim.crash_images import CrashImage
from refimpl.sim.node_lab import Asked
from refimpl.store.flush_manager import RETRY_AFTER

FORCES_WAIT, FORCE_FAILS = "forces-wait", "force-fails"
SUCCESS_IS_DURABLE = "SuccessIsDurable"
TIMEOUT_HAS_A_REASON = "TimeoutHasAReason"
PUT_IS_ANSWERED = "PutIsAnswered"
SYNC_INVARIANTS = (SUCCESS_IS_DURABLE, TIMEOUT_HAS_A_REASON, PUT_IS_ANSWERED)
SYNC_FLUSH_TIMEOUT = 5_000
_FLUSH_DISK_TIMEOUT = 10

Heard = Callable[[RemotingCommand | None], None]


@dataclass(slots=True)
class _Put:
    """One request whose answer may wait."""

    asked: Asked
    end: int  # of the log, right behind what it stored
    heard: Heard  # what to do with the answer; None: nobody answers any more
    force_failed: bool = False


class SyncFlushMachine(BrokerMachine):
    """A broker machine of which half of the runs are under SYNC_FLUSH."""

    FAULTS: ClassVar[tuple[str, ...]] = (KILL, POWER_LOSS, FORCES_WAIT, FORCE_FAILS)
    WEIGHTS: ClassVar[Mapping[str, int]] = {"let_forces_wait": 2, "end_a_force": 3}
    sync_flush = False
    puts: list[_Put]

    @override
    @initialize(release=st.sampled_from(sorted(RELEASES)), sync_flush=st.booleans())
    def begin(self, release: str, sync_flush: bool = False) -> None:
        """Start a broker on an empty disk."""
        self.sync_flush = sync_flush
        self.puts = []
        super().begin(release)

    @override
    def overrides(self) -> dict[str, str]:
        """The flush of this run."""
        return {
            **super().overrides(),
            "flushDiskType": "SYNC_FLUSH" if self.sync_flush else "ASYNC_FLUSH",
            "syncFlushTimeout": str(SYNC_FLUSH_TIMEOUT),
        }

    def put(self, asked: Asked, heard: Heard) -> None:
        """Take a request that has just been sent; `heard` is called once."""
        end = self.lab.ctx.store.commit_log.mapped_file_queue.max_wrote_position
        self.puts.append(_Put(asked, end, heard))
        if self.sync_flush:
            self.lab.settle()
        self._hear()

    @property
    def flushed(self) -> int:
        """How far the log is durable, as the broker knows."""
        return self.lab.ctx.store.commit_log.mapped_file_queue.flushed_where

    def _hear(self) -> None:
        waiting, self.puts = self.puts, []
        for put in waiting:
            answer = put.asked.answer
            if answer is None:
                self.must(self.sync_flush, PUT_IS_ANSWERED, put.asked.command)
                self.puts.append(put)
                continue
            if answer.code == SUCCESS and self.sync_flush:
                what = f"{put.end} of {self.flushed}: {put.asked.command}"
                self.must(put.end <= self.flushed, SUCCESS_IS_DURABLE, what)
            if answer.code == _FLUSH_DISK_TIMEOUT or answer.remark == "FLUSH_DISK_TIMEOUT":
                waited = self.lab.now - put.asked.at
                what = f"after {waited} ms: {put.asked.command}"
                over = put.force_failed or waited >= SYNC_FLUSH_TIMEOUT
                self.must(over, TIMEOUT_HAS_A_REASON, what)
            put.heard(answer)

    @precondition(lambda self: self.sync_flush and self.allows(FORCES_WAIT))
    @rule(wait=st.sampled_from((True, True, False)))
    def let_forces_wait(self, wait: bool) -> None:
        """The disk is slow, or as fast as ever again."""
        if wait:
            self.lab.forces_complete = False
            self.fault(FORCES_WAIT)
            return
        self.heal()
        for put in self.puts:
            behind = f"{put.end} of {self.flushed}: {put.asked.command}"
            self.must(put.asked.answer is not None, PUT_IS_ANSWERED, behind)

    def heal(self) -> None:
        """From now on the disk does what it is asked."""
        self.lab.forces_complete = True
        while self.lab.forces:
            self.lab.complete_force(self.lab.forces[0])
        self.lab.jump(RETRY_AFTER)

    @precondition(lambda self: self.lab.forces)
    @rule(which=st.integers(0, 3), fails=st.booleans())
    def end_a_force(self, which: int, fails: bool) -> None:
        """One force ends, well or not; those who wait for it hear of it."""
        pending = self.lab.forces[which % len(self.lab.forces)]
        failed = fails and self.allows(FORCE_FAILS)
        self._end_force(pending, failed=failed)
        self.lab.settle()
        if not failed:
            for put in self.puts:
                answered = put.asked.answer is not None or put.end > self.flushed
                self.must(answered, PUT_IS_ANSWERED, put.asked.command)

    @contextmanager
    def failing_forces(self) -> Iterator[None]:
        """Inside, what is asked for a force is told at once that it failed."""
        self.fault(FORCE_FAILS)
        complete, self.lab.forces_complete = self.lab.forces_complete, True
        self.lab.forces_fail = True
        yield
        self.lab.forces_fail = False
        self.lab.forces_complete = complete

    def _end_force(self, pending: Force, *, failed: bool) -> None:
        if failed:
            self.fault(FORCE_FAILS)
            for put in self.puts:
                put.force_failed = True
        self.lab.complete_force(pending, failed=failed)

    @precondition(lambda self: self.puts)
    @rule(millis=st.sampled_from((1_000, SYNC_FLUSH_TIMEOUT)))
    def wait_for_the_disk(self, millis: int) -> None:
        """Time passes; nobody waits longer than the time-out."""
        self.lab.jump(millis)
        for put in self.puts:
            waited = self.lab.now - put.asked.at
            answered = put.asked.answer is not None or waited < SYNC_FLUSH_TIMEOUT
            self.must(answered, PUT_IS_ANSWERED, f"after {waited} ms: {put.asked.command}")

    @override
    def came_back(self, *, killed: bool) -> None:  # noqa: ARG002 - for who derives from this
        """Nobody answers what the former life was asked."""
        self._abandon()

    @override
    def lost_power(self, image: CrashImage) -> None:  # noqa: ARG002 - the same
        """Nobody answers what the former life was asked."""
        self._abandon()

    def _abandon(self) -> None:
        puts, self.puts = self.puts, []
        for put in puts:
            put.heard(put.asked.answer)

    def hung_up(self, channel: ChannelId) -> None:
        """The client of `channel` is gone, and hears no answer."""
        for put in self.puts:
            if put.asked.channel == channel:
                put.heard(None)
        self.puts = [put for put in self.puts if put.asked.channel != channel]

    @invariant()
    def answers_mean_what_they_say(self) -> None:
        """Judge what was answered; files of `config/` are always forced at once."""
        for pending in [one for one in self.lab.forces if one.path.startswith("config/")]:
            self.lab.complete_force(pending)
        self._hear()
