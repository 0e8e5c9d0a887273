"""Requests and their answers: flags, opaques, codecs, silence, and requests of the broker."""

import re

from conformance.case import case
from conformance.connection import Connection
from conformance.frames import Frame
from conformance.target import Capability, Port
from conformance.wire import Wire
from refimpl.remoting.command import RPC_ONEWAY, RPC_TYPE, SerializeType
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_CODECS = {"json": {"codec": 0}, "rocketmq": {"codec": 1}}


def _prepare(w: Wire) -> str:
    topic = w.create_topic(queues=1)
    w.send(topic, b"kept")
    w.await_max_offset(topic, 0, 1)
    return topic


@case(
    "REMOTING-CONNECTION-1/other-bits-of-the-flag",
    rules=["REMOTING-CONNECTION-1"],
    matrix={
        f"{name}-{flag}": {**codec, "flag": flag}
        for name, codec in _CODECS.items()
        for flag in (4, 8, 1 << 30, -4)
    },
)
def other_bits_of_the_flag(w: Wire, codec: int, flag: int) -> None:
    """A request with other bits than the lowest two is an ordinary request."""
    response = w.broker.request(
        RequestCode.GET_MAX_OFFSET,
        ext={"topic": _prepare(w), "queueId": 0},
        flag=flag,
        serialize=SerializeType(codec),
    )
    w.expect(response, code=ResponseCode.SUCCESS, ext={"offset": "1"})
    w.equal(response.flag, RPC_TYPE, "flag of the answer")


@case(
    "REMOTING-CONNECTION-2/response-that-nobody-awaits",
    rules=["REMOTING-CONNECTION-2", "REMOTING-CONNECTION-1"],
    matrix={
        f"{name}-{flag}": {**codec, "flag": flag}
        for name, codec in _CODECS.items()
        for flag in (RPC_TYPE, RPC_TYPE | RPC_ONEWAY, -1)
    },
)
def response_that_nobody_awaits(w: Wire, codec: int, flag: int) -> None:
    """A response without a request is dropped, though it looks like a send; the channel stays."""
    topic = w.create_topic(queues=1)
    with w.unchanged(topic):
        w.broker.send_frame(
            Frame(
                code=RequestCode.SEND_MESSAGE,
                opaque=123_456,
                flag=flag,
                ext={name: str(value) for name, value in w.send_ext(topic).items()},
                body=b"not a send",
                serialize=SerializeType(codec),
            )
        )
        w.broker.expect_silence()


@case("REMOTING-CONNECTION-3/oneway-send", rules=["REMOTING-CONNECTION-3"], matrix=_CODECS)
def oneway_send(w: Wire, codec: int) -> None:
    """A one-way send stores, and is not answered."""
    topic = w.create_topic(queues=1)
    opaque = w.broker.oneway(
        RequestCode.SEND_MESSAGE,
        ext=w.send_ext(topic),
        body=b"quiet",
        serialize=SerializeType(codec),
    )
    w.equal(w.receive(topic)[0].body, b"quiet", "body")
    w.broker.expect_silence(opaque)


@case(
    "REMOTING-CONNECTION-3/oneway-refusal",
    rules=["REMOTING-CONNECTION-3"],
    matrix={
        "unknown-code": {"code": 9876},
        "no-fields": {"code": int(RequestCode.GET_MAX_OFFSET)},
        "no-body": {"code": int(RequestCode.HEART_BEAT)},
        "unknown-topic": {"code": int(RequestCode.PULL_MESSAGE)},
        "refused-send": {"code": int(RequestCode.SEND_MESSAGE)},
        "with-an-answer": {"code": int(RequestCode.GET_ALL_TOPIC_CONFIG)},
    },
)
def oneway_refusal(w: Wire, code: int) -> None:
    """A one-way request is not answered, whatever becomes of it."""
    topic = w.unique("T")
    ext = None
    if code == RequestCode.PULL_MESSAGE:
        ext = w.pull_ext(topic)
    elif code == RequestCode.SEND_MESSAGE:
        ext = w.send_ext(topic, queue_id=99, defaultTopic="NONE")
    opaque = w.broker.oneway(code, ext=ext)
    w.broker.expect_silence(opaque, probes=5)


