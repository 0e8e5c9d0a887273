"""Which stored messages a pull wants: by tag hash in the consume queue, by expression in the log.

Java 4.9.7: broker/filter/ExpressionMessageFilter, ExpressionForRetryMessageFilter. Both implement
`store.message_filter.MessageFilter`. Rules BROKER-PULL-30 to BROKER-PULL-36.

Cited in short below: BROKER-PULL-35.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from refimpl.broker.processor_threw import null_pointer
from refimpl.model.java import i32
from refimpl.model.override import override
from refimpl.model.subscription import SUB_ALL, SubscriptionData, is_tag_type

if TYPE_CHECKING:
    from refimpl.broker.consumer_filter_manager import ConsumerFilterData, ConsumerFilterManager

RETRY_GROUP_TOPIC_PREFIX = "%RETRY%"


class ExpressionMessageFilter:
    """The filter of one subscription; `data` is None for tags, or where SQL did not compile."""

    __slots__ = ("_codes", "_data", "_everything", "_tags", "_throws")

    def __init__(
        self, subscription: SubscriptionData | None, data: "ConsumerFilterData | None"
    ) -> None:
        self._data = data
        self._tags = subscription is None or (
            subscription.class_filter_mode or is_tag_type(subscription.expression_type)
        )
        self._everything = (
            subscription is None
            or subscription.class_filter_mode
            or not self._tags
            or subscription.sub_string == SUB_ALL
        )
        self._throws = not self._everything and (
            subscription is not None and subscription.sub_string is None
        )
        self._codes = frozenset() if subscription is None else frozenset(subscription.code_set)

    def matches_consume_queue(self, tags_code: int | None) -> bool:
        """Compare the low 32 bits of the tag code. BROKER-PULL-30; collisions pass, clients check.

        None (a scan that knows no message) and expressions pass here. BROKER-PULL-31. A tag
        subscription without a text, as a heartbeat can bring it, throws: BROKER-PULL-42.
        """
        if self._everything or tags_code is None or tags_code in self._codes:
            if self._throws and tags_code is not None:
                raise null_pointer()
            return True
        if self._throws:
            raise null_pointer()
        return i32(tags_code) in self._codes

    def matches_commit_log(self, properties: Mapping[str, str] | None) -> bool:
        """Evaluate the expression; anything but true is no match. BROKER-PULL-32, -33."""
        return self._tags or _evaluate(self._data, properties)


class ExpressionForRetryMessageFilter(ExpressionMessageFilter):
    """With `filterSupportRetry`: a retry topic is filtered by the original topic's expression."""

    __slots__ = ("_group", "_manager")

    def __init__(
        self,
        subscription: SubscriptionData | None,
        data: "ConsumerFilterData | None",
        manager: "ConsumerFilterManager",
    ) -> None:
        super().__init__(subscription, data)
        self._manager = manager
        self._group: str | None = None
        if (
            subscription is not None
            and not subscription.class_filter_mode
            and subscription.topic.startswith(RETRY_GROUP_TOPIC_PREFIX)
        ):
            self._group = subscription.topic[len(RETRY_GROUP_TOPIC_PREFIX) :]

    @override
    def matches_commit_log(self, properties: Mapping[str, str] | None) -> bool:
        """As the plain filter, but a retried message is judged as when it was new.

        BROKER-PULL-34: the group's live expression for the message's RETRY_TOPIC property.
        """
        if self._group is None:
            return super().matches_commit_log(properties)
        topic = None if properties is None else properties.get("RETRY_TOPIC")
        data = None if topic is None else self._manager.get(topic, self._group)
        return _evaluate(data, properties)


def _evaluate(data: "ConsumerFilterData | None", properties: Mapping[str, str] | None) -> bool:
    if data is None or data.compiled_expression is None:
        return True
    from refimpl.model.sql92 import evaluate  # noqa: PLC0415 - only where a group uses SQL92

    return evaluate(data.compiled_expression, properties or {}) is True
