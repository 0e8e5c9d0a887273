"""Headers of transactions.

Java: classes of the same names in protocol/header (and protocol/header/namesrv). Field names are
Java's in snake_case; `WIRE` has Java's names and types in order. REMOTING-HEADER-1.
"""

from typing import ClassVar

from refimpl.model.override import override
from refimpl.remoting.errors import HeaderRefused
from refimpl.remoting.header import Header

_DECISIONS = (0, 8, 12)  # not decided, commit, rollback: bits 2 and 3 of a sysFlag


class EndTransactionRequestHeader(Header):
    """Fields of END_TRANSACTION (37)."""

    WIRE: ClassVar[str] = (
        "producerGroup:String tranStateTableOffset:Long! commitLogOffset:Long! "
        "commitOrRollback:Integer! fromTransactionCheck:Boolean msgId:String "
        "transactionId:String topic:String bname:String"
    )
    producer_group: str | None = None
    tran_state_table_offset: int
    commit_log_offset: int
    commit_or_rollback: int
    from_transaction_check: bool = False
    msg_id: str | None = None
    transaction_id: str | None = None
    topic: str | None = None  # 5.5
    bname: str | None = None  # 4.9, 5.5

    @override
    def check_fields(self) -> None:
        """Refuse another `commit_or_rollback` than 0, 8 and 12: REMOTING-HEADER-12."""
        if self.commit_or_rollback not in _DECISIONS:
            raise HeaderRefused.wrong(type(self).__name__, "commitOrRollback field wrong")


class EndTransactionResponseHeader(Header):
    """Fields of the answer to END_TRANSACTION: no field."""


class CheckTransactionStateRequestHeader(Header):
    """Fields of CHECK_TRANSACTION_STATE (39), broker to producer."""

    WIRE: ClassVar[str] = (
        "tranStateTableOffset:Long! commitLogOffset:Long! msgId:String transactionId:String "
        "offsetMsgId:String topic:String bname:String"
    )
    tran_state_table_offset: int
    commit_log_offset: int
    msg_id: str | None = None
    transaction_id: str | None = None
    offset_msg_id: str | None = None
    topic: str | None = None  # 5.5
    bname: str | None = None  # 4.9, 5.5


class CheckTransactionStateResponseHeader(Header):
    """Fields of the answer to CHECK_TRANSACTION_STATE, which no client gives."""

    WIRE: ClassVar[str] = (
        "producerGroup:String! tranStateTableOffset:Long! commitLogOffset:Long! "
        "commitOrRollback:Integer!"
    )
    producer_group: str
    tran_state_table_offset: int
    commit_log_offset: int
    commit_or_rollback: int

    @override
    def check_fields(self) -> None:
        """Refuse another `commit_or_rollback` than 8 and 12."""
        if self.commit_or_rollback not in _DECISIONS[1:]:
            raise HeaderRefused.wrong(type(self).__name__, "commitOrRollback field wrong")


class ResumeCheckHalfMessageRequestHeader(Header):
    """Fields of RESUME_CHECK_HALF_MESSAGE (323)."""

    WIRE: ClassVar[str] = "msgId:String topic:String"
    msg_id: str | None = None
    topic: str | None = None  # 5.5
