"""All queues of a store: opening, and who makes a queue."""

from refimpl.model.release import RELEASE_4_9
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.store.consume_queue_table import ConsumeQueueTable
from tests.store.fake_log import SIZE, FakeLog


def table_on(disk: MemoryDisk) -> ConsumeQueueTable:
    return ConsumeQueueTable(disk, mapped_file_size=80, log=FakeLog([1] * 50), release=RELEASE_4_9)


def put(table: ConsumeQueueTable, topic: str, queue_id: int, physical: int, offset: int) -> None:
    queue = table.find_or_create(topic, queue_id)
    queue.put_message_position_info(physical, SIZE, 0, offset)
    queue.sync()


def test_looking_makes_nothing() -> None:
    """STORE-CQ-12."""
    disk = MemoryDisk()
    table = table_on(disk)
    assert table.find("T", 0) is None
    assert table.of_topic("T") == {}
    assert (table.topics(), table.max_physic_offset()) == ((), -1)
    queue = table.find_or_create("T", 0)
    assert table.find("T", 0) is queue
    assert disk.files() == {}


def test_what_was_written_is_opened() -> None:
    """STORE-CQ-8: a directory whose name is no number is not a queue."""
    disk = MemoryDisk({"consumequeue/T/other/00000000000000000000": bytes(3)})
    table = table_on(disk)
    put(table, "T", 0, 0, 0)
    put(table, "T", 3, 100, 0)
    put(table, "U", 1, 200, 0)
    again = table_on(disk)
    again.load()
    assert again.recover() == 300
    assert [(q.topic, q.queue_id, q.max_offset_in_queue) for q in again] == [
        ("T", 0, 1),
        ("T", 3, 1),
        ("U", 1, 1),
    ]
    assert again.recover_topic_queue_table(150) == {("T", 0): 1, ("T", 3): 1, ("U", 1): 1}


def test_every_queue_is_cut() -> None:
    """STORE-CQ-9."""
    table = table_on(MemoryDisk())
    for n in range(4):
        put(table, "T", n % 2, n * SIZE, n // 2)
    table.truncate_dirty_logic_files(250)
    assert [q.max_offset_in_queue for q in table] == [2, 1]


def test_a_topic_goes_with_its_last_queue() -> None:
    """STORE-RETENTION-8."""
    disk = MemoryDisk()
    table = table_on(disk)
    put(table, "T", 0, 0, 0)
    put(table, "T", 1, 100, 0)
    removed: list[int] = []
    for queue_id in (0, 1):
        queue = table.find("T", queue_id)
        assert queue is not None
        table.delete_queue(queue, lambda gone: removed.append(gone.queue_id))
    assert removed == [0, 1]
    assert table.topics() == ()
    assert disk.files() == {}
    assert not table.delete_topic("T", lambda gone: removed.append(gone.queue_id))
