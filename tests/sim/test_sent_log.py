"""A log of messages is a value, however it was made, and changes share what they leave alone."""

from dataclasses import replace

import pytest

from refimpl.model.ids import QueueId, Topic
from refimpl.sim.sent_log import Sent, SentLog


def sent(number: int) -> Sent:
    return Sent(number, number, Topic("T"), QueueId(0), b"%d" % number, "", True, True)


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 128, 200])
def test_a_log_is_the_sequence_of_its_messages(count: int) -> None:
    messages = [sent(n) for n in range(count)]
    one_by_one = SentLog()
    for message in messages:
        one_by_one = one_by_one.added([message])
    assert one_by_one == SentLog.of(messages)
    assert hash(one_by_one) == hash(SentLog.of(messages))
    assert list(one_by_one) == messages
    assert len(one_by_one) == count
    assert [one_by_one[n] for n in range(count)] == messages
    for first in (0, 1, 64, count):
        assert list(one_by_one.since(first)) == messages[first:]
    with pytest.raises(IndexError):
        one_by_one[-count - 1]


def test_a_change_is_another_log_that_shares_the_rest() -> None:
    before = SentLog.of(sent(n) for n in range(200))
    other = replace(before[70], shown=True)
    after = before.changed({70: other})
    assert after[70].shown
    assert not before[70].shown
    assert after != before
    assert [a is b for a, b in zip(after.chunks, before.chunks, strict=True)] == [True, False] + [
        True
    ] * 2
    assert before.changed({}) is before
    assert after.changed({70: before[70]}) == before
