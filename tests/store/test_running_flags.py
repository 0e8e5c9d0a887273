"""STORE-FLAGS-1: reasons against writing come and go one by one."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.store.running_flags import RunningFlags

REASONS: dict[str, Callable[[RunningFlags], object]] = {
    "operator": lambda flags: flags.set_writeable(writeable=False),
    "queue": RunningFlags.make_logics_queue_error,
    "index": RunningFlags.make_index_file_error,
    "disk": lambda flags: flags.set_disk_full(full=True),
    "logics disk": lambda flags: flags.set_logic_disk_full(full=True),
}


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_stops_puts(reason: str) -> None:
    flags = RunningFlags()
    REASONS[reason](flags)
    assert not flags.is_writeable
    assert flags.is_readable
    assert flags.is_cq_writeable == (reason == "disk")


def test_an_end_of_one_reason_is_not_the_end_of_another() -> None:
    flags = RunningFlags()
    flags.set_disk_full(full=True)
    assert not flags.set_writeable(writeable=False)  # it was not writable: leaves no mark
    flags.set_disk_full(full=False)
    assert flags.set_writeable(writeable=False)  # it was writable
    flags.set_disk_full(full=True)
    assert not flags.set_writeable(writeable=True)
    assert not flags.is_writeable
    assert not flags.set_disk_full(full=False)
    assert RunningFlags().flag_bits == flags.flag_bits


@given(st.lists(st.booleans(), max_size=8))
def test_a_setter_tells_what_was_before(steps: list[bool]) -> None:
    flags, full, readable = RunningFlags(), False, True
    for step in steps:
        assert flags.set_disk_full(full=step) is not full
        assert flags.set_readable(readable=step) is readable
        full = readable = step
    assert flags.is_readable is readable
    assert flags.is_writeable is not full
