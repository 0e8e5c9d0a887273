"""Headers of the queue locks.

Java: classes of the same names in protocol/header (and protocol/header/namesrv). Field names are
Java's in snake_case; `WIRE` has Java's names and types in order. REMOTING-HEADER-1.
"""

from typing import ClassVar

from refimpl.remoting.header import Header


class LockBatchMqRequestHeader(Header):
    """Fields of LOCK_BATCH_MQ (41) of 5.5's clients. Only in 5.5.0."""

    WIRE: ClassVar[str] = "bname:String"
    bname: str | None = None


class UnlockBatchMqRequestHeader(Header):
    """Fields of UNLOCK_BATCH_MQ (42) of 5.5's clients. Only in 5.5.0."""

    WIRE: ClassVar[str] = "bname:String"
    bname: str | None = None
