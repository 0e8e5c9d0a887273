"""One slip: on, off, and what it must not leave behind."""

import pytest

from fuzz.slips.slip import Constant, Edit, slipped
from refimpl.model import host_bytes, topic_validator

ADDRESS = bytes(range(16))


def test_what_a_function_remembers_goes_with_the_slip() -> None:
    slip = Edit(host_bytes, "bytes_to_host", "{group:x}", "{group:04x}")
    right = host_bytes.bytes_to_host(ADDRESS)
    assert right.startswith("1:203:")
    with slipped(slip):
        assert host_bytes.bytes_to_host(ADDRESS).startswith("0001:0203:")
    assert host_bytes.bytes_to_host(ADDRESS) == right


def test_a_slip_that_does_not_fit_is_an_error() -> None:
    for old in ("no such text", "group"):
        with pytest.raises(AssertionError), slipped(Edit(host_bytes, "bytes_to_host", old, "")):
            pass


def test_a_number_is_itself_again() -> None:
    group = "g" * 121
    with slipped(Constant(topic_validator, "GROUP_MAX_LENGTH", 121)):
        assert topic_validator.validate_group(group) is None
    assert topic_validator.validate_group(group) is not None
