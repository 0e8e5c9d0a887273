"""Single exchanges as data: `cases/*.yaml`, checked against `exchange.schema.json`.

`${name}` in any text is replaced: names of `setup`, members of the matrix entry, `${now}`. A text
that is exactly `${name}` keeps the type of its value, so a matrix may leave a field out with null.
"""

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import TypeAlias, cast

import jsonschema
import yaml

from conformance.case import ALL_RELEASES, DEFAULT_LIMIT_MS, BadCase, Case, Level, register
from conformance.connection import Connection, ExtValue
from conformance.frames import encode_parts
from conformance.matching import ABSENT, ANY, PRESENT, TextMatch, expect, expect_json
from conformance.response import Response
from conformance.session import compact_json
from conformance.target import Capability, Port
from conformance.verdict import Failure
from conformance.wire import Wire, send_v2_ext
from refimpl.model.ids import JsonValue
from refimpl.remoting.command import SerializeType
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

FOLDER = Path(__file__).parent / "cases"
_SCHEMA = Path(__file__).parent / "exchange.schema.json"
_PRESENCE = {"absent": ABSENT, "present": PRESENT, "any": ANY}
_NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PORTS = {port.value: port for port in Port}
_LIKE = {
    "send": RequestCode.SEND_MESSAGE,
    "send_v2": RequestCode.SEND_MESSAGE_V2,
    "pull": RequestCode.PULL_MESSAGE,
    "create_topic": RequestCode.UPDATE_AND_CREATE_TOPIC,
}

Members: TypeAlias = "dict[str, JsonValue]"


def load_exchanges(folder: Path = FOLDER) -> list[Case]:
    """Read and register every case of every `*.yaml`; raises `BadCase`."""
    return [
        register(entry) for path in sorted(folder.glob("*.yaml")) for entry in read_exchanges(path)
    ]


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(_SCHEMA.read_text("utf-8")))


