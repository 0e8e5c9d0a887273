"""What a reader may be asked to leave out, at two points of a read.

Java: store/MessageFilter (isMatchedByConsumeQueue, isMatchedByCommitLog).
"""

from collections.abc import Mapping
from typing import Protocol


class MessageFilter(Protocol):
    """A subscription as the store sees it."""

    def matches_consume_queue(self, tags_code: int) -> bool:
        """Decide by the tags code of the unit, before the record is read; True also for unsure."""

    def matches_commit_log(self, properties: Mapping[str, str]) -> bool:
        """Decide by the properties of the record."""
