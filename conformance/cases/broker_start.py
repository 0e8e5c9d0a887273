"""What a broker decides at its start: topics, settings, role, registration."""

import re

from conformance.case import case
from conformance.matching import dig
from conformance.records import BatchMessage
from conformance.session import compact_json
from conformance.settings import read_broker_settings, runtime_table
from conformance.target import BROKER_NAME, CLUSTER, Capability, Port
from conformance.wire import Wire
from refimpl.model.ids import JsonValue
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_ORDER = "ORDER_TOPIC_CONFIG"
_ROUND_MS = 31_000


@case("BROKER-CONFIG-3/port-of-replication", rules=["BROKER-CONFIG-3"])
def port_of_replication(w: Wire) -> None:
    """The port of replication is the one above the listening port where no file says another."""
    address = w.target.address(Port.BROKER)
    assert address is not None
    w.equal(read_broker_settings(w)["haListenPort"], str(address.port + 1), "haListenPort")


@case(
    "BROKER-CONFIG-4/id-of-a-master",
    rules=["BROKER-CONFIG-4", "BROKER-CONFIG-5"],
    options={
        "brokerId": "5",
        "mappedFileSizeConsumeQueue": "12001",
        "mapedFileSizeConsumeQueue": "12001",
    },
)
def id_of_a_master(w: Wire) -> None:
    """A master has the id 0, whatever the file says; an odd file size is printed as it is."""
    settings = read_broker_settings(w)
    size = settings.get("mappedFileSizeConsumeQueue", settings.get("mapedFileSizeConsumeQueue"))
    w.equal((settings["brokerId"], size), ("0", "12001"), "id and size")
    topic = w.create_topic(queues=1)
    for first in range(0, 700, 100):  # more than one file of 600 entries
        messages = [BatchMessage(str(number).encode(), {}) for number in range(first, first + 100)]
        w.send_batch(topic, messages)
    w.await_max_offset(topic, 0, 700)
    w.equal(w.receive(topic, 0, 598, count=4)[3].body, b"601", "a message of the second file")


@case("BROKER-ADMIN-61/what-the-start-decided", rules=["BROKER-ADMIN-61"])
def what_the_start_decided(w: Wire) -> None:
    """The size of the filter's bit map is told as it is."""
    settings = read_broker_settings(w)
    w.equal(settings["bitMapLengthConsumeQueueExt"], "112", "bitMapLengthConsumeQueueExt")


@case(
    "BROKER-ADMIN-12/slave",
    rules=["BROKER-ADMIN-12"],
    options={"brokerRole": "SLAVE", "brokerId": "1"},
    matrix={
        "create-topic": {"code": 17},
        "delete-topic": {"code": 215},
        "create-group": {"code": 200},
        "delete-group": {"code": 207},
    },
)
def slave(w: Wire, code: int) -> None:
    """A slave refuses to change topics and groups in 4.9; other releases do not ask."""
    name = w.unique("N")
    ext = {**w.create_topic_ext(name), "groupName": name}
    body: JsonValue = {"groupName": name, "consumeEnable": True}
    grouped = code == RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP
    answer = w.broker.request(code, ext=ext, body=compact_json(body) if grouped else b"")
    if w.switch.slave_refuses_changes:
        w.expect(answer, code=ResponseCode.SYSTEM_ERROR, remark=re.compile("from slave broker"))
        w.equal(w.topic_config(name), None, "configuration")
    else:
        w.expect(answer, code=ResponseCode.SUCCESS)


@case(
    "BROKER-LIFECYCLE-6/registers-again",
    rules=["BROKER-LIFECYCLE-6"],
    needs=[Capability.NAMESRV, Capability.CLOCK],
)
def registers_again(w: Wire) -> None:
    """A broker that the name server has forgotten is back within a round."""
    topic = w.create_topic(queues=1)
    address = str(w.target.address(Port.BROKER))
    gone = w.namesrv.request(
        RequestCode.UNREGISTER_BROKER,
        ext={
            "brokerName": BROKER_NAME,
            "brokerAddr": address,
            "clusterName": CLUSTER,
            "brokerId": 0,
        },
    )
    w.expect(gone, code=ResponseCode.SUCCESS)
    w.eventually(lambda: w.route(topic) is None, what="the departure")
    w.advance(_ROUND_MS)
    w.check(w.route(topic) is not None, "the broker has not registered again")


