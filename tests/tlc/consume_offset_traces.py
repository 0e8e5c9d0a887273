"""Traces of brokers whose consumers commit offsets: files, forces that fail, crashes, by a seed."""

from collections.abc import Iterator
from contextlib import suppress

from refimpl.broker.broker import PERSIST_CONSUMER_OFFSET
from refimpl.model.errors import StartRefused
from refimpl.model.override import override
from refimpl.model.trace_file import Trace
from tests.tlc.broker_run import BrokerRun


class _Run(BrokerRun):
    """One broker and a client that commits what it likes."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, "offsets", {"flushDiskType": "SYNC_FLUSH"})
        for group in ("g", "other"):  # 5.5 takes no offset of a group that it does not know
            self.client.pull(group, "T", 0, 0)

    def commit(self) -> None:
        """Commit some offset, sometimes beyond the end or of another group."""
        group = "other" if self.prng.below(4) == 0 else "g"
        end = len(self.lab.records("T", 0))
        self.client.commit_offset(group, "T", 0, self.prng.below(end + 2))

    def force(self) -> None:
        """Let every force end, well or not; the next ones may wait."""
        lab = self.lab
        lab.forces_complete = self.prng.below(3) > 0
        for pending in list(lab.forces):
            lab.complete_force(pending, failed=self.prng.below(6) == 0)

    @override
    def fall(self) -> None:
        """A start may be refused where a kill left a file half: the end of the trace."""
        with suppress(StartRefused):
            super().fall()

    @override
    def act(self) -> None:
        """Take one step of all that may happen."""
        draw = self.prng.below(20)
        if draw < 5:
            self.client.produce("T", b"body")
        elif draw < 9:
            self.commit()
        elif draw < 12:
            self.client.query_offset("g", "T", 0)
        elif draw < 16:
            self.lab.step(PERSIST_CONSUMER_OFFSET)
        elif draw < 18:
            self.force()
        else:
            self.fall()


def run(seed: int, *, steps: int = 50) -> Trace:
    """Return the trace of one broker."""
    return _Run(seed).trace(steps)


def some(count: int, *, steps: int = 50) -> Iterator[Trace]:
    """So many traces."""
    for seed in range(count):
        yield run(seed, steps=steps)
