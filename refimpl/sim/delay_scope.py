"""Every state of one delay level within a bound, in the variables of DelayQueue.tla.

The service is the real `ScheduleMessageService` with its real file; the store is two sequences of
messages, of the level's queue and of the real topic, because how they survive is no part of that
model. Whether a message is due, what is delivered, where the level goes on and what is written
down the code decides.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from refimpl.broker.schedule_message import ScheduleMessageService
from refimpl.model.config import Config
from refimpl.model.config_file import ConfigFile
from refimpl.model.ids import Actor, Address, Millis, PhysicalOffset, QueueId, QueueOffset, Topic
from refimpl.model.message import MessageExt, MessageExtBrokerInner
from refimpl.model.message_property import PROPERTY_REAL_QUEUE_ID, PROPERTY_REAL_TOPIC
from refimpl.model.preset import MINIMAL
from refimpl.model.release import RELEASE_4_9, Release
from refimpl.model.state_space import Plain, number, record
from refimpl.model.status import AppendMessageStatus, PutMessageStatus
from refimpl.remoting.body.java_json import parse
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.sim.stopping_disk import Stopped
from refimpl.sim.store_fork import copied
from refimpl.store.append_message import AppendMessageResult, PutMessageResult
from refimpl.store.consume_queue import UNIT

if TYPE_CHECKING:
    from refimpl.broker.context import BrokerContext

_LEVEL: Final = 1
_TICK: Final = 1000  # milliseconds
_HOST: Final = Address("127.0.0.1", 10911)
_START: Final = Millis(1_700_000_000_000)


@dataclass(frozen=True, slots=True)
class DelayBound:
    """The constants of DelayQueue.cfg."""

    max_messages: int
    max_time: int
    delay: int
    max_crashes: int
    max_refusals: int
    max_puts: int

    @classmethod
    def of(cls, constants: Mapping[str, Plain]) -> "DelayBound":
        """Return the bound that a configuration states; raises `KeyError`."""
        return cls(
            number(constants, "MaxMessages"),
            number(constants, "MaxTime"),
            number(constants, "Delay"),
            number(constants, "MaxCrashes"),
            number(constants, "MaxRefusals"),
            number(constants, "MaxPuts"),
        )


class ScopeStore:
    """A level's queue and the real topic, and what of them is durable."""

    def __init__(self) -> None:
        self.queue: list[tuple[int, int]] = []  # id, due
        self.acknowledged = 0
        self.real: list[int] = []
        self.ends: list[int] = []  # where the log ended behind each of them
        self.forced = 0
        self.refuses = False
        self.dies = False  # the process ends before the next message is stored
        self.refusals = 0
        self.commit_log = self  # in what is asked of them, one object stands for all three
        self.mapped_file_queue = self
        self.min_offset_in_queue = 0

    @property
    def max_wrote_position(self) -> int:
        """Messages that were ever written: the end of the log."""
        return len(self.queue) + len(self.real)

    @property
    def flushed_where(self) -> int:
        """Those of them that are durable."""
        return self.acknowledged + self.forced

    def consume_queue(self, _topic: Topic, _queue_id: QueueId) -> "ScopeStore":
        """The queue of the level is there from the beginning."""
        return self

    def next_offset(self, _topic: Topic, _queue_id: QueueId) -> int:
        """The end of the level's queue."""
        return len(self.queue)

    def index_buffer(self, offset: int) -> bytes | None:
        """One unit: the actor delivers one message at a time, as the model does."""
        if not 0 <= offset < len(self.queue):
            return None
        number_, due = self.queue[offset]
        return UNIT.pack(number_, 1, _START + due * _TICK)

    @staticmethod
    def look_message_by_offset(physical: PhysicalOffset, _size: int) -> MessageExt:
        """The delayed message; its offset is its identity."""
        return MessageExt(
            topic=Topic("SCHEDULE_TOPIC_XXXX"),
            queue_id=QueueId(0),
            queue_offset=QueueOffset(0),
            physical_offset=physical,
            store_size=1,
            body_crc=0,
            body=b"%d" % physical,
            flag=0,
            sys_flag=0,
            properties={PROPERTY_REAL_TOPIC: "T", PROPERTY_REAL_QUEUE_ID: "0"},
            born_timestamp=_START,
            born_host=_HOST,
            store_timestamp=_START,
            store_host=_HOST,
            reconsume_times=0,
            prepared_transaction_offset=PhysicalOffset(0),
        )

    def put_message(self, inner: MessageExtBrokerInner, _now: Millis) -> PutMessageResult:
        """Store it for its topic, or refuse it."""
        if self.dies:
            raise Stopped("put_message", inner.topic)
        if self.refuses:
            self.refusals += 1
            return PutMessageResult(PutMessageStatus.OS_PAGE_CACHE_BUSY)
        self.real.append(int(inner.body))
        self.ends.append(self.max_wrote_position)
        return PutMessageResult(
            PutMessageStatus.PUT_OK, AppendMessageResult(AppendMessageStatus.PUT_OK)
        )


