"""Requests that a client answers: the case plays the client."""

import json
import re

from conformance.case import case
from conformance.connection import Connection
from conformance.frames import Frame
from conformance.matching import dig
from conformance.records import decode_records
from conformance.target import BROKER_NAME, Capability
from conformance.wire import Wire
from refimpl.remoting.command import RPC_TYPE, SerializeType
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode


def _member(w: Wire, topic: str, group: str, client_id: str) -> Connection:
    client = w.connect()
    w.heartbeat(client_id, consumers=[w.consumer(group, {topic: "*"})], on=client)
    return client


@case(
    "BROKER-ADMIN-51/passed-on",
    rules=["BROKER-ADMIN-51"],
    matrix={
        "success": {"code": 0, "remark": "", "body": b'{"properties":{}}'},
        "refusal": {"code": 1, "remark": "not now", "body": b""},
        "unknown-code": {"code": 4711, "remark": "odd", "body": b"\x00\x01\xff"},
    },
)
def passed_on(w: Wire, code: int, remark: str, body: bytes) -> None:
    """All fields reach the client; code, remark, fields and body of its answer reach the asker."""
    topic, group = w.create_topic(), w.create_group()
    client = _member(w, topic, group, "c@1")
    opaque = w.broker.submit(
        RequestCode.GET_CONSUMER_RUNNING_INFO,
        ext={"consumerGroup": group, "clientId": "c@1", "jstackEnable": True, "more": "kept"},
    )
    request = client.server_request(RequestCode.GET_CONSUMER_RUNNING_INFO)
    w.check(not request.is_oneway, "the client is asked one-way")
    ext = request.ext or {}
    wanted = {"consumerGroup": group, "clientId": "c@1", "jstackEnable": "true", "more": "kept"}
    w.equal({name: ext.get(name) for name in wanted}, wanted, "fields")
    client.respond(request, code, ext={"own": "field"}, body=body, remark=remark or None)
    answer = w.broker.answer(opaque)
    w.expect(answer, code=code, ext={"own": "field"}, body=body)
    w.equal(answer.remark or "", remark, "remark")


@case("BROKER-ADMIN-51/the-right-member", rules=["BROKER-ADMIN-51"])
def the_right_member(w: Wire) -> None:
    """Of several members the one with the id is asked, and answers may cross."""
    topic, group = w.create_topic(), w.create_group()
    one, two = _member(w, topic, group, "one"), _member(w, topic, group, "two")
    opaques = {
        name: w.broker.submit(
            RequestCode.GET_CONSUMER_RUNNING_INFO, ext={"consumerGroup": group, "clientId": name}
        )
        for name in ("one", "two")
    }
    for name, client in (("two", two), ("one", one)):
        request = client.server_request(RequestCode.GET_CONSUMER_RUNNING_INFO)
        w.equal((request.ext or {}).get("clientId"), name, "client id")
        client.respond(request, 0, body=name.encode())
        w.expect(w.broker.answer(opaques[name]), code=0, body=name.encode())


@case("BROKER-ADMIN-51/other-codec", rules=["BROKER-ADMIN-51", "REMOTING-CONNECTION-4"])
def other_codec(w: Wire) -> None:
    """An answer in another codec reaches the asker all the same."""
    topic, group = w.create_topic(), w.create_group()
    client = _member(w, topic, group, "c")
    opaque = w.broker.submit(
        RequestCode.GET_CONSUMER_RUNNING_INFO, ext={"consumerGroup": group, "clientId": "c"}
    )
    request = client.server_request(RequestCode.GET_CONSUMER_RUNNING_INFO)
    client.send_frame(
        Frame(
            code=0,
            opaque=request.opaque,
            flag=RPC_TYPE,
            version=client.version,
            ext={"own": "field"},
            body=b"binary",
            serialize=SerializeType.ROCKETMQ,
        )
    )
    w.expect(w.broker.answer(opaque), code=0, ext={"own": "field"}, body=b"binary")


