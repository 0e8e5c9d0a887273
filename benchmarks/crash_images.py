"""`python -m benchmarks.crash_images`: crash images per second through real recovery.

A store with the minimal preset takes messages under SYNC_FLUSH, its queues are forced now and then
and the power fails while the last few messages are on their way. Each image becomes a disk, and a
store on it recovers, forces what it read, and dispatches it. Time is that of the
processor: one process, one core, whatever else runs.
"""

import itertools
import statistics
from collections.abc import Iterator
from time import process_time
from typing import NamedTuple

import click

from benchmarks.measures import Results
from benchmarks.servers import REFERENCE
from refimpl.model.config import Config
from refimpl.model.ids import Address, Millis, QueueId, Topic
from refimpl.model.message import MessageExtBrokerInner
from refimpl.model.message_property import (
    PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX,
    properties_to_string,
)
from refimpl.model.preset import MINIMAL
from refimpl.model.prng import Prng
from refimpl.model.release import RELEASE_4_9
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import ORDERED, Crash, CrashImage
from refimpl.store.message_store import (
    FLUSH_COMMIT_LOG,
    FLUSH_CONSUME_QUEUE,
    REPUT,
    MessageStore,
)
from refimpl.store.store_event import ForceWanted

GOAL = 1000  # images per second with ten messages; the same line stands in report.GOALS
MESSAGES = (10, 100, 1000, 10_000)
_HOST = Address("127.0.0.1", 10911)
_START = 1_700_000_000_000
_BETWEEN = 1000  # milliseconds from message to message: a checkpoint is a minute old at most
_ROUND = 25  # messages between two rounds of the consume queues
_UNFORCED = 4  # messages at the end
_LARGE = 1000  # messages from which a slice is shorter
_FIRST_OF_SLICE = 20


class Figure(NamedTuple):
    """What one slice measured."""

    messages: int
    files: int
    counted: int | None  # images that there are
    images: int  # that were opened
    make_micros: float  # an image and its disk
    recover_micros: float  # the store on it

    @property
    def rate(self) -> float:
        """Images per second, all included."""
        return 1e6 / (self.make_micros + self.recover_micros)


def crashed_store(messages: int) -> tuple[Crash, Config]:
    """Run a store until its power fails."""
    config = Config.of(RELEASE_4_9, "broker", {**MINIMAL, "flushDiskType": "SYNC_FLUSH"})
    disk = CrashDisk(ORDERED)
    store = MessageStore(disk, config, RELEASE_4_9, _HOST)
    store.load(Millis(_START))
    store.start(Millis(_START))
    for i in range(messages):
        now = Millis(_START + i * _BETWEEN)
        disk.now = now
        store.put_message(_message(i), now)
        if i < messages - _UNFORCED:
            store.step(FLUSH_COMMIT_LOG, now)
            _force(store, disk, now)
        store.step(REPUT, now)
        if i % _ROUND == _ROUND - 1:
            disk.now = now
            store.step(FLUSH_CONSUME_QUEUE, now)
            _force(store, disk, now)
    return disk.crash(), config


def _message(number: int) -> MessageExtBrokerInner:
    """A message as every client sends it: with a unique key, which the index takes."""
    properties = {PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX: f"{number:032X}"}
    return MessageExtBrokerInner(
        topic=Topic("TopicTest"),
        queue_id=QueueId(number % 2),
        body=b"body %d" % number,
        flag=0,
        sys_flag=0,
        properties=properties,
        properties_string=properties_to_string(properties, RELEASE_4_9),
        tags_code=0,
        born_timestamp=Millis(_START),
        born_host=_HOST,
        store_host=_HOST,
        encoded_batch=None,
    )


def _force(store: MessageStore, disk: CrashDisk, now: Millis) -> None:
    while events := store.poll():
        for event in events:
            if isinstance(event, ForceWanted):
                disk.force(event.path)
                store.forced(event.token, failed=False, now=now)


def recover(image: CrashImage, config: Config, now: Millis) -> MessageStore:
    """Start a store on an image, as after a restart of the machine, until it shows its messages."""
    disk = CrashDisk.from_image(image)
    store = MessageStore(disk, config, RELEASE_4_9, _HOST)
    store.load(now)
    store.start(now)
    store.step(FLUSH_COMMIT_LOG, now)  # what was read counts as durable when it is forced again
    _force(store, disk, now)
    while store.reput.behind() > 0:
        store.step(REPUT, now)
    return store


def _endless(crash: Crash, budget: int) -> Iterator[CrashImage]:
    for seed in itertools.count():
        yield from crash.images(budget, Prng(seed))


def measure(messages: int, seconds: float) -> Figure:
    """Open images for `seconds`; what was acknowledged must be there in each."""
    crash, config = crashed_store(messages)
    now = Millis(_START + messages * _BETWEEN + 60_000)
    source = _endless(crash, _FIRST_OF_SLICE if messages >= _LARGE else 5000)
    opened, making, recovering = 0, 0.0, 0.0
    durable = messages - _UNFORCED
    while making + recovering < seconds or opened < _FIRST_OF_SLICE:
        begun = process_time()
        image = next(source)
        made = process_time()
        store = recover(image, config, now)
        recovering += process_time() - made
        making += made - begun
        opened += 1
        found = sum(store.max_offset_in_queue(Topic("TopicTest"), QueueId(i)) for i in range(2))
        assert durable <= found <= messages, f"{found} of {durable}: {image.label}"
    return Figure(
        messages, len(crash.files), crash.count(), opened, making / opened * 1e6,
        recovering / opened * 1e6,
    )  # fmt: skip


def measure_crash_images(results: Results, rounds: int, slice_seconds: float) -> None:
    """Images per second through recovery, by the number of messages."""
    for _ in range(rounds):
        for count in MESSAGES:
            name = "crash images/s" + ("" if count == min(MESSAGES) else f", {count:,} messages")
            results.add(name, REFERENCE, measure(count, slice_seconds).rate)


@click.command()
@click.option("--rounds", default=3, show_default=True, help="Slices per number of messages.")
@click.option(
    "--slice", "slice_seconds", default=1.0, show_default=True, help="Seconds of a slice."
)
@click.option("--messages", multiple=True, type=int, default=MESSAGES, show_default=True)
def main(*, rounds: int, slice_seconds: float, messages: tuple[int, ...]) -> None:
    """Print a table; exit 1 where the goal is missed."""
    click.echo(
        "| messages | files | images there are | opened | image us | recovery us | images/s |"
    )
    click.echo("|---:|---:|---:|---:|---:|---:|---:|")
    met = True
    for count in messages:
        figures = [measure(count, slice_seconds) for _ in range(rounds)]
        rate = statistics.median(figure.rate for figure in figures)
        make = statistics.median(figure.make_micros for figure in figures)
        recovery = statistics.median(figure.recover_micros for figure in figures)
        counted = figures[0].counted
        there = "sampled" if counted is None else f"{counted:.3g}"
        opened = sum(figure.images for figure in figures)
        cells = (count, figures[0].files, there, opened, f"{make:.1f}", f"{recovery:.0f}")
        click.echo(f"| {' | '.join(map(str, cells))} | {rate:,.0f} |")
        met = met and (count > min(MESSAGES) or rate >= GOAL)
    click.echo(f"Goal: {GOAL:,} images per second with {min(MESSAGES)} messages: "
               f"{'met' if met else 'MISSED'}.")  # fmt: skip
    raise SystemExit(0 if met else 1)


if __name__ == "__main__":
    main()
