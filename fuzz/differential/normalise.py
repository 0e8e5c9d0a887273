"""What is not compared, rule by rule, each with its reason. Nothing else is ignored.

An answer becomes a tree of JSON values; every rule is a function that changes the tree. The rules
are applied to both sides alike.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from conformance import lenient_json
from conformance.frames import Frame
from conformance.records import Record, decode_records
from conformance.verdict import Failure
from fuzz.differential.step import TOKENS, Step
from refimpl.model.ids import JsonValue

Tree = dict[str, JsonValue]
_PLACE = re.compile(r", (?:[\w.]+/)?[\w$./]+(?:<\w+>)?\([\w ]+(?:\.java:\d+)?\)$")
_MESSAGE_ID = re.compile(r"^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{16})$")
_UNIQUE_ID = re.compile(r"(?<![0-9A-F])[0-9A-F]{32}(?![0-9A-F])")
_VERSION_NUMBERS = re.compile(r"(?<=:)\d+")
_EXPECTED = re.compile(r"(parser\.ParseException: ).*", re.DOTALL)  # BROKER-FILTER-9
_NUMBER = re.compile(r"-?\d+")
_ADDRESS = re.compile(r"127\.0\.0\.1(?::|%3A)(\d{4,5})")
_PUSH_REPLY_TIME = re.compile(r"(?<=PUSH_REPLY_TIME\x01)\d+")
_TIME_TEXT = re.compile(r"\d{4}-\d\d-\d\d[ T#]\d\d:\d\d:\d\d(?:[.:,]\d+)?")
_HELPFUL = ("Cannot invoke ", "Cannot read ", "Cannot load ", "Cannot store ")
_LIBRARY = re.compile(r"^(com\.alibaba\.fastjson2?\.JSON(?:Valid)?Exception)\b.*", re.DOTALL)
_TIMES = frozenset(
    [
        "lastTimestamp",
        "lastUpdateTimestamp",
        "timestamp",
        "storeTimestamp",
        "minTimeStamp",
        "maxTimeStamp",
        "consumeTimeStamp",
        "delayTime",
        "minTimestamp",
        "maxTimestamp",
        "indexLastUpdateTimestamp",
        "lastUpdateTime",
        "storeTime",
        "earliestMessageTimeStamp",
    ]
)
_PLACES = frozenset(["indexLastUpdatePhyoffset", "physicOffset"])
_RATES = frozenset(["totalDiff", "consumeTps", "topicPutTps", "sum", "tps", "avgpt", "times"])
_HOST_CONFIG = re.compile(
    r"(?i)path|port|ip1|ip2|home|addr|thread|nums$|hostname|brokerName$|dir$|pool|bindAddress|mem"
)
# Given in the file of one target and not of the other; Java prints what it does not know as well.
_HARNESS_CONFIG = frozenset(
    [
        "bindAddress",
        "storePathCommitLog",
        "mapedFileSizeCommitLog",
        "mapedFileSizeConsumeQueue",
        "configFile",
        "transactionMetricFlushInterval",
        "timerFlushIntervalMs",
    ]
)
_RUNTIME_STABLE = frozenset(
    [
        "brokerVersion",
        "brokerVersionDesc",
        "earliestMessageTimeStamp",
        "dispatchBehindBytes",
        "scheduleMessageOffset_1",
        "pullThreadPoolQueueCapacity",
        "sendThreadPoolQueueCapacity",
        "queryThreadPoolQueueCapacity",
        "pageCacheLockTimeMills",
        "remainTransientStoreBufferNumbs",
        "EndTransactionThreadPoolQueueCapacity",
        "EndTransactionQueueSize",
        "pullThreadPoolQueueSize",
    ]
)


@dataclass(slots=True)
class Scene:
    """What the rules may know: the request, the names of the play, our addresses on this side."""

    step: Step
    token: str
    ports: Mapping[int, str]
    resolved: frozenset[str] = frozenset()  # physical offsets that the request was given
    filtered: bool = field(default=False)  # entries of other plays were taken out


def tree_of(frame: Frame, scene: Scene) -> Tree:
    """The answer as a tree, with the rules applied."""
    ext = None if frame.ext is None else dict(frame.ext)
    tree: Tree = {
        "code": frame.code,
        "flag": frame.flag,
        "opaque": frame.opaque,
        "language": frame.language,
        "version": frame.version,
        "serialize": frame.serialize.name,
        "remark": frame.remark,
        "ext": ext,
        "body": _body(frame, scene),
    }
    for rule in RULES:
        rule(tree, scene)
    return tree


def _body(frame: Frame, scene: Scene) -> JsonValue:
    if not frame.body:
        return None
    if frame.code == 0 and scene.step.code in _RECORD_CODES:
        try:
            return {"records": [_record(record) for record in decode_records(frame.body)]}
        except Failure as error:
            return {"unreadable": error.reason.partition(":")[0], "length": len(frame.body)}
    if scene.step.code in _PROPERTIES_CODES and frame.code == 0:
        return {"properties": _properties(frame.body)}
    try:
        return {"json": lenient_json.parse(frame.body)}
    except lenient_json.NotJson:
        return {"bytes": frame.body.decode("utf-8", "backslashreplace")}


_RECORD_CODES = frozenset({11, 361, 12, 33})
_PROPERTIES_CODES = frozenset({26, 319})


def _record(record: Record) -> JsonValue:
    """record-place: the physical offset, the store's time and ports differ from host to host."""
    return {
        "topic": record.topic,
        "queueId": record.queue_id,
        "queueOffset": record.queue_offset,
        "size": record.store_size,
        "body": record.body.decode("latin-1"),
        "crc": record.body_crc,
        "flag": record.flag,
        "sysFlag": record.sys_flag,
        "born": record.born_timestamp,
        "bornHost": record.born_host[0].hex(),
        "storeHost": record.store_host[0].hex(),
        "stored": record.store_timestamp > 0,
        "reconsume": record.reconsume_times,
        "prepared": record.prepared_transaction_offset > 0,
        "properties": record.properties_text,
    }


