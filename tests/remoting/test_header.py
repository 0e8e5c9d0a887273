"""Typed headers against the fields of Java's classes and what Java decodes into them."""

from collections.abc import Mapping

import pytest

import refimpl.remoting.header as package
from refimpl.model.ids import JsonValue
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASES, Release
from refimpl.remoting.errors import HeaderRefused
from refimpl.remoting.header import (
    FieldValue,
    Header,
    decode_fields,
    decode_header,
    encode_header,
    snake_case,
    wire_fields,
)
from refimpl.remoting.header.namesrv import DeleteKVConfigRequestHeader, PutKVConfigRequestHeader
from refimpl.remoting.header.offset import QueryConsumerOffsetRequestHeader
from refimpl.remoting.header.pull import PullMessageRequestHeader
from refimpl.remoting.header.queue_offset import GetMaxOffsetRequestHeader
from refimpl.remoting.header.route import GetRouteInfoRequestHeader
from refimpl.remoting.header.send import SendMessageRequestHeaderV2, SendMessageResponseHeader
from refimpl.remoting.header.topic_admin import CreateTopicRequestHeader
from refimpl.remoting.header.transaction import EndTransactionRequestHeader
from tests import vectors
from tests.remoting.wire_classes import classes_of

# What every request of 5.5 has and no server reads in pull mode: namespace, one-way, static topics.
RPC_FIELDS = {"ns", "nsd", "oway", "lo"}
# Classes of modes that are not specified yet (pop, lite topics, controller), and of ACL lists.
# Primitives start with false or 0 but for these.
DEFAULTS: dict[str, JsonValue] = {
    "GetMaxOffsetRequestHeader.committed": True,
}
NOT_YET = (  # beginnings of names
    "Ack Alter ApplyBrokerId ChangeInvisibleTime CleanController ElectMaster GetLite GetMetaData "
    "GetNextBrokerId GetParentTopic GetReplica LiteSubscription Notification NotifyBrokerRole "
    "NotifyUnsubscribe Peek PollingInfo Pop RegisterBrokerToController TriggerLite "
    "GetBrokerClusterAclConfig"
)
RENAMED = {"DeleteTopicInNamesrvRequestHeader": "DeleteTopicFromNamesrvRequestHeader"}


CLASSES = classes_of(package, Header)


def test_every_field_of_every_class() -> None:
    """REMOTING-HEADER-1: names and types are Java's, and none is missing."""
    problems = []
    for release, vector in vectors.each("header_fields"):
        java = str(vector.input)
        cls = CLASSES.get(RENAMED.get(java, java))
        if cls is None:
            if not java.startswith(tuple(NOT_YET.split())):
                problems.append(f"{java}: no class")
            continue
        ours = {field.wire: field.java_type for field in wire_fields(cls)}
        for wire, declared in vector.result().items():
            kind = str(declared).split()[0]
            same = {"Boolean": "boolean", "boolean": "Boolean"}
            if wire not in RPC_FIELDS and ours.get(wire) not in {kind, same.get(kind)}:
                problems.append(f"{release.name} {java}.{wire}: {declared}, {ours.get(wire)}")
    assert problems == []


def test_no_field_of_our_own() -> None:
    """REMOTING-HEADER-1: every field of ours is in some release."""
    theirs: dict[str, set[str]] = {}
    for _, vector in vectors.each("header_fields"):
        java = RENAMED.get(str(vector.input), str(vector.input))
        theirs.setdefault(java, set()).update(vector.result())
    for name, cls in CLASSES.items():
        assert {field.wire for field in wire_fields(cls)} <= theirs[name]


def java_view(cls: type[Header], values: Mapping[str, FieldValue]) -> dict[str, JsonValue]:
    shown: dict[str, JsonValue] = {}
    for field in wire_fields(cls):
        value = values.get(field.attribute)
        if field.java_type == "BoundaryType" and value is not None:
            value = "UPPER" if str(value).lower() == "upper" else "LOWER"
        shown[field.wire] = value
    return shown


