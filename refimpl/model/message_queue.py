"""One queue of one topic on one broker. Java: common/message/MessageQueue."""

from typing import NamedTuple

from refimpl.model.ids import QueueId, Topic
from refimpl.model.java import hash_order, i32, string_hash


class MessageQueue(NamedTuple):
    """The name of a queue; locks and offsets are kept by it."""

    topic: Topic
    broker_name: str
    queue_id: QueueId

    def hash_code(self) -> int:
        """`hashCode()`, i32: the order of a Java set of queues comes from it."""
        code = 31 + string_hash(self.broker_name)
        code = code * 31 + self.queue_id
        return i32(code * 31 + string_hash(self.topic))

    def compare_to(self, other: "MessageQueue") -> int:
        """`compareTo`: topic, then broker, then queue id; strings by UTF-16 units."""
        for mine, theirs in ((self.topic, other.topic), (self.broker_name, other.broker_name)):
            order = _compare(mine, theirs)
            if order:
                return order
        return i32(self.queue_id - other.queue_id)

    def text(self) -> str:
        """`toString()`, as remarks and logs show it."""
        return (
            f"MessageQueue [topic={self.topic}, brokerName={self.broker_name}, "
            f"queueId={self.queue_id}]"
        )


def _compare(left: str, right: str) -> int:
    """`String.compareTo`: difference of the first unlike unit, or of the lengths."""
    mine = left.encode("utf-16-be", "surrogatepass")
    theirs = right.encode("utf-16-be", "surrogatepass")
    for at in range(0, min(len(mine), len(theirs)), 2):
        unlike = (mine[at] << 8 | mine[at + 1]) - (theirs[at] << 8 | theirs[at + 1])
        if unlike:
            return unlike
    return (len(mine) - len(theirs)) // 2


def in_hash_set_order(queues: list[MessageQueue]) -> list[MessageQueue]:
    """`queues` in the order in which a Java HashSet of them iterates, as bodies show them."""
    return hash_order(list(dict.fromkeys(queues)), MessageQueue.hash_code)