def _properties(body: bytes) -> JsonValue:
    lines = body.decode("utf-8", "replace").splitlines()
    return dict(line.partition("=")[::2] for line in lines)


# --- the rules


def timed_out(frame: Frame, scene: Scene) -> bool:
    """A held pull whose time is over is answered by a scan every five seconds of some clock.

    Unasked there is no other reason for PULL_NOT_FOUND; where it was asked, the time must be short.
    """
    if not frame.is_response or frame.code != _PULL_NOT_FOUND:
        return False
    time = (scene.step.ext or {}).get("suspendTimeoutMillis")
    long = isinstance(time, str) and time.isdecimal() and int(time) > _SCAN_MS
    return scene.step.label < 0 or (scene.step.holds and not long)


def own_opaque(tree: Tree, scene: Scene) -> None:
    """Java numbers a header without an opaque itself, with a counter of its process."""
    if scene.step.raw is not None and b"opaque" not in scene.step.raw:
        tree["opaque"] = "<own>"


def exception_place(tree: Tree, _: Scene) -> None:
    """The stack element behind an exception names a line of Java."""
    remark = tree["remark"]
    if isinstance(remark, str):
        tree["remark"] = _PLACE.sub("", remark)


def exception_text(tree: Tree, _: Scene) -> None:
    """Texts of these exceptions are written by the Java that runs, and change with it."""
    remark = tree["remark"]
    if isinstance(remark, str) and remark.startswith(_HELPFUL):
        tree["remark"] = remark = None
    if isinstance(remark, str):
        tree["remark"] = re.sub(
            r"^(java\.lang\.(?:NullPointer|ClassCast|ArrayIndexOutOfBounds|StringIndexOutOfBounds|NegativeArraySize)"
            r"Exception)\b.*",
            r"\1",
            remark,
            flags=re.DOTALL,
        )


def library_text(tree: Tree, _: Scene) -> None:
    """What a JSON reader says of its position, and what a selector's parser expected."""
    remark = tree["remark"]
    if isinstance(remark, str):
        tree["remark"] = _EXPECTED.sub(r"\1", _LIBRARY.sub(r"\1", remark))


def message_ids(tree: Tree, _: Scene) -> None:
    """A message id holds the port of the broker and a physical offset."""
    ext = tree["ext"]
    if isinstance(ext, dict):
        value = ext.get("msgId")
        if isinstance(value, str):
            ext["msgId"] = ",".join(
                _MESSAGE_ID.sub(r"\1:port:offset", one) for one in value.split(",")
            )


