"""What the store answers. Each status is definite or indefinite.

Definite: the caller knows what happened. INDEFINITE: the bytes may yet become durable or visible.
Java 4.9.7: store/PutMessageStatus, AppendMessageStatus, GetMessageStatus.
"""

from enum import Enum, auto


class PutMessageStatus(Enum):
    """How a put ended."""

    PUT_OK = auto()
    FLUSH_DISK_TIMEOUT = auto()  # INDEFINITE
    FLUSH_SLAVE_TIMEOUT = auto()  # INDEFINITE
    SLAVE_NOT_AVAILABLE = auto()  # stored here, on no slave
    SERVICE_NOT_AVAILABLE = auto()
    CREATE_MAPPED_FILE_FAILED = auto()
    MESSAGE_ILLEGAL = auto()
    PROPERTIES_SIZE_EXCEEDED = auto()
    OS_PAGE_CACHE_BUSY = auto()
    UNKNOWN_ERROR = auto()  # INDEFINITE
    LMQ_CONSUME_QUEUE_NUM_EXCEEDED = auto()

    @property
    def definite(self) -> bool:
        """False where a later reader may or may not see the message."""
        return self not in _INDEFINITE


_INDEFINITE = frozenset(
    {
        PutMessageStatus.FLUSH_DISK_TIMEOUT,
        PutMessageStatus.FLUSH_SLAVE_TIMEOUT,
        PutMessageStatus.UNKNOWN_ERROR,
    }
)


class AppendMessageStatus(Enum):
    """How one append into one mapped file ended."""

    PUT_OK = auto()
    END_OF_FILE = auto()  # blank record written; the caller rolls and writes again
    MESSAGE_SIZE_EXCEEDED = auto()
    PROPERTIES_SIZE_EXCEEDED = auto()
    UNKNOWN_ERROR = auto()


class GetMessageStatus(Enum):
    """How a read of a consume queue ended."""

    FOUND = auto()
    NO_MATCHED_MESSAGE = auto()
    MESSAGE_WAS_REMOVING = auto()
    OFFSET_FOUND_NULL = auto()
    OFFSET_OVERFLOW_BADLY = auto()
    OFFSET_OVERFLOW_ONE = auto()
    OFFSET_TOO_SMALL = auto()
    NO_MATCHED_LOGIC_QUEUE = auto()
    NO_MESSAGE_IN_QUEUE = auto()
    OFFSET_RESET = auto()
