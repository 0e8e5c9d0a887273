"""A broker that is killed while it is sent to, again and again, on one store.

    python -m fuzz.kills --target reference-tcp --lives 20

Any target of the suite that can be killed. What stops is the process and not the machine, so that
the page cache stays and *every* acknowledged message must be there, whatever the flush. Requests
are in flight when the broker dies; what was not answered may be there or not, but whole, once, and
where a message of its queue belongs.

What is sent, and after how many answers the broker dies, comes from the seed; how far the broker
came with the rest is its own affair, so that a seed repeats the life and not always its end.
"""

import argparse
import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from typing import Final, NamedTuple

from conformance.connection import Connection
from conformance.records import BatchMessage, Record, encode_batch
from conformance.target import Capability, Target
from conformance.targets.choice import UnknownTarget, choose
from conformance.verdict import Failure, TargetDied, TargetUnavailable
from conformance.wire import Wire, send_result, send_v2_ext
from refimpl.model.ids import QueueId, Topic
from refimpl.model.override import override
from refimpl.model.prng import Prng
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_TOPICS: Final = 2
_QUEUES: Final = 3
_SENDS_MAX: Final = 40  # in one life
_BATCH_MAX: Final = 4
_BODY_MAX: Final = 3000  # bytes


class Queue(NamedTuple):
    """Where a message goes."""

    topic: Topic
    queue_id: QueueId


class Sent(NamedTuple):
    """One request: the bodies of its messages, in the order of the batch."""

    queue: Queue
    bodies: tuple[bytes, ...]


class Lost(NamedTuple):
    """A promise that was broken."""

    life: int
    queue: Queue
    what: str

    @override
    def __str__(self) -> str:
        """One line."""
        topic, queue_id = self.queue
        return f"life {self.life}: {topic}/{queue_id}: {self.what}"


class Book:
    """What was sent and answered in all lives, and what a reader has seen."""

    def __init__(self) -> None:
        self.acknowledged: dict[Queue, dict[int, bytes]] = {}
        self.sent: dict[bytes, Queue] = {}
        self.seen: dict[Queue, list[bytes]] = {}

    def asked(self, sent: Sent) -> None:
        """A request left."""
        self.sent.update(dict.fromkeys(sent.bodies, sent.queue))

    def answered(self, sent: Sent, queue_offset: int) -> None:
        """It was answered with SUCCESS and the offset of its first message."""
        table = self.acknowledged.setdefault(sent.queue, {})
        for at, body in enumerate(sent.bodies):
            table[queue_offset + at] = body

    def end(self, queue: Queue) -> int:
        """Offset behind everything that a client knows of this queue."""
        known = max(self.acknowledged.get(queue, {}), default=-1) + 1
        return max(known, len(self.seen.get(queue, ())))

    def judge(self, queue: Queue, records: list[Record]) -> Iterator[str]:
        """Hold a queue, read from its beginning, against what is known; then remember it."""
        bodies = [record.body for record in records]
        if [record.queue_offset for record in records] != list(range(len(records))):
            yield f"offsets {[record.queue_offset for record in records]}"
        for offset, body in sorted(self.acknowledged.get(queue, {}).items()):
            if bodies[offset : offset + 1] != [body]:
                yield f"acknowledged at {offset}, not there: {body[:20]!r}"
        if bodies[: len(before := self.seen.get(queue, []))] != before:
            yield "what was read before is not what is read now"
        if len(set(bodies)) < len(bodies):
            yield "a message is there twice"
        strange = [body[:20] for body in bodies if self.sent.get(body) != queue]
        if strange:
            yield f"never sent to this queue: {strange}"
        self.seen[queue] = bodies