@case(
    "REMOTING-CONNECTION-3/oneway-to-the-name-server",
    rules=["REMOTING-CONNECTION-3"],
    needs=[Capability.NAMESRV],
)
def oneway_to_the_name_server(w: Wire) -> None:
    """The name server is as silent: for a route, and for a topic that it does not know."""
    for topic in (w.create_topic(queues=1), w.unique("T")):
        opaque = w.namesrv.oneway(RequestCode.GET_ROUTEINFO_BY_TOPIC, ext={"topic": topic})
        w.namesrv.expect_silence(opaque)


@case(
    "REMOTING-CONNECTION-4/what-an-answer-looks-like",
    rules=["REMOTING-CONNECTION-4", "REMOTING-CODES-4"],
    matrix={
        f"{name}-version-{version}": {**codec, "version": version}
        for name, codec in _CODECS.items()
        for version in (0, 32767)
    },
)
def what_an_answer_looks_like(w: Wire, codec: int, version: int) -> None:
    """Flag, language, version and codec of an answer are the server's, except 4.9's codec."""
    response = w.broker.request(
        RequestCode.GET_MAX_OFFSET,
        ext={"topic": _prepare(w), "queueId": 0},
        version=version,
        language="CPP",
        flag=4,
        serialize=SerializeType(codec),
    )
    w.expect(response, code=ResponseCode.SUCCESS, ext={"offset": "1"})
    _check_stamp(w, response.flag, response.language, response.version)
    wanted = codec if w.switch.answers_in_request_codec else SerializeType.JSON
    w.equal(int(response.serialize), int(wanted), "codec")


def _check_stamp(w: Wire, flag: int, language: str, version: int) -> None:
    ordinal = w.by_release({"4.6": 335, "4.9": 407, "5.5": 513})
    w.equal((flag, language, version), (RPC_TYPE, "JAVA", ordinal), "flag, language, version")


@case(
    "REMOTING-CONNECTION-4/of-the-name-server",
    rules=["REMOTING-CONNECTION-4", "REMOTING-CODES-4"],
    needs=[Capability.NAMESRV],
    matrix=_CODECS,
)
def of_the_name_server(w: Wire, codec: int) -> None:
    """The name server stamps its answers in the same way."""
    response = w.namesrv.request(
        RequestCode.GET_ROUTEINFO_BY_TOPIC,
        ext={"topic": w.unique("T")},
        language="CPP",
        serialize=SerializeType(codec),
    )
    w.expect(response, code=ResponseCode.TOPIC_NOT_EXIST)
    _check_stamp(w, response.flag, response.language, response.version)
    wanted = codec if w.switch.answers_in_request_codec else SerializeType.JSON
    w.equal(int(response.serialize), int(wanted), "codec")


@case(
    "REMOTING-CONNECTION-5/exception-in-the-codec-of-the-server",
    rules=["REMOTING-CONNECTION-5"],
)
def exception_in_the_codec_of_the_server(w: Wire) -> None:
    """An exception is answered in JSON, also to a ROCKETMQ request."""
    response = w.broker.request(
        RequestCode.GET_MAX_OFFSET, ext={"queueId": 0}, serialize=SerializeType.ROCKETMQ
    )
    w.expect(response, code=ResponseCode.SYSTEM_ERROR)
    w.equal(response.serialize, SerializeType.JSON, "codec")


@case(
    "REMOTING-CONNECTION-5/unknown-code",
    rules=["REMOTING-CONNECTION-5", "REMOTING-CODES-1"],
    matrix={str(code): {"code": code} for code in (0, -1, 9876, 32768, 65566, 2**31 - 1, -(2**31))},
)
def unknown_code(w: Wire, code: int) -> None:
    """A code that nobody knows is refused by name; 4.6 does not answer it at all."""
    with w.unchanged():
        opaque = w.broker.submit(code)
        if not w.switch.answers_unknown_code:
            w.broker.expect_silence(opaque)
            return
        w.expect(
            w.broker.answer(opaque),
            code=ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
            remark=f" request type {code} not supported",
        )