def test_fields_are_read_as_java_reads_them() -> None:
    """REMOTING-HEADER-10, -11, -12, -13: what is null, what is refused, what is parsed."""
    problems = []
    for release, vector in vectors.each("header_decode"):
        given = vector.fields()
        cls = CLASSES[str(given["header"])]
        fields = given["extFields"]
        assert fields is None or isinstance(fields, dict)
        texts = None if fields is None else {k: str(v) for k, v in fields.items()}
        if vector.error is not None:
            with pytest.raises(HeaderRefused):
                decode_header(cls, texts, release)
            continue
        mine = java_view(cls, decode_fields(cls, texts, release))
        if vector.output == "object":  # no extFields at all: an object of nulls
            assert set(mine.values()) <= {None}
            continue
        for wire, value in vector.result().items():
            if mine.get(wire) is None and value is not None:
                mine[wire] = DEFAULTS.get(f"{cls.__name__}.{wire}", False)
            if wire not in RPC_FIELDS and mine.get(wire) != value:
                problems.append(f"{release.name} {vector.name} {wire}: {mine.get(wire)} {value}")
    assert problems == []


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_encode_then_decode(name: str) -> None:
    """REMOTING-HEADER-14: null is left out, the rest comes back."""
    cls = CLASSES[name]
    samples = {"String": "x y", "boolean": "true", "Boolean": "false", "BoundaryType": "UPPER"}
    texts = {f.wire: samples.get(f.java_type, "-7") for f in wire_fields(cls)}
    texts |= {"commitOrRollback": "8"} if "commitOrRollback" in texts else {}
    texts |= {"topicFilterType": "MULTI_TAG"} if "topicFilterType" in texts else {}
    header = decode_header(cls, {**texts, "unknown": "1"}, RELEASE_4_9)
    assert encode_header(header) == texts
    assert encode_header(header).keys() == {f.wire for f in wire_fields(cls)}


def test_attribute_names() -> None:
    names = {"bodyCrc32": "body_crc32", "clientID": "client_id", "classCRC": "class_crc", "a": "a"}
    assert {name: snake_case(name) for name in names} == names


OFFSET = {"topic": "T", "queueId": "3"}


@pytest.mark.parametrize("missing", sorted(OFFSET))
def test_a_field_that_must_be_there(missing: str) -> None:
    """REMOTING-HEADER-9: its use is refused and named, nothing is guessed; others can be used."""
    assert decode_header(GetMaxOffsetRequestHeader, OFFSET, RELEASE_4_9).queue_id == 3
    texts = {key: text for key, text in OFFSET.items() if key != missing}
    header = decode_header(GetMaxOffsetRequestHeader, texts, RELEASE_4_9)
    with pytest.raises(HeaderRefused) as error:
        getattr(header, snake_case(missing))
    assert (error.value.field, error.value.value) == (missing, None)
    for present in texts:
        assert getattr(header, snake_case(present)) is not None
    with pytest.raises(HeaderRefused):
        _ = decode_header(GetMaxOffsetRequestHeader, None, RELEASE_4_9).topic
    with pytest.raises(AttributeError):
        getattr(header, snake_case("noFieldOfThisClass"))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-1", -1),
        ("+5", 5),
        ("2147483647", 2147483647),
        ("-2147483648", -2147483648),
        ("2147483648", None),
        ("", None),
        (" 1", None),
        ("1 ", None),
        ("1_0", None),
        ("0x1", None),
        ("1.0", None),
        ("\u0663", 3),
    ],
)
@pytest.mark.parametrize("release", list(RELEASES.values()), ids=list(RELEASES))
def test_numbers(text: str, number: int | None, release: Release) -> None:
    """REMOTING-HEADER-10: what Integer.parseInt takes, and nothing that Python's int adds."""
    texts = {**OFFSET, "queueId": text}
    assert decode_fields(QueryConsumerOffsetRequestHeader, texts, release).get("queue_id") == number
    if number is None:
        header = decode_header(QueryConsumerOffsetRequestHeader, texts, release)
        with pytest.raises(HeaderRefused):
            _ = header.queue_id