@case(
    "BROKER-ADMIN-52/departed-client",
    rules=["BROKER-ADMIN-52"],
)
def departed_client(w: Wire) -> None:
    """A client that has left is absent."""
    topic, group = w.create_topic(), w.create_group()
    client = _member(w, topic, group, "c")
    client.close()
    text = f"The Consumer <{group}> <c> not online"

    def attempt() -> bool:
        answer = w.broker.submit(
            RequestCode.GET_CONSUMER_RUNNING_INFO, ext={"consumerGroup": group, "clientId": "c"}
        )
        return w.broker.answer(answer).remark == text

    w.eventually(attempt, what="the refusal")


@case("BROKER-ADMIN-52/old-client", rules=["BROKER-ADMIN-52"])
def old_client(w: Wire) -> None:
    """A client that is too old to answer is not asked."""
    topic, group = w.create_topic(), w.create_group()
    client = w.connect()
    client.version = 0
    w.heartbeat("c", consumers=[w.consumer(group, {topic: "*"})], on=client)
    answer = w.broker.request(
        RequestCode.GET_CONSUMER_RUNNING_INFO, ext={"consumerGroup": group, "clientId": "c"}
    )
    w.expect(answer, code=ResponseCode.SYSTEM_ERROR, remark=re.compile("too low to finish"))


@case("BROKER-ADMIN-53/time-out", rules=["BROKER-ADMIN-53"], needs=[Capability.CLOCK])
def time_out(w: Wire) -> None:
    """After ten seconds the asker is told; the late answer reaches nobody."""
    topic, group = w.create_topic(), w.create_group()
    client = _member(w, topic, group, "c")
    opaque = w.broker.submit(
        RequestCode.GET_CONSUMER_RUNNING_INFO, ext={"consumerGroup": group, "clientId": "c"}
    )
    request = client.server_request(RequestCode.GET_CONSUMER_RUNNING_INFO)
    w.advance(9_000)
    w.broker.probe()
    w.check(not w.broker.answered(opaque), "answered before the time was over")
    w.advance(3_000)
    answer = w.broker.answer(opaque)
    w.expect(answer, code=ResponseCode.CONSUME_MSG_TIMEOUT, remark=re.compile("Timeout"))
    client.respond(request, 0, body=b"late")
    w.broker.expect_silence()
    client.expect_open()


@case("BROKER-ADMIN-54/consumed-directly", rules=["BROKER-ADMIN-54"])
def consumed_directly(w: Wire) -> None:
    """The stored record is the body that the client gets; its answer is the answer."""
    topic, group = w.create_topic(queues=1), w.create_group()
    sent = w.send(topic, b"once more", properties={"KEYS": "k"})
    w.receive(topic)
    client = _member(w, topic, group, "c")
    opaque = w.broker.submit(
        RequestCode.CONSUME_MESSAGE_DIRECTLY,
        ext={"consumerGroup": group, "clientId": "c", "msgId": sent.message_id},
    )
    request = client.server_request(RequestCode.CONSUME_MESSAGE_DIRECTLY)
    ext = request.ext or {}
    named = {name: ext.get(name) for name in ("brokerName", "consumerGroup", "msgId")}
    wanted = {"brokerName": BROKER_NAME, "consumerGroup": group, "msgId": sent.message_id}
    w.equal(named, wanted, "fields")
    (record,) = decode_records(request.body)
    w.equal((record.body, record.properties.get("KEYS")), (b"once more", "k"), "record")
    result = b'{"autoCommit":true,"consumeResult":"CR_SUCCESS","order":false,"spentTimeMills":1}'
    client.respond(request, 0, body=result)
    w.expect(w.broker.answer(opaque), code=0, body=result)


