"""Consumer offsets: BROKER-OFFSET-1 to BROKER-OFFSET-19.

Cited in short below: BROKER-OFFSET-2, BROKER-OFFSET-5, BROKER-OFFSET-13, BROKER-OFFSET-14.
"""

import json

import pytest

from refimpl.model.errors import InvalidInput
from refimpl.model.java import LONG_MAX
from refimpl.model.release import RELEASES, Release
from refimpl.remoting.command import RemotingCommand
from tests.broker.harness import BrokerUnderTest

NEW = RELEASES["5.5"]


@pytest.fixture
def broker(release: Release) -> BrokerUnderTest:
    return started(release)


def started(release: Release, **settings: str) -> BrokerUnderTest:
    broker = BrokerUnderTest(release, settings).start()
    for queue_id in range(2):
        broker.produce(queue_id=queue_id)
    group(broker, "G")
    broker.run(1)
    return broker


def group(broker: BrokerUnderTest, name: str) -> None:
    ask(broker, 200, None, json.dumps({"groupName": name}).encode())


def ask(
    broker: BrokerUnderTest, code: int, fields: dict[str, str] | None = None, body: bytes = b""
) -> RemotingCommand:
    answer = broker.ask(code, fields, body)
    assert answer is not None
    return answer


def commit(
    broker: BrokerUnderTest, offset: int, queue_id: int = 0, topic: str = "T", group: str = "G"
) -> RemotingCommand:
    fields = {"consumerGroup": group, "topic": topic, "queueId": str(queue_id)}
    return ask(broker, 15, fields | {"commitOffset": str(offset)})


def query(
    broker: BrokerUnderTest, queue_id: int = 0, topic: str = "T", group: str = "G", **more: str
) -> tuple[int, str | None]:
    fields = {"consumerGroup": group, "topic": topic, "queueId": str(queue_id)}
    answer = ask(broker, 14, fields | more)
    return answer.code, (answer.ext_fields or {}).get("offset")


@pytest.mark.parametrize("offset", [0, 7, 3, LONG_MAX])
def test_a_commit_is_what_a_query_gives(broker: BrokerUnderTest, offset: int) -> None:
    """BROKER-OFFSET-1, -2: also downwards, and for nobody else."""
    commit(broker, 5)
    commit(broker, 9, queue_id=1)
    assert commit(broker, offset).code == 0
    assert query(broker) == (0, str(offset))
    assert query(broker, queue_id=1) == (0, "9")


def test_a_negative_offset_is_as_none(broker: BrokerUnderTest) -> None:
    """BROKER-OFFSET-3, -5: the queue begins in memory, so the group begins at 0."""
    commit(broker, -1)
    assert query(broker) == (0, "0")


def test_an_empty_queue(broker: BrokerUnderTest) -> None:
    """BROKER-OFFSET-6."""
    assert query(broker, queue_id=3) == ((22, None) if broker.release is NEW else (0, "0"))
    if broker.release is NEW:
        assert query(broker, setZeroIfNotFound="false") == (22, None)


def test_commits_for_what_does_not_exist(broker: BrokerUnderTest) -> None:
    """BROKER-OFFSET-4."""
    before = json.dumps(broker.ctx.consumer_offset_manager.offset_table)
    unknown = [commit(broker, 5, group="NO"), commit(broker, 5, topic="NO")]
    after = json.dumps(broker.ctx.consumer_offset_manager.offset_table)
    if broker.release is NEW:
        assert [(a.code, a.remark) for a in unknown] == [
            (26, "Group NO not exist!"),
            (17, "Topic NO not exist!"),
        ]
        assert before == after
    else:
        assert [a.code for a in unknown] == [0, 0]
        assert query(broker, topic="NO") == (0, "5")


NAMES_NULL = {"T@{}": "consumerGroup", "{}@G": "topic"}


@pytest.mark.parametrize("missing", ["consumerGroup", "topic", "queueId", "commitOffset"])
def test_missing_fields_are_refused(broker: BrokerUnderTest, missing: str) -> None:
    """BROKER-OFFSET-19."""
    fields = {"consumerGroup": "G", "topic": "T", "queueId": "0", "commitOffset": "5"}
    del fields[missing]
    expected = {"consumerGroup": 0, "topic": 0, "queueId": 1, "commitOffset": 1}
    if broker.release.commit_checks_group_and_topic:
        expected = {"consumerGroup": 26, "topic": 1, "queueId": 29, "commitOffset": 29}
    assert ask(broker, 15, fields).code == expected[missing]
    kept = {key.format("null"): {0: 5} for key, m in NAMES_NULL.items() if m == missing}
    stored = {} if broker.release.commit_checks_group_and_topic else kept
    assert broker.ctx.consumer_offset_manager.offset_table == stored