class Campaign:
    """Lives of one target on one store."""

    def __init__(self, target: Target, seed: int) -> None:
        self.target = target
        self.book = Book()
        self.lives = 0
        self.requests = 0
        self.unanswered = 0
        self._prng = Prng(seed)
        self._queues: list[Queue] = []

    def run(self, lives: int, options: Mapping[str, str]) -> Generator[Lost]:
        """Start, live, be killed, be looked at; raises `TargetUnavailable`, `TargetDied`."""
        self.target.start(options)
        try:
            self._queues = self._make_queues()
            for life in range(1, lives + 1):
                self._live(life)
                self.target.restart(kill=True)
                yield from self._look(life)
        finally:
            self.target.stop()

    def _make_queues(self) -> list[Queue]:
        wire = Wire(self.target, "kills")
        topics = [Topic(wire.create_topic(queues=_QUEUES)) for _ in range(_TOPICS)]
        wire.abandon()
        return [Queue(topic, QueueId(number)) for topic in topics for number in range(_QUEUES)]

    def _live(self, life: int) -> None:
        """Requests in a row on one connection, some answers, and the line is dead."""
        prng = self._prng.fork(f"life {life}")
        wire = Wire(self.target, f"kills {life}")
        flying: list[tuple[int, Sent]] = []
        for number in range(1 + prng.below(_SENDS_MAX)):
            sent = self._drawn(prng, f"{life}.{number}")
            self.book.asked(sent)
            flying.append((_submit(wire, wire.broker, sent), sent))
        awaited = prng.below(len(flying) + 1)
        for opaque, sent in flying[:awaited]:
            response = wire.broker.answer(opaque)
            wire.expect(response, code=ResponseCode.SUCCESS)
            self.book.answered(sent, send_result(response).queue_offset)
        self.lives += 1
        self.requests += len(flying)
        self.unanswered += len(flying) - awaited
        wire.abandon()

    def _drawn(self, prng: Prng, name: str) -> Sent:
        queue = self._queues[prng.below(len(self._queues))]
        count = 1 + prng.below(_BATCH_MAX)
        if count == _BATCH_MAX:  # one in four is a batch
            sizes = [prng.below(_BODY_MAX // count) for _ in range(count)]
        else:
            sizes = [prng.below(_BODY_MAX)]
        bodies = [f"{name}.{at} ".encode().ljust(size, b".") for at, size in enumerate(sizes)]
        return Sent(queue, tuple(bodies))

    def _look(self, life: int) -> Iterator[Lost]:
        """The first that a consumer asks is where its queue ends; then it reads everything."""
        wire = Wire(self.target, f"look {life}")
        try:
            for queue in self._queues:
                end, known = wire.max_offset(*queue), self.book.end(queue)
                if end < known:
                    yield Lost(life, queue, f"ends at {end}, but {known} is known")
                records: list[Record] = []
                while len(records) < end:
                    more = wire.pull(*queue, len(records)).records
                    if not more:
                        yield Lost(life, queue, f"nothing at {len(records)}, below its end {end}")
                        break
                    records += more
                for what in self.book.judge(queue, records):
                    yield Lost(life, queue, what)
        finally:
            wire.abandon()


def _submit(wire: Wire, connection: Connection, sent: Sent) -> int:
    topic, queue_id = sent.queue
    if len(sent.bodies) == 1:
        fields = wire.send_ext(topic, queue_id=queue_id)
        return connection.submit(RequestCode.SEND_MESSAGE, ext=fields, body=sent.bodies[0])
    return connection.submit(
        RequestCode.SEND_BATCH_MESSAGE,
        ext=send_v2_ext(wire.send_ext(topic, queue_id=queue_id, batch=True)),
        body=encode_batch([BatchMessage(body, {}) for body in sent.bodies]),
    )


def main(words: list[str] | None = None) -> int:
    """0: nothing was lost; 1: something was; 2: there is no such target, or it cannot be killed."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.kills")
    parser.add_argument("--target", default="reference-tcp", help="as of `rmqref conformance run`")
    parser.add_argument("--release", help="where the target has none of its own")
    parser.add_argument("--flush", choices=("async", "sync"), default="sync")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lives", type=int, default=20)
    parser.add_argument("--stop", type=int, default=5, help="after so many broken promises")
    given = parser.parse_args(words)
    try:
        target = choose(given.target, given.release)
    except UnknownTarget as error:
        parser.error(str(error))
    missing = {Capability.START, Capability.KILL} - target.capabilities
    if missing:
        print(f"skipped: {target.name} has no {', '.join(sorted(one.value for one in missing))}")
        return 2
    options = {"flushDiskType": f"{given.flush.upper()}_FLUSH"}
    campaign = Campaign(target, given.seed)
    lost = 0
    try:
        with closing(
            campaign.run(given.lives, options if Capability.OPTIONS in target.capabilities else {})
        ) as found:
            for one in found:
                lost += 1
                print(one, flush=True)
                if lost == given.stop:
                    break
    except TargetUnavailable as error:
        print(f"skipped: {error.reason}")
        return 2
    except (TargetDied, Failure) as error:
        print(f"{target.name}: {error}")
        lost += 1
    print(
        f"{target.name}: {campaign.lives} lives of seed {given.seed}, {campaign.requests} requests,"
        f" {campaign.unanswered} of them in flight at the end, {lost} promises broken"
    )
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
