"""Locks of queues for orderly consumption."""

from collections.abc import Sequence

from conformance.case import case
from conformance.matching import dig
from conformance.response import Response
from conformance.session import compact_json
from conformance.target import BROKER_NAME, Capability
from conformance.wire import Wire
from refimpl.model.ids import JsonValue
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_LIFE = 60_000  # RebalanceLockManager: REBALANCE_LOCK_MAX_LIVE_TIME


def _queue(topic: str, queue_id: int) -> JsonValue:
    return {"topic": topic, "brokerName": BROKER_NAME, "queueId": queue_id}


def _ask(w: Wire, code: RequestCode, **members: JsonValue) -> Response:
    return w.broker.request(code, body=compact_json(dict(members)))


def _lock(w: Wire, group: str, client: str, topic: str, *queues: int) -> list[int]:
    """The queue ids that the answer names, sorted."""
    response = _ask(
        w,
        RequestCode.LOCK_BATCH_MQ,
        consumerGroup=group,
        clientId=client,
        mqSet=[_queue(topic, queue) for queue in queues],
    )
    w.expect(response, code=ResponseCode.SUCCESS)
    granted = dig(response.json(), "lockOKMQSet")
    assert isinstance(granted, list)
    for entry in granted:
        w.equal((dig(entry, "topic"), dig(entry, "brokerName")), (topic, BROKER_NAME), "queue")
    return sorted(int(str(dig(entry, "queueId"))) for entry in granted)


def _unlock(w: Wire, group: str, client: str, topic: str, queues: Sequence[int]) -> None:
    response = _ask(
        w,
        RequestCode.UNLOCK_BATCH_MQ,
        consumerGroup=group,
        clientId=client,
        mqSet=[_queue(topic, queue) for queue in queues],
    )
    w.expect(response, code=ResponseCode.SUCCESS)
    w.equal(response.body, b"", "body")


@case("BROKER-ORDER-1/one-owner", rules=["BROKER-ORDER-1", "BROKER-ORDER-2", "BROKER-ORDER-4"])
def one_owner(w: Wire) -> None:
    """A free queue is given to who asks, renewed for its owner, and refused to others."""
    topic, group = w.create_topic(queues=2), w.create_group()
    w.equal(_lock(w, group, "a", topic, 0), [0], "first")
    w.equal(_lock(w, group, "b", topic, 0), [], "another client")
    w.equal(_lock(w, group, "a", topic, 0), [0], "the owner again")
    w.equal(_lock(w, group, "b", topic, 0), [], "another client again")


@case("BROKER-ORDER-6/one-by-one", rules=["BROKER-ORDER-6"])
def one_by_one(w: Wire) -> None:
    """A refused queue of a batch does not refuse the others."""
    topic, group = w.create_topic(queues=4), w.create_group()
    w.equal(_lock(w, group, "a", topic, 1, 3), [1, 3], "first")
    w.equal(_lock(w, group, "b", topic, 0, 1, 2, 3), [0, 2], "the rest")
    w.equal(_lock(w, group, "a", topic, 0, 1, 2, 3), [1, 3], "the first again")
    w.equal(_lock(w, group, "c", topic), [], "no queue")


@case("BROKER-ORDER-5/only-the-owner-unlocks", rules=["BROKER-ORDER-5"])
def only_the_owner_unlocks(w: Wire) -> None:
    """The owner frees its queue at once; another client frees nothing."""
    topic, group = w.create_topic(queues=2), w.create_group()
    w.equal(_lock(w, group, "a", topic, 0, 1), [0, 1], "first")
    _unlock(w, group, "b", topic, [0, 1])
    w.equal(_lock(w, group, "b", topic, 0, 1), [], "after the unlock of another client")
    _unlock(w, group, "a", topic, [1, 7])
    w.equal(_lock(w, group, "b", topic, 0, 1), [1], "after the unlock of the owner")
    _unlock(w, w.group(), "a", topic, [0])