class ScopeContext:
    """What the service asks of a broker."""

    def __init__(self, release: Release, bound: DelayBound) -> None:
        self.release = release
        level = {"messageDelayLevel": f"{bound.delay * _TICK // 1000}s"}
        self.config = Config.of(release, "broker", {**MINIMAL, **level})
        self.disk = MemoryDisk()
        self.store = ScopeStore()
        self.tracer = None
        self.actors = self.broker_stats = self
        self.steps: dict[Actor, Callable[[Millis], Millis]] = {}

    def config_file(self, path: str) -> ConfigFile:
        """A file that is durable as soon as it is written: ConsumeOffset has its steps."""
        return ConfigFile(self.disk, path, lambda _path, done: done(False))

    def add(self, actor: Actor, _due: Millis, step: Callable[[Millis], Millis]) -> None:
        """An actor of the service: it comes whenever it likes."""
        self.steps[actor] = step

    def every(self, *_actor: object) -> None:
        """The file is written whenever the world likes."""

    def put(self, *_count: object) -> None:
        """Nobody reads the statistics."""


class DelayWorld:
    """One state: the store, the file, and where a broker runs its service."""

    def __init__(self, release: Release, bound: DelayBound) -> None:
        self.ctx = ScopeContext(release, bound)
        self.service: ScheduleMessageService | None = None
        self.now = 0
        self.crashes = 0
        self.next_id = 1
        self.start()

    @property
    def clock(self) -> Millis:
        """The time of the model in milliseconds."""
        return Millis(_START + self.now * _TICK)

    @property
    def store(self) -> ScopeStore:
        """The store of every life."""
        return self.ctx.store

    def start(self) -> None:
        """A broker begins: it reads its file and starts the actor of the level."""
        self.service = ScheduleMessageService(cast("BrokerContext", self.ctx))
        assert self.service.load()
        self.service.start(self.clock)

    def deliver(self) -> None:
        """The actor of the level comes, whether a message is due or not."""
        for step in self.ctx.steps.values():
            step(self.clock)

    def copy(self) -> "DelayWorld":
        """An independent state."""
        twin = copied(self, shared=(self.ctx.config, self.ctx.release))
        assert isinstance(twin, DelayWorld)
        return twin


