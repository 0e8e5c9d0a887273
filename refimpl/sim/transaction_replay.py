"""A behaviour of spec/tla/Transaction.tla, played to a real broker and its producer.

    reached = follow_transactions(constants(BOUND), behaviour(STEPS))

What the producer does is done, and when the log is forced, and what of it a power failure takes.
Which half message is asked for, put back or passed, what an end stores in which order, and what is
written down the broker decides. One round of its check is one step.

Held against the model: every record of the two queues and of the topic, what was asked and
answered, the offsets of the walk and those in the file. The check sees what is durable: before one
the replay forces the log, so that `forced` is never less than the model's, and not held. Nor are
`mark` and `decided`, which the code does not have.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from refimpl.broker.broker import PERSIST_CONSUMER_OFFSET
from refimpl.broker.consumer_offset_manager import TRANSACTION_GROUP
from refimpl.broker.transaction import OFFSET_SEPARATOR, OP_BATCH
from refimpl.broker.transaction_check import CHECK, CHECK_TRANSACTION_STATE
from refimpl.model.message import MessageExt
from refimpl.model.message_property import PROPERTY_TRANSACTION_CHECK_TIMES
from refimpl.model.release import RELEASE_4_9, RELEASE_5_5
from refimpl.model.state_space import Plain, Step, number, record
from refimpl.model.sys_flag import (
    TRANSACTION_COMMIT_TYPE,
    TRANSACTION_PREPARED_TYPE,
    TRANSACTION_ROLLBACK_TYPE,
)
from refimpl.model.topic_validator import (
    RMQ_SYS_TRANS_CHECK_MAX_TIME_TOPIC,
    RMQ_SYS_TRANS_HALF_TOPIC,
    RMQ_SYS_TRANS_OP_HALF_TOPIC,
)
from refimpl.remoting.body.heartbeat import HeartbeatData, ProducerData
from refimpl.remoting.header.transaction import EndTransactionRequestHeader
from refimpl.remoting.response_code import ResponseCode
from refimpl.sim.broker_replay import (
    PRODUCERS,
    TOPIC,
    Refused,
    ReplayedBroker,
    State,
    StepDisk,
    follow,
    offset_table,
    row,
)
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.found_records import found_records
from refimpl.sim.node_lab import Asked

HEART_BEAT = 34
END_TRANSACTION = 37
_FILE: Final = "config/consumerOffset.json"
_TIMEOUT: Final = 6_000
_KINDS: Final = {
    RMQ_SYS_TRANS_HALF_TOPIC: "half",
    RMQ_SYS_TRANS_OP_HALF_TOPIC: "op",
    TOPIC: "final",
    RMQ_SYS_TRANS_CHECK_MAX_TIME_TOPIC: "discard",
}
_DECISIONS: Final = {"commit": TRANSACTION_COMMIT_TYPE, "rollback": TRANSACTION_ROLLBACK_TYPE}


def follow_transactions(constants: Mapping[str, Plain], steps: Sequence[Step]) -> int:
    """How many states of the behaviour a broker reaches."""
    return follow(_Replay(constants), steps)


class _Replay:
    """One broker through all its lives, and the producer of all transactions."""

    def __init__(self, constants: Mapping[str, Plain]) -> None:
        release = RELEASE_5_5 if number(constants, "Collects") else RELEASE_4_9
        settings = {
            "transactionTimeOut": str(_TIMEOUT),
            "transactionCheckMax": str(number(constants, "CheckMax")),
        }
        self.changes = bool(number(constants, "Changes"))
        self.broker = ReplayedBroker(release, StepDisk(_FILE), settings)
        self.up = True
        self.offers: set[tuple[str, int]] = set()  # half messages that the producer may end
        self.ends: list[tuple[str, int, str, Asked]] = []  # what it asked the broker to end
        self.heard = 0  # requests of the broker
        self.discarded: dict[int, int] = {}  # half offset by place in the log
        self._greet()

    def _greet(self) -> None:
        """The producer is there to be asked."""
        data = HeartbeatData(
            client_id="producer",
            producer_data_set=(ProducerData(group_name=PRODUCERS),),
            consumer_data_set=(),
        )
        self.broker.send(HEART_BEAT, None, data.encode(self.broker.lab.release))

    # --- what the world does

    def play(self, action: str, before: State, after: State) -> None:
        """One action; what of it is the broker's it decides."""
        lab = self.broker.lab
        if action == "PrepareMessage":
            ((tx, n),) = _pairs(after["asked"]) - _pairs(before["asked"])
            properties = {"TRAN_MSG": "true", "PGROUP": PRODUCERS}
            self.broker.produce(tx.encode(), properties, TRANSACTION_PREPARED_TYPE)
            self.offers.add((tx, n))
        elif action == "EndTransaction":
            self._end(*_ended(before, after))
        elif action == "Lose":
            self.offers &= _pairs(after["asked"])
        elif action in {"Ask", "SkipEnded", "Discard", "CommitOpOffset"}:
            self._check(before)
        elif action in {"WriteOp", "RefuseOp"}:
            lab.ctx.store.running_flags.set_disk_full(full=action == "RefuseOp")
            lab.move(_TIMEOUT)
            lab.step(OP_BATCH)
            lab.ctx.store.running_flags.set_disk_full(full=False)
        elif action in {"Flushed", "Committed"}:
            self.broker.flush()
        elif action == "Persist":
            lab.step(PERSIST_CONSUMER_OFFSET)
            for force in [one for one in lab.forces if one.path.startswith(_FILE)]:
                lab.complete_force(force)
        elif action == "Crash":
            self._crash(after)
        elif action == "Load":
            self.broker.start()
            self.up = True
            self._greet()
        else:
            assert action == "Decide", action  # in the producer's mind

    def _end(self, tx: str, n: int, what: str) -> None:
        """END_TRANSACTION for a half message that the producer has heard of."""
        (half,) = [m for m in self._halves() if m.queue_offset == n and m.body == tx.encode()]
        header = EndTransactionRequestHeader(
            producer_group=PRODUCERS,
            tran_state_table_offset=n,
            commit_log_offset=half.physical_offset,
            commit_or_rollback=_DECISIONS[what],
            from_transaction_check=True,
        )
        self.ends.append((tx, n, what, self.broker.send(END_TRANSACTION, header)))
        if not self.changes:
            self.offers.discard((tx, n))

    def _check(self, before: State) -> None:
        """One round, when the half messages are readable and old enough; whom it asked."""
        lab = self.broker.lab
        self.broker.flush()
        lab.move(_TIMEOUT + 1)
        ends = self._log_end()
        lab.step(CHECK)
        half_offset = before["halfOffset"]
        assert isinstance(half_offset, int)
        self.discarded[ends] = half_offset
        self.broker.settle(log=False)
        told, self.heard = lab.requests[self.heard :], len(lab.requests)
        for _, command in told:
            if command.code == CHECK_TRANSACTION_STATE:
                assert command.ext_fields is not None
                n = int(command.ext_fields["tranStateTableOffset"])
                self.offers |= {(m.body.decode(), n) for m in self._halves() if m.queue_offset == n}

    def _crash(self, after: State) -> None:
        """The power fails, and of the log so many records are left as the model says."""
        kept = len(_sequence(after["log"]))
        ends = [0, *[end for end, _ in self._records()]]
        if kept >= len(ends):
            raise Refused
        files = self.broker.log_cut_at(self.broker.disk, ends[kept])
        self.broker.fall(CrashDisk(files=files))
        self.up = False

    # --- what is held against the model

    def differs(self, after: State) -> str:
        """The first variable that is otherwise."""
        mine: dict[str, Plain] = {
            "up": self.up,
            "asked": frozenset(self.offers),
            "told": record(**{tx: self._told(tx) for tx in _fields(after["told"])}),
            "file": self._file(),
        }
        if self.up:
            mine |= self._of_a_life(after)
        return next((name for name, value in mine.items() if after[name] != value), "")

    def _of_a_life(self, after: State) -> dict[str, Plain]:
        ctx = self.broker.lab.ctx
        service = ctx.transactional_message_service
        half, op = (max(offset, 0) for offset in ctx.consumer_offset_manager.walk())
        _, pending, awaits = service.under_way()
        known = frozenset(service.ended(0))
        ended = after["ended"]
        assert isinstance(ended, frozenset)
        passed = {n for n in ended if isinstance(n, int) and n < half}  # the code forgets those
        left = _sequence(after["pending"])
        ending = after["ending"]
        assert isinstance(ending, frozenset)
        return {
            "log": tuple([item for _, item in self._records()]),
            "halfOffset": half,
            "opOffset": op,
            "ended": known | passed,
            "pending": left if pending == len(left) else pending,
            "ending": ending if awaits == len(ending) else awaits,
        }

    def _told(self, tx: str) -> Plain:
        """What the broker answered with success."""
        return frozenset(
            what
            for mine, _, what, asked in self.ends
            if mine == tx and asked.answer is not None
            if asked.answer.code == ResponseCode.SUCCESS
        )

    def _file(self) -> Plain:
        """The rows of the walk in the file."""
        disk = self.broker.disk
        data = disk.read(_FILE, 0, disk.size(_FILE)) if disk.exists(_FILE) else b""
        table = offset_table(data, self.broker.lab.release)
        half, op = (
            row(table, topic, TRANSACTION_GROUP, 0)
            for topic in (RMQ_SYS_TRANS_HALF_TOPIC, RMQ_SYS_TRANS_OP_HALF_TOPIC)
        )
        return record(half=half, op=op)

    def _halves(self) -> list[MessageExt]:
        return [m for m in self._messages() if m.topic == RMQ_SYS_TRANS_HALF_TOPIC]

    def _messages(self) -> Iterator[MessageExt]:
        store = self.broker.lab.ctx.store
        for found in found_records(store):
            message = store.look_message_by_offset(found.offset)
            assert message is not None
            yield message

    def _log_end(self) -> int:
        return self.broker.lab.ctx.store.commit_log.mapped_file_queue.max_wrote_position

    def _records(self) -> list[tuple[int, Plain]]:
        """Where each record ends, and what it is to the model: an operation for each half."""
        messages = list(self._messages())
        halves = {int(m.queue_offset): m for m in messages if m.topic == RMQ_SYS_TRANS_HALF_TOPIC}
        by_place = {half.physical_offset: n for n, half in halves.items()}
        found: list[tuple[int, Plain]] = []
        for message in messages:
            kind, tx = _KINDS[message.topic], message.body.decode()
            end, n, m = message.physical_offset + message.store_size, int(message.queue_offset), 0
            if kind == "op":
                for name in (name for name in tx.split(OFFSET_SEPARATOR) if name):
                    of = halves[int(name)].body.decode()
                    found.append((end, record(kind=kind, tx=of, n=int(name), m=n)))
                continue
            if kind == "half":
                m = int(message.properties.get(PROPERTY_TRANSACTION_CHECK_TIMES, "0"))
            elif kind == "final":
                n = by_place[message.prepared_transaction_offset]
            else:
                n = self.discarded[message.physical_offset]
            found.append((end, record(kind=kind, tx=tx, n=n, m=m)))
        return found


