"""What a store tells the readers that wait: a message of a queue has become visible.

Java: store/MessageArrivingListener#arriving.
"""

from collections.abc import Mapping
from typing import NamedTuple


class MessageArrived(NamedTuple):
    """STORE-CQ-13: told once per message, in the order of the log, when it can be read."""

    topic: str
    queue_id: int
    logic_offset: int  # behind the message: the maximum that a reader finds at least
    tags_code: int
    store_timestamp: int
    bit_map: bytes | None
    properties: Mapping[str, str] | None
