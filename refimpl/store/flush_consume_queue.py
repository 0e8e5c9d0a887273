"""One round of FlushConsumeQueueService: force what derives from the log, then the checkpoint.

Requirements  STORE-FLUSH-11, STORE-FLUSH-12 in spec/store/flush.md
Java          store/DefaultMessageStore$FlushConsumeQueueService (5.5: queue/ConsumeQueueStore)

Java forces one file after the other and then writes the checkpoint. Here the forces of a round run
side by side; the checkpoint follows when all of them succeeded, and not at all when one failed.
"""

from dataclasses import dataclass

from refimpl.model.ids import ForceToken


@dataclass(frozen=True, slots=True)
class Round:
    """One round under way; the fields are what a completed round needs."""

    thorough: bool
    pending: frozenset[ForceToken] = frozenset()
    failed: bool = False
    logics_msg_timestamp: int = 0  # dispatched before the round began, so covered by it
    logics_physical_offset: int = 0


def begin(
    tokens: frozenset[ForceToken],
    *,
    thorough: bool,
    logics_msg_timestamp: int,
    logics_physical_offset: int,
) -> Round:
    """Begin: the marks are taken before the first force, or they could name unforced entries."""
    return Round(
        thorough,
        tokens,
        logics_msg_timestamp=logics_msg_timestamp,
        logics_physical_offset=logics_physical_offset,
    )


def more(s: Round, tokens: frozenset[ForceToken]) -> Round:
    """More: a queue that has grown into another file needs one more force of the same round."""
    assert not s.pending
    return Round(s.thorough, tokens, s.failed, s.logics_msg_timestamp, s.logics_physical_offset)


def forced(s: Round, token: ForceToken, *, failed: bool) -> Round:
    """Forced: one file of the round is done."""
    assert token in s.pending
    return Round(
        s.thorough,
        s.pending - {token},
        s.failed or failed,
        s.logics_msg_timestamp,
        s.logics_physical_offset,
    )


def writes_checkpoint(s: Round) -> bool:
    """STORE-FLUSH-12: only a thorough round, complete and without failure, moves the checkpoint."""
    return s.thorough and not s.pending and not s.failed
