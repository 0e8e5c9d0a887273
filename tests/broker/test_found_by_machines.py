"""Defects that the state machines found, each in its shortest form."""

import pytest

from fuzz.dialogue import Client
from refimpl.broker.broker import PERSIST_CONSUMER_OFFSET
from refimpl.broker.invariants import violations
from refimpl.broker.transaction import OP_BATCH
from refimpl.broker.transaction_check import CHECK
from refimpl.model.release import RELEASES, Release
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.node_lab import BrokerLab

ALL = pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
HALF, TOO_OFTEN = "RMQ_SYS_TRANS_HALF_TOPIC", "TRANS_CHECK_MAX_TIME_TOPIC"
PREPARED = {"TRAN_MSG": "true", "PGROUP": "PG"}


def lab_of(release: Release, **overrides: str) -> tuple[BrokerLab, Client]:
    lab = BrokerLab(release, CrashDisk(), overrides)
    lab.start()
    return lab, Client(lab)


def check_after(lab: BrokerLab, client: Client, millis: int) -> None:
    lab.move(millis)
    assert client.heart_beat("c", producers=["PG"]).code == 0
    lab.step(CHECK)
    lab.settle()


@ALL
def test_a_delayed_half_message_is_put_back_where_it_was(release: Release) -> None:
    """BROKER-TRANS-23, fault B56: diverted after the check, it would be dropped when it is due."""
    lab, client = lab_of(release)
    client.produce("T", b"half", properties={**PREPARED, "DELAY": "1"}, sys_flag=4)
    lab.settle()
    check_after(lab, client, 7_000)
    assert [m.body for m in lab.records(HALF, 0)] == [b"half", b"half"]
    assert not lab.records("SCHEDULE_TOPIC_XXXX", 0)


@ALL
def test_what_was_checked_too_often_stays_until_it_can_be_moved(release: Release) -> None:
    """BROKER-TRANS-16."""
    lab, client = lab_of(release, transactionCheckMax="1", transactionCheckInterval="3600000")
    client.produce("T", b"half", properties=PREPARED, sys_flag=4)
    lab.settle()
    check_after(lab, client, 7_000)
    flags = lab.ctx.store.running_flags
    flags.set_disk_full(full=True)
    check_after(lab, client, 7_000)
    flags.set_disk_full(full=False)
    assert not lab.records(TOO_OFTEN, 0)
    check_after(lab, client, 7_000)
    assert [m.body for m in lab.records(TOO_OFTEN, 0)] == [b"half"]


@ALL
def test_a_level_whose_queue_is_gone_begins_anew(release: Release) -> None:
    """BROKER-SCHEDULE-1, fault B49: and another kill does not find the old offset."""
    text = '{"offsetTable":{1:40}}'
    disk = CrashDisk(files={"config/delayOffset.json": text.encode()})
    lab = BrokerLab(release, disk)
    lab.start()
    assert not violations(lab.ctx)
    Client(lab).produce("T", b"later", properties={"DELAY": "1"})
    lab.settle()
    lab.kill()
    lab.start()
    lab.run(3_000, 500)
    assert [m.body for m in lab.records("T", 0)] == [b"later"]


@ALL
def test_offsets_of_the_check_are_of_one_moment(release: Release) -> None:
    """BROKER-TRANS-25: what has ended is not asked for after an orderly end."""
    lab, client = lab_of(release)
    client.produce("T", b"half", properties=PREPARED, sys_flag=4)
    lab.settle()
    half = lab.records(HALF, 0)[0]
    ended = client.end_transaction(half.queue_offset, half.physical_offset, 8)
    assert ended.answer is not None
    assert ended.answer.code == 0
    lab.settle()
    check_after(lab, client, 7_000)
    lab.step(PERSIST_CONSUMER_OFFSET)
    lab.shutdown()
    lab.start()
    lab.requests.clear()
    check_after(lab, client, 7_000)
    assert not [command for _, command in lab.requests if command.code == 39]


@ALL
def test_a_commit_that_waits_for_the_disk_at_the_end_is_not_asked_for(release: Release) -> None:
    """BROKER-TRANS-10: the store drains when it takes no operation any more."""
    lab, client = lab_of(release, flushDiskType="SYNC_FLUSH")
    client.produce("T", b"half", properties=PREPARED, sys_flag=4)
    lab.settle()
    half = lab.records(HALF, 0)[0]
    lab.forces_complete = False
    asked = client.end_transaction(half.queue_offset, half.physical_offset, 8)
    assert asked.answer is None
    lab.perform(lab.node.shutdown(lab.now))  # before any force is done
    lab.shutdown()
    lab.start()
    assert [m.body for m in lab.records("T", 0)] == [b"half"]
    lab.requests.clear()
    check_after(lab, Client(lab), 7_000)
    assert not [command for _, command in lab.requests if command.code == 39]


@ALL
@pytest.mark.parametrize("passed", ["with the copy", "before the copy", "in an earlier life"])
def test_a_copy_has_ended_with_its_first_half_message(release: Release, passed: str) -> None:
    """BROKER-TRANS-19: whenever the walk passes the operation, and whatever life meets the copy."""
    lab, client = lab_of(release, transactionCheckInterval="3600000")
    slow = {**PREPARED, "CHECK_IMMUNITY_TIME_IN_SECONDS": "20"}
    client.produce("T", b"slow", properties=slow, sys_flag=4)
    lab.settle()
    lab.move(6_000)
    if passed != "with the copy":  # a fresh one between the two ends the round
        client.produce("T", b"fresh", properties=PREPARED, sys_flag=4)
        lab.settle()
    check_after(lab, client, 1_000)
    first, *_, copy = lab.records(HALF, 0)
    assert (first.body, copy.body) == (b"slow", b"slow")
    ended = client.end_transaction(first.queue_offset, first.physical_offset, 12)
    assert ended.answer is not None
    assert ended.answer.code == 0
    lab.move(3_000)
    lab.step(OP_BATCH)
    lab.settle()
    if passed == "in an earlier life":
        check_after(lab, client, 1_000)
        lab.shutdown()
    else:
        lab.kill()
    lab.start()
    lab.requests.clear()
    client = Client(lab)
    if passed == "before the copy":
        check_after(lab, client, 1_000)
    check_after(lab, client, 30_000)
    half = [message.body for message in lab.records(HALF, 0)]
    assert half.count(b"slow") == 2, half
    assert half.count(b"fresh") == 2 * (passed != "with the copy")  # the walk came so far
    asked = [command.body or b"" for _, command in lab.requests if command.code == 39]
    assert not [body for body in asked if b"slow" in body]