def read_exchanges(path: Path) -> list[Case]:
    """The cases of one file, matrices expanded, not yet registered; raises `BadCase`."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = cast("JsonValue", yaml.load(path.read_text("utf-8"), loader))  # noqa: S506 - safe
    for error in _validator().iter_errors(document):
        where = "/".join(map(str, error.absolute_path))
        raise BadCase(f"{path.name}: {where}", error.message)
    assert isinstance(document, dict)
    return [
        entry for data in cast("list[Members]", document["cases"]) for entry in _expand(path, data)
    ]


def _expand(path: Path, data: Members) -> Iterator[Case]:
    for suffix, members in _matrix(data.get("matrix")):
        identifier = f"{data['id']}/{suffix}" if suffix else str(data["id"])
        title = f"{data['title']} ({suffix})" if suffix else str(data["title"])
        options = {k: str(v) for k, v in _mapping(data, "options").items()}
        needs = {Capability(str(name)) for name in cast("list[str]", data.get("needs", []))}
        if options:
            needs |= {Capability.START, Capability.OPTIONS}
        port = _PORTS[str(data.get("to", "broker"))]
        if port is Port.NAMESRV:
            needs.add(Capability.NAMESRV)
        yield Case(
            identifier=identifier,
            title=title,
            rules=tuple(cast("list[str]", data["rules"])),
            level=Level(str(data.get("level", "MUST"))),
            releases=tuple(cast("list[str]", data.get("releases", list(ALL_RELEASES)))),
            needs=frozenset(needs),
            options=options,
            fresh=False,
            limit_ms=DEFAULT_LIMIT_MS,
            function=_Exchange(data, members, port),
            origin=path.name,
            area=path.stem,
        )


def _matrix(matrix: JsonValue) -> Iterator[tuple[str, Members]]:
    if matrix is None:
        yield "", {}
    elif isinstance(matrix, list):
        for entry in cast("list[Members]", matrix):
            yield str(entry["as"]), {name: v for name, v in entry.items() if name != "as"}
    else:
        columns = cast("dict[str, list[JsonValue]]", matrix)
        for values in itertools.product(*columns.values()):
            members = dict(zip(columns, values, strict=True))
            yield ",".join(f"{name}={_slug(value)}" for name, value in members.items()), members


def _slug(value: JsonValue) -> str:
    text = "none" if value is None else str(value)
    return re.sub(r"[^A-Za-z0-9_.+@-]", lambda m: f"@{ord(m.group()):02x}", text)[:40] or "empty"


class _Exchange:
    """The function of one case: setup, request, expectation."""

    def __init__(self, data: Members, members: Members, port: Port) -> None:
        self._data = data
        self._members = members
        self._port = port

    def __call__(self, w: Wire) -> None:
        names: Members = {"now": w.now(), **self._members}
        topics = _set_up(w, _mapping(self._data, "setup"), names)
        request = _filled(_mapping(self._data, "request"), names)
        by_release = _mapping(self._data, "expect_by_release")
        wanted = _filled(
            {**_mapping(self._data, "expect"), **_mapping(by_release, w.release)}, names
        )
        connection = {Port.BROKER: lambda: w.broker, Port.NAMESRV: lambda: w.namesrv}.get(
            self._port, lambda: w.fast
        )()
        guard = w.unchanged(*topics) if self._data.get("unchanged") else nullcontext()
        with guard:
            opaque = _send(w, connection, request)
            _judge(connection, opaque, wanted)


def _set_up(w: Wire, setup: Members, names: Members) -> list[str]:
    topics = []
    for key, settings in _mapping(setup, "topics").items():
        given = cast("dict[str, int]", settings)
        names[key] = w.create_topic(
            queues=given.get("queues", 4),
            read_queues=given.get("read_queues"),
            perm=given.get("perm", 6),
            order=bool(given.get("order", False)),
        )
        topics.append(str(names[key]))
    for key, settings in _mapping(setup, "groups").items():
        names[key] = w.create_group(None, **cast("Members", settings))
    for key in cast("list[str]", setup.get("names", [])):
        names[key] = w.unique()
    for entry in cast("list[Members]", setup.get("messages", [])):
        _send_messages(w, _filled(entry, names))
    for entry in cast("list[Members]", setup.get("offsets", [])):
        filled = _filled(entry, names)
        w.commit_offset(
            str(filled["group"]),
            str(filled["topic"]),
            _integer(filled.get("queue", 0)),
            _integer(filled["offset"]),
        )
    return topics


def _send_messages(w: Wire, entry: Members) -> None:
    topic, queue, count = str(entry["topic"]), _integer(entry.get("queue", 0)), entry.get("count")
    last = -1
    properties = {k: str(v) for k, v in _mapping(entry, "properties").items()}
    for number in range(_integer(count if count is not None else 1)):
        body = str(entry.get("body", f"message {number}")).encode()
        last = w.send(topic, body, queue_id=queue, properties=properties).queue_offset
    w.await_max_offset(topic, queue, last + 1)


def _send(w: Wire, connection: Connection, request: Members) -> int:
    if "raw_hex" in request or "raw_header" in request:
        asks = _integer(request.get("asks", 1))
        if "raw_hex" in request:
            connection.send_raw(bytes.fromhex(str(request["raw_hex"])), asks=asks)
        else:
            serialize = SerializeType[str(request.get("serialize", "JSON"))]
            header = str(request["raw_header"]).encode()
            connection.send_raw(encode_parts(header, _body(request), serialize), asks=asks)
        return asks
    ext = _ext(w, request)
    version = request.get("version")
    return connection.submit(
        _request_code(request),
        ext=ext,
        json_ext=_mapping(request, "json_ext") if "json_ext" in request else None,
        body=_body(request),
        serialize=SerializeType[str(request.get("serialize", "JSON"))],
        version=None if version is None else _integer(version),
        language=str(request.get("language", "JAVA")),
        flag=_integer(request.get("flag", 0)),
        remark=str(request["remark"]) if "remark" in request else None,
    )


def _request_code(request: Members) -> int:
    code = request.get("code")
    if code is None:
        return _LIKE[str(request["like"])]
    return code if isinstance(code, int) else RequestCode[str(code)]


def _ext(w: Wire, request: Members) -> Mapping[str, ExtValue] | None:
    given = cast("dict[str, ExtValue]", _mapping(request, "ext"))
    like = request.get("like")
    if like is None:
        return given if "ext" in request else None
    topic = str(given.get("topic", ""))
    match like:
        case "pull":
            return {**w.pull_ext(topic), **given}
        case "create_topic":
            return {**w.create_topic_ext(topic), **given}
        case "send":
            return {**w.send_ext(topic), **given}
        case _:
            return send_v2_ext({**w.send_ext(topic), **given})


def _body(request: Members) -> bytes:
    if "body_hex" in request:
        return bytes.fromhex(str(request["body_hex"]))
    if "body_json" in request:
        return compact_json(request["body_json"])
    fill = _mapping(request, "fill")
    if fill:
        return bytes.fromhex(str(fill["byte"])) * _integer(fill["count"])
    return str(request.get("body", "")).encode()


def _judge(connection: Connection, opaque: int, wanted: Members) -> None:
    if wanted.get("closed"):
        connection.expect_close()
        return
    if wanted.get("silence"):
        connection.expect_silence(opaque)
        return
    response = connection.answer(opaque)
    _judge_response(response, wanted)
    if wanted.get("then_open"):
        connection.expect_open()


def _judge_response(response: Response, wanted: Members) -> None:
    code = wanted.get("code", 0)
    body = None
    if "body" in wanted:
        body = str(wanted["body"]).encode()
    elif "body_hex" in wanted:
        body = bytes.fromhex(str(wanted["body_hex"]))
    expect(
        response,
        code=code if isinstance(code, int) else ResponseCode[str(code)],
        remark=_matcher(wanted["remark"]) if "remark" in wanted else ANY,
        ext={name: _matcher(value) for name, value in _mapping(wanted, "ext").items()},
        body=body,
    )
    if "body_json" in wanted:
        expect_json(response.json(), wanted["body_json"])
    actual: Members = {
        "language": response.language,
        "version": response.version,
        "flag": response.flag,
        "serialize": response.serialize.name,
    }
    for name, value in actual.items():
        if name in wanted and wanted[name] != value:
            raise Failure(f"{response.label}: {name} is {value!r}, expected {wanted[name]!r}")


def _matcher(value: JsonValue) -> TextMatch:
    if isinstance(value, dict):
        if "regex" in value:
            return re.compile(str(value["regex"]))
        return _PRESENCE[str(value["is"])]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _filled(value: Members, names: Mapping[str, JsonValue]) -> Members:
    filled = _fill(value, names)
    assert isinstance(filled, dict)
    return filled


def _fill(value: JsonValue, names: Mapping[str, JsonValue]) -> JsonValue:
    if isinstance(value, str):
        whole = _NAME.fullmatch(value)
        if whole is not None and whole[1] in names:
            return names[whole[1]]
        return _NAME.sub(lambda m: str(names.get(m[1], m[0])), value)
    if isinstance(value, dict):
        return {str(_fill(key, names)): _fill(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, names) for item in value]
    return value


def _mapping(members: Mapping[str, JsonValue], name: str) -> Members:
    value = members.get(name)
    return value if isinstance(value, dict) else {}


def _integer(value: JsonValue) -> int:
    assert isinstance(value, int | str), value
    return int(value)
