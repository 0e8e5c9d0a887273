"""The life of a broker as the outside sees it: topics at start, registration, start and end."""

import json
import re
from contextlib import nullcontext

from conformance.case import case
from conformance.matching import dig
from conformance.settings import broker_settings
from conformance.target import BROKER_NAME, CLUSTER, Capability
from conformance.wire import Wire
from refimpl.model.ids import JsonValue
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_DEFAULT_QUEUES = 8


def _topic_table(w: Wire) -> dict[str, JsonValue]:
    response = w.broker.request(RequestCode.GET_ALL_TOPIC_CONFIG)
    table = dig(w.expect(response, code=ResponseCode.SUCCESS).json(), "topicConfigTable")
    assert isinstance(table, dict)
    return table


@case("BROKER-TOPIC-1/topics-at-start", rules=["BROKER-TOPIC-1"], fresh=True)
def topics_at_start(w: Wire) -> None:
    """A new broker has the topics of its release, with their queues and permissions."""
    table = _topic_table(w)
    expected = {
        "SELF_TEST_TOPIC": (1, 6),
        "TBW102": (_DEFAULT_QUEUES, 7),
        "BenchmarkTest": (1024, 6),
        CLUSTER: (16, 7),
        BROKER_NAME: (1, 7),
        "OFFSET_MOVED_EVENT": (1, 6),
        f"{CLUSTER}_REPLY_TOPIC": (1, 6),
        **w.by_release(
            {
                "4.6": {},
                "4.9": {"SCHEDULE_TOPIC_XXXX": (18, 6)},
                "5.5": {
                    "SCHEDULE_TOPIC_XXXX": (18, 6),
                    "RMQ_SYS_TRANS_HALF_TOPIC": (1, 6),
                    "RMQ_SYS_TRANS_OP_HALF_TOPIC": (1, 6),
                    f"rmq_sys_REVIVE_LOG_{CLUSTER}": (8, 6),
                    f"rmq_sys_SYNC_BROKER_MEMBER_{BROKER_NAME}": (1, 1),
                },
            }
        ),
    }
    for topic, (queues, perm) in expected.items():
        found = (dig(table, topic, "writeQueueNums"), dig(table, topic, "perm"))
        w.equal(found, (queues, perm), f"queues and permission of {topic}")


@case(
    "BROKER-LIFECYCLE-8/created-topic-is-told",
    rules=["BROKER-LIFECYCLE-8", "BROKER-LIFECYCLE-5", "BROKER-SEND-6"],
    needs=[Capability.NAMESRV],
)
def created_topic_is_told(w: Wire) -> None:
    """A topic that a send makes is soon in the route, with its queues, permission and broker."""
    topic = w.unique("T")
    w.send(topic, defaultTopicQueueNums=3)
    route = w.eventually(lambda: w.route(topic), what="the route")
    queue = dig(route, "queueDatas", 0)
    names = ("brokerName", "readQueueNums", "writeQueueNums", "perm")
    w.equal([dig(queue, name) for name in names], [BROKER_NAME, 3, 3, 6], "queues")
    broker = dig(route, "brokerDatas", 0)
    named = (dig(broker, "brokerName"), dig(broker, "cluster"))
    w.equal(named, (BROKER_NAME, CLUSTER), "broker")