@case(
    "BROKER-TOPIC-8/order-from-the-name-server",
    rules=["BROKER-TOPIC-8", "NAMESRV-KV-7"],
    needs=[Capability.NAMESRV, Capability.CLOCK],
    fresh=True,
)
def order_from_the_name_server(w: Wire) -> None:
    """A topic that the name server lists is ordered from the next round on."""
    topic = w.create_topic(queues=1)
    where = {"namespace": _ORDER, "key": topic}
    put = w.namesrv.request(RequestCode.PUT_KV_CONFIG, ext={**where, "value": "broker-a:1"})
    w.expect(put, code=ResponseCode.SUCCESS)
    w.advance(_ROUND_MS)
    w.equal(dig(dict(w.topic_config(topic) or {}), "order"), True, "order when listed")
    w.namesrv.request(RequestCode.DELETE_KV_CONFIG, ext=where)
    w.advance(_ROUND_MS)
    kept = not w.switch.clears_order_of_unlisted_topics
    w.equal(dig(dict(w.topic_config(topic) or {}), "order"), kept, "order when not listed")


@case("BROKER-ADMIN-60/place-of-a-level", rules=["BROKER-ADMIN-60"])
def place_of_a_level(w: Wire) -> None:
    """Runtime information tells how far the delivery of a delay level is."""
    topic = w.create_topic(queues=1)
    w.send(topic, properties={"DELAY": "1"})
    w.receive(topic)

    def attempt() -> bool:
        table = runtime_table(w)
        place = table.get("scheduleMessageOffset_1")
        match = re.fullmatch(r"(\d+),(\d+)", str(place))
        return match is not None and match[1] == match[2] != "0"

    w.eventually(attempt, what="a place at the end of level 1")


@case("BROKER-ADMIN-62/totals", rules=["BROKER-ADMIN-62"])
def totals(w: Wire) -> None:
    """Totals of put and handed out messages grow with what clients send and pull."""
    topic = w.create_topic(queues=1)
    put, got = _totals(w)
    for _ in range(3):
        w.send(topic)
    w.receive(topic, count=3)
    put_after, got_after = _totals(w)
    w.check(put_after >= put + 3, f"put {put} -> {put_after}")
    w.check(got_after >= got + 3, f"got {got} -> {got_after}")


def _totals(w: Wire) -> tuple[int, int]:
    table = runtime_table(w)
    names = ("msgPutTotalTodayNow", "msgGetTotalTodayNow")
    put, got = (int(str(dig(table, name))) for name in names)
    return put, got


@case("BROKER-ADMIN-58/left-over", rules=["BROKER-ADMIN-58"])
def left_over(w: Wire) -> None:
    """Some processors leave the remark of a fresh answer in a success."""
    fresh = "not set any response code"
    topic = w.unique("T")
    created = w.try_create_topic(topic)
    w.expect(created, code=ResponseCode.SUCCESS)
    w.equal(created.remark, None if w.release == "4.6" else fresh, "remark of a created topic")
    w.eventually(lambda: w.topic_config(topic), what="the topic")
    w.send(topic)
    w.await_max_offset(topic, 0, 1)
    entries = w.broker.request(
        RequestCode.QUERY_CONSUME_QUEUE,
        ext={"topic": topic, "queueId": 0, "index": 0, "count": 1, "consumerGroup": ""},
    )
    w.expect(entries, code=ResponseCode.SUCCESS, remark=fresh)
    group = w.create_group()
    w.heartbeat("c", consumers=[w.consumer(group, {topic: "*"})], on=w.connect())
    status = w.broker.request(
        RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS,
        ext={"topic": topic, "group": group, "clientAddr": "nobody"},
    )
    w.expect(status, code=ResponseCode.SUCCESS, remark=fresh)