def unique_ids(tree: Tree, _: Scene) -> None:
    """A unique id that the broker makes holds its address, its start and a counter."""
    _every_text(tree, lambda text: _UNIQUE_ID.sub("<unique id>", text))


def resolved(tree: Tree, scene: Scene) -> None:
    """A physical offset of an earlier answer is repeated in remarks."""
    if not scene.resolved:
        return

    def named(match: re.Match[str]) -> str:
        return "<physical>" if match.group() in scene.resolved else match.group()

    remark = tree["remark"]
    if isinstance(remark, str):
        tree["remark"] = _NUMBER.sub(named, remark)


def addresses(tree: Tree, scene: Scene) -> None:
    """Ports are the target's own, or those that our sockets were given."""

    def named(match: re.Match[str]) -> str:
        return f"<{scene.ports.get(int(match.group(1)), 'ours')}>"

    _every_text(tree, lambda text: _ADDRESS.sub(named, text))


def times(tree: Tree, _: Scene) -> None:
    """A time is compared only in being there: none, zero, negative or a date."""

    def shown(value: JsonValue) -> JsonValue:
        try:
            number = int(value) if isinstance(value, int | str) else None
        except ValueError:
            return value
        if number is None or number <= 1_000_000_000_000 or number > 4_000_000_000_000:
            return value
        return 1_700_000_000_000 if isinstance(value, int) else "1700000000000"

    _every_member(tree, _TIMES, shown)


def time_texts(tree: Tree, _: Scene) -> None:
    """Times that are written out."""
    _every_text(tree, lambda text: _TIME_TEXT.sub("<time>", _PUSH_REPLY_TIME.sub("<time>", text)))


def places(tree: Tree, _: Scene) -> None:
    """Physical offsets depend on what else the store holds."""
    _every_member(
        tree, _PLACES, lambda value: "<place>" if value not in (0, "0", -1, "-1") else value
    )


def rates(tree: Tree, _: Scene) -> None:
    """Rates depend on when the samplers run, the lag of a whole broker on other plays."""
    _every_member(tree, _RATES, lambda value: 0 if isinstance(value, int | float) else value)


def delayed(tree: Tree, scene: Scene) -> None:
    """How many delayed messages have been delivered depends on the time of the question."""
    if scene.step.code == _DELAY_OFFSETS:
        _every_member(tree, frozenset({"offsetTable"}), lambda _: "<delivered>")


def data_versions(tree: Tree, _: Scene) -> None:
    """The counter of a table counts what other plays have done."""
    _every_member(tree, frozenset({"counter", "stateVersion"}), lambda _: 0)
    ext = tree["ext"]
    if isinstance(ext, dict) and isinstance(version := ext.get("version"), str):
        ext["version"] = _VERSION_NUMBERS.sub("#", version)


def totals(tree: Tree, _: Scene) -> None:
    """How many topics and groups there are counts those of other plays."""
    ext = tree["ext"]
    if isinstance(ext, dict):
        for name in ("totalTopicNum", "totalGroupNum"):
            if name in ext:
                ext[name] = "<total>"


def other_plays(tree: Tree, scene: Scene) -> None:
    """Names that hold the token of another play are not of this sequence."""

    def foreign(text: str) -> bool:
        return any(token != scene.token for token in TOKENS.findall(text))

    def clean(value: JsonValue) -> JsonValue:
        if isinstance(value, dict):
            kept = {name: clean(one) for name, one in value.items() if not foreign(name)}
            scene.filtered |= len(kept) != len(value)
            return kept
        if isinstance(value, list):
            mine = [one for one in value if not (_tokens(one) and _all_foreign(one, scene.token))]
            scene.filtered |= len(mine) != len(value)
            return [clean(one) for one in mine]
        return value

    tree["body"] = clean(tree["body"])


def nameless_brokers(tree: Tree, scene: Scene) -> None:
    """A broker or cluster without a token in its name may be left by another play.

    It goes when its heartbeat is overdue: real time on one side, virtual on the other.
    """

    def mine(name: str) -> bool:
        return scene.token in name or name in {"DefaultCluster", "broker-a"}

    body = tree["body"]
    answer = body.get("json") if isinstance(body, dict) else None
    if scene.step.code not in _BROKER_LISTS or not isinstance(answer, dict):
        return
    answer["brokerAddr"] = "<of some broker>"
    for member, value in answer.items():
        if isinstance(value, dict):
            answer[member] = {
                name: [entry for entry in one if mine(str(entry))] if isinstance(one, list) else one
                for name, one in value.items()
                if mine(name)
            }
        elif isinstance(value, list):
            answer[member] = [entry for entry in value if mine(str(entry))]