class DelayScope:
    """The actions of the model on a real service."""

    def __init__(self, bound: DelayBound, release: Release = RELEASE_4_9) -> None:
        self._bound = bound
        self._release = release

    def first(self) -> DelayWorld:
        """A broker without messages runs."""
        return DelayWorld(self._release, self._bound)

    def next(self, world: DelayWorld) -> Iterator[tuple[str, DelayWorld]]:
        """Every state that one action leads to."""
        bound, store = self._bound, world.store
        if world.now < bound.max_time:
            twin = world.copy()
            twin.now += 1
            yield "Tick", twin
        if world.service is None:
            twin = world.copy()
            twin.start()
            yield "Load", twin
            return
        if world.next_id <= bound.max_messages and world.now + bound.delay <= bound.max_time:
            twin = world.copy()
            twin.store.queue.append((world.next_id, world.now + bound.delay))
            twin.next_id += 1
            yield "AppendDelayed", twin
        twin = world.copy()
        twin.store.acknowledged, twin.store.forced = len(store.queue), len(store.real)
        yield "Flushed", twin
        if len(store.real) < bound.max_puts:
            twin = world.copy()
            twin.deliver()
            yield "Deliver", twin
        if store.refusals < bound.max_refusals:
            twin = world.copy()
            twin.store.refuses = True
            twin.deliver()
            twin.store.refuses = False
            yield "Refuse", twin
        twin = world.copy()
        twin.store.dies = True
        with suppress(Stopped):
            twin.deliver()
        twin.store.dies = False
        yield "MoveFirst", twin  # nothing has moved, unless the code is wrong
        twin = world.copy()
        assert twin.service is not None
        twin.service.persist()
        yield "Persist", twin
        if world.crashes < bound.max_crashes:
            for queue in range(store.acknowledged, len(store.queue) + 1):
                for real in range(store.forced, len(store.real) + 1):
                    yield "Crash", self._crash(world, queue, real)

    @staticmethod
    def _crash(world: DelayWorld, queue: int, real: int) -> DelayWorld:
        twin = world.copy()
        store = twin.store
        del store.queue[queue:], store.real[real:]
        store.acknowledged, store.forced, store.ends = queue, real, [0] * real
        twin.service = None
        twin.ctx.steps.clear()
        twin.crashes += 1
        return twin

    @staticmethod
    def variables(world: DelayWorld) -> dict[str, Plain]:
        """The projection."""
        store, service = world.store, world.service
        return {
            "now": world.now,
            "queue": tuple([record(id=number_, due=due) for number_, due in store.queue]),
            "acknowledged": store.acknowledged,
            "offsetTable": 0 if service is None else service.offset_table.get(_LEVEL, 0),
            "position": sum(_positions(world)),
            "real": tuple(store.real),
            "forced": store.forced,
            "marks": tuple(
                [
                    record(offset=offset, at=sum(end <= at for end in store.ends))
                    for at, offset in _waiting(service)
                ]
            ),
            "file": _written(world),
            "up": service is not None,
            "crashes": world.crashes,
            "refusals": store.refusals,
            "nextId": world.next_id,
        }

    @staticmethod
    def hidden(world: DelayWorld) -> Hashable:
        """What waits for which end of the log, exactly."""
        return tuple(_waiting(world.service)), world.store.max_wrote_position


def _positions(world: DelayWorld) -> Iterator[int]:
    """Where the actor of the level goes on: one, or none where no broker runs."""
    for step in world.ctx.steps.values():
        yield getattr(step, "_offset")  # noqa: B009 - private to its module


def _waiting(service: ScheduleMessageService | None) -> Iterator[tuple[int, int]]:
    """Offsets that are not to be written down yet, each with the end of the log it waits for."""
    if service is not None:
        for behind in service._behind.values():  # noqa: SLF001 - a variable of the model
            yield from behind._waiting  # noqa: SLF001 - the same


def _written(world: DelayWorld) -> int:
    """The offset in the file; 0 where it says nothing of the level."""
    disk, path = world.ctx.disk, "config/delayOffset.json"
    if not disk.exists(path):
        return 0
    tree = parse(disk.read(path, 0, disk.size(path)).decode(), world.ctx.release)
    assert isinstance(tree, dict)
    table = tree["offsetTable"]
    assert isinstance(table, dict)
    offset = table.get(str(_LEVEL), 0)
    assert isinstance(offset, int)
    return offset
