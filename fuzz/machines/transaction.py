"""Half messages: committed ones become visible, rolled back ones never, open ones are asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from fuzz.broker_machine import KILL, POWER_LOSS, PUT_REFUSED, BrokerMachine
from fuzz.dialogue import SUCCESS
from fuzz.stateful.registry import Machine
from refimpl.broker.broker import PERSIST_CONSUMER_OFFSET
from refimpl.broker.invariants import TRANSACTION_OFFSET_IN_QUEUE
from refimpl.broker.transaction import OP_BATCH
from refimpl.broker.transaction_check import CHECK
from refimpl.model.ids import Actor
from refimpl.model.message_codec import decode_record
from refimpl.model.override import override
from refimpl.sim.crash_images import CrashImage

TOPIC = "T"
HALF = "RMQ_SYS_TRANS_HALF_TOPIC"
OP = "RMQ_SYS_TRANS_OP_HALF_TOPIC"
TOO_OFTEN = "TRANS_CHECK_MAX_TIME_TOPIC"
WALKER = "CID_RMQ_SYS_TRANS"
TIMEOUT, CHECKS_MAX = 6_000, 3
COMMIT, ROLLBACK = 8, 12
CHECK_TRANSACTION_STATE = 39
FLUSH = Actor("store.flush_commit_log")
_PREPARED = 4
_COLLECTED = 3_001  # behind transactionOpBatchInterval
_WHOLE = {"own", "PGROUP", "REAL_TOPIC", "REAL_QID", "TRAN_MSG"}
_which = st.integers(0, 7)


@dataclass(slots=True)
class Half:
    """One transaction, by the body of its message."""

    born: int
    own_immunity: int | None
    places: list[tuple[int, int]] = field(default_factory=list)  # (queue, physical), newest last
    verdict: int = 0
    commits: int = 0  # how often SUCCESS answered a commit
    checks: int = 0
    ended_for_good: bool = False  # the operation cannot be lost by a kill
    durable: bool = False
    visible: int = 0


class TransactionMachine(BrokerMachine):
    """One producer group; the model is what it was told and what it was asked."""

    FAULTS: ClassVar[tuple[str, ...]] = (KILL, POWER_LOSS, PUT_REFUSED)
    WEIGHTS: ClassVar[Mapping[str, int]] = {"check": 2}
    OVERRIDES: ClassVar[Mapping[str, str]] = {
        "transactionTimeOut": str(TIMEOUT),
        "transactionCheckMax": str(CHECKS_MAX),
        "transactionCheckInterval": "10000",
    }

    @override
    def began(self) -> None:
        """No transaction is open."""
        self.halves: dict[bytes, Half] = {}
        self.count = self.seen = self.deaths = 0
        self.walked = (0, 0)
        self._beat()

    def _beat(self) -> None:
        answer = self.client.heart_beat("producer", producers=["PG"])
        assert answer.code == SUCCESS, answer.remark

    @rule(immunity=st.sampled_from((None, None, 4, 20)), delayed=st.booleans())
    def prepare(self, immunity: int | None, delayed: bool) -> None:
        """A half message, perhaps with an immunity of its own, in seconds, or with a delay."""
        self._prepare(immunity, delayed=delayed)

    def _prepare(self, immunity: int | None = None, *, delayed: bool = False) -> bytes:
        body = str(self.count).encode()
        self.count += 1
        properties = {"TRAN_MSG": "true", "PGROUP": "PG", "own": "kept"}
        if immunity is not None:
            properties["CHECK_IMMUNITY_TIME_IN_SECONDS"] = str(immunity)
        if delayed:
            properties["DELAY"] = "1"
        asked = self.client.produce(TOPIC, body, properties=properties, sys_flag=_PREPARED)
        assert asked.answer is not None, body
        assert asked.answer.code == SUCCESS, asked.answer.remark
        self.lab.settle()
        found = [m for m in self.lab.records(HALF, 0) if m.body == body]
        self.must(len(found) == 1, "BROKER-TRANS-23", f"{body!r}: {len(found)} half messages")
        half = found[-1]
        self.halves[body] = Half(self.lab.now, immunity)
        self.halves[body].places.append((half.queue_offset, half.physical_offset))
        return body

    @rule(decision=st.sampled_from((COMMIT, ROLLBACK)))
    def end_around_an_open_one(self, decision: int) -> None:
        """BROKER-TRANS-22: one operation of 5.5 names two half messages, an open one between."""
        first, _, last = self._prepare(), self._prepare(), self._prepare()
        self._end(first, decision)
        self._end(last, decision)
        self.lab.move(_COLLECTED)
        self.step_op_batch()

    @precondition(lambda self: self._open())
    @rule(which=_which, decision=st.sampled_from((COMMIT, ROLLBACK)), newest=st.booleans())
    def end(self, which: int, decision: int, newest: bool) -> None:
        """The producer ends a transaction, by its own number or by that of a check."""
        self.lab.settle()
        self._heard()  # a check that is under way names a newer record
        names = self._open()
        self._end(names[which % len(names)], decision, newest=newest)

    def _end(self, body: bytes, decision: int, *, newest: bool = True) -> None:
        half = self.halves[body]
        place = half.places[-1 if newest else 0]
        asked = self.client.end_transaction(*place, decision, from_check=len(half.places) > 1)
        code = asked.answer.code if asked.answer else None
        late = code == 604 and self.lab.release.rejects_late_end
        if late:
            return
        self.must(code == SUCCESS, "BROKER-TRANS-7", asked.answer)
        half.verdict = decision
        half.commits += decision == COMMIT
        # An operation of an old number does not end a copy of it that a check has made, and a check
        # makes one also where no producer is there to be asked.
        copies = [m for m in self.lab.records(HALF, 0) if m.body == body]
        half.ended_for_good = place[0] == copies[-1].queue_offset
        self.lab.settle()
        self._read()

    @precondition(lambda self: self._open())
    @rule(which=_which, field_=st.sampled_from(("group", "queue", "physical", "undecided")))
    def end_wrongly(self, which: int, field_: str) -> None:
        """BROKER-TRANS-3, BROKER-TRANS-5: what names another record changes nothing."""
        names = self._open()
        queue, physical = self.halves[names[which % len(names)]].places[-1]
        self.lab.settle()
        before = self.lab.ctx.store.commit_log.max_offset()
        asked = self.client.end_transaction(
            queue + 7 * (field_ == "queue"),
            physical + 3 * (field_ == "physical"),
            0 if field_ == "undecided" else COMMIT,
            group="PX" if field_ == "group" else "PG",
        )
        self.lab.settle()
        code = asked.answer.code if asked.answer else None
        expected = (None,) if field_ == "undecided" else (1, 604)
        self.must(code in expected, "BROKER-TRANS-5", f"{field_}: {code}")
        after = self.lab.ctx.store.commit_log.max_offset()
        self.must(before == after, "RefusalChangesNothing", f"{field_}: {before} to {after}")

    @precondition(lambda self: self._open() and self.allows(PUT_REFUSED))
    @rule(which=_which)
    def commit_while_puts_fail(self, which: int) -> None:
        """BROKER-TRANS-7: a commit that is not stored ends nothing."""
        self.fault(PUT_REFUSED)
        names = self._open()
        place = self.halves[names[which % len(names)]].places[-1]
        flags = self.lab.ctx.store.running_flags
        flags.set_disk_full(full=True)
        asked = self.client.end_transaction(*place, COMMIT, from_check=True)
        flags.set_disk_full(full=False)
        code = asked.answer.code if asked.answer else None
        self.must(code != SUCCESS, "ToldIsVisible", f"{place}: {code}")

    @rule(millis=st.sampled_from((1, 1_000, TIMEOUT - 1_000, TIMEOUT)), puts_fail=st.booleans())
    def check(self, millis: int, puts_fail: bool) -> None:
        """A round of the check; perhaps the store takes nothing meanwhile."""
        self.lab.move(millis)
        self._beat()
        fails = puts_fail and self.allows(PUT_REFUSED)
        flags = self.lab.ctx.store.running_flags
        if fails:
            self.fault(PUT_REFUSED)
            flags.set_disk_full(full=True)
        self.lab.step(CHECK)
        flags.set_disk_full(full=False)
        self.lab.settle()
        self._heard()
        self._read()

    @rule()
    def step_op_batch(self) -> None:
        """5.5 writes the operations that it has collected."""
        self.lab.step(OP_BATCH)
        self.lab.settle()

    @rule()
    def persist(self) -> None:
        """The offsets of the walk are written."""
        self.lab.step(PERSIST_CONSUMER_OFFSET)

    @rule()
    def flush(self) -> None:
        """The log becomes durable: every half message in it is promised."""
        self.lab.move(10_001)
        self.lab.step(FLUSH)
        queue = self.lab.ctx.store.commit_log.mapped_file_queue
        if queue.flushed_where == queue.max_wrote_position:
            for half in self.halves.values():
                half.durable = True

    # --- what is heard and seen

    def _open(self) -> list[bytes]:
        return [body for body, half in self.halves.items() if not half.verdict]

    def _heard(self) -> None:
        """Requests of the broker: each names a record that is still open."""
        for _, command in self.lab.requests:
            if command.code != CHECK_TRANSACTION_STATE:
                continue
            fields = command.ext_fields or {}
            message = decode_record(command.body, release=self.lab.release)
            if message is None or message.body not in self.halves:
                self.must(self.deaths > 0, "NothingIsInvented", command.body)
                continue
            half = self.halves[message.body]
            half.checks += 1
            place = (int(fields["tranStateTableOffset"]), int(fields["commitLogOffset"]))
            half.places.append(place)
            what = f"{message.body!r} {half}"
            asked_for = not half.verdict or not half.ended_for_good or self.deaths > 0
            self.must(asked_for, "EndedIsNotAsked", what)
            age = self.lab.now - half.born
            immunity = TIMEOUT if half.own_immunity is None else half.own_immunity * 1000
            self.must(age >= immunity, "CheckedAfterImmunity", f"{age} of {immunity}: {what}")
            counted = int(message.properties.get("TRANSACTION_CHECK_TIMES", "0"))
            times = counted if self.deaths else max(counted, half.checks)
            self.must(times <= CHECKS_MAX, "ChecksAreBounded", what)
        self.lab.requests.clear()

    def _read(self) -> None:
        """What consumers of the topic see."""
        for message in self.lab.records(TOPIC, 0, self.seen):
            self.seen = message.queue_offset + 1
            half = self.halves.get(message.body)
            if half is None or message.properties.get("own") != "kept":
                self.must(self.deaths > 0, "NothingIsInvented", message.body)
                continue
            half.visible += 1
            what = f"{message.body!r} {half}"
            self.must(half.verdict == COMMIT or self.deaths > 0, "OnlyCommittedIsVisible", what)
            once = half.visible <= max(1, half.commits) or self.deaths > 0
            self.must(once, "CommittedOnce", what)

    @override
    def came_back(self, *, killed: bool) -> None:
        """Collected operations may be gone with a kill: those transactions are asked for again."""
        if killed:
            self.deaths += 1
        self.walked = (0, 0)
        self._beat()

    @override
    def lost_power(self, image: CrashImage) -> None:
        """What is durable is still there: visible, or a half message that will be asked for."""
        self.deaths += 1
        self.walked = (0, 0)
        self.lab.requests.clear()
        visible = [m for m in self.lab.records(TOPIC, 0) if m.properties.get("own") == "kept"]
        self.seen = len(self.lab.records(TOPIC, 0))
        there: dict[bytes, list[tuple[int, int]]] = {}
        for topic in (HALF, TOO_OFTEN):
            for m in self.lab.records(topic, 0):
                if m.properties.keys() >= _WHOLE:  # the checksum covers the body alone
                    there.setdefault(m.body, []).append((m.queue_offset, m.physical_offset))
        for body, half in list(self.halves.items()):
            if body not in there:
                self.must(not half.durable, "DurableIsKept", f"{body!r} {half} {image.label}")
                del self.halves[body]
                continue
            half.visible = sum(m.body == body for m in visible)
            half.places, half.durable = there[body], True
            if half.verdict and not half.visible:
                half.verdict = 0  # the end was not durable: it is open again, or quietly ended
                half.ended_for_good = True
        self._beat()

    @invariant()
    def walks_go_forward(self) -> None:
        """Within one life the offsets of the half and of the op queue only grow."""
        offsets = self.lab.ctx.consumer_offset_manager
        now = (offsets.query_offset(WALKER, HALF, 0), offsets.query_offset(WALKER, OP, 0))
        grown = all(a >= b for a, b in zip(now, self.walked, strict=True))
        self.must(grown or -1 in now, "WalksGoForward", f"{self.walked} to {now}")
        self.walked = (max(0, now[0]), max(0, now[1]))
        self.visit((now, tuple(h.verdict for h in self.halves.values())))

    @override
    def at_the_end(self) -> None:
        """Every commit is visible; every open transaction was asked for until it was too often."""
        self._beat()
        self.lab.step(OP_BATCH)
        self.lab.settle()
        for _ in range(4 * (CHECKS_MAX + 2)):
            self.lab.jump(10_000)
            self._beat()
            self.lab.step(CHECK)
            self.lab.settle()
            self._heard()
        self._read()
        given_up = {m.body for m in self.lab.records(TOO_OFTEN, 0)}
        for body, half in self.halves.items():
            what = f"{body!r} {half}"
            if half.verdict == COMMIT:
                self.must(half.visible > 0, "ToldIsVisible", what)
            elif not half.verdict and not half.ended_for_good:
                self.must(body in given_up, "OpenIsFoundAgain", what)


MACHINE = Machine(
    name="Transaction",
    machine=TransactionMachine,
    subject="refimpl.broker.transaction_check",
    invariants=(
        "ToldIsVisible",
        "CommittedOnce",
        "OnlyCommittedIsVisible",
        "EndedIsNotAsked",
        "CheckedAfterImmunity",
        "ChecksAreBounded",
        "OpenIsFoundAgain",
        "WalksGoForward",
        TRANSACTION_OFFSET_IN_QUEUE,
        "DurableIsKept",
        "NothingIsInvented",
        "RefusalChangesNothing",
        "EveryImageOpens",
        "AtMostOneAnswer",
        "BROKER-TRANS-5",
        "BROKER-TRANS-7",
        "BROKER-TRANS-23",
    ),
)