@case(
    "REMOTING-CODES-1/known-codes",
    rules=["REMOTING-CODES-1"],
    matrix={
        code.name: {"code": int(code)}
        for code in (
            RequestCode.SEND_MESSAGE,
            RequestCode.PULL_MESSAGE,
            RequestCode.QUERY_MESSAGE,
            RequestCode.QUERY_CONSUMER_OFFSET,
            RequestCode.UPDATE_CONSUMER_OFFSET,
            RequestCode.UPDATE_AND_CREATE_TOPIC,
            RequestCode.GET_ALL_TOPIC_CONFIG,
            RequestCode.GET_BROKER_CONFIG,
            RequestCode.GET_BROKER_RUNTIME_INFO,
            RequestCode.SEARCH_OFFSET_BY_TIMESTAMP,
            RequestCode.GET_MAX_OFFSET,
            RequestCode.GET_MIN_OFFSET,
            RequestCode.GET_EARLIEST_MSG_STORETIME,
            RequestCode.VIEW_MESSAGE_BY_ID,
            RequestCode.HEART_BEAT,
            RequestCode.UNREGISTER_CLIENT,
            RequestCode.CONSUMER_SEND_MSG_BACK,
            RequestCode.END_TRANSACTION,
            RequestCode.GET_CONSUMER_LIST_BY_GROUP,
            RequestCode.LOCK_BATCH_MQ,
            RequestCode.UNLOCK_BATCH_MQ,
            RequestCode.GET_ALL_CONSUMER_OFFSET,
            RequestCode.GET_ALL_DELAY_OFFSET,
            RequestCode.CHECK_CLIENT_CONFIG,
            RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
            RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG,
            RequestCode.GET_TOPIC_STATS_INFO,
            RequestCode.GET_CONSUMER_CONNECTION_LIST,
            RequestCode.GET_PRODUCER_CONNECTION_LIST,
            RequestCode.GET_CONSUME_STATS,
            RequestCode.QUERY_TOPIC_CONSUME_BY_WHO,
            RequestCode.QUERY_CONSUME_TIME_SPAN,
            RequestCode.QUERY_CORRECTION_OFFSET,
            RequestCode.SEND_MESSAGE_V2,
            RequestCode.VIEW_BROKER_STATS_DATA,
            RequestCode.SEND_BATCH_MESSAGE,
            RequestCode.QUERY_CONSUME_QUEUE,
            RequestCode.SEND_REPLY_MESSAGE,
            RequestCode.SEND_REPLY_MESSAGE_V2,
        )
    },
)
def known_codes(w: Wire, code: int) -> None:
    """A code that every release has is answered, without any field, by its processor."""
    response = w.broker.request(code)
    supported = response.code != ResponseCode.REQUEST_CODE_NOT_SUPPORTED
    w.check(supported, f"code {response.code}: {response.remark}")


@case(
    "REMOTING-CONNECTION-6/any-opaque",
    rules=["REMOTING-CONNECTION-6", "REMOTING-CONNECTION-4"],
    matrix={
        f"{name}-{label}": {**codec, "opaque": opaque}
        for name, codec in _CODECS.items()
        for label, opaque in {
            "zero": 0,
            "minus-one": -1,
            "least": -(2**31),
            "largest": 2**31 - 1,
        }.items()
    },
)
def any_opaque(w: Wire, codec: int, opaque: int) -> None:
    """The answer has the opaque of the request, whatever it is."""
    connection = w.connect()
    response = connection.request(
        RequestCode.GET_MAX_OFFSET,
        ext={"topic": _prepare(w), "queueId": 0},
        opaque=opaque,
        serialize=SerializeType(codec),
    )
    w.expect(response, code=ResponseCode.SUCCESS, ext={"offset": "1"})
    w.equal(response.opaque, opaque, "opaque")


@case("REMOTING-CONNECTION-6/one-opaque-on-two-connections", rules=["REMOTING-CONNECTION-6"])
def one_opaque_on_two_connections(w: Wire) -> None:
    """Equal opaques of two connections are two requests, each answered where it was asked."""
    topic = _prepare(w)
    empty = w.create_topic(queues=1)
    first, second = w.connect(), w.connect()
    asked = first.submit(RequestCode.GET_MAX_OFFSET, ext={"topic": topic, "queueId": 0}, opaque=9)
    also = second.submit(RequestCode.GET_MAX_OFFSET, ext={"topic": empty, "queueId": 0}, opaque=9)
    w.expect(second.answer(also), code=ResponseCode.SUCCESS, ext={"offset": "0"})
    w.expect(first.answer(asked), code=ResponseCode.SUCCESS, ext={"offset": "1"})


