"""Names of queues against Java's: hash, order and text."""

from refimpl.model.ids import JsonValue, QueueId, Topic
from refimpl.model.java import parse_int
from refimpl.model.message_queue import MessageQueue, in_hash_set_order
from refimpl.model.release import Release
from tests import vectors
from tests.vectors import Vector


def test_message_queue() -> None:
    def compare(_release: Release, vector: Vector) -> JsonValue:
        assert isinstance(vector.input, list)
        a, b, c, d, e, f = (str(word) for word in vector.input)
        queue = MessageQueue(Topic(a), b, QueueId(parse_int(c)))
        other = MessageQueue(Topic(d), e, QueueId(parse_int(f)))
        return {
            "hashCode": queue.hash_code(),
            "compareTo": queue.compare_to(other),
            "equals": queue == other,
            "toString": queue.text(),
        }

    assert vectors.mismatches("message_queue", compare) == []


def test_a_set_of_queues_iterates_by_bucket() -> None:
    queues = [MessageQueue(Topic("T"), "b", QueueId(number)) for number in (9, 1, 5, 1)]
    assert {queue.queue_id for queue in in_hash_set_order(queues)} == {1, 5, 9}
    assert len(in_hash_set_order(queues)) == 3
    assert in_hash_set_order(queues) == in_hash_set_order(in_hash_set_order(queues))
