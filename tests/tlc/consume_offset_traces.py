"""Traces of brokers whose consumers commit offsets: files, forces that fail, crashes, by a seed."""

from collections.abc import Iterator

from fuzz.dialogue import Client
from refimpl.broker.broker import PERSIST_CONSUMER_OFFSET
from refimpl.model.errors import StartRefused
from refimpl.model.prng import Prng
from refimpl.model.release import RELEASES
from refimpl.model.trace_file import Trace
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.node_lab import BrokerLab
from refimpl.sim.trace_writer import TraceLog


class _Run:
    """One broker and a client that commits what it likes."""

    def __init__(self, seed: int) -> None:
        self.prng = Prng(seed)
        release = RELEASES[("4.6", "4.9", "5.5")[seed % 3]]
        self.lab = BrokerLab(release, CrashDisk(), {"flushDiskType": "SYNC_FLUSH"})
        self.log = TraceLog.of(f"offsets-{seed}", self.lab.config, release)
        self.lab.trace = self.log
        self.lab.start()
        self.client = Client(self.lab)
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

    def fall(self) -> None:
        """Let the process, or the machine, die; or end it in order."""
        lab, draw = self.lab, self.prng.below(5)
        if draw == 0:
            lab.shutdown()
        elif draw <= 2:
            lab.kill()
        else:
            lab.lose_power(lambda crash: crash.sample(self.prng))
        lab.move(1 + self.prng.below(700))
        try:
            lab.start()
        except StartRefused:
            return  # the end of the trace
        self.client = Client(lab)

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
    one = _Run(seed)
    for _ in range(steps):
        if one.lab.runs:
            one.act()
    return one.log.trace()


def some(count: int, *, steps: int = 50) -> Iterator[Trace]:
    """So many traces."""
    for seed in range(count):
        yield run(seed, steps=steps)
