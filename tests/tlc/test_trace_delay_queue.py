"""Traces of a broker that delays messages, through crashes, are behaviours of the model."""

import pytest

from fuzz.dialogue import Client
from fuzz.store_rig import message
from refimpl.broker.schedule_message import PERSIST
from refimpl.model.ids import Actor, QueueOffset
from refimpl.model.release import RELEASE_4_9
from refimpl.model.trace import (
    DelayStarted,
    DeliverDelayed,
    Forced,
    ObservedFile,
    PassDelayed,
    PersistDelay,
    TraceEvent,
)
from refimpl.model.trace_file import Trace
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.node_lab import BrokerLab
from refimpl.sim.trace_writer import TraceLog
from refimpl.tlc import mutation
from refimpl.tlc.trace_check import Judged
from tests.tlc.judging import check_accepted, check_refused, check_windows, judged_by

SETTINGS = {"messageDelayLevel": "1s 3s", "flushDiskType": "SYNC_FLUSH"}
FILE = "config/delayOffset.json"
FLUSH = Actor("store.flush_commit_log")


def deliver_two(lab: BrokerLab) -> None:
    """Two messages, sent and delivered; the offset is written."""
    for body in (b"1", b"2"):
        Client(lab).produce("T1", body, properties={"DELAY": "1"})
        lab.settle()
        lab.jump(1_200)
    lab.move(10_001)
    lab.step(FLUSH)
    lab.step(PERSIST)


def honest() -> tuple[Trace, BrokerLab]:
    """Two messages are delivered and the offset written; a kill; a third; an orderly end."""
    lab = BrokerLab(RELEASE_4_9, CrashDisk(), SETTINGS)
    log = lab.trace = TraceLog.of("honest", lab.config, RELEASE_4_9)
    lab.start()
    deliver_two(lab)
    lab.kill()
    lab.forces_complete = False  # what recovery read is not forced yet: nothing is shown
    lab.start()
    lab.jump(1_100)
    lab.forces_complete = True
    for pending in list(lab.forces):
        lab.complete_force(pending)
    Client(lab).produce("T1", b"3", properties={"DELAY": "1"})
    lab.settle()
    lab.jump(2_000)
    lab.shutdown()
    lab.start()
    lab.jump(1_100)
    return log.trace(), lab


def torn() -> Trace:
    """What the power left of a message is passed; the one behind it is delivered, and more."""
    lab = BrokerLab(RELEASE_4_9, CrashDisk(), SETTINGS)
    log = lab.trace = TraceLog.of("torn", lab.config, RELEASE_4_9)
    lab.start()
    lab.ctx.store.put_message(message(b"torn", topic="SCHEDULE_TOPIC_XXXX"), lab.now)
    deliver_two(lab)
    return log.trace()


def long_life(messages: int) -> Trace:
    """Delayed and delivered, one after the other, each flushed; then a look that is refused."""
    lab = BrokerLab(RELEASE_4_9, CrashDisk(), SETTINGS)
    log = lab.trace = TraceLog.of(f"{messages} messages", lab.config, RELEASE_4_9)
    lab.start()
    for number in range(messages):
        Client(lab).produce("T1", b"%d" % number, properties={"DELAY": "1"})
        lab.settle()
        lab.jump(1_200)
    log.events.append(mutation.NEVER)
    return log.trace()


HONEST, LAB = honest()
TORN = torn()
LONG = [long_life(messages) for messages in (10, 40)]


def changed(kind: type[TraceEvent], name: str, **fields: int) -> Trace:
    """The honest trace with one event altered, the last of its kind and of level 1."""
    at = max(
        i
        for i, e in enumerate(HONEST.events)
        if isinstance(e, kind) and e._asdict().get("level") == 1
    )
    event = kind(**{**HONEST.events[at]._asdict(), **fields})
    events = [event if i == at else e for i, e in enumerate(HONEST.events)]
    return Trace(HONEST.header._replace(trace=name), tuple(events))


def without_force() -> Trace:
    """The honest trace, of which one force of the file of offsets is not told."""
    at = next(i for i, e in enumerate(HONEST.events) if isinstance(e, Forced) and e.file == FILE)
    events = HONEST.events[:at] + HONEST.events[at + 1 :]
    return Trace(HONEST.header._replace(trace="not forced"), events)


def looked(name: str, at: int, **fields: bool) -> Trace:
    """The honest trace, of which the look number `at` at the file shows something else."""
    places = [i for i, e in enumerate(HONEST.events) if isinstance(e, ObservedFile)]
    place = [i for i in places if HONEST.events[i]._asdict()["file"] == FILE][at]
    event = ObservedFile(**{**HONEST.events[place]._asdict(), **fields})
    events = (*HONEST.events[:place], event, *HONEST.events[place + 1 :])
    return Trace(HONEST.header._replace(trace=name), events)


WRONG = {  # name: (trace, words of the condition that refuses it)
    "early": (changed(DeliverDelayed, "early", late=-1), "it is due"),
    "skips": (changed(DeliverDelayed, "skips", offset=3), "position = offset"),
    "twice": (changed(DeliverDelayed, "twice", offset=0), "position = offset"),
    "written too far": (changed(PersistDelay, "written too far", offset=4), "durable"),
    "written too late": (changed(PersistDelay, "written too late", offset=1), "durable"),
    "stored elsewhere": (changed(DeliverDelayed, "stored elsewhere", where=9), "stored just now"),
    "not forced": (without_force(), "durable where it was forced"),
    "there before it was": (looked("there before it was", 0, loaded=True), "is neither"),
    "settled by itself": (looked("settled by itself", -1, loaded=True), "durable is settled"),
    "begins behind": (changed(DelayStarted, "begins behind", offset=7), "in the queue"),
}


@pytest.fixture(scope="module")
def judged() -> dict[str, Judged]:
    """One run of TLC for all."""
    return judged_by("DelayQueue", [HONEST, TORN, *LONG, *(trace for trace, _ in WRONG.values())])


def test_a_level_does_not_go_back_while_nothing_is_shown_after_a_crash() -> None:
    """BROKER-SCHEDULE-9: what was recovered is shown when it was forced; the offset waits."""
    delivered = [e.offset for e in HONEST.events if isinstance(e, DeliverDelayed)]
    assert delivered == [QueueOffset(0), QueueOffset(1), QueueOffset(2)]
    assert [m.body for m in LAB.records("T1", 0)] == [b"1", b"2", b"3"]


@pytest.mark.slow
def test_an_honest_trace_is_accepted(judged: dict[str, Judged]) -> None:
    """BROKER-SCHEDULE-3, BROKER-SCHEDULE-9, BROKER-SCHEDULE-14."""
    check_accepted(judged, [HONEST])


@pytest.mark.slow
def test_what_the_power_tore_is_passed(judged: dict[str, Judged]) -> None:
    """BROKER-SCHEDULE-15: it is promised to nobody, and what is behind it is written down."""
    assert [type(e) for e in TORN.events if isinstance(e, (PassDelayed, DeliverDelayed))] == [
        *(PassDelayed, DeliverDelayed, DeliverDelayed)
    ]
    assert PersistDelay(1, QueueOffset(3)) in TORN.events
    check_accepted(judged, [TORN])


@pytest.mark.slow
def test_a_longer_life_needs_no_more_room(judged: dict[str, Judged]) -> None:
    """What was delivered and is durable is forgotten: the same state, counted from elsewhere."""
    check_windows(judged, LONG, ("queue", "ends", "copies", "real", "marks", "files"))


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_an_altered_trace_is_refused(name: str, judged: dict[str, Judged]) -> None:
    check_refused(judged, name, WRONG[name][1])
