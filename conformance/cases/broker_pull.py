"""PULL_MESSAGE: answers by read status, filters, long polling."""

import re

from conformance.case import case
from conformance.wire import PERM_WRITE, PULL_SUBSCRIPTION, PULL_SUSPEND, Wire
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode


@case("BROKER-PULL-20/next-offset-does-not-exist-yet", rules=["BROKER-PULL-20", "BROKER-PULL-16"])
def nothing_yet(w: Wire) -> None:
    """A pull at the end of the queue is answered PULL_NOT_FOUND with the same offset."""
    topic = w.create_topic(queues=1)
    w.send(topic)
    w.receive(topic)
    result = w.pull(topic, 0, 1)
    w.equal(result.code, ResponseCode.PULL_NOT_FOUND, "code")
    offsets = (result.next_begin_offset, result.min_offset, result.max_offset)
    w.equal(offsets, (1, 0, 1), "next, min and max offset")


@case("BROKER-PULL-6/no-read-permission", rules=["BROKER-PULL-6", "BROKER-PULL-17"])
def no_read_permission(w: Wire) -> None:
    """A topic that may only be written is not read."""
    topic = w.create_topic(queues=1, perm=PERM_WRITE)
    w.send(topic)
    response = w.try_pull(topic)
    w.expect(response, code=ResponseCode.NO_PERMISSION, remark=re.compile(r"pulling|denied|forbid"))


@case("BROKER-PULL-5/unknown-topic", rules=["BROKER-PULL-5"])
def unknown_topic(w: Wire) -> None:
    """A pull of an unknown topic is refused, and does not create it."""
    topic = w.unique("T")
    with w.unchanged():
        response = w.try_pull(topic, group="TOOLS_CONSUMER")
        w.expect(
            response,
            code=ResponseCode.TOPIC_NOT_EXIST,
            remark=re.compile(rf"topic\[{topic}\] not exist, apply first please!"),
        )


@case("BROKER-PULL-30/tag-filter", rules=["BROKER-PULL-30", "BROKER-PULL-8"])
def tag_filter(w: Wire) -> None:
    """Only messages whose tag is asked for come; the next offset jumps over the others."""
    topic = w.create_topic(queues=1)
    for tag in ("red", "blue", "red", "green"):
        w.send(topic, tag.encode(), properties={"TAGS": tag})
    w.await_max_offset(topic, 0, 4)
    result = w.pull(topic, subscription="red || green")
    w.equal(result.bodies, [b"red", b"red", b"green"], "bodies")
    w.equal(result.next_begin_offset, 4, "next offset")
    w.equal(w.pull(topic, subscription="none").code, ResponseCode.PULL_RETRY_IMMEDIATELY, "code")


@case("BROKER-PULL-24/message-wakes-a-held-pull", rules=["BROKER-PULL-23", "BROKER-PULL-24"])
def message_wakes_a_held_pull(w: Wire) -> None:
    """A pull that may wait is answered when a message comes, not before."""
    topic = w.create_topic(queues=1)
    fields = w.pull_ext(
        topic, sysFlag=PULL_SUBSCRIPTION | PULL_SUSPEND, suspendTimeoutMillis=15_000
    )
    other = w.connect()
    opaque = other.submit(RequestCode.PULL_MESSAGE, ext=fields)
    other.probe()
    w.check(not other.answered(opaque), "the pull was answered with nothing to read")
    w.send(topic, b"wake")
    w.expect(other.answer(opaque, timeout_ms=10_000), code=ResponseCode.SUCCESS)
