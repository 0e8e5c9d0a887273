"""Errors of the store, with their fields. Source: store/MappedFileQueue#load, DefaultMessageStore.

Refusals of a put are not errors but `PutMessageStatus`: a producer is told, and nothing changed.
"""

from refimpl.model.errors import RefimplError, StartRefused


class StoreError(RefimplError):
    """Root of what the store raises while it runs."""


class StoreLoadRefused(StartRefused):
    """STORE-FILES-2: the file at `path` is not one of ours; opening would lose what follows it."""

    def __init__(self, path: str, size: int, expected: int) -> None:
        super().__init__(f"store file {path} has {size} bytes, the configuration says {expected}")
        self.path = path
        self.size = size
        self.expected = expected


class StoreLocked(StartRefused):
    """Another process holds the lock file of this store."""

    def __init__(self, path: str) -> None:
        super().__init__(f"Lock failed,MQ already started: {path}")
        self.path = path


class StoreDamaged(StartRefused):
    """A file that must be read to open the store cannot be read as what it should be."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"store file {path}: {why}")
        self.path = path
        self.why = why


class NegativeSize(StoreError):
    """What was asked for begins no record: its first four bytes are a negative `size`.

    The text is that of Java's exception, which the asking client reads.
    """

    def __init__(self, size: int) -> None:
        super().__init__(f"java.lang.IllegalArgumentException: newLimit < 0: ({size} < 0)")
        self.size = size


class AppendRefused(StoreError):
    """Java throws out of the append: nothing was stored, the sender gets SYSTEM_ERROR.

    `reason` is the message of Java's exception, of class `thrown`; the text is what the sender
    reads. Where `thrown` is empty the reason begins with the class.
    """

    def __init__(self, reason: str, *, thrown: str = "java.lang.RuntimeException") -> None:
        super().__init__(f"{thrown}: {reason}" if thrown else reason)
        self.reason = reason