@case("BROKER-ORDER-7/groups-do-not-meet", rules=["BROKER-ORDER-7"])
def groups_do_not_meet(w: Wire) -> None:
    """Two groups lock the same queue; neither topic nor group must exist."""
    topic = w.unique("T")
    first, second = w.group(), w.group()
    w.equal(_lock(w, first, "a", topic, 99, -1), [-1, 99], "first group")
    w.equal(_lock(w, second, "b", topic, 99), [99], "second group")
    w.equal(_lock(w, first, "b", topic, 99), [], "other client of the first group")


@case(
    "BROKER-ORDER-3/expiry",
    rules=["BROKER-ORDER-3", "BROKER-ORDER-2"],
    needs=[Capability.CLOCK],
)
def expiry(w: Wire) -> None:
    """A lock that was not renewed for more than a minute is given away; refusals renew nothing."""
    topic, group = w.create_topic(queues=1), w.create_group()
    w.equal(_lock(w, group, "a", topic, 0), [0], "first")
    w.advance(_LIFE - 1000)
    w.equal(_lock(w, group, "a", topic, 0), [0], "renewed")
    w.advance(_LIFE - 1000)
    w.equal(_lock(w, group, "b", topic, 0), [], "before the end of the renewed minute")
    w.advance(2000)
    w.equal(_lock(w, group, "b", topic, 0), [0], "after it")
    w.equal(_lock(w, group, "a", topic, 0), [], "the former owner")


@case("BROKER-ORDER-9/restart-forgets", rules=["BROKER-ORDER-9"], needs=[Capability.KILL])
def restart_forgets(w: Wire) -> None:
    """Locks live in memory: after a restart the first who asks has the queue."""
    topic, group = w.create_topic(queues=1), w.create_group()
    w.equal(_lock(w, group, "a", topic, 0), [0], "before")
    w.restart_broker(kill=True)
    w.equal(_lock(w, group, "b", topic, 0), [0], "after")


@case(
    "BROKER-ORDER-10/set",
    rules=["BROKER-ORDER-10"],
    matrix={
        "missing": {"text": "", "refused": 0},
        "empty": {"text": ',"mqSet":[]', "refused": 0},
        "null": {"text": ',"mqSet":null', "refused": 1},
        "null-inside": {"text": ',"mqSet":[null]', "refused": 1},
        "word": {"text": ',"mqSet":"x"', "refused": 1},
    },
)
def queue_sets(w: Wire, text: str, refused: int) -> None:
    """No queues are none; a null set, and a null in it, are refused."""
    group = w.create_group()
    body = f'{{"clientId":"c","consumerGroup":"{group}"{text}}}'
    response = w.broker.request(RequestCode.LOCK_BATCH_MQ, body=body.encode())
    if refused:
        w.expect(response, code=ResponseCode.SYSTEM_ERROR)
    else:
        w.expect(response, code=ResponseCode.SUCCESS, body=b'{"lockOKMQSet":[]}')


@case(
    "BROKER-ORDER-10/names",
    rules=["BROKER-ORDER-10"],
    matrix={
        "no-broker": {"entry": '{"topic":"%s","queueId":0}'},
        "no-queue-id-is-zero": {"entry": '{"topic":"%s","brokerName":"broker-a"}'},
        "queue-id-as-text": {"entry": '{"topic":"%s","brokerName":"broker-a","queueId":"3"}'},
    },
)
def names_of_queues(w: Wire, entry: str) -> None:
    """What is missing in the name of a queue is part of the name, and missing in the answer."""
    group, queue = w.create_group(), entry % w.unique("T")
    for client, granted in (("a", 1), ("b", 0), ("a", 1)):
        body = f'{{"clientId":"{client}","consumerGroup":"{group}","mqSet":[{queue}]}}'
        response = w.broker.request(RequestCode.LOCK_BATCH_MQ, body=body.encode())
        w.expect(response, code=ResponseCode.SUCCESS)
        found = dig(response.json(), "lockOKMQSet")
        w.check(isinstance(found, list) and len(found) == granted, f"client {client}: {found!r}")
        if isinstance(found, list) and found and "brokerName" not in entry:
            w.check("brokerName" not in str(found), f"a name that was not asked: {found!r}")