def _ended(before: State, after: State) -> tuple[str, int, str]:
    """Which end of which half message the step is."""
    commits = _set(after["ending"]) - _set(before["ending"])
    if commits:
        ((tx, n, _),) = (_sequence(commit) for commit in commits)
        assert isinstance(tx, str)
        assert isinstance(n, int)
        return tx, n, "commit"
    pending, log = _sequence(after["pending"]), _sequence(after["log"])
    grew = len(pending) > len(_sequence(before["pending"]))
    n = pending[-1] if grew else _fields(log[-1])["n"]
    halves = [one for one in map(_fields, log) if one["kind"] == "half"]
    (tx,) = [half["tx"] for half in halves if half["n"] == n]
    assert isinstance(n, int)
    assert isinstance(tx, str)
    return tx, n, "rollback"


def _set(value: Plain) -> frozenset[Plain]:
    assert isinstance(value, frozenset)
    return value


def _sequence(value: Plain) -> tuple[Plain, ...]:
    assert isinstance(value, tuple)
    return value


def _pairs(value: Plain) -> set[tuple[str, int]]:
    """Transactions, each with a half offset."""
    found = set()
    for tx, n in map(_sequence, _set(value)):
        assert isinstance(tx, str)
        assert isinstance(n, int)
        found.add((tx, n))
    return found


def _fields(value: Plain) -> dict[str, Plain]:
    """A record, or a function of names."""
    found: dict[str, Plain] = {}
    for name, item in map(_sequence, _set(value)):
        assert isinstance(name, str)
        found[name] = item
    return found
