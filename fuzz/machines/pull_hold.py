"""Held pulls: each answered once, by a message that its filter wants or by its time, no sooner."""

from collections.abc import Callable, Mapping
from typing import ClassVar, NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from fuzz.broker_machine import KILL, POWER_LOSS
from fuzz.dialogue import SUCCESS, Client
from fuzz.stateful.registry import Machine
from fuzz.sync_flush import FORCE_FAILS, FORCES_WAIT, SYNC_INVARIANTS, SyncFlushMachine
from refimpl.broker.invariants import HELD_HAS_A_CHANNEL, HELD_IS_UNSATISFIED
from refimpl.broker.pull_request_hold import PULL_REQUEST_HOLD
from refimpl.model.ids import QueueId, Topic
from refimpl.model.message_codec import decode_record
from refimpl.model.override import override
from refimpl.remoting.command import RemotingCommand
from refimpl.sim.crash_images import CrashImage
from refimpl.sim.node_lab import Asked

TOPIC, GROUP = "T", "G"
QUEUES = (0, 1)
TAGS = ("Aa", "BB", "C", None)  # the first two have the same hash
COLORS = ("red", "blue", None)
_SCAN = 5_000
_HEADER_SIZES = 4


class Marks(NamedTuple):
    """What a filter can ask of a message."""

    tag: str | None
    color: str | None
    size: int


class Filter(NamedTuple):
    """One subscription: what it lets through at the broker, and what at the client."""

    kind: str
    text: str
    passes: Callable[[Marks], bool]  # by the hash of the tag, or by the expression
    wants: Callable[[Marks], bool]  # by the tag itself


def _sql(text: str, wants: Callable[[Marks], bool]) -> Filter:
    return Filter("SQL92", text, wants, wants)


FILTERS = (
    Filter("TAG", "*", lambda _: True, lambda _: True),
    Filter("TAG", "Aa", lambda m: m.tag in {"Aa", "BB"}, lambda m: m.tag == "Aa"),
    Filter("TAG", "C", lambda m: m.tag == "C", lambda m: m.tag == "C"),
    Filter("TAG", "Aa || C", lambda m: m.tag in {"Aa", "BB", "C"}, lambda m: m.tag in {"Aa", "C"}),
    _sql("size > 1", lambda m: m.size > 1),
    _sql("color = 'red' OR size BETWEEN 2 AND 3", lambda m: m.color == "red" or m.size >= 2),
    _sql("NOT (color = 'red')", lambda m: m.color not in {None, "red"}),  # of nothing: unknown
    _sql("TAGS = 'Aa' AND color IS NULL", lambda m: m.tag == "Aa" and m.color is None),
    _sql("TAGS IN ('BB', 'C')", lambda m: m.tag in {"BB", "C"}),
)


class _Held:
    """One pull that was not answered at once."""

    def __init__(
        self, asked: Asked, queue_id: int, offset: int, wanted: Filter, patience: int
    ) -> None:
        self.asked = asked
        self.queue_id = queue_id
        self.offset = offset
        self.filter = wanted
        self.deadline = asked.at + patience