def test_groups_and_topics_by_offset(broker: BrokerUnderTest) -> None:
    """BROKER-OFFSET-7: exactly two parts."""
    offsets = broker.ctx.consumer_offset_manager
    for topic, name in (("T", "G"), ("T", "H"), ("U", "G"), ("T", "G@broadcast")):
        offsets.commit_offset(name, topic, 0, 1, broker.now)
    assert offsets.which_topic_by_consumer("G") == ["T", "U"]
    assert offsets.which_group_by_topic("T") == ["G", "H"]


def test_a_clone_is_a_copy(broker: BrokerUnderTest) -> None:
    """BROKER-OFFSET-8, BROKER-ADMIN-37."""
    offsets = broker.ctx.consumer_offset_manager
    commit(broker, 5)
    offsets.commit_offset("H", "T", 3, 8, broker.now)
    clone = {"srcGroup": "G", "destGroup": "H", "topic": "T", "offline": "true"}
    assert ask(broker, 314, clone).code == 0
    assert offsets.query_offsets("H", "T") == {0: 5}
    commit(broker, 6)
    assert offsets.query_offset("H", "T", 0) == 5
    assert ask(broker, 314, clone | {"srcGroup": "NO"}).code == 0
    assert ask(broker, 314, {"srcGroup": "G", "destGroup": "X", "offline": "true"}).code == 0
    assert offsets.which_topic_by_consumer("X") == []


def test_a_deleted_group_keeps_its_offsets_unless_asked(broker: BrokerUnderTest) -> None:
    """BROKER-OFFSET-9."""
    offsets = broker.ctx.consumer_offset_manager
    for name in ("G", "GG"):
        offsets.commit_offset(name, "T", 0, 5, broker.now)
    for field, release in ((None, ""), ("removeOffset", "4.9"), ("cleanOffset", "5.5")):
        offsets.commit_pull_offset("G", "T", 0, 7)
        ask(broker, 207, {"groupName": "G"} | ({} if field is None else {field: "true"}))
        gone = offsets.query_offset("G", "T", 0) == -1
        assert gone is (broker.release.name == release)
        assert offsets.query_pull_offset("G", "T", 0) == (-1 if gone else 7)
        offsets.commit_offset("G", "T", 0, 5, broker.now)
    assert offsets.query_offset("GG", "T", 0) == 5


def test_a_deleted_topic(broker: BrokerUnderTest) -> None:
    """BROKER-OFFSET-10, BROKER-ADMIN-7, BROKER-ADMIN-8."""
    commit(broker, 1)
    offsets = broker.ctx.consumer_offset_manager
    if broker.release is NEW:
        offsets.assign_reset_offset("T", "G", 0, 1)
        offsets.commit_pull_offset("G", "T", 0, 1)
    assert ask(broker, 215, {"topic": "T"}).code == 0
    kept = -1 if broker.release is NEW else 1
    assert offsets.query_offset("G", "T", 0) == kept
    assert offsets.query_pull_offset("G", "T", 0) == kept
    assert not offsets.has_offset_reset("T", "G", 0)
    broker.produce()
    broker.run(1)
    assert broker.ctx.store.reader.max_offset_in_queue("T", 0) == 1
    version = broker.ctx.topic_config_manager.data_version
    assert ask(broker, 215, {"topic": "NEVER"}).code == 0
    assert broker.ctx.topic_config_manager.data_version == version


def test_unsubscribed_offsets_are_dropped(broker: BrokerUnderTest) -> None:
    """BROKER-OFFSET-11: at or below the minimum only."""
    offsets = broker.ctx.consumer_offset_manager
    offsets.commit_offset("OLD", "T", 0, 0, broker.now)
    offsets.commit_offset("BEHIND", "T", 0, 0, broker.now)
    offsets.commit_offset("BEHIND", "T", 1, 1, broker.now)
    offsets.scan_unsubscribed_topic()
    assert offsets.which_group_by_topic("T") == ["BEHIND"]


