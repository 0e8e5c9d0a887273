"""Held pulls: each answered once, by a message that its filter wants or by its time, no sooner."""

from collections.abc import Mapping
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from fuzz.broker_machine import KILL, BrokerMachine
from fuzz.dialogue import SUCCESS, Client
from fuzz.stateful.registry import Machine
from refimpl.broker.invariants import HELD_HAS_A_CHANNEL, HELD_IS_UNSATISFIED
from refimpl.broker.pull_request_hold import PULL_REQUEST_HOLD
from refimpl.model.ids import QueueId, Topic
from refimpl.model.message_codec import decode_record
from refimpl.model.override import override
from refimpl.model.subscription import build_subscription_data
from refimpl.remoting.command import RemotingCommand
from refimpl.sim.node_lab import Asked

TOPIC, GROUP = "T", "G"
QUEUES = (0, 1)
TAGS = ("Aa", "BB", "C", None)  # the first two have the same hash
SUBSCRIPTIONS = ("*", "Aa", "C", "Aa || C")
_SCAN = 5_000
_HEADER_SIZES = 4


class _Held:
    """One pull that was not answered at once."""

    def __init__(self, asked: Asked, queue_id: int, offset: int, text: str, patience: int) -> None:
        self.asked = asked
        self.queue_id = queue_id
        self.offset = offset
        self.text = text
        self.deadline = asked.at + patience


def wants(text: str, tag: str | None) -> bool:
    """Tell what the broker's filter lets through: the hash of a tag, not the tag."""
    subscription = build_subscription_data(TOPIC, text)
    if text == "*":
        return True
    other = build_subscription_data(TOPIC, tag).code_set if tag is not None else frozenset()
    return bool(subscription.code_set & other)


class PullHoldMachine(BrokerMachine):
    """Two queues, two clients; the model is the tags of each queue and what is held."""

    FAULTS: ClassVar[tuple[str, ...]] = (KILL, "hang-up")
    OVERRIDES: ClassVar[Mapping[str, str]] = {"longPollingEnable": "true"}

    @override
    def began(self) -> None:
        """Topic and group are known."""
        self.tags: dict[int, list[str | None]] = {queue_id: [] for queue_id in QUEUES}
        self.held: list[_Held] = []
        self.other = Client(self.lab)
        self.scanned = False
        self.scan_due = 0
        for queue_id in QUEUES:
            self._produce(queue_id, None)
        self.lab.settle()
        self.client.pull(GROUP, TOPIC, 0, 0)

    def _produce(self, queue_id: int, tag: str | None) -> None:
        properties = {} if tag is None else {"TAGS": tag}
        asked = self.client.produce(TOPIC, b"m", queue_id=queue_id, properties=properties)
        self.must(asked.answer is not None and asked.answer.code == SUCCESS, "BROKER-PULL-24", "")
        self.tags[queue_id].append(tag)

    @rule(queue_id=st.sampled_from(QUEUES), tag=st.sampled_from(TAGS), shown=st.booleans())
    def produce(self, queue_id: int, tag: str | None, shown: bool) -> None:
        """A message; whether it can be read yet is the dispatch's business."""
        self._produce(queue_id, tag)
        if shown:
            self.lab.settle()

    @rule(
        queue_id=st.sampled_from(QUEUES),
        back=st.integers(0, 3),
        text=st.sampled_from(SUBSCRIPTIONS),
        patience=st.sampled_from((1_000, 7_000, 15_000)),
        first=st.booleans(),
    )
    def pull(self, queue_id: int, back: int, text: str, patience: int, first: bool) -> None:
        """A pull at the end of a queue or a little before; BROKER-PULL-23."""
        store = self.lab.ctx.store
        end = store.max_offset_in_queue(Topic(TOPIC), QueueId(queue_id))
        offset = max(0, end - back)
        client = self.client if first else self.other
        asked = client.pull(GROUP, TOPIC, queue_id, offset, subscription=text, suspend=patience)
        held = _Held(asked, queue_id, offset, text, patience)
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
        self.held = [held for held in self.held if held.asked.channel != gone]
        self.lab.asked = {key: a for key, a in self.lab.asked.items() if key[0] != gone}

    @override
    def came_back(self, *, killed: bool) -> None:  # noqa: ARG002 - both are the same here
        """Held pulls die with the broker."""
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
                news = self.tags[held.queue_id][held.offset : end]
                wanted = any(wants(held.text, tag) for tag in news)
                earned = at >= held.deadline or wanted or (scanned and bool(news))
                self.must(earned, "WokenForAReason", f"{held.text} at {held.offset}: {news}")
        self.held = waiting
        self.visit((len(waiting), tuple(len(tags) for tags in self.tags.values())))
        self.drop_answered_strictly()

    def drop_answered_strictly(self) -> None:
        """Keep what is open, and the last answers, so that a second answer is still noticed."""
        if len(self.lab.asked) > 40:
            self.drop_answered()

    def _answered(self, held: _Held, answer: RemotingCommand, end: int) -> None:
        """FilterSound, FilterComplete: the broker's hashes, then the client's tags."""
        if answer.code != SUCCESS:
            return
        queue = self.tags[held.queue_id]
        found: list[tuple[int, str | None]] = []
        body = answer.body
        while body:
            size = int.from_bytes(body[:_HEADER_SIZES], "big")
            message = decode_record(body[:size], release=self.lab.release)
            assert message is not None
            found.append((message.queue_offset, message.properties.get("TAGS")))
            body = body[size:]
        for offset, tag in found:
            what = f"{held.text} got {tag} at {offset}"
            self.must(offset >= held.offset and queue[offset] == tag, "FilterSound", what)
            self.must(wants(held.text, tag), "FilterSound", what)
        fields = answer.ext_fields or {}
        upto = int(fields.get("nextBeginOffset") or 0)
        expected = [n for n in range(held.offset, upto) if wants(held.text, queue[n])]
        offsets = [offset for offset, _ in found]
        self.must(offsets == expected, "FilterComplete", f"{held.text}: {offsets}, not {expected}")
        self.must(upto <= end, "FilterComplete", f"next {upto} of {end}")


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
        "AtMostOneAnswer",
        "BROKER-PULL-24",
    ),
)