class PullHoldMachine(SyncFlushMachine):
    """Two queues, two clients; the model is the marks of each queue and what is held."""

    FAULTS: ClassVar[tuple[str, ...]] = (KILL, POWER_LOSS, FORCES_WAIT, FORCE_FAILS, "hang-up")
    WEIGHTS: ClassVar[Mapping[str, int]] = {**SyncFlushMachine.WEIGHTS, "produce": 4, "pull": 3}
    OVERRIDES: ClassVar[Mapping[str, str]] = {
        "longPollingEnable": "true",
        "enablePropertyFilter": "true",
    }

    @override
    def began(self) -> None:
        """Topic and group are known."""
        self.queues: dict[int, list[Marks]] = {queue_id: [] for queue_id in QUEUES}
        self.promised = dict.fromkeys(QUEUES, 0)  # how many messages no power failure takes
        self.held: list[_Held] = []
        self.other = Client(self.lab)
        self.scanned = False
        self.scan_due = 0
        for queue_id in QUEUES:
            self._produce(queue_id, Marks(None, None, 0))
        self.lab.settle()
        self.client.pull(GROUP, TOPIC, 0, 0)

    def _produce(self, queue_id: int, marks: Marks) -> None:
        properties = {"size": str(marks.size)}
        if marks.tag is not None:
            properties["TAGS"] = marks.tag
        if marks.color is not None:
            properties["color"] = marks.color
        asked = self.client.produce(TOPIC, b"m", queue_id=queue_id, properties=properties)
        self.queues[queue_id].append(marks)
        count = len(self.queues[queue_id])

        def heard(answer: RemotingCommand | None) -> None:
            if answer is None:
                return
            assert answer.code == SUCCESS or self.sync_flush, answer.remark
            if self.sync_flush and answer.code == SUCCESS:
                self.promised[queue_id] = max(self.promised[queue_id], count)

        self.put(asked, heard)

    @rule(
        queue_id=st.sampled_from(QUEUES),
        tag=st.sampled_from(TAGS),
        color=st.sampled_from(COLORS),
        size=st.integers(0, 3),
        shown=st.booleans(),
    )
    def produce(
        self, queue_id: int, tag: str | None, color: str | None, size: int, shown: bool
    ) -> None:
        """A message; whether it can be read yet is the dispatch's business."""
        self._produce(queue_id, Marks(tag, color, size))
        if shown:
            self.lab.settle()

    @rule()
    def flush(self) -> None:
        """The log becomes durable: every message in it is promised."""
        self.lab.jump(10_001)
        queue = self.lab.ctx.store.commit_log.mapped_file_queue
        if queue.flushed_where == queue.max_wrote_position:
            self.promised = {queue_id: len(there) for queue_id, there in self.queues.items()}

    @rule(
        queue_id=st.sampled_from(QUEUES),
        back=st.integers(0, 3),
        wanted=st.sampled_from(FILTERS),
        patience=st.sampled_from((1_000, 7_000, 15_000)),
        first=st.booleans(),
    )
    def pull(self, queue_id: int, back: int, wanted: Filter, patience: int, first: bool) -> None:
        """A pull at the end of a queue or a little before; BROKER-PULL-23."""
        store = self.lab.ctx.store
        end = store.max_offset_in_queue(Topic(TOPIC), QueueId(queue_id))
        offset = max(0, end - back)
        client = self.client if first else self.other
        asked = client.pull(
            GROUP,
            TOPIC,
            queue_id,
            offset,
            subscription=wanted.text,
            kind=wanted.kind,
            suspend=patience,
        )
        held = _Held(asked, queue_id, offset, wanted, patience)
        if asked.answer is not None:
            self._answered(held, asked.answer, end)
        else:
            self.must(offset == end, "HeldIsUnsatisfied", f"{offset} of {end} held at once")
            self.held.append(held)

    @rule(millis=st.sampled_from((1, 999, 3_000, _SCAN, 16_000)))
    def jump(self, millis: int) -> None:
        """Time passes; a scan answers those whose time is over."""
        self.lab.jump(millis)

    @rule()
    def scan(self) -> None:
        """The scan comes at any time: it answers nobody before the time."""
        self.scanned = True
        self.lab.step(PULL_REQUEST_HOLD)
        for held in self.held:
            if held.deadline <= self.lab.now:
                self.must(held.asked.answer is not None, "AnsweredInTime", held.asked.command)

    @precondition(lambda self: self.allows("hang-up"))
    @rule(first=st.booleans())
    def hang_up(self, first: bool) -> None:
        """A client is gone: its pulls are forgotten."""
        self.fault("hang-up")
        client = self.client if first else self.other
        gone = client.channel
        client.close()
        self.hung_up(gone)
        self.held = [held for held in self.held if held.asked.channel != gone]
        self.lab.asked = {key: a for key, a in self.lab.asked.items() if key[0] != gone}

    @override
    def came_back(self, *, killed: bool) -> None:
        """Held pulls die with the broker; what was written is shown before anybody is served."""
        super().came_back(killed=killed)
        self._forget()
        self._all_is_shown()
        for queue_id, there in self.queues.items():
            end = self.lab.ctx.store.max_offset_in_queue(Topic(TOPIC), QueueId(queue_id))
            what = f"queue {queue_id}: {end} of {len(there)}"
            self.must(end == len(there), "ServesWhatItHas", what)

    def _all_is_shown(self) -> None:
        """A queue ends where the next message goes, before anybody is served."""
        store = self.lab.ctx.store
        for queue_id in QUEUES:
            end = store.max_offset_in_queue(Topic(TOPIC), QueueId(queue_id))
            given = store.next_offset(Topic(TOPIC), QueueId(queue_id))
            self.must(end == given, "ServesWhatItHas", f"queue {queue_id}: {end} of {given}")

    @override
    def lost_power(self, image: CrashImage) -> None:
        """What was promised is there; what else is there counts from now on."""
        super().lost_power(image)
        self._forget()
        self._all_is_shown()
        for queue_id, before in self.queues.items():
            records = self.lab.records(TOPIC, queue_id)
            there = [_marks(record.properties) for record in records]
            least = self.promised[queue_id]
            what = f"queue {queue_id}: {there}, not {before[:least]}; {image.label}"
            self.must(there[:least] == before[:least], "DurableIsKept", what)
            self.queues[queue_id] = there
            self.promised[queue_id] = len(there) if self.sync_flush else least

    def _forget(self) -> None:
        self.held.clear()
        self.lab.asked.clear()

    @invariant()
    def every_answer_is_earned(self) -> None:
        """Judge what was answered since the last look.

        A scan knows no tag: it wakes every pull whose queue has grown, as in Java.
        """
        waiting = []
        due = self.lab.node.actors()[PULL_REQUEST_HOLD]
        scanned = self.scanned or due != self.scan_due
        self.scanned, self.scan_due = False, due
        for held in self.held:
            answer = held.asked.answer
            if answer is None:
                waiting.append(held)
                late = self.lab.now - held.deadline
                self.must(late <= _SCAN + 1, "AnsweredInTime", f"{held.asked.command}: {late}")
                continue
            end = self.lab.ctx.store.max_offset_in_queue(Topic(TOPIC), QueueId(held.queue_id))
            self._answered(held, answer, end)
            if answer.code != SUCCESS:
                at = held.asked.answered_at or 0
                news = self.queues[held.queue_id][held.offset : end]
                wanted = any(held.filter.passes(marks) for marks in news)
                earned = at >= held.deadline or wanted or (scanned and bool(news))
                what = f"{held.filter.text} at {held.offset}: {news}"
                self.must(earned, "WokenForAReason", what)
        self.held = waiting
        self.visit((len(waiting), tuple(len(there) for there in self.queues.values())))
        self.drop_answered_strictly()

    def drop_answered_strictly(self) -> None:
        """Keep what is open, and the last answers, so that a second answer is still noticed."""
        if len(self.lab.asked) > 40:
            self.drop_answered()

    def _answered(self, held: _Held, answer: RemotingCommand, end: int) -> None:
        """FilterSound, FilterComplete: the broker's hash or expression, then the client's tags."""
        if answer.code != SUCCESS:
            return
        queue, text = self.queues[held.queue_id], held.filter.text
        found: list[int] = []
        body = answer.body
        while body:
            size = int.from_bytes(body[:_HEADER_SIZES], "big")
            message = decode_record(body[:size], release=self.lab.release)
            assert message is not None
            offset, marks = message.queue_offset, _marks(message.properties)
            what = f"{text} got {marks} at {offset}"
            self.must(offset >= held.offset and queue[offset] == marks, "FilterSound", what)
            self.must(held.filter.passes(marks), "FilterSound", what)
            found.append(offset)
            body = body[size:]
        fields = answer.ext_fields or {}
        upto = int(fields.get("nextBeginOffset") or 0)
        self.must(upto <= end, "FilterComplete", f"next {upto} of {end}")
        wanted = [n for n in range(held.offset, upto) if held.filter.wants(queue[n])]
        missing = sorted(set(wanted) - set(found))
        self.must(not missing, "FilterComplete", f"{text}: {found} without {missing}")


def _marks(properties: Mapping[str, str]) -> Marks:
    size = properties.get("size", "")
    return Marks(
        properties.get("TAGS"), properties.get("color"), int(size) if size.isdecimal() else -1
    )


MACHINE = Machine(
    name="PullHold",
    machine=PullHoldMachine,
    subject="refimpl.broker.pull_request_hold",
    invariants=(
        HELD_IS_UNSATISFIED,
        HELD_HAS_A_CHANNEL,
        "AnsweredInTime",
        "WokenForAReason",
        "FilterSound",
        "FilterComplete",
        "ServesWhatItHas",
        "DurableIsKept",
        "EveryImageOpens",
        *SYNC_INVARIANTS,
        "AtMostOneAnswer",
    ),
)