def nameless_groups(tree: Tree, scene: Scene) -> None:
    """A group without a token in its name may be left by another play."""
    body = tree["body"]
    answer = body.get("json") if isinstance(body, dict) else None
    if scene.step.code == _BROKER_STATS and isinstance(answer, dict):
        listed = answer.get("consumeStatsList")
        if isinstance(listed, list):
            answer["consumeStatsList"] = [
                entry
                for entry in listed
                if not isinstance(entry, dict) or any(entry.values()) or scene.token in repr(entry)
            ]


def unordered(tree: Tree, _: Scene) -> None:
    """Lists that Java makes from a HashSet or HashMap have no order that anybody could use."""
    _every_member(
        tree, _SETS, lambda value: sorted(value, key=repr) if isinstance(value, list) else value
    )
    _every_member(tree, frozenset({"groupTopicMap"}), _sorted_entries)


def _sorted_entries(value: JsonValue) -> JsonValue:
    if not isinstance(value, dict):
        return value
    return {
        name: sorted(one, key=repr) if isinstance(one, list) else one for name, one in value.items()
    }


_SETS = frozenset(
    [
        "topicList",
        "lockOKMQSet",
        "groupList",
        "connectionSet",
        "messageQueueSet",
        "tagsSet",
        "codeSet",
        "consumerIdList",
        "queueDatas",
        "brokerDatas",
        "consumeStatsList",
    ]
)


def host_settings(tree: Tree, scene: Scene) -> None:
    """Paths, ports, numbers of threads and memory are the host's; some settings the harness's."""
    body = tree["body"]
    if isinstance(body, dict) and isinstance(settings := body.get("properties"), dict):
        for name in [*settings]:
            if name in _HARNESS_CONFIG:
                del settings[name]
            elif _HOST_CONFIG.search(name):
                settings[name] = "<host>"
    if scene.step.code == _RUNTIME_INFO and isinstance(body, dict):
        answer = body.get("json")
        table = answer.get("table") if isinstance(answer, dict) else None
        if isinstance(table, dict):
            for name in [*table]:
                if name not in _RUNTIME_STABLE:
                    del table[name]
                    table[_PATH.sub("<path>", name)] = "<host>"


_PATH = re.compile(r"(?<=_)[./].*")
_RUNTIME_INFO = 28
_DELAY_OFFSETS = 45
_BROKER_LISTS = frozenset({106, 304})  # of the name server
_BROKER_STATS = 317
_PULL_NOT_FOUND = 19
_SCAN_MS = 5000
RULES: tuple[Callable[[Tree, Scene], None], ...] = (
    own_opaque,
    exception_place,
    exception_text,
    library_text,
    message_ids,
    unique_ids,
    resolved,
    addresses,
    times,
    time_texts,
    places,
    rates,
    delayed,
    data_versions,
    totals,
    other_plays,
    nameless_brokers,
    nameless_groups,
    unordered,
    host_settings,
)


# --- walking


def _tokens(value: JsonValue) -> list[str]:
    return TOKENS.findall(repr(value))


def _all_foreign(value: JsonValue, token: str) -> bool:
    return token not in _tokens(value)


def _every_text(value: JsonValue, change: Callable[[str], str]) -> JsonValue:
    """Change every text below `value` in place (keys too); the text itself where it is one."""
    if isinstance(value, dict):
        members = {change(name): _every_text(one, change) for name, one in value.items()}
        value.clear()
        value.update(members)
    elif isinstance(value, list):
        value[:] = [_every_text(one, change) for one in value]
    elif isinstance(value, str):
        return change(value)
    return value


def _every_member(
    value: JsonValue, names: frozenset[str], change: Callable[[JsonValue], JsonValue]
) -> None:
    """Change every member of these names below `value`, in place."""
    if isinstance(value, dict):
        for name, one in value.items():
            if name in names:
                value[name] = change(one)
            _every_member(value[name], names, change)
    elif isinstance(value, list):
        for one in value:
            _every_member(one, names, change)
