"""What two answers differ in: paths into a tree of all that a frame says.

The tree has the fields of the header and, as `body`, what the bytes mean: records of messages,
properties, JSON, or plain text. `differences` gives the leaves that are not the same.
"""

from collections.abc import Iterator
from json import loads
from typing import NamedTuple

from refimpl.model.ids import JsonValue
from refimpl.model.message_codec import decode_records
from refimpl.model.release import Release
from refimpl.remoting.body import java_json
from refimpl.remoting.command import RemotingCommand

RECORD_MAGIC = bytes.fromhex("DAA320A7")
_PROPERTIES_CODES = {26, 319}
GET_BROKER_CONSUME_STATS = 317


class Difference(NamedTuple):
    """One leaf: None stands for a missing one."""

    path: str
    recorded: JsonValue
    ours: JsonValue


def tree(command: RemotingCommand, code: int, release: Release) -> dict[str, JsonValue]:
    """All that `command` says; `code` is that of its request."""
    return {
        "code": command.code,
        "flag": command.flag,
        "language": command.language,
        "version": command.version,
        "remark": command.remark,
        "codec": None if command.serialize_type is None else command.serialize_type.name,
        "ext": {} if command.ext_fields is None else dict(command.ext_fields),
        "body": _body(command.body, code, release),
    }


def _body(body: bytes, code: int, release: Release) -> JsonValue:
    if body[4:8] == RECORD_MAGIC:
        return _records(body, release)
    if code in _PROPERTIES_CODES:
        settings: dict[str, JsonValue] = {}
        for line in body.decode().splitlines():
            name, _, text = line.partition("=")
            settings[name] = text
        return settings
    if body[:1] in {b"{", b"["}:
        value = java_json.parse(body.decode(), release)
        return _by_group(value) if code == GET_BROKER_CONSUME_STATS else value
    return body.decode("latin-1")


def _by_group(value: JsonValue) -> JsonValue:
    """The list of one-entry tables as one table, each list of topics by its first queue."""
    assert isinstance(value, dict)
    stats = value["consumeStatsList"]
    assert isinstance(stats, list)
    merged: dict[str, JsonValue] = {}
    for entry in stats:
        assert isinstance(entry, dict)
        for group, topics in entry.items():
            assert isinstance(topics, list)
            merged[group] = {_topic(one): one for one in topics}
    return {**value, "consumeStatsList": merged}


def committed(
    value: JsonValue, group: str | None
) -> Iterator[tuple[str, dict[str, JsonValue], str]]:
    """Group, queue and consumer offset of each entry of statistics of one group, or of all."""
    assert isinstance(value, dict)
    if group is None:
        stats = value["consumeStatsList"]
        assert isinstance(stats, list)
        for entry in stats:
            assert isinstance(entry, dict)
            for name, topics in entry.items():
                assert isinstance(topics, list)
                for one in topics:
                    yield from committed(one, name)
        return
    table = value["offsetTable"]
    assert isinstance(table, dict)
    for key, wrapper in table.items():
        queue = loads(key)
        assert isinstance(wrapper, dict)
        yield group, queue, str(wrapper["consumerOffset"])


def _topic(stats: JsonValue) -> str:
    assert isinstance(stats, dict)
    table = stats["offsetTable"]
    assert isinstance(table, dict)
    return next(iter(table)).partition('"topic":')[2]


def _records(body: bytes, release: Release) -> list[JsonValue]:
    return [
        {
            "topic": one.topic,
            "queueId": one.queue_id,
            "queueOffset": one.queue_offset,
            "physicalOffset": one.physical_offset,
            "storeSize": one.store_size,
            "bodyCrc": one.body_crc,
            "flag": one.flag,
            "sysFlag": one.sys_flag,
            "bornTimestamp": one.born_timestamp,
            "bornHost": str(one.born_host),
            "storeTimestamp": one.store_timestamp,
            "storeHost": str(one.store_host),
            "reconsumeTimes": one.reconsume_times,
            "preparedOffset": one.prepared_transaction_offset,
            "body": one.body.decode("latin-1"),
            "propertyOrder": list(one.properties),
            "properties": dict(one.properties),
        }
        for one in decode_records(body, release=release, read_body=True)
    ]


def differences(recorded: JsonValue, ours: JsonValue, path: str = "") -> Iterator[Difference]:
    """The leaves in which the two differ; a list of another length is one leaf."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        for key in dict.fromkeys([*recorded, *ours]):
            inner = f"{path}.{key}" if path else key
            if key in recorded and key in ours:
                yield from differences(recorded[key], ours[key], inner)
            else:
                yield Difference(inner, recorded.get(key), ours.get(key))
    elif _strings(recorded) and _strings(ours) and recorded != ours:
        yield Difference(path, recorded, ours)
    elif isinstance(recorded, list) and isinstance(ours, list) and len(recorded) == len(ours):
        for index, pair in enumerate(zip(recorded, ours, strict=True)):
            yield from differences(*pair, f"{path}[{index}]")
    elif recorded != ours or type(recorded) is not type(ours):
        yield Difference(path, recorded, ours)


def _strings(value: JsonValue) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