def test_a_query_of_the_least_offset_deletes_nothing(broker: BrokerUnderTest) -> None:
    """BROKER-OFFSET-16, BROKER-ADMIN-36."""
    offsets = broker.ctx.consumer_offset_manager
    for name, offset in (("G", 4), ("H", 2), ("I", 9)):
        offsets.commit_offset(name, "T", 0, offset, broker.now)
    asked = {"topic": "T", "compareGroup": "I", "filterGroups": "H"}
    answer = ask(broker, 308, asked)
    assert answer.body == b'{"correctionOffsets":{0:4}}'
    assert offsets.query_offset("H", "T", 0) == 2
    least = ask(broker, 308, {"topic": "T", "compareGroup": "H", "filterGroups": "H"})
    marked = f'{{"correctionOffsets":{{0:{LONG_MAX}}}}}'.encode()
    assert least.body == (marked if broker.release is NEW else b'{"correctionOffsets":{0:4}}')


def test_the_file_is_javas(broker: BrokerUnderTest) -> None:
    """BROKER-OFFSET-17: as Apache's own directories have it, byte for byte."""
    commit(broker, 5)
    commit(broker, 10, queue_id=1)
    text = broker.ctx.consumer_offset_manager.encode()
    if broker.release is NEW:
        inside = '\t"offsetTable":{\n\t\t"T@G":{\n\t\t\t0:5,\n\t\t\t1:10\n\t\t}\n\t},\n'
        assert inside in text
        assert '"groupTopicMap":{\n\t\t"G":[\n\t\t\t"T"\n\t\t]\n\t},' in text
    else:
        assert text == '{\n\t"offsetTable":{\n\t\t"T@G":{0:5,1:10\n\t\t}\n\t}\n}'
    other = BrokerUnderTest(broker.release).ctx.consumer_offset_manager
    other.decode(text)
    assert other.offset_table == {"T@G": {0: 5, 1: 10}}
    with pytest.raises(InvalidInput):
        other.decode("[1")
    assert other.offset_table == {"T@G": {0: 5, 1: 10}}


def test_offsets_survive_a_restart(broker: BrokerUnderTest) -> None:
    """BROKER-OFFSET-18: persisted every five seconds; pending resets are not."""
    commit(broker, 5)
    broker.run(11_000)
    again = BrokerUnderTest(broker.release, disk=broker.disk)
    assert again.ctx.consumer_offset_manager.load()
    assert again.ctx.consumer_offset_manager.query_offset("G", "T", 0) == 5


# --- 5.5: resets on the server


def reset(broker: BrokerUnderTest, **fields: str) -> RemotingCommand:
    given = {"topic": "T", "group": "G", "timestamp": "0", "isForce": "true", "queueId": "-1"}
    return ask(broker, 222, given | fields)


def test_a_reset_waits_for_the_next_pull() -> None:
    """BROKER-OFFSET-12, -13, -14."""
    broker = started(NEW)
    commit(broker, 1)
    assert reset(broker, queueId="0", offset="0").code == 0
    assert query(broker) == (0, "0")
    ignored = commit(broker, 1)
    assert (ignored.code, ignored.remark) == (0, "Offset has been previously reset")
    assert query(broker) == (0, "0")
    pull = {
        "consumerGroup": "G",
        "topic": "T",
        "queueId": "0",
        "queueOffset": "1",
        "maxMsgNums": "32",
        "sysFlag": "4",
        "commitOffset": "0",
        "suspendTimeoutMillis": "0",
        "subVersion": "0",
    }
    told = ask(broker, 11, pull)
    assert (told.code, told.remark) == (21, "OFFSET_RESET")
    assert (told.ext_fields or {})["nextBeginOffset"] == "0"
    assert ask(broker, 11, pull).remark == "OFFSET_OVERFLOW_ONE"
    assert commit(broker, 1).remark is None
    assert query(broker) == (0, "1")


def test_a_reset_works_without_a_record() -> None:
    """BROKER-OFFSET-12: fault B37."""
    broker = started(NEW)
    assert reset(broker).code == 0
    assert broker.ctx.consumer_offset_manager.query_offsets("G", "T") == {0: 0, 1: 0, 2: 0, 3: 0}


@pytest.mark.parametrize(("offset", "code"), [("-2", 1), ("0", 0), ("2", 0), ("3", 1)])
def test_a_reset_stays_within_the_queue(offset: str, code: int) -> None:
    """BROKER-OFFSET-15."""
    broker = started(NEW)
    answer = reset(broker, queueId="0", offset=offset)
    assert answer.code == code
    if code:
        assert answer.remark == f"Target offset {offset} not in consume queue range [0-1]"
        assert broker.ctx.consumer_offset_manager.offset_table == {}


def test_a_reset_of_the_unknown() -> None:
    """BROKER-ADMIN-48."""
    broker = started(NEW)
    assert reset(broker, topic="NO").remark == "Topic NO does not exist"
    assert reset(broker, group="NO").remark == "Group NO does not exist"