@case("REMOTING-CONNECTION-6/held-pulls-with-one-opaque", rules=["REMOTING-CONNECTION-6"])
def held_pulls_with_one_opaque(w: Wire) -> None:
    """Two pulls that wait under one opaque on two connections wake for their own topics."""
    topics = [w.create_topic(queues=1) for _ in range(2)]
    connections = [w.connect() for _ in range(2)]
    for topic, connection in zip(topics, connections, strict=True):
        fields = w.pull_ext(topic, sysFlag=4 | 2, suspendTimeoutMillis=15_000)
        connection.submit(RequestCode.PULL_MESSAGE, ext=fields, opaque=9)
        connection.probe()
    w.send(topics[1], b"second")
    w.expect(connections[1].answer(9, timeout_ms=10_000), code=ResponseCode.SUCCESS)
    w.check(not connections[0].answered(9), "the pull of the other topic was answered")
    w.send(topics[0], b"first")
    w.expect(connections[0].answer(9, timeout_ms=10_000), code=ResponseCode.SUCCESS)


@case("REMOTING-CONNECTION-6/an-opaque-again", rules=["REMOTING-CONNECTION-6"])
def an_opaque_again(w: Wire) -> None:
    """An opaque that was answered may be used again on its connection."""
    topic = _prepare(w)
    connection = w.connect()
    for _ in range(3):
        response = connection.request(
            RequestCode.GET_MAX_OFFSET, ext={"topic": topic, "queueId": 0}, opaque=9
        )
        w.expect(response, code=ResponseCode.SUCCESS, ext={"offset": "1"})


@case(
    "REMOTING-CONNECTION-6/mixed-requests-in-flight",
    rules=["REMOTING-CONNECTION-6", "REMOTING-FRAME-2"],
)
def mixed_requests_in_flight(w: Wire) -> None:
    """Of a hundred requests in flight each is answered once, in its own way."""
    topic = w.create_topic(queues=1)
    sends, asks, errors = [], [], []
    for number in range(100):
        match number % 3:
            case 0:
                fields = w.send_ext(topic)
                sends.append(w.broker.submit(RequestCode.SEND_MESSAGE, ext=fields, body=b"m"))
            case 1:
                asks.append(w.broker.submit(RequestCode.GET_ALL_TOPIC_CONFIG))
            case _:
                errors.append(w.broker.submit(RequestCode.GET_MAX_OFFSET, ext={"queueId": 0}))
    for opaque in sends + asks:
        w.expect(w.broker.answer(opaque), code=ResponseCode.SUCCESS)
    for opaque in errors:
        w.expect(w.broker.answer(opaque), code=ResponseCode.SYSTEM_ERROR)
    offsets = sorted(w.broker.answer(opaque).integer("queueOffset") for opaque in sends)
    w.equal(offsets, list(range(len(sends))), "queue offsets")


@case(
    "REMOTING-CONNECTION-6/fast-port", rules=["REMOTING-CONNECTION-6"], needs=[Capability.FAST_PORT]
)
def fast_port(w: Wire) -> None:
    """The second port serves sends and administration like the first."""
    topic = w.create_topic(queues=1)
    connection = w.connect(Port.FAST)
    w.equal(w.send(topic, b"fast", on=connection).queue_offset, 0, "queue offset")
    w.await_max_offset(topic, 0, 1)
    asked = connection.request(RequestCode.GET_MAX_OFFSET, ext={"topic": topic, "queueId": 0})
    w.expect(asked, code=ResponseCode.SUCCESS, ext={"offset": "1"})


@case(
    "REMOTING-CONNECTION-7/silent-for-two-minutes",
    rules=["REMOTING-CONNECTION-7"],
    needs=[Capability.CLOCK],
)
def silent_for_two_minutes(w: Wire) -> None:
    """A connection is kept for 119 silent seconds and closed after 120; one that speaks stays."""
    silent, speaking = w.connect(), w.connect()
    for connection in (silent, speaking):
        connection.probe()
    w.advance(60_000)
    speaking.probe()
    w.advance(59_000)
    speaking.probe()
    w.check(not silent.closed, "closed too early")
    w.advance(2_000)
    silent.expect_close(within_ms=1)
    speaking.expect_open()


