"""Retention: what is left of a log whose first files have expired."""

from conformance.case import case
from conformance.target import Capability
from conformance.wire import Wire
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

# Small files, and a clean-up that looks often: every file but the last has expired at once.
_SMALL = {
    "mapedFileSizeCommitLog": "131072",
    "mappedFileSizeCommitLog": "131072",
    "cleanResourceInterval": "300",
    "fileReservedTime": "0",
}
_LARGE = 60_000
_FIRST_CLEANED_MS = 61_000  # after the start


@case(
    "STORE-CQ-5/expired-queue",
    rules=["STORE-CQ-5", "STORE-FILES-4", "STORE-RETENTION-5"],
    releases=["4.9", "5.5"],
    options=_SMALL,
    needs=[Capability.CLOCK],
    fresh=True,
)
def expired_queue(w: Wire) -> None:
    """Messages that have expired are not found, and no other message in their place.

    From 5.5 on their queue begins at its end; before, it begins where it began.
    """
    old, filler = w.create_topic(queues=1), w.create_topic(queues=1)
    sent = w.send(old)
    for _ in range(5):
        w.send(filler, b"x" * _LARGE)
    w.await_max_offset(filler, 0, 5)
    answer = w.broker.request(RequestCode.DELETE_EXPIRED_COMMITLOG)
    w.expect(answer, code=ResponseCode.SUCCESS)
    w.advance(_FIRST_CLEANED_MS)
    w.eventually(lambda: w.min_offset(filler) > 0, what="the end of a file")
    w.equal(w.max_offset(old), 1, "end of the expired queue")
    beginning = w.by_release({"4.9": 0, "5.5": 1})
    w.eventually(lambda: w.min_offset(old) == beginning, what=f"a queue that begins at {beginning}")
    offset = int(sent.message_id[-16:], 16)
    answer = w.broker.request(RequestCode.VIEW_MESSAGE_BY_ID, ext={"topic": old, "offset": offset})
    remark = f"can not find message by the offset, {offset}"
    w.expect(answer, code=ResponseCode.SYSTEM_ERROR, remark=remark)
