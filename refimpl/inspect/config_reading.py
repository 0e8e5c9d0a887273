"""The tables of `config/` from outside: parsed, with their backups, against the queues.

Requirements  BROKER-LIFECYCLE-10, BROKER-LIFECYCLE-11, BROKER-OFFSET-17, BROKER-OFFSET-18,
              BROKER-SCHEDULE-1, BROKER-SCHEDULE-10, BROKER-TOPIC-9
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from refimpl.inspect.finding import Findings
from refimpl.inspect.store_files import StoreFiles, file_size_of
from refimpl.model.delay_level import delay_level_to_queue_id
from refimpl.model.ids import JsonValue
from refimpl.model.release import Release
from refimpl.model.topic_validator import RMQ_SYS_SCHEDULE_TOPIC
from refimpl.remoting.body.java_json import parse
from refimpl.remoting.errors import BodyRefused

_DIRECTORY: Final = "config"
_FILE_MAX: Final = 64 << 20
Object = dict[str, JsonValue]


class ConfigReading(NamedTuple):
    """What the broker would load; a missing table is empty."""

    documents: Mapping[str, Object]  # file name -> content, of the file or else its backup
    consumer_offsets: Mapping[
        tuple[str, str], Mapping[int, int]
    ]  # (topic, group) -> queue -> offset
    delay_offsets: Mapping[int, int]  # level -> offset
    topics: Mapping[str, Object]
    groups: Mapping[str, Object]


def read_config(files: StoreFiles, release: Release, findings: Findings) -> ConfigReading:
    """Parse every table; BROKER-LIFECYCLE-11: the backup stands in for a bad file."""
    documents: dict[str, Object] = {}
    names = [name.removesuffix(".bak") for name in files.list(_DIRECTORY)]
    for name in sorted({name for name in names if name.endswith(".json")}):
        document = _document(files, f"{_DIRECTORY}/{name}", release, findings)
        if document is not None:
            documents[name] = document
    return ConfigReading(
        documents,
        _consumer_offsets(documents, findings),
        _delay_offsets(documents, findings),
        _rows(documents, "topics.json", "topicConfigTable", "topicName", findings),
        _rows(documents, "subscriptionGroup.json", "subscriptionGroupTable", "groupName", findings),
    )


def _document(files: StoreFiles, path: str, release: Release, findings: Findings) -> Object | None:
    main, backup = (_parsed(files, found, release) for found in (path, f"{path}.bak"))
    if isinstance(main, dict):
        if isinstance(backup, str):
            findings.interrupted(
                "BROKER-LIFECYCLE-10", f"{path}.bak", "the backup is no JSON object", detail=backup
            )
        return main
    why = main or "missing"
    if isinstance(backup, dict):
        findings.interrupted(
            "BROKER-LIFECYCLE-10", path, "the file is bad and its backup is used", detail=why
        )
        return backup
    if main == "empty" and backup is None:
        findings.interrupted("BROKER-LIFECYCLE-10", path, "the file is empty and has no backup")
        return None
    findings.violated(
        "BROKER-LIFECYCLE-11", path, "neither the file nor a backup can be read", detail=why
    )
    return None


def _parsed(files: StoreFiles, path: str, release: Release) -> Object | str | None:
    """The object, or why there is none; None where there is no file."""
    size = file_size_of(files, path)
    if size is None:
        return None
    if size == 0:
        return "empty"
    if size > _FILE_MAX:
        return "too long"
    data = files.read(path, 0, size)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"no UTF-8 at byte {error.start}"
    try:
        value = parse(text, release)
    except BodyRefused as error:
        return error.reason
    return value if isinstance(value, dict) else "no JSON object"


def _table(documents: Mapping[str, Object], name: str, member: str) -> Object:
    value = documents.get(name, {}).get(member)
    return value if isinstance(value, dict) else {}


def _numbers(value: JsonValue) -> dict[int, int] | None:
    if not isinstance(value, dict):
        return None
    table: dict[int, int] = {}
    for key, number in value.items():
        if not isinstance(number, int) or isinstance(number, bool) or not key.isdigit():
            return None
        table[int(key)] = number
    return table


def _consumer_offsets(
    documents: Mapping[str, Object], findings: Findings
) -> dict[tuple[str, str], Mapping[int, int]]:
    found: dict[tuple[str, str], Mapping[int, int]] = {}
    for key, value in _table(documents, "consumerOffset.json", "offsetTable").items():
        topic, separator, group = key.partition("@")
        table = _numbers(value)
        if not separator or table is None:
            findings.violated(
                "BROKER-OFFSET-17",
                f"{_DIRECTORY}/consumerOffset.json",
                "an entry is no topic@group with queues and offsets",
                detail=key[:80],
            )
            continue
        found[topic, group] = table
    return found


def _delay_offsets(documents: Mapping[str, Object], findings: Findings) -> dict[int, int]:
    table = _numbers(_table(documents, "delayOffset.json", "offsetTable"))
    if table is None:
        findings.violated(
            "BROKER-SCHEDULE-10",
            f"{_DIRECTORY}/delayOffset.json",
            "an entry is no level and offset",
        )
        return {}
    return table


def _rows(
    documents: Mapping[str, Object], name: str, member: str, key_member: str, findings: Findings
) -> dict[str, Object]:
    rows: dict[str, Object] = {}
    for key, value in _table(documents, name, member).items():
        if not isinstance(value, dict) or value.get(key_member) != key:
            findings.violated(
                "BROKER-TOPIC-9",
                f"{_DIRECTORY}/{name}",
                "an entry does not bear its own name",
                detail=key[:80],
            )
            continue
        rows[key] = value
    return rows


def check_offsets(
    config: ConfigReading,
    ends: Mapping[tuple[str, int], int],
    unknown: Callable[[str], bool],
    findings: Findings,
) -> None:
    """Offsets of consumers and of delay levels lie within their queues; `ends` has the maxima.

    `unknown` tells of a topic whether its queues are not read.

    BROKER-OFFSET-18: an offset beyond the end of its queue would skip the messages that come.
    BROKER-SCHEDULE-1: an offset of a level beyond its queue is moved to its end at the start.
    """
    for (topic, group), table in config.consumer_offsets.items():
        for queue_id, offset in table.items():
            end = ends.get((topic, queue_id), 0)
            if offset > end and not unknown(topic):
                findings.interrupted(
                    "BROKER-OFFSET-18",
                    f"{_DIRECTORY}/consumerOffset.json",
                    "a group is beyond the end of its queue",
                    detail=f"{group} in {topic} queue {queue_id}: {offset}, beyond {end}",
                )
    for level, offset in config.delay_offsets.items():
        end = ends.get((RMQ_SYS_SCHEDULE_TOPIC, delay_level_to_queue_id(level)), 0)
        if not 0 <= offset <= end and not unknown(RMQ_SYS_SCHEDULE_TOPIC):
            findings.interrupted(
                "BROKER-SCHEDULE-1",
                f"{_DIRECTORY}/delayOffset.json",
                "a level is beyond the end of its queue",
                detail=f"level {level}: {offset}, beyond {end}",
            )