@case("BROKER-ADMIN-55/members-are-asked", rules=["BROKER-ADMIN-55"])
def members_are_asked(w: Wire) -> None:
    """Each member is asked in turn, and the answer has their tables by client id."""
    topic, group = w.create_topic(queues=1), w.create_group()
    clients = {name: _member(w, topic, group, name) for name in ("one", "two")}
    opaque = w.broker.submit(
        RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS, ext={"topic": topic, "group": group}
    )
    waiting = dict(clients)

    def serve() -> bool:
        for name, client in list(waiting.items()):
            client.probe()
            request = client.arrived(RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT)
            if request is not None:
                ext = request.ext or {}
                w.equal((ext.get("topic"), ext.get("group")), (topic, group), "fields")
                client.respond(request, 0, body=_status(topic, len(name) + len(waiting)))
                del waiting[name]
        return not waiting

    w.eventually(serve, what="the questions to both members")
    body = w.expect(w.broker.answer(opaque), code=ResponseCode.SUCCESS).json()
    table = dig(body, "consumerTable")
    assert isinstance(table, dict)
    found = [offset for member in table.values() if isinstance(member, dict)
             for offset in member.values()]  # fmt: skip
    w.equal((sorted(table), sorted(map(str, found))), (["one", "two"], ["4", "5"]), "tables")


def _status(topic: str, offset: int) -> bytes:
    queue = json.dumps({"brokerName": BROKER_NAME, "queueId": 0, "topic": topic})
    return f'{{"messageQueueTable":{{{queue}:{offset}}}}}'.encode()


@case("BROKER-ADMIN-55/named-member", rules=["BROKER-ADMIN-55"])
def named_member(w: Wire) -> None:
    """With `clientAddr` only the member of this id is asked; who refuses is left out."""
    topic, group = w.create_topic(queues=1), w.create_group()
    one, two = _member(w, topic, group, "one"), _member(w, topic, group, "two")
    opaque = w.broker.submit(
        RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS,
        ext={"topic": topic, "group": group, "clientAddr": "two"},
    )
    request = two.server_request(RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT)
    two.respond(request, 1, remark="not now")
    body = w.expect(w.broker.answer(opaque), code=ResponseCode.SUCCESS).json()
    w.equal(dig(body, "consumerTable"), {}, "tables")
    one.probe()
    w.equal(one.arrived(RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT), None, "a question to one")


@case("BROKER-ADMIN-57/half-message", rules=["BROKER-ADMIN-57"], fresh=True)
def half_message_anew(w: Wire) -> None:
    """A half message is stored once more, with its number of checks at 0."""
    group, topic = w.unique("PID"), w.create_topic(queues=1)
    half = w.send(
        topic,
        b"half",
        sysFlag=4,
        producerGroup=group,
        properties={"TRAN_MSG": "true", "PGROUP": group, "UNIQ_KEY": w.unique("K")},
    )
    queue = "RMQ_SYS_TRANS_HALF_TOPIC"
    w.await_max_offset(queue, 0, half.queue_offset + 1)
    answer = w.broker.request(RequestCode.RESUME_CHECK_HALF_MESSAGE, ext={"msgId": half.message_id})
    w.expect(answer, code=ResponseCode.SUCCESS)
    w.eventually(
        lambda: w.max_offset(queue) > half.queue_offset + 1, what="the second half message"
    )
    if w.release == "4.6":
        w.note("4.6 cannot tell where the second half message lies: fault B30")
        return
    answer = w.broker.request(
        RequestCode.QUERY_CONSUME_QUEUE,
        ext={"topic": queue, "queueId": 0, "index": half.queue_offset + 1, "count": 1},
    )
    offset = dig(w.expect(answer, code=ResponseCode.SUCCESS).json(), "queueData", 0, "physicOffset")
    view = w.broker.request(RequestCode.VIEW_MESSAGE_BY_ID, ext={"offset": str(offset)})
    (record,) = decode_records(w.expect(view, code=ResponseCode.SUCCESS).body)
    found = (record.body, record.topic, record.properties.get("TRANSACTION_CHECK_TIMES"))
    w.equal(found, (b"half", queue, "0"), "second half message")