def test_a_number_that_a_fast_header_refuses() -> None:
    """REMOTING-HEADER-11: from 4.9 on, even in a field that may be absent."""
    texts = {"a": "G", "b": "T", "e": "0", "f": "0", "g": "0", "h": "0", "j": "x"}
    assert decode_header(SendMessageRequestHeaderV2, texts, RELEASE_4_6).j is None
    with pytest.raises(HeaderRefused) as error:
        decode_header(SendMessageRequestHeaderV2, texts, RELEASE_4_9)
    assert error.value.remark == 'java.lang.NumberFormatException: For input string: "x"'


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("TRUE", True), ("1", False), ("yes", False), ("", False)]
)
def test_booleans(text: str, *, value: bool) -> None:
    """REMOTING-HEADER-10: only "true" in any case; what C++ clients send as "1" is false."""
    texts = {"topic": "T", "acceptStandardJsonOnly": text}
    header = decode_header(GetRouteInfoRequestHeader, texts, RELEASE_4_9)
    assert header.accept_standard_json_only is value


@pytest.mark.parametrize(
    ("decision", "fits"), [("0", True), ("8", True), ("12", True), ("4", False), ("1", False)]
)
def test_decisions_of_a_transaction(decision: str, *, fits: bool) -> None:
    """REMOTING-HEADER-12."""
    texts = {"tranStateTableOffset": "1", "commitLogOffset": "1", "commitOrRollback": decision}
    if fits:
        header = decode_header(EndTransactionRequestHeader, texts, RELEASE_4_9)
        assert header.commit_or_rollback == int(decision)
    else:
        with pytest.raises(HeaderRefused) as error:
            decode_header(EndTransactionRequestHeader, texts, RELEASE_4_9)
        assert error.value.remark.endswith("RemotingCommandException: commitOrRollback field wrong")


@pytest.mark.parametrize(
    ("kind", "fits"),
    [("SINGLE_TAG", True), ("MULTI_TAG", True), ("single_tag", False), ("", False), (None, False)],
)
def test_filter_types_of_a_new_topic(kind: str | None, *, fits: bool) -> None:
    """REMOTING-HEADER-13: the refusal quotes the value, null included."""
    texts = {"topic": "T", "readQueueNums": "1", "writeQueueNums": "1", "perm": "6"}
    if kind is not None:
        texts["topicFilterType"] = kind
    if fits:
        assert decode_header(CreateTopicRequestHeader, texts, RELEASE_4_9).topic == "T"
    else:
        with pytest.raises(HeaderRefused) as error:
            decode_header(CreateTopicRequestHeader, texts, RELEASE_4_9)
        shown = "null" if kind is None else kind
        assert error.value.remark.endswith(f"topicFilterType = [{shown}] value invalid")


def test_null_that_a_processor_can_live_with() -> None:
    """REMOTING-HEADER-9: a pull without commit offset, as small clients send it."""
    texts = {"consumerGroup": "G", "topic": "T", "queueId": "0", "queueOffset": "0"}
    texts |= {"maxMsgNums": "32", "sysFlag": "0"}
    header = decode_header(PullMessageRequestHeader, texts, RELEASE_4_9)
    assert (header.commit_offset, header.suspend_timeout_millis) == (None, None)


def test_null_fields_are_not_sent() -> None:
    """REMOTING-HEADER-14."""
    header = SendMessageResponseHeader(msg_id="ID", queue_id=0, queue_offset=5)
    assert encode_header(header) == {"msgId": "ID", "queueId": "0", "queueOffset": "5"}


def test_headers_are_values() -> None:
    """Fixed, equal by fields, made by known names only: nothing of this is generated."""
    header = PutKVConfigRequestHeader(namespace="n", key="k")
    assert header == PutKVConfigRequestHeader(namespace="n", key="k", value=None)
    assert hash(header) == hash(header.with_fields(value=None))
    assert header != header.with_fields(value="v")
    assert header != DeleteKVConfigRequestHeader(namespace="n", key="k")
    assert repr(header) == "PutKVConfigRequestHeader(namespace='n', key='k', value=None)"
    with pytest.raises(AttributeError):
        header.key = "other"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del header.key
    with pytest.raises(TypeError):
        header.with_fields(nonsense=1)
    with pytest.raises(TypeError):
        SendMessageResponseHeader(queue_id=1)  # type: ignore[call-arg]
    assert header.key == "k"
