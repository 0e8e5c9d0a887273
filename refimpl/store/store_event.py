"""What a store asks of and tells its owner: drained with `MessageStore.poll`.

The owner turns `ForceWanted` into the effect `Force`, `PutCompleted` into an answer and
`MessageArrived` into a wake-up of held pulls.
"""

from typing import NamedTuple, TypeAlias

from refimpl.model.effect import Span
from refimpl.model.ids import ForceToken, Ticket
from refimpl.model.status import PutMessageStatus
from refimpl.store.message_arriving import MessageArrived


class ForceWanted(NamedTuple):
    """Make the bytes of `path` durable, those in `span`, and tell `MessageStore.forced`.

    None is the whole file.
    """

    token: ForceToken
    path: str
    span: Span | None = None


class PutCompleted(NamedTuple):
    """A put that was answered with `ticket` has its final status."""

    ticket: Ticket
    status: PutMessageStatus


class StoreStopped(NamedTuple):
    """The shutdown is complete: everything is durable, or `clean` is False and `abort` stays."""

    clean: bool


StoreEvent: TypeAlias = ForceWanted | PutCompleted | MessageArrived | StoreStopped