def _consumer(w: Wire, group: str, topic: str, client_id: str) -> Connection:
    connection = w.connect()
    w.heartbeat(client_id, consumers=[w.consumer(group, {topic: "*"})], on=connection)
    return connection


@case(
    "REMOTING-CONNECTION-9/client-leaves-instead-of-answering",
    rules=["REMOTING-CONNECTION-9", "REMOTING-CONNECTION-8"],
    needs=[Capability.CLOCK],
)
def client_leaves(w: Wire) -> None:
    """A request that was passed on to a client that leaves is answered after ten seconds."""
    topic, group = w.create_topic(queues=1), w.create_group()
    client = _consumer(w, group, topic, "c1")
    asked = w.broker.submit(
        RequestCode.GET_CONSUMER_RUNNING_INFO,
        ext={"consumerGroup": group, "clientId": "c1", "jstackEnable": False},
    )
    client.server_request(RequestCode.GET_CONSUMER_RUNNING_INFO)
    client.close()
    w.advance(9_000)
    w.broker.probe()
    w.check(not w.broker.answered(asked), "answered before the time was over")
    w.expect(w.broker.answer(asked), code=ResponseCode.CONSUME_MSG_TIMEOUT)


@case(
    "REMOTING-CONNECTION-10/nobody-answers-for-another",
    rules=["REMOTING-CONNECTION-10", "REMOTING-CONNECTION-2"],
)
def nobody_answers_for_another(w: Wire) -> None:
    """A request that the broker passed on to one client is not answered by another one."""
    topic, group = w.create_topic(queues=1), w.create_group()
    client, stranger = _consumer(w, group, topic, "c1"), w.connect()
    asked = w.broker.submit(
        RequestCode.GET_CONSUMER_RUNNING_INFO,
        ext={"consumerGroup": group, "clientId": "c1", "jstackEnable": False},
    )
    request = client.server_request(RequestCode.GET_CONSUMER_RUNNING_INFO)
    stranger.respond(request, body=b'{"forged":1}')
    stranger.probe()
    client.respond(request, body=b'{"own":1}')
    w.expect(w.broker.answer(asked), code=ResponseCode.SUCCESS, body=b'{"own":1}')


@case("REMOTING-HEADER-3/order-of-members", rules=["REMOTING-HEADER-3", "REMOTING-HEADER-14"])
def order_of_members(w: Wire) -> None:
    """Members of a JSON header stand in alphabetical order; null ones are left out."""
    found = w.broker.request(
        RequestCode.GET_MAX_OFFSET, ext={"topic": _prepare(w), "queueId": 0}, opaque=31
    )
    version = w.switch.header_version
    tail = f'"serializeTypeCurrentRPC":"JSON","version":{version}}}'
    text = f'{{"code":0,"extFields":{{"offset":"1"}},"flag":1,"language":"JAVA","opaque":31,{tail}'
    w.equal(found.frame.header, text.encode(), "header")
    missing = w.broker.request(RequestCode.GET_MAX_OFFSET, ext={"queueId": 0}, opaque=32)
    pattern = rf'\{{"code":1,"flag":1,"language":"JAVA","opaque":32,"remark":".+",{re.escape(tail)}'
    header = missing.frame.header.decode()
    w.check(re.fullmatch(pattern, header), f"header {header}")


@case("REMOTING-HEADER-4/escapes", rules=["REMOTING-HEADER-4"])
def escapes(w: Wire) -> None:
    """Quotes and control characters are escaped by all, more by fastjson 1."""
    topic = 'T"\\\n\x01\x7f\u2028\u00e9'
    response = w.try_pull(topic, group="TOOLS_CONSUMER")
    w.expect(response, code=ResponseCode.TOPIC_NOT_EXIST, remark=re.compile(re.escape(topic)))
    old = 'T\\"\\\\\\n\\u0001\\u007F\\u2028\u00e9'
    new = 'T\\"\\\\\\n\\u0001\x7f\u2028\u00e9'
    wanted = (old if w.switch.oldest_json else new).encode()
    w.check(wanted in response.frame.header, f"no {wanted!r} in {response.frame.header!r}")
