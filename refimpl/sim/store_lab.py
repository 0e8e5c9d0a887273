"""A message store on a bench: one life after another, every actor, force and crash an input.

    lab = StoreLab(RELEASE_4_9, {"flushDiskType": "SYNC_FLUSH"}, CrashDisk())
    lab.put()
    lab.step(FLUSH_COMMIT_LOG)
    disk = lab.fail_power()
    for image in disk.crash().images(100, Prng(7)):
        assert not lab.twin(CrashDisk.from_image(image)).check()

The lab keeps the ledger: what was answered and shown is noted as it happens, and `check` compares
it with the store. `kill` ends a life and leaves the disk as it is: a later power failure may still
take what was never forced. A `TraceLog` hears all lives, crashes included (spec/trace.md).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, assert_never, runtime_checkable

from refimpl.model.config import Config
from refimpl.model.disk import DiskError
from refimpl.model.effect import Span
from refimpl.model.errors import StartRefused
from refimpl.model.ids import (
    Actor,
    Address,
    ForceToken,
    Group,
    Millis,
    QueueId,
    QueueOffset,
    Ticket,
    Topic,
)
from refimpl.model.message import MessageExtBrokerInner
from refimpl.model.message_codec import BatchEntry, decode_record, encode_batch
from refimpl.model.message_property import PROPERTY_WAIT_STORE_MSG_OK, properties_to_string
from refimpl.model.preset import MINIMAL
from refimpl.model.release import RELEASE_4_9, Release
from refimpl.model.status import AppendMessageStatus, GetMessageStatus
from refimpl.model.sys_flag import TRANSACTION_PREPARED_TYPE
from refimpl.sim.disk_faults import ForceNeverEnds
from refimpl.sim.ledger import Ledger, Trust
from refimpl.sim.ledger_look import violations
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.sim.stopping_disk import LabDisk, Stopped, StoppingDisk
from refimpl.sim.trace_writer import TraceLog
from refimpl.store.message_arriving import MessageArrived
from refimpl.store.message_store import MessageStore
from refimpl.store.store_event import ForceWanted, PutCompleted, StoreEvent, StoreStopped

HOST: Final = Address("127.0.0.1", 10911)
WITHIN: Final = "within an action"  # of a crash: what nobody heard of may be half done
REFUSED: Final = "a start that was refused"  # and its process is gone with what it dispatched
START: Final = Millis(1_700_000_000_000)
_ROUNDS_MAX: Final = 10_000  # a store that never comes to rest is a defect
_PULL: Final = 32
_GOES_ON: Final = {GetMessageStatus.FOUND, GetMessageStatus.MESSAGE_WAS_REMOVING}  # STORE-CQ-19
_DIGITS: Final = 6  # of the number at the beginning of a body


@runtime_checkable
class Forceable(Protocol):
    """A disk that can make a file durable."""

    def force(self, path: str, *, span: Span | None = None) -> None:
        """Make the bytes durable that the file has now in `span`; raises `DiskError`."""


class StrangeMessage(Exception):
    """A consumer was given a message that nobody sent."""

    def __init__(self, queue_offset: int, body: bytes) -> None:
        super().__init__(f"{body!r} at queue offset {queue_offset}")


@dataclass(slots=True)
class PendingForce:
    """A force that the store asked for. `ran`: the disk has done it, the store does not know."""

    wanted: ForceWanted
    ran: bool = False


class StoreLab:
    """One store, its disk, its clock and the ledger of all its lives."""

    def __init__(
        self,
        release: Release = RELEASE_4_9,
        overrides: Mapping[str, str] | None = None,
        disk: LabDisk | None = None,
        *,
        ledger: Ledger | None = None,
        now: Millis = START,
        trace: TraceLog | None = None,
    ) -> None:
        self.release = release
        self.config = Config.of(release, "broker", {**MINIMAL, **(overrides or {})})
        self.now = now
        sync_flush = self.config.text("flushDiskType") == "SYNC_FLUSH"
        self.ledger = ledger or Ledger(sync_flush)
        self.pending: dict[ForceToken, PendingForce] = {}
        self.hung: list[ForceWanted] = []  # forces of this life that nobody will hear of
        self.tickets: dict[Ticket, int] = {}
        self.refused: str | None = None  # why the store did not open
        self.stopped: StoreStopped | None = None  # the end of an orderly shutdown
        self.alive = False
        self.trace = trace
        self._open(disk or MemoryDisk(), None)

    # --- life

    def _open(self, disk: LabDisk, stop_after: int | None) -> bool:
        self.pending, self.tickets, self.hung = {}, {}, []
        self.refused = self.stopped = None
        self._powerless = False
        self.disk = StoppingDisk(disk, stop_after)
        disk.now = self.now
        self.store = MessageStore(self.disk, self.config, self.release, HOST, tracer=self.trace)
        try:
            self.store.load(self.now)
            self.store.start(self.now)
        except Stopped:
            self._dead()
            self._crashed(power=True, image=WITHIN)
            return False
        except StartRefused as error:
            self.refused = str(error)
            self._crashed(power=False, image=REFUSED)
            return False
        self.disk.left = None
        self.alive = True
        self._drain()
        self._observe()
        return True

    def reopen(self, disk: LabDisk, *, stop_after: int | None = None) -> bool:
        """Open the store on what a crash left; False where it is refused, or stopped on the way.

        `stop_after`: the machine stops before that operation of the disk that changes something.
        """
        assert not self.alive
        if self.trace is not None:
            self.trace.image(self.disk.disk, disk)
        return self._open(disk, stop_after)

    def twin(self, disk: LabDisk, *, stop_after: int | None = None) -> "StoreLab":
        """Open another store of the same history on `disk`; this one stays dead as it is."""
        assert not self.alive
        other = object.__new__(StoreLab)
        other.release, other.config = self.release, self.config
        other.ledger, other.now, other.alive = self.ledger, self.now, False
        other.trace = None if self.trace is None else self.trace.branch(self.trace.header.trace)
        if other.trace is not None:
            other.trace.image(self.disk.disk, disk)
        other._open(disk, stop_after)
        return other

    def settle_ledger(self) -> None:
        """Take what the store has now as what the next life begins with."""
        self.ledger = self.ledger.opened(self.store)

    def kill(self) -> LabDisk:
        """End the process (`kill -9`): the disk goes on, with the page cache it has."""
        if self.alive:
            log = self.store.commit_log
            files = log.mapped_file_queue
            # STORE-PROMISE-2: with a pool the page cache has only what was committed
            readable = files.max_offset if log.pool is None else files.committed_where
            self.ledger = self.ledger.killed(readable)
            self._crashed(power=False)
        return self._dead()

    def fail_power(self, *, image: str = "") -> LabDisk:
        """End everything at once; the caller chooses what of the disk is left.

        A machine that stopped without power has none to lose: no trace hears of it again.
        """
        self.ledger = self.ledger.power_failed()
        if not self._powerless:
            self._crashed(power=True, image=image)
        return self._dead()

    def _crashed(self, *, power: bool, image: str = "") -> None:
        self._powerless = power
        if self.trace is None:
            return
        if self.ledger.trust is Trust.NOTHING:
            self.trace.end()  # no model knows a disk that breaks its word
        self.trace.crash(power=power, image=image)

    def shutdown(self) -> None:
        """Begin the orderly end; with every force that it asks for done it says `StoreStopped`.

        Where one hangs it says so after `SHUTDOWN_PATIENCE` (STORE-FLUSH-14).
        """
        self._run(lambda: self.store.shutdown(self.now))

    def _dead(self) -> LabDisk:
        self.alive = False
        self.disk.unlock("lock")
        return self.disk.disk

    # --- inputs

    def put(
        self,
        topic: str = "T",
        queue_id: int = 0,
        *,
        size: int = 12,
        properties: Mapping[str, str] | None = None,
        waits: bool = True,
        prepared: bool = False,
        batch: int = 0,
    ) -> int:
        """Give the store a message, or a batch of `batch`; its number in the ledger.

        Bodies have `size` bytes and begin with the number, so that no two are the same.
        """
        put = len(self.ledger.sent)
        given = dict(properties or {})
        if not waits:
            given[PROPERTY_WAIT_STORE_MSG_OK] = "false"
        text = properties_to_string(given, self.release)
        bodies = [b"%0*d" % (_DIGITS, put + i) + b"." * (size - _DIGITS) for i in range(batch or 1)]
        own = "" if batch else text
        entries = [BatchEntry(0, body, own.encode()) for body in bodies]
        inner = MessageExtBrokerInner(
            topic=Topic(topic),
            queue_id=QueueId(queue_id),
            body=b"" if batch else bodies[0],
            flag=0,
            sys_flag=TRANSACTION_PREPARED_TYPE if prepared else 0,
            properties=given,
            properties_string=text,
            tags_code=0,
            born_timestamp=self.now,
            born_host=HOST,
            store_host=HOST,
            encoded_batch=encode_batch(entries, self.release) if batch else None,
        )
        stored = text if not batch or self.release.appends_batch_properties else ""
        self.ledger = self.ledger.put(
            inner.topic, inner.queue_id, bodies, stored, waits=waits, has_unit=not prepared
        )
        self._run(lambda: self._put(put, inner))
        return put

    def _put(self, put: int, inner: MessageExtBrokerInner) -> None:
        store = self.store
        stored = store.put_messages if inner.encoded_batch else store.put_message
        result = stored(inner, self.now)
        append = result.append
        if append is not None and append.status is AppendMessageStatus.PUT_OK:
            size = append.wrote_bytes // append.msg_num
            self.ledger = self.ledger.appended(
                put,
                [
                    (append.wrote_offset + i * size, size, append.logics_offset + i)
                    for i in range(append.msg_num)
                ],
            )
        if result.ticket is not None:
            self.tickets[result.ticket] = put
        else:
            self.ledger = self.ledger.answered(put, result.status)

    def step(self, actor: Actor) -> None:
        """One step of an actor, due or not."""
        self._run(lambda: self.store.step(actor, self.now))

    def advance(self, millis: int) -> None:
        """Move the clock; nothing runs by itself."""
        self.now = Millis(self.now + millis)
        self.disk.disk.now = self.now

    def run_force(self, token: ForceToken) -> bool:
        """Let the disk do what was asked; the store hears of it with `complete_force`.

        False where the disk said that it failed, or where it never ends: then it is `hung`, and no
        longer among those that can be completed.
        """
        pending = self.pending[token]
        disk = self.disk.disk
        if not pending.ran and isinstance(disk, Forceable):
            try:
                disk.force(pending.wanted.path, span=pending.wanted.span)
            except ForceNeverEnds:
                self.hung.append(self.pending.pop(token).wanted)
                return False
            except DiskError:
                return False
        pending.ran = True
        return True

    def complete_force(self, token: ForceToken, *, ok: bool = True) -> None:
        """Tell the store how a force ended; one that the disk has not done yet is done now."""
        failed = not ok or not self.run_force(token)
        if self.pending.pop(token, None) is None:
            return
        self._run(lambda: self.store.forced(token, failed=failed, now=self.now))

    def number_of(self, body: bytes) -> int | None:
        """Tell which message has this body; None for one that nobody sent."""
        digits, sent = body[:_DIGITS], self.ledger.sent
        number = int(digits) if digits.isdigit() else len(sent)
        return number if number < len(sent) and sent[number].body == body else None

    def read(self, topic: str = "T", queue_id: int = 0, begin: int = 0) -> list[int]:
        """Pull everything visible of a queue from `begin` on; what a consumer was given is noted.

        STORE-PROMISE-5: raises `StrangeMessage` for one that nobody sent.
        """
        numbers: list[int] = []
        first = self.store.min_offset_in_queue(Topic(topic), QueueId(queue_id))
        offset = QueueOffset(max(first, begin))
        while True:
            result = self.store.get_message(
                Group("g"), Topic(topic), QueueId(queue_id), offset, _PULL, None, self.now
            )
            if result is None or result.status not in _GOES_ON:
                break
            assert result.next_begin_offset > offset, "a consumer that is told to go on comes on"
            for record in result.records:
                message = decode_record(record, release=self.release, decompress=False)
                if message is None:
                    continue  # STORE-PROMISE-5; where it was promised, `check` misses it
                number = self.number_of(message.body)
                if number is None:
                    raise StrangeMessage(message.queue_offset, message.body)
                numbers.append(number)
            offset = QueueOffset(result.next_begin_offset)
        self.ledger = self.ledger.shown(numbers)
        return numbers

    def settle(self, millis: int = 0) -> None:
        """Run every actor that is due within `millis`, with its forces, until none is."""
        until = Millis(self.now + millis)
        for _ in range(_ROUNDS_MAX):
            while self.pending and self.alive:
                self.complete_force(next(iter(self.pending)))
            due = [actor for actor, when in self.store.actors().items() if when <= self.now]
            for actor in due:
                self.step(actor)
            if self.pending and self.alive:
                continue
            if due and self.alive:
                continue
            timer = self.store.next_timer()
            if not self.alive or timer is None or timer > until:
                return
            self.advance(timer - self.now)
        raise AssertionError("the store does not come to rest")

    def _run(self, action: Callable[[], None]) -> None:
        """One input of the store, and what it says; the machine may stop in the middle of it."""
        assert self.alive, "the store is dead"
        try:
            action()
        except Stopped:
            self.fail_power(image=WITHIN)
            return
        self._drain()
        self._observe()

    def _observe(self) -> None:
        if self.trace is not None:
            store = self.store
            self.trace.observe(
                store.commit_log.mapped_file_queue,
                store.reput.reput_from_offset,
                store.flush_manager.under_way(),
            )

    def _drain(self) -> None:
        for event in self.store.poll():
            self._hear(event)
        self.ledger = self.ledger.flushed(self.store.commit_log.mapped_file_queue.flushed_where)

    def _hear(self, event: StoreEvent) -> None:
        match event:
            case ForceWanted():
                self.pending[event.token] = PendingForce(event)
            case PutCompleted():
                put = self.tickets.pop(event.ticket)
                self.ledger = self.ledger.answered(put, event.status)
            case StoreStopped():
                self.stopped = event
                if self.trace is not None:
                    self.trace.shutdown(clean=event.clean)
                if event.clean:
                    self.ledger = self.ledger.stopped()
            case MessageArrived():
                pass  # a held pull would be answered now: `read` is that consumer
            case _:
                assert_never(event)

    # --- judgement

    def check(self) -> list[str]:
        """Every broken promise and invariant of the open store."""
        if self.refused is not None:
            return [f"STORE-PROMISE-12: {self.refused}"]
        return violations(self.ledger, self.store)
