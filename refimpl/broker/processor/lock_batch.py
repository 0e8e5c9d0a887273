"""LOCK_BATCH_MQ (41), UNLOCK_BATCH_MQ (42).

Java 4.9.7: broker/processor/AdminBrokerProcessor#lockBatchMQ, #unlockBatchMQ. 5.5.0's strict mode
asks other brokers of the group; without slaves its quorum is this broker. BROKER-ORDER-6, -7.
"""

from collections.abc import Iterable

from refimpl.broker.context import BrokerContext, Request
from refimpl.broker.processor_threw import null_pointer
from refimpl.model.message_queue import MessageQueue
from refimpl.remoting.body.lock_batch import (
    LockBatchRequestBody,
    LockBatchResponseBody,
    UnlockBatchRequestBody,
)
from refimpl.remoting.command import RemotingCommand, make_response
from refimpl.remoting.response_code import ResponseCode


def lock_batch_mq(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Lock what can be locked and name it. BROKER-ORDER-6; BROKER-ORDER-8: no client id."""
    body = LockBatchRequestBody.decode(request.command.body, ctx.release)
    granted: list[MessageQueue] = []
    if not body.mq_set:
        pass  # Java looks at group and client for the first queue only
    elif body.consumer_group is None or body.client_id is None:
        raise null_pointer()
    else:
        granted = ctx.rebalance_lock_manager.try_lock_batch(
            body.consumer_group, _queues(body.mq_set), body.client_id, request.now
        )
    answer = LockBatchResponseBody(lock_ok_mq_set=tuple(granted))
    return make_response(request.command, ResponseCode.SUCCESS, body=answer.encode(ctx.release))


def unlock_batch_mq(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Unlock what the client holds; always a success. BROKER-ORDER-5, BROKER-ORDER-7."""
    body = UnlockBatchRequestBody.decode(request.command.body, ctx.release)
    if body.consumer_group is None:
        raise null_pointer()
    queues = body.mq_set
    if None in queues and not ctx.rebalance_lock_manager.knows(body.consumer_group):
        queues = ()  # Java does not look at the set
    if body.client_id is not None:
        ctx.rebalance_lock_manager.unlock_batch(
            body.consumer_group, _queues(queues), body.client_id
        )
    return make_response(request.command, ResponseCode.SUCCESS)


def _queues(mq_set: Iterable[MessageQueue | None]) -> list[MessageQueue]:
    """The queues of a request; a null among them is refused first.

    BROKER-ORDER-10.
    """
    queues: list[MessageQueue] = []
    for queue in mq_set:
        if queue is None:
            raise null_pointer()
        queues.append(queue)
    return queues
