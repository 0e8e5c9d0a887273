"""STORE-PROMISE-1..12: the ledger sees each kind of broken promise, none in a sound store."""

import pytest

from refimpl.model.ids import QueueId, Topic
from refimpl.model.status import PutMessageStatus
from refimpl.sim.ledger import Ledger
from refimpl.sim.ledger_look import violations
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.sim.sent_log import Fate, Sent, SentLog
from refimpl.sim.store_lab import StoreLab

T, Q = Topic("T"), QueueId(0)
OK = PutMessageStatus.PUT_OK


def rules(found: list[str]) -> set[str]:
    return {text.split(":")[0] for text in found}


def lab_with(count: int, **overrides: str) -> StoreLab:
    lab = StoreLab(overrides=overrides)
    for _ in range(count):
        lab.put()
    lab.settle()
    return lab


def test_a_sound_store_breaks_nothing() -> None:
    lab = lab_with(9)
    assert lab.read() == list(range(9))
    assert lab.check() == []


def test_a_durable_message_that_is_gone() -> None:
    """STORE-PROMISE-1, STORE-PROMISE-2, STORE-PROMISE-8, by what was told about it."""
    empty = StoreLab()
    for sync, told, expected in (
        (True, OK, "STORE-PROMISE-1"),
        (True, None, "STORE-PROMISE-2"),
        (False, OK, "STORE-PROMISE-2"),
    ):
        ledger = Ledger(sync).put(T, Q, [b"0"]).appended(0, [(0, 100, 0)])
        if told is not None:
            ledger = ledger.answered(0, told)
        assert rules(violations(ledger.killed(100), empty.store)) == {expected}
        lost = violations(ledger.power_failed(), empty.store)
        assert rules(lost) == ({"STORE-PROMISE-1"} if expected == "STORE-PROMISE-1" else set())
    shown = Ledger(sync_flush=True).put(T, Q, [b"0"]).appended(0, [(0, 100, 0)]).shown([0])
    assert rules(violations(shown.power_failed(), empty.store)) == {"STORE-PROMISE-8"}


def test_what_was_flushed_or_orderly_stopped_is_durable() -> None:
    """STORE-PROMISE-1, STORE-PROMISE-9."""
    ledger = Ledger(sync_flush=False).put(T, Q, [b"0"]).appended(0, [(0, 100, 0)])
    assert not ledger.flushed(99).power_failed().sent[0].must
    assert ledger.flushed(100).power_failed().sent[0].must
    assert ledger.stopped().sent[0].must


@pytest.mark.parametrize("waits", [True, False])
def test_who_does_not_wait_is_promised_nothing(waits: bool) -> None:
    """STORE-PROMISE-1."""
    ledger = Ledger(sync_flush=True).put(T, Q, [b"0"], waits=waits).answered(0, OK)
    assert ledger.sent[0].durable is waits
    timeout = PutMessageStatus.FLUSH_DISK_TIMEOUT
    assert not Ledger(sync_flush=True).put(T, Q, [b"0"]).answered(0, timeout).sent[0].durable


def other(lab: StoreLab, **changed: object) -> list[str]:
    """Rules broken when message 1 of the ledger is another than the one in the store."""
    sent = list(lab.ledger.sent)
    fields = {name: getattr(sent[1], name) for name in Sent.__slots__} | changed
    sent[1] = Sent(**fields)
    return violations(Ledger(lab.ledger.sync_flush, SentLog.of(sent)), lab.store)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"body": b"another"}, {"STORE-PROMISE-3", "STORE-PROMISE-5"}),
        ({"topic": Topic("U")}, {"STORE-PROMISE-5"}),
        ({"queue_id": QueueId(1)}, {"STORE-PROMISE-5"}),
        ({"properties": "a\x01b"}, {"STORE-PROMISE-5"}),
        ({"offset": 7}, {"STORE-PROMISE-6"}),
        ({"queue_offset": 7}, {"STORE-PROMISE-6"}),
        ({"status": PutMessageStatus.MESSAGE_ILLEGAL}, {"STORE-PROMISE-4"}),
        ({"status": PutMessageStatus.UNKNOWN_ERROR}, set()),
        ({"fate": Fate.LOST}, {"STORE-PROMISE-7"}),
    ],
    ids=lambda value: str(sorted(value)),
)
def test_a_record_that_should_not_be_so(changed: dict[str, object], expected: set[str]) -> None:
    """STORE-PROMISE-3..7."""
    assert rules(other(lab_with(3), **changed)) == expected


def test_a_message_that_stands_twice() -> None:
    """STORE-PROMISE-6: the same body in two places."""
    lab = lab_with(1)
    lab.ledger = Ledger(sync_flush=False)
    lab.put()
    assert "STORE-PROMISE-6" in rules(lab.check())


def test_a_record_without_its_unit() -> None:
    """STORE-PROMISE-10."""
    lab = lab_with(3)
    queue = lab.store.queues.find("T", 0)
    assert queue is not None
    disk = lab.disk.disk
    assert isinstance(disk, MemoryDisk)
    disk.write("consumequeue/T/0/" + "0" * 20, 20, bytes(20))
    assert "STORE-PROMISE-10" in rules(lab.check())


@pytest.mark.parametrize("given", [2, 4])
def test_an_offset_given_twice_or_left_out(given: int) -> None:
    """STORE-PROMISE-11."""
    lab = lab_with(3)
    lab.store.commit_log.topic_queue_table["T", 0] = given
    assert "STORE-PROMISE-11" in rules(lab.check())


def test_what_an_opening_did_not_find_is_given_up() -> None:
    """STORE-PROMISE-7: and what retention took is nobody's loss."""
    lab = lab_with(3)
    ledger = lab.ledger.put(T, Q, [b"never stored"]).opened(lab.store)
    assert [s.fate for s in ledger.sent] == [Fate.KEPT] * 3 + [Fate.LOST]
    assert ledger.removed(1).sent[0].fate is Fate.REMOVED
    assert ledger.removed(1).sent[3].fate is Fate.LOST


def test_a_store_that_does_not_open() -> None:
    """STORE-PROMISE-12."""
    lab = lab_with(3)
    disk = lab.kill()
    disk.extend("commitlog/" + "0" * 20, 1)
    assert not lab.reopen(disk)
    assert rules(lab.check()) == {"STORE-PROMISE-12"}


def test_a_ledger_is_a_value() -> None:
    """Two histories that are the same compare and hash the same."""
    first, second = lab_with(2).ledger, lab_with(2).ledger
    assert first == second
    assert hash(first) == hash(second)
    assert first != first.shown([0])


def test_what_a_disk_that_broke_its_word_still_owes() -> None:
    """STORE-PROMISE-13: no message is missed after that, but nothing that nobody sent is taken."""
    lab = lab_with(2)
    told = Ledger(sync_flush=True).put(T, Q, [b"0"]).appended(0, [(0, 100, 0)]).answered(0, OK)
    empty = StoreLab().store
    for ledger, expected in (
        (told.power_failed(), {"STORE-PROMISE-1"}),
        (told.deceived().killed(100), {"STORE-PROMISE-1"}),
        (told.deceived().power_failed(), set()),
        (told.damaged().killed(100), set()),
    ):
        assert rules(violations(ledger, empty)) == expected
    assert rules(violations(lab.ledger.damaged(), lab.store)) == set()
    assert rules(violations(told.damaged(), lab.store)) == {"STORE-PROMISE-13"}
