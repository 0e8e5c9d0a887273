"""The smallest broker that the harness's own tests need: it keeps messages in lists."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conformance.channel import Channel, ChannelClosed
from conformance.frames import Frame, FrameReader, MalformedFrame, decode, encode
from conformance.session import compact_json
from conformance.target import Capability, Port
from refimpl.model.ids import Address, JsonValue
from refimpl.remoting.command import RPC_TYPE
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

FIRST_NOW = 1_700_000_000_000

Handler = Callable[["FakeTarget", Mapping[str, str], bytes], tuple[int, dict[str, JsonValue], str]]


@dataclass
class FakeTarget:
    """Topics, queues and consumer offsets in memory; time passes only in `pause` and waits."""

    name: str = "fake"
    release: str = "4.9"
    capabilities: frozenset[Capability] = frozenset(
        {Capability.START, Capability.CLOCK, Capability.NAMESRV, Capability.RESTART}
    )
    cases_per_start: int | None = None
    starts: list[Mapping[str, str]] = field(default_factory=list)
    restarts: list[bool] = field(default_factory=list)
    stopped: int = 0
    clock: int = FIRST_NOW
    queues: dict[str, list[int]] = field(default_factory=dict)  # topic -> messages per queue
    offsets: dict[str, int] = field(default_factory=dict)
    leaks_on_refusal: bool = False  # a refused send stores all the same

    def start(self, options: Mapping[str, str]) -> None:
        self.starts.append(dict(options))
        self.queues, self.offsets = {}, {}

    def stop(self) -> None:
        self.stopped += 1

    def restart(self, *, kill: bool) -> None:
        self.restarts.append(kill)

    def stop_broker(self, *, kill: bool) -> None:
        self.restarts.append(kill)

    def start_broker(self) -> None:
        assert self.restarts

    def store_directory(self) -> Path | None:
        return None

    def address(self, port: Port) -> Address | None:
        return Address("127.0.0.1", {Port.NAMESRV: 1, Port.BROKER: 2}.get(port, 3))

    def open(self, port: Port) -> Channel:
        return FakeChannel(self)

    def now(self) -> int:
        return self.clock

    def pause(self, milliseconds: int) -> None:
        self.clock += milliseconds

    def answer(self, request: Frame) -> Frame:
        handler = _HANDLERS.get(request.code)
        ext: dict[str, JsonValue] = {}
        code, text = ResponseCode.REQUEST_CODE_NOT_SUPPORTED.value, "not supported"
        if handler is not None:
            fields = {name: str(value) for name, value in (request.ext or {}).items()}
            code, ext, text = handler(self, fields, request.body)
        ok = code == ResponseCode.SUCCESS
        return Frame(
            code=code,
            opaque=request.opaque,
            flag=RPC_TYPE,
            ext=ext,
            remark=None if ok else text,
            body=text.encode() if ok else b"",
            serialize=request.serialize,
        )


class FakeChannel:
    """Answers at once; a frame that does not parse closes it."""

    def __init__(self, target: FakeTarget) -> None:
        self._target = target
        self._reader = FrameReader()
        self._answers = bytearray()
        self._closed = False

    def send(self, data: bytes) -> None:
        if self._closed:
            raise ChannelClosed
        self._reader.feed(data)
        try:
            while (raw := self._reader.next_raw()) is not None:
                request = decode(raw)
                answer = self._target.answer(request)
                if not request.is_oneway:
                    self._answers += encode(answer)
        except MalformedFrame:
            self._closed = True

    def receive(self, timeout_ms: int) -> bytes | None:
        if self._answers:
            data = bytes(self._answers)
            self._answers.clear()
            return data
        if self._closed:
            return b""
        self._target.clock += timeout_ms
        return None

    def close(self) -> None:
        self._closed = True


Answer = tuple[int, dict[str, JsonValue], str]


def _create_topic(target: FakeTarget, ext: Mapping[str, str], _: bytes) -> Answer:
    target.queues[ext["topic"]] = [0] * int(ext["writeQueueNums"])
    return 0, {}, ""


def _send(target: FakeTarget, ext: Mapping[str, str], _: bytes) -> Answer:
    queues = target.queues.get(ext["topic"])
    queue_id = int(ext["queueId"])
    if queues is None or queue_id >= len(queues):
        if queues is not None and target.leaks_on_refusal:
            queues[0] += 1
        return ResponseCode.SYSTEM_ERROR, {}, f"queueId[{queue_id}] is illegal"
    queues[queue_id] += 1
    offset = str(queues[queue_id] - 1)
    return 0, {"msgId": "0" * 32, "queueId": str(queue_id), "queueOffset": offset}, ""


def _max_offset(target: FakeTarget, ext: Mapping[str, str], _: bytes) -> Answer:
    queues = target.queues.get(ext["topic"], [])
    queue_id = int(ext["queueId"])
    return 0, {"offset": str(queues[queue_id]) if queue_id < len(queues) else "0"}, ""


def _min_offset(_: FakeTarget, __: Mapping[str, str], ___: bytes) -> Answer:
    return 0, {"offset": "0"}, ""


def _commit(target: FakeTarget, ext: Mapping[str, str], _: bytes) -> Answer:
    target.offsets[f"{ext['topic']}@{ext['consumerGroup']}"] = int(ext["commitOffset"])
    return 0, {}, ""


def _query(target: FakeTarget, ext: Mapping[str, str], _: bytes) -> Answer:
    offset = target.offsets.get(f"{ext['topic']}@{ext['consumerGroup']}")
    if offset is None:
        return ResponseCode.QUERY_NOT_FOUND, {}, "Not found"
    return 0, {"offset": str(offset)}, ""


def _topics(target: FakeTarget, _: Mapping[str, str], __: bytes) -> Answer:
    table: JsonValue = {
        name: {"topicName": name, "readQueueNums": len(queues), "writeQueueNums": len(queues)}
        for name, queues in target.queues.items()
    }
    return 0, {}, compact_json({"topicConfigTable": table}).decode()


def _groups(_: FakeTarget, __: Mapping[str, str], ___: bytes) -> Answer:
    return 0, {}, '{"subscriptionGroupTable":{}}'


def _offsets(target: FakeTarget, _: Mapping[str, str], __: bytes) -> Answer:
    table: JsonValue = {key: {"0": offset} for key, offset in target.offsets.items()}
    return 0, {}, compact_json({"offsetTable": table}).decode()


def _route(_: FakeTarget, __: Mapping[str, str], ___: bytes) -> Answer:
    return ResponseCode.TOPIC_NOT_EXIST, {}, "No topic route info"


_HANDLERS: Mapping[int, Handler] = {
    RequestCode.UPDATE_AND_CREATE_TOPIC: _create_topic,
    RequestCode.SEND_MESSAGE: _send,
    RequestCode.GET_MAX_OFFSET: _max_offset,
    RequestCode.GET_MIN_OFFSET: _min_offset,
    RequestCode.UPDATE_CONSUMER_OFFSET: _commit,
    RequestCode.QUERY_CONSUMER_OFFSET: _query,
    RequestCode.GET_ALL_TOPIC_CONFIG: _topics,
    RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG: _groups,
    RequestCode.GET_ALL_CONSUMER_OFFSET: _offsets,
    RequestCode.GET_ROUTEINFO_BY_TOPIC: _route,
}
