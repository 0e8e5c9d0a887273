"""Long polling: pulls that found nothing wait here for a message or for their time.

Java 4.9.7: broker/longpolling/PullRequestHoldService, ManyPullRequest, PullRequest,
NotifyMessageArrivingListener. Rules BROKER-PULL-23 to -26, -40, -41.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from refimpl.model.disk import DiskError
from refimpl.model.ids import Actor, ChannelId, Millis, QueueId, Topic
from refimpl.remoting.errors import RemotingError

if TYPE_CHECKING:
    from refimpl.broker.context import BrokerContext, Request
    from refimpl.broker.message_filter import ExpressionMessageFilter

PULL_REQUEST_HOLD = Actor("pull-request-hold")
_SCAN_MILLIS = 5000


class PullRequest(NamedTuple):
    """One held pull; its time runs from the arrival of the request."""

    request: "Request"
    timeout_millis: int
    pull_from_this_offset: int
    message_filter: "ExpressionMessageFilter"


class PullRequestHold:
    """Held pulls by topic and queue, in the order in which they came."""

    __slots__ = ("_ctx", "_table")

    def __init__(self, ctx: "BrokerContext") -> None:
        self._ctx = ctx
        self._table: dict[tuple[str, int], list[PullRequest]] = {}

    def start(self, now: Millis) -> None:
        """Add the scan. BROKER-PULL-25: every five seconds, or every short polling time."""
        self._ctx.actors.every(
            PULL_REQUEST_HOLD, Millis(now + self._period()), self._period, self.check_hold_request
        )

    def _period(self) -> int:
        config = self._ctx.config
        if config.boolean("longPollingEnable"):
            return _SCAN_MILLIS
        return config.integer("shortPollingTimeMills")

    def suspend_pull_request(self, topic: str, queue_id: int, pull: PullRequest) -> None:
        """Hold a pull; nothing is answered. BROKER-PULL-23."""
        self._table.setdefault((topic, queue_id), []).append(pull)

    def check_hold_request(self, now: Millis) -> None:
        """Look at every queue that has held pulls, as if something had arrived."""
        for topic, queue_id in list(self._table):
            self.notify_message_arriving(
                topic,
                queue_id,
                self._ctx.store.max_offset_in_queue(Topic(topic), QueueId(queue_id)),
                now,
            )

    def notify_message_arriving(  # noqa: PLR0917 - as Java's listener
        self,
        topic: str,
        queue_id: int,
        max_offset: int,
        now: Millis,
        tags_code: int | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        """Answer each held pull that a message satisfies or whose time is over.

        `max_offset` is one beyond the message. BROKER-PULL-24 (filter), BROKER-PULL-26 (time), and
        BROKER-PULL-40: a pull that is not satisfied goes on waiting with its first deadline.
        """
        key = (topic, queue_id)
        held = self._table.pop(key, None)
        if held is None:
            return
        waiting: list[PullRequest] = []
        for pull in held:
            newest = max_offset
            if newest <= pull.pull_from_this_offset:
                newest = self._ctx.store.max_offset_in_queue(Topic(topic), QueueId(queue_id))
            wake = newest > pull.pull_from_this_offset and _wanted(pull, tags_code, properties)
            if wake or now >= pull.request.now + pull.timeout_millis:
                self._wake(pull.request, now)
            else:
                waiting.append(pull)
        if waiting:
            self._table[key] = waiting + self._table.get(key, [])

    def channel_closed(self, channel: ChannelId) -> None:
        """Forget the held pulls of a channel that is gone: nobody would read the answers.

        BROKER-PULL-41.
        """
        for key in list(self._table):
            rest = [pull for pull in self._table[key] if pull.request.channel != channel]
            if rest:
                self._table[key] = rest
            else:
                del self._table[key]

    def all_held(self) -> Iterator[tuple[str, int, PullRequest]]:
        """Every held pull with its topic and queue."""
        for (topic, queue_id), pulls in self._table.items():
            for pull in pulls:
                yield topic, queue_id, pull

    def held(self, topic: str, queue_id: int) -> int:
        """How many pulls wait for one queue."""
        return len(self._table.get((topic, queue_id), ()))

    def _wake(self, request: "Request", now: Millis) -> None:
        from refimpl.broker.dispatch import with_header  # noqa: PLC0415 - cycle
        from refimpl.broker.processor.pull_message import pull_again  # noqa: PLC0415 - cycle

        try:
            response = pull_again(self._ctx, request._replace(now=now))
        except (RemotingError, DiskError):
            return  # Java logs it; the client's own time-out ends the wait
        if response is not None:
            self._ctx.respond(request, with_header(response, request.command.code))


def _wanted(pull: PullRequest, tags_code: int | None, properties: Mapping[str, str] | None) -> bool:
    """True where the filter wants the message; one that throws harms no other pull.

    BROKER-PULL-42.
    """
    try:
        return pull.message_filter.matches_consume_queue(tags_code) and (
            properties is None or pull.message_filter.matches_commit_log(properties)
        )
    except RemotingError:
        return False
