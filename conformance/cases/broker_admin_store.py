"""Looking into the store, and cleaning it up."""

from conformance.case import case
from conformance.connection import ExtValue
from conformance.matching import dig
from conformance.response import Response
from conformance.target import Capability
from conformance.wire import Wire
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_NOT_IN_4_6 = ["4.9", "5.5"]


def _query(w: Wire, topic: str, index: int, count: int, **ext: ExtValue) -> Response:
    fields: dict[str, ExtValue] = {"topic": topic, "queueId": 0, "index": index, "count": count}
    return w.broker.request(RequestCode.QUERY_CONSUME_QUEUE, ext={**fields, **ext})


def _filled(w: Wire, messages: int = 5) -> str:
    topic = w.create_topic(queues=1)
    for number in range(messages):
        w.send(topic, f"m{number}".encode(), properties={"TAGS": "red"})
    w.await_max_offset(topic, 0, messages)
    return topic


@case(
    "BROKER-ADMIN-38/pages",
    rules=["BROKER-ADMIN-38"],
    releases=_NOT_IN_4_6,
    matrix={
        "first": {"index": 0, "count": 2, "entries": 2},
        "middle": {"index": 2, "count": 2, "entries": 2},
        "last": {"index": 4, "count": 10, "entries": 1},
        "all": {"index": 0, "count": 100, "entries": 5},
        "none": {"index": 0, "count": 0, "entries": 0},
    },
)
def entries_by_page(w: Wire, index: int, count: int, entries: int) -> None:
    """Up to `count` entries from `index` on: place, size and tag code of each message."""
    topic = _filled(w)
    records = w.receive(topic, count=5)
    body = w.expect(_query(w, topic, index, count), code=ResponseCode.SUCCESS).json()
    w.equal((dig(body, "minQueueIndex"), dig(body, "maxQueueIndex")), (0, 5), "both ends")
    found = dig(body, "queueData")
    assert isinstance(found, list)
    names = ("physicOffset", "physicSize", "tagsCode")
    red = sum(ord(letter) * 31 ** (2 - at) for at, letter in enumerate("red"))
    wanted = [[r.physical_offset, r.store_size, red] for r in records[index : index + entries]]
    w.equal([[dig(entry, name) for name in names] for entry in found], wanted, "entries")


@case(
    "BROKER-ADMIN-38/outside",
    rules=["BROKER-ADMIN-38"],
    matrix={"far": {"index": 100}, "next-file": {"index": 100_000}},
)
def index_outside(w: Wire, index: int) -> None:
    """An index behind the queue is a success with a remark and no entries."""
    topic = _filled(w, 1)
    response = _query(w, topic, index, 10)
    text = f"Index {index} of 0@{topic} is not exist!"
    w.expect(response, code=ResponseCode.SUCCESS, remark=text)
    has_body = w.by_release({"4.6": True, "4.9": False, "5.5": False})
    w.equal(response.body != b"", has_body, "body")


@case("BROKER-ADMIN-38/subscription", rules=["BROKER-ADMIN-38"], releases=_NOT_IN_4_6)
def with_a_group(w: Wire) -> None:
    """With a group the answer tells what it subscribes to, or that it is not online."""
    topic, group = _filled(w, 1), w.create_group()
    body = _query(w, topic, 0, 1, consumerGroup=group).json()
    w.equal(dig(body, "filterData"), f"{group}@{topic} is not online!", "filterData")
    w.heartbeat("c", consumers=[w.consumer(group, {topic: "red"})], on=w.connect())
    body = _query(w, topic, 0, 1, consumerGroup=group).json()
    w.equal(dig(body, "subscriptionData", "subString"), "red", "subscription")


@case(
    "BROKER-ADMIN-39/queue-of-no-message",
    rules=["BROKER-ADMIN-39"],
    matrix={"first": {"queue": 0}, "beyond": {"queue": 9}, "negative": {"queue": -1}},
)
def queue_of_no_message(w: Wire, queue: int) -> None:
    """A queue into which nothing was written does not exist, although its topic does."""
    topic = w.create_topic(queues=1)
    response = _query(w, topic, 0, 10, queueId=queue)
    w.expect(
        response,
        code=ResponseCode.SYSTEM_ERROR,
        remark=f"{queue}@{topic} is not exist!",
    )


@case(
    "BROKER-ADMIN-43/nothing-is-lost",
    rules=["BROKER-ADMIN-43"],
    matrix={"queues": {"code": 306}, "log": {"code": 329}},
)
def nothing_is_lost(w: Wire, code: int) -> None:
    """A clean-up takes no message that is within the reserved time."""
    topic = _filled(w)
    if code == RequestCode.DELETE_EXPIRED_COMMITLOG and w.release == "4.6":
        opaque = w.broker.submit(code)
        w.broker.expect_silence(opaque)
    else:
        with w.unchanged(topic):
            w.expect(w.broker.request(code), code=ResponseCode.SUCCESS)
    bodies = [record.body for record in w.receive(topic, count=5)]
    w.equal(bodies, [f"m{number}".encode() for number in range(5)], "bodies")


@case("BROKER-ADMIN-50/greeted", rules=["BROKER-ADMIN-50"], releases=["4.6"])
def filter_server(w: Wire) -> None:
    """A filter server is greeted with name and id of the broker."""
    answer = w.broker.request(
        RequestCode.REGISTER_FILTER_SERVER, ext={"filterServerAddr": "127.0.0.1:9"}
    )
    w.expect(answer, code=ResponseCode.SUCCESS, ext={"brokerName": "broker-a", "brokerId": "0"})


@case(
    "BROKER-ADMIN-50/told-while-connected",
    rules=["BROKER-ADMIN-50"],
    releases=["4.6"],
    needs=[Capability.NAMESRV],
)
def filter_server_is_told(w: Wire) -> None:
    """The first address of a channel is in the routes of the broker until the channel closes."""
    server, other = w.connect(), w.connect()
    for connection, name in ((server, "first"), (other, "other"), (server, "second")):
        connection.request(RequestCode.REGISTER_FILTER_SERVER, ext={"filterServerAddr": name})
    told = _filter_servers_of(w, w.create_topic())
    w.equal(told, ["first", "other"], "filter servers")
    server.close()
    w.eventually(
        lambda: _filter_servers_of(w, w.create_topic()) == ["other"], what="one filter server"
    )
    other.close()


def _filter_servers_of(w: Wire, topic: str) -> list[str]:
    """Of every broker in the route of a new topic, which the broker has told of just now."""
    route = w.eventually(lambda: w.route(topic), what="route")
    table = route["filterServerTable"]
    assert isinstance(table, dict)
    return sorted(
        str(one) for servers in table.values() if isinstance(servers, list) for one in servers
    )
