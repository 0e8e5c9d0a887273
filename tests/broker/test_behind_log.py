"""A position that must not be durable before its log."""

from hypothesis import given
from hypothesis import strategies as st

from refimpl.broker.behind_log import BehindLog


def test_a_position_waits_for_its_log() -> None:
    """BROKER-SCHEDULE-14."""
    behind = BehindLog(0)
    behind.moved(1, 100)
    behind.moved(2, 200)
    assert [behind.settled(at) for at in (0, 99, 100, 199, 200)] == [0, 0, 1, 1, 2]


def test_positions_of_one_moment_are_one() -> None:
    behind = BehindLog(0)
    behind.moved(1, 100)
    behind.moved(2, 100)
    assert behind.settled(100) == 2


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), max_size=30))
def test_never_ahead_and_never_lost(moves: list[tuple[int, int, bool]]) -> None:
    """BROKER-SCHEDULE-14: what settles is the newest position whose log was flushed."""
    behind, history, end, position, flushed = BehindLog(0), [(0, 0)], 0, 0, 0
    for written, forward, flush in moves:
        end, position = end + written, position + forward
        behind.moved(position, end)
        history.append((end, position))
        if flush:
            flushed = end
        expected = max((p for at, p in history if at <= flushed), default=0)
        assert behind.settled(flushed) <= expected
        if flush:
            assert behind.settled(flushed) == position
