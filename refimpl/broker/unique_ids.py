"""Unique ids of messages that the broker itself makes or completes.

Java: common/message/MessageClientIDSetter: address, process, class loader, time, counter.
"""

from typing import TYPE_CHECKING

from refimpl.model.host_bytes import host_to_bytes
from refimpl.model.message_id import create_unique_id
from refimpl.model.prng import Prng

if TYPE_CHECKING:
    from refimpl.model.ids import Address


class UniqueIds:
    """A counter with the constant part of one process; process and loader are drawn."""

    __slots__ = ("_counter", "_ip", "_loader", "_process")

    def __init__(self, prng: Prng, address: "Address") -> None:
        self._ip = host_to_bytes(address.host)
        self._process = prng.bits(16)
        self._loader = prng.bits(31)
        self._counter = 0

    def create(self, span: int = 0) -> str:
        """The next id; `span` is milliseconds of the month and need not be exact."""
        self._counter += 1
        return create_unique_id(self._ip, self._process, self._loader, span, self._counter)