@case(
    "BROKER-LIFECYCLE-4/fast-port",
    rules=["BROKER-LIFECYCLE-4", "BROKER-LIFECYCLE-1"],
    needs=[Capability.FAST_PORT],
)
def no_pull_on_the_fast_port(w: Wire) -> None:
    """On the fast port sends are served and pulls are an unknown code."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"fast", on=w.fast)
    w.equal(w.receive(topic)[0].body, b"fast", "body")
    opaque = w.fast.submit(RequestCode.PULL_MESSAGE, ext=w.pull_ext(topic))
    if w.release == "4.6":
        w.fast.expect_silence(opaque)
        return
    response = w.fast.answer(opaque)
    remark = " request type 11 not supported"
    w.expect(response, code=ResponseCode.REQUEST_CODE_NOT_SUPPORTED, remark=remark)


@case(
    "BROKER-LIFECYCLE-1/code-of-another-release",
    rules=["BROKER-LIFECYCLE-1"],
    matrix={"none": {"code": 4711}, "negative": {"code": -5}},
)
def unknown_code(w: Wire, code: int) -> None:
    """A code that nothing is registered for is answered so; 4.6 leaves it without an answer."""
    opaque = w.broker.submit(code, ext={})
    if w.release == "4.6":
        w.broker.expect_silence(opaque)
        return
    remark = f" request type {code} not supported"
    response = w.broker.answer(opaque)
    w.expect(response, code=ResponseCode.REQUEST_CODE_NOT_SUPPORTED, remark=remark)


@case("BROKER-LIFECYCLE-2/exception", rules=["BROKER-LIFECYCLE-2"])
def exception_is_told(w: Wire) -> None:
    """A processor that fails says what failed, and the connection goes on."""
    response = w.broker.request(RequestCode.CONSUMER_SEND_MSG_BACK, ext={"group": w.group()})
    remark = re.compile(r"^java\.lang\.NullPointerException")
    w.expect(response, code=ResponseCode.SYSTEM_ERROR, remark=remark)
    w.broker.expect_open()


@case(
    "BROKER-LIFECYCLE-3/no-buffer",
    rules=["BROKER-LIFECYCLE-3"],
    options={"transientStorePoolEnable": "true", "transientStorePoolSize": "2"},
)
def no_buffer_left(w: Wire) -> None:
    """While the pool has no buffer every send is refused before it is read; reads are served.

    One of the two went to the file that is made in advance.
    """
    topic = w.create_topic(queues=1)

    def refused() -> bool:
        response = w.try_send(topic)
        if response.code == ResponseCode.SUCCESS:
            return False
        remark = "[REJECTREQUEST]system busy, start flow control for a while"
        w.expect(response, code=ResponseCode.SYSTEM_BUSY, remark=remark)
        return True

    w.eventually(refused, what="flow control")
    back = w.broker.request(RequestCode.CONSUMER_SEND_MSG_BACK, ext={})
    w.expect(back, code=ResponseCode.SYSTEM_BUSY)
    w.max_offset(topic)


@case(
    "BROKER-LIFECYCLE-13/unregistered-at-the-end",
    rules=["BROKER-LIFECYCLE-13", "BROKER-LIFECYCLE-5"],
    needs=[Capability.RESTART, Capability.NAMESRV_STAYS, Capability.STORE_DIRECTORY],
    fresh=True,
)
def unregistered_at_the_end(w: Wire) -> None:
    """A broker that ends leaves the route; one that starts comes back with its topics."""
    topic = w.create_topic(queues=2)
    w.send(topic, b"kept")
    w.eventually(lambda: w.route(topic), what="the route")
    w.stop_broker()
    w.eventually(lambda: w.route(topic) is None, what="the end of the route")
    w.start_broker()
    w.eventually(lambda: w.route(topic), what="the route after the start")
    w.equal(w.receive(topic)[0].body, b"kept", "body")


@case(
    "BROKER-TOPIC-11/killed-after-the-answer",
    rules=["BROKER-TOPIC-11", "BROKER-TOPIC-9"],
    needs=[Capability.KILL],
    fresh=True,
)
def killed_after_the_answer(w: Wire) -> None:
    """A topic that a send made outlives a broker that is killed when it has answered."""
    topic = w.unique("T")
    w.send(topic, b"kept", defaultTopicQueueNums=3)
    w.restart_broker(kill=True)
    w.equal((w.topic_config(topic) or {}).get("writeQueueNums"), 3, "queues")
    w.equal(w.receive(topic)[0].body, b"kept", "body")


@case(
    "BROKER-LIFECYCLE-11/backup",
    rules=["BROKER-LIFECYCLE-11", "BROKER-TOPIC-9"],
    needs=[Capability.STORE_DIRECTORY, Capability.RESTART],
    fresh=True,
)
def backup_of_a_table(w: Wire) -> None:
    """A table that is empty is read from its backup; what the file says of a topic counts."""
    topic = w.create_topic(queues=2)
    store = w.stop_broker()
    path = store / "config" / "topics.json"
    table = json.loads(path.read_text("utf-8"))
    table["topicConfigTable"][topic]["writeQueueNums"] = 5
    path.with_name("topics.json.bak").write_text(json.dumps(table), "utf-8")
    path.write_text("", "utf-8")
    w.start_broker()
    w.equal((w.topic_config(topic) or {}).get("writeQueueNums"), 5, "queues")
    w.check(w.topic_config("TBW102"), "no default topic")


@case(
    "BROKER-LIFECYCLE-14/one-answer-where-sends-are-synchronous",
    rules=["BROKER-LIFECYCLE-14", "BROKER-SEND-27"],
)
def synchronous_sends(w: Wire) -> None:
    """A broker that does not send asynchronously, as 5.5 can be told, answers every send once."""
    topic = w.create_topic(queues=1)
    later = w.release == "5.5"
    with broker_settings(w, asyncSendEnable="false") if later else nullcontext():
        for n in range(3):
            w.equal(w.send(topic).queue_offset, n, "offset")
            w.broker.expect_open()
