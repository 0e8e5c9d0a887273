"""Who consumes which queue, as 5.5's clients ask the broker.

Java: classes of the same names in protocol/body, protocol/route, protocol/heartbeat, admin.
"""

from collections.abc import Mapping
from typing import ClassVar

from refimpl.model.message_queue import MessageQueue
from refimpl.remoting.body.bean import Body


class QueryAssignmentRequestBody(Body):
    """QUERY_ASSIGNMENT (400)."""

    WIRE: ClassVar[str] = (
        "clientId:String consumerGroup:String messageModel:MessageModel strategyName:String "
        "topic:String"
    )
    client_id: str | None = None
    consumer_group: str | None = None
    message_model: str | None = None
    strategy_name: str | None = None
    topic: str | None = None


class MessageQueueAssignment(Body):
    """One queue and how it is consumed."""

    WIRE: ClassVar[str] = (
        "attachments:Map<String,String> messageQueue:MessageQueue mode:MessageRequestMode"
    )
    attachments: Mapping[str, str] | None = None
    message_queue: MessageQueue | None = None
    mode: str = "PULL"


class QueryAssignmentResponseBody(Body):
    """The queues of the client."""

    WIRE: ClassVar[str] = "messageQueueAssignments:Set<MessageQueueAssignment>"
    message_queue_assignments: tuple[MessageQueueAssignment, ...] | None = None


class SetMessageRequestModeRequestBody(Body):
    """SET_MESSAGE_REQUEST_MODE (401)."""

    WIRE: ClassVar[str] = (
        "consumerGroup:String mode:MessageRequestMode popShareQueueNum:int topic:String"
    )
    consumer_group: str | None = None
    mode: str = "PULL"
    pop_share_queue_num: int = 0
    topic: str | None = None
