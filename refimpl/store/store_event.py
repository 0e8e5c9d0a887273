"""What a store asks of and tells its owner: drained with `MessageStore.poll`.

The owner turns `ForceWanted` into the effect `Force`, `PutCompleted` into an answer and
`MessageArrived` into a wake-up of held pulls.
"""

from dataclasses import dataclass
from typing import TypeAlias

from refimpl.model.ids import ForceToken, Ticket
from refimpl.model.status import PutMessageStatus
from refimpl.store.message_arriving import MessageArrived


@dataclass(frozen=True, slots=True)
class ForceWanted:
    """Make the bytes of `path` durable and tell `MessageStore.forced`."""

    token: ForceToken
    path: str


@dataclass(frozen=True, slots=True)
class PutCompleted:
    """A put that was answered with `ticket` has its final status."""

    ticket: Ticket
    status: PutMessageStatus


@dataclass(frozen=True, slots=True)
class StoreStopped:
    """The shutdown is complete: everything is durable, or `clean` is False and `abort` stays."""

    clean: bool


StoreEvent: TypeAlias = ForceWanted | PutCompleted | MessageArrived | StoreStopped
