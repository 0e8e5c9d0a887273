"""STORE-FLUSH-7, STORE-FLUSH-10, STORE-FLUSH-12: rhythms, rounds, and the pool's account."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.model.ids import ForceToken, Millis
from refimpl.store import flush_consume_queue as rounds
from refimpl.store.flush_real_time import Rhythm, committed_some, least_pages
from refimpl.store.transient_store_pool import TransientStorePool


def test_thorough_rounds_come_at_their_interval() -> None:
    """STORE-FLUSH-7: the first one at once, the next after the interval, counted from it."""
    s, found = Rhythm(), []
    for now in range(1_000_000, 1_000_100, 7):
        s, pages = least_pages(s, 4, 20, Millis(now))
        if pages == 0:
            found.append(now - 1_000_000)
        else:
            assert pages == 4
    assert found == [0, 21, 42, 63, 84]


def test_a_commit_puts_the_thorough_round_off() -> None:
    s, _ = least_pages(Rhythm(), 4, 200, Millis(1000))
    s = committed_some(s, Millis(1100))
    assert least_pages(s, 4, 200, Millis(1299)) == (s, 4)
    assert least_pages(s, 4, 200, Millis(1300))[1] == 0


@given(
    thorough=st.booleans(),
    failures=st.lists(st.booleans(), max_size=6),
    cut=st.integers(0, 6),
)
def test_only_whole_thorough_rounds_write(thorough: bool, failures: list[bool], cut: int) -> None:
    """STORE-FLUSH-12."""
    tokens = [ForceToken(i) for i in range(len(failures))]
    s = rounds.begin(
        frozenset(tokens), thorough=thorough, logics_msg_timestamp=7, logics_physical_offset=8
    )
    for token, failed in list(zip(tokens, failures, strict=True))[:cut]:
        s = rounds.forced(s, token, failed=failed)
    complete = cut >= len(tokens)
    assert rounds.writes_checkpoint(s) == (thorough and complete and not any(failures))
    assert (s.logics_msg_timestamp, s.logics_physical_offset) == (7, 8)


def test_a_pool_lends_what_it_has() -> None:
    """STORE-FLUSH-9, STORE-FLUSH-10."""
    pool = TransientStorePool(2, 16)
    first, second = pool.borrow_buffer(), pool.borrow_buffer()
    assert first is not None
    assert second is not None
    assert first is not second
    assert pool.borrow_buffer() is None
    pool.return_buffer(first)
    assert pool.available_buffer_nums == 1
    assert pool.borrow_buffer() is first
    pool.return_buffer(first)
    pool.return_buffer(second)
    with pytest.raises(AssertionError):
        pool.return_buffer(bytearray(16))
