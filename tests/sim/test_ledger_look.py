"""A look that goes on finds what a look at everything finds, and what was written over."""

from collections.abc import Callable

import pytest

from refimpl.model.ids import QueueId, Topic
from refimpl.model.status import PutMessageStatus
from refimpl.sim import ledger_look
from refimpl.sim.found_records import Found, read_records
from refimpl.sim.ledger_look import Look, violations
from refimpl.sim.store_lab import StoreLab, StrangeMessage
from refimpl.store.message_store import CLEAN_FILES, REPUT, MessageStore

SIZES = {"mappedFileSizeCommitLog": "500", "mappedFileSizeConsumeQueue": "60"}


class Watched:
    """A store with nine messages, looked at once."""

    def __init__(self) -> None:
        self.lab = StoreLab(overrides=SIZES)
        for _ in range(9):
            self.lab.put()
        self.lab.settle()
        self.look = Look(self.lab.store)
        assert self.again() == []

    def again(self) -> list[str]:
        return self.look.violations(self.lab.ledger, self.lab.disk.take_written())

    def write(self, path: str, offset: int, data: bytes) -> None:
        self.lab.disk.write(path, offset, data)


def lose_a_unit(w: Watched) -> None:
    w.write("consumequeue/T/0/" + "0" * 20, 20, bytes(20))


def spoil_a_body(w: Watched) -> None:
    s = w.lab.ledger.sent[1]
    assert s.offset is not None
    w.write("commitlog/" + "0" * 20, s.offset + 90, b"!")


def skip_an_offset(w: Watched) -> None:
    w.lab.store.commit_log.topic_queue_table["T", 0] += 1
    w.lab.put()
    w.lab.settle()


def believe_too_much(w: Watched) -> None:
    w.lab.store.commit_log.mapped_file_queue.flushed_where = 10_000


@pytest.mark.parametrize(
    "mistake",
    [lose_a_unit, spoil_a_body, skip_an_offset, believe_too_much],
    ids=lambda m: m.__name__,
)
def test_a_look_that_goes_on_finds_what_a_whole_look_finds(
    mistake: Callable[[Watched], None],
) -> None:
    watched = Watched()
    mistake(watched)
    found = watched.again()
    assert found
    assert found[0] in violations(watched.lab.ledger, watched.lab.store)


def test_only_what_is_new_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was judged is read again where somebody wrote below its end, and only there."""
    watched = Watched()
    read: list[int] = []

    def counted(store: MessageStore, start: int) -> tuple[list[Found], int]:
        records, end = read_records(store, start)
        read.append(len(records))
        return records, end

    monkeypatch.setattr(ledger_look, "read_records", counted)
    watched.lab.put()
    watched.lab.settle()
    assert watched.again() == []
    assert read == [1]
    same = watched.lab.disk.read("commitlog/" + "0" * 20, 0, 40)
    watched.write("commitlog/" + "0" * 20, 0, same)
    assert watched.again() == []
    assert read == [1, 10]
    assert watched.look.whole == 2


def test_an_answer_that_comes_later_is_judged() -> None:
    """STORE-PROMISE-4: refused when its record was looked at already."""
    lab = StoreLab(overrides={"flushDiskType": "SYNC_FLUSH"})
    lab.put()
    look = Look(lab.store)
    assert look.violations(lab.ledger) == []
    lab.ledger = lab.ledger.answered(0, PutMessageStatus.MESSAGE_ILLEGAL)
    assert [text.split(":")[0] for text in look.violations(lab.ledger)] == ["STORE-PROMISE-4"]


def test_a_unit_that_comes_later_is_judged() -> None:
    """STORE-PROMISE-10: the record was looked at before it was dispatched."""
    lab = StoreLab()
    lab.put()
    look = Look(lab.store)
    assert look.violations(lab.ledger) == []
    lab.store.reput.reput_from_offset = lab.store.commit_log.max_offset()
    lab.step(REPUT)
    assert [text.split(":")[0] for text in look.violations(lab.ledger)] == ["STORE-PROMISE-10"]


def test_what_retention_took_before_the_next_look_is_no_gap() -> None:
    lab = StoreLab(overrides=SIZES)
    look = Look(lab.store)
    assert look.violations(lab.ledger) == []
    for _ in range(30):
        lab.put()
    lab.settle()
    disk = lab.disk.disk
    disk.used = 0.88
    lab.step(CLEAN_FILES)
    minimum = lab.store.commit_log.min_offset()
    assert minimum > 0
    lab.ledger = lab.ledger.removed(minimum)
    assert look.violations(lab.ledger, lab.disk.take_written()) == []


def test_a_consumer_that_is_given_what_nobody_sent_says_so() -> None:
    """STORE-PROMISE-5."""
    lab = StoreLab()
    lab.put()
    lab.settle()
    lab.ledger = lab.ledger.put(Topic("T"), QueueId(0), [b"another"])
    assert lab.read() == [0]
    disk = lab.disk.disk
    disk.write("commitlog/" + "0" * 20, 90, b"!")
    with pytest.raises(StrangeMessage):
        lab.read()
