"""Traces of brokers with transactions: ends, checks, refused puts and crashes, by a seed."""

from collections.abc import Iterator
from typing import Final

from refimpl.broker.broker import PERSIST_CONSUMER_OFFSET
from refimpl.broker.transaction import OP_BATCH
from refimpl.broker.transaction_check import CHECK
from refimpl.model.ids import Actor
from refimpl.model.override import override
from refimpl.model.sys_flag import (
    TRANSACTION_COMMIT_TYPE,
    TRANSACTION_PREPARED_TYPE,
    TRANSACTION_ROLLBACK_TYPE,
)
from refimpl.model.topic_validator import RMQ_SYS_TRANS_HALF_TOPIC
from refimpl.model.trace_file import Trace
from tests.tlc.broker_run import BrokerRun

_FLUSH: Final = Actor("store.flush_commit_log")
_TIMEOUT: Final = 6_000
_SETTINGS: Final = {
    "transactionTimeOut": str(_TIMEOUT),
    "transactionCheckMax": "2",
    "transactionCheckInterval": "10000",
}


class _Run(BrokerRun):
    """One broker and its producer, who mostly decides once."""

    def __init__(self, seed: int, *, sync: bool) -> None:
        mode = "SYNC_FLUSH" if sync else "ASYNC_FLUSH"
        super().__init__(seed, f"transaction-{mode}", {**_SETTINGS, "flushDiskType": mode})
        self.decisions: dict[bytes, int] = {}
        self.count = 0

    def prepare(self) -> None:
        """Send a half message, some with an immunity of their own."""
        properties = {"TRAN_MSG": "true", "PGROUP": "PG"}
        if self.prng.below(4) == 0:
            properties["CHECK_IMMUNITY_TIME_IN_SECONDS"] = "9"
        body = str(self.count).encode()
        self.count += 1
        self.client.produce("T", body, properties=properties, sys_flag=TRANSACTION_PREPARED_TYPE)
        self.lab.settle()

    def end(self) -> None:
        """End one of the newest half messages, perhaps once more."""
        found = self.lab.records(RMQ_SYS_TRANS_HALF_TOPIC, 0)[-6:]
        if not found:
            return
        half = found[self.prng.below(len(found))]
        first = (TRANSACTION_COMMIT_TYPE, TRANSACTION_ROLLBACK_TYPE)[self.prng.below(2)]
        usual = self.decisions.setdefault(half.body, first)
        decision = first if self.count % 5 == 0 else usual  # some change their mind
        flags = self.lab.ctx.store.running_flags
        flags.set_disk_full(full=self.prng.below(8) == 0)
        self.client.end_transaction(
            half.queue_offset, half.physical_offset, decision, from_check=True
        )
        flags.set_disk_full(full=False)

    def check(self) -> None:
        """Let time pass, and the check walk; sometimes the store takes nothing meanwhile."""
        self.lab.move((1, 1_000, _TIMEOUT - 1_000, _TIMEOUT + 1)[self.prng.below(4)])
        flags = self.lab.ctx.store.running_flags
        flags.set_disk_full(full=self.prng.below(8) == 0)
        self.lab.step(CHECK)
        self.lab.step(OP_BATCH)
        flags.set_disk_full(full=False)

    def flush(self) -> None:
        """Force what is written, and then more at leisure."""
        for pending in list(self.lab.forces):
            self.lab.complete_force(pending)
        self.lab.step(_FLUSH)
        self.lab.forces_complete = self.prng.below(3) > 0

    @override
    def act(self) -> None:
        """Take one step of all that may happen."""
        draw = self.prng.below(20)
        if draw < 4:
            self.prepare()
        elif draw < 9:
            self.end()
        elif draw < 13:
            self.check()
        elif draw < 16:
            self.flush()
        elif draw < 19:
            self.lab.step(PERSIST_CONSUMER_OFFSET)
        else:
            self.fall()


def run(seed: int, *, sync: bool, steps: int = 50) -> Trace:
    """Return the trace of one broker."""
    return _Run(seed, sync=sync).trace(steps)


def some(count: int, *, steps: int = 50) -> Iterator[Trace]:
    """Traces in both modes of flushing."""
    for seed in range(count):
        yield run(seed, sync=seed % 2 == 0, steps=steps)
