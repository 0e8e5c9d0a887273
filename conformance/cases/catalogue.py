"""Catalogued bugs of real releases: each case fails where the bug is, and is a trophy."""

import json

from conformance.case import case
from conformance.connection import ExtValue
from conformance.matching import dig
from conformance.target import Capability
from conformance.wire import Wire
from refimpl.model.ids import JsonValue
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_OP_TOPIC = "RMQ_SYS_TRANS_OP_HALF_TOPIC"
_HALF_TOPIC = "RMQ_SYS_TRANS_HALF_TOPIC"
_PREPARED, _COMMIT = 4, 8  # transaction types in the system flag
_COMMIT_LOG_FILE_SIZE = 1_048_576  # of STANDARD_OPTIONS


@case("STORE-READ-5/beyond-the-end-of-a-young-queue", rules=["STORE-READ-5", "BROKER-PULL-20"])
def beyond_the_end(w: Wire) -> None:
    """A consumer that is ahead of the queue is sent to its end, not to its beginning."""
    topic = w.create_topic(queues=1)
    for _ in range(3):
        w.send(topic)
    w.await_max_offset(topic, 0, 3)
    result = w.pull(topic, 0, 100)
    w.equal(result.code, ResponseCode.PULL_OFFSET_MOVED, "code")
    w.equal(result.next_begin_offset, 3, "next offset")


@case("BROKER-ADMIN-38/entries-are-in-the-answer", rules=["BROKER-ADMIN-38"])
def entries_are_in_the_answer(w: Wire) -> None:
    """The answer to QUERY_CONSUME_QUEUE holds the entries that were read."""
    topic = w.create_topic(queues=1)
    w.send(topic)
    w.await_max_offset(topic, 0, 1)
    response = w.broker.request(
        RequestCode.QUERY_CONSUME_QUEUE,
        ext={"topic": topic, "queueId": 0, "index": 0, "count": 10, "consumerGroup": ""},
    )
    w.expect(response, code=ResponseCode.SUCCESS)
    body = response.json()
    w.equal(dig(body, "maxQueueIndex"), 1, "max queue index")
    entries = dig(body, "queueData")
    w.check(isinstance(entries, list) and len(entries) == 1, f"entries {entries!r}")


@case("BROKER-SEND-15/retry-at-its-limit-is-not-delayed", rules=["BROKER-SEND-15"])
def retry_at_its_limit(w: Wire) -> None:
    """A retry that has reached its limit is a dead letter at once, whatever its delay level."""
    group = w.create_group(retryMaxTimes=1)
    retry = w.create_topic(queues=1, name=f"%RETRY%{group}")
    response = w.try_send(
        retry, b"dead", properties={"DELAY": "18"}, reconsumeTimes=5, maxReconsumeTimes=1
    )
    w.expect(response, code=ResponseCode.SUCCESS)
    # Queues are filled in the order of the log: behind a later message, this one is visible.
    later = w.create_topic(queues=1)
    w.send(later)
    w.await_max_offset(later, 0, 1)
    w.equal(w.max_offset(f"%DLQ%{group}"), 1, "max offset of the dead letter topic")


@case("BROKER-BACK-12/dead-letter-remembers-its-first-id", rules=["BROKER-BACK-12"])
def dead_letter_remembers(w: Wire) -> None:
    """A message that is sent back as a dead letter carries the id of the first; not in 4.6."""
    group = w.create_group()
    # Readable in every release, so that the case can look: the broker keeps a topic it finds.
    dead = w.create_topic(queues=1, name=f"%DLQ%{group}")
    topic = w.create_topic(queues=1)
    sent = w.send(topic, b"poison")
    record = w.receive(topic)[0]
    response = w.broker.request(
        RequestCode.CONSUMER_SEND_MSG_BACK,
        ext={
            "offset": record.physical_offset,
            "group": group,
            "delayLevel": -1,
            "originMsgId": sent.message_id,
            "originTopic": topic,
            "unitMode": False,
            "maxReconsumeTimes": 16,
        },
    )
    w.expect(response, code=ResponseCode.SUCCESS)
    copy = w.receive(dead)[0]
    expected = sent.message_id if w.switch.prints_origin_id else None
    w.equal(copy.properties.get("ORIGIN_MESSAGE_ID"), expected, "ORIGIN_MESSAGE_ID")


@case(
    "BROKER-SCHEDULE-1/offset-behind-the-end",
    rules=["BROKER-SCHEDULE-1"],
    needs=[Capability.STORE_DIRECTORY, Capability.RESTART],
    fresh=True,
)
def delay_offset_behind_the_end(w: Wire) -> None:
    """A delay level whose stored offset lies behind its queue still delivers."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"first", properties={"DELAY": "1"})
    w.receive(topic)
    store = w.stop_broker()
    path = store / "config" / "delayOffset.json"
    path.write_text('{"offsetTable":{1:1000}}', "utf-8")
    path.with_name("delayOffset.json.bak").unlink(missing_ok=True)
    w.start_broker()
    w.send(topic, b"second", properties={"DELAY": "1"})
    w.equal(w.receive(topic, 0, 1, within_ms=4000)[0].body, b"second", "body")


@case(
    "STORE-FILES-3/empty-last-file",
    rules=["STORE-FILES-3"],
    needs=[Capability.STORE_DIRECTORY, Capability.KILL, Capability.RESTART],
    fresh=True,
)
def empty_last_file(w: Wire) -> None:
    """An empty last file, as a crash leaves it, does not keep the broker from starting."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"kept")
    w.receive(topic)
    store = w.stop_broker(kill=True)
    log = store / "commitlog"
    last = max(int(path.name) for path in log.iterdir())
    (log / f"{last + _COMMIT_LOG_FILE_SIZE:020}").touch()
    w.start_broker()
    w.equal(w.receive(topic)[0].body, b"kept", "body")


@case(
    "BROKER-ADMIN-7/finished-transactions-stay-finished",
    rules=["BROKER-ADMIN-7"],
    fresh=True,
)
def finished_transactions_stay_finished(w: Wire) -> None:
    """Deleting a topic leaves the queue of finished transactions alone."""
    topic = w.create_topic(queues=1)
    other = w.create_topic(queues=1)
    _commit_one_transaction(w, topic)
    w.receive(topic)
    w.eventually(lambda: w.max_offset(_OP_TOPIC) > 0, what="the record of the end")
    deleted = w.broker.request(RequestCode.DELETE_TOPIC_IN_BROKER, ext={"topic": other})
    w.expect(deleted, code=ResponseCode.SUCCESS)
    w.check(w.max_offset(_OP_TOPIC) > 0, "the queue of finished transactions is empty again")


def _commit_one_transaction(w: Wire, topic: str) -> None:
    group = w.unique("PID")
    properties = {"TRAN_MSG": "true", "PGROUP": group, "UNIQ_KEY": w.unique("K")}
    half = w.send(topic, b"half", properties=properties, sysFlag=_PREPARED, producerGroup=group)
    physical = int(half.message_id[-16:], 16)
    w.await_max_offset(_HALF_TOPIC, 0, half.queue_offset + 1)
    end = w.broker.request(
        RequestCode.END_TRANSACTION,
        ext={
            "producerGroup": group,
            "tranStateTableOffset": half.queue_offset,
            "commitLogOffset": physical,
            "commitOrRollback": _COMMIT,
            "fromTransactionCheck": False,
            "msgId": properties["UNIQ_KEY"],
            "transactionId": properties["UNIQ_KEY"],
        },
    )
    w.expect(end, code=ResponseCode.SUCCESS)


@case(
    "NAMESRV-LIFECYCLE-8/one-topic-is-not-a-whole-table",
    rules=["NAMESRV-LIFECYCLE-8"],
    needs=[Capability.NAMESRV],
)
def one_topic_is_not_a_whole_table(w: Wire) -> None:
    """After an announcement of one topic the name server still asks for the whole table."""
    version: JsonValue = {"timestamp": w.now(), "counter": 7, "stateVersion": 0}
    topic = w.unique("T")
    where: dict[str, ExtValue] = {
        "brokerName": w.unique("B"),
        "brokerAddr": "127.0.0.1:9",
        "clusterName": w.unique("C"),
        "brokerId": 0,
    }
    config: JsonValue = {
        "topicName": topic,
        "readQueueNums": 1,
        "writeQueueNums": 1,
        "perm": 6,
        "topicFilterType": "SINGLE_TAG",
        "topicSysFlag": 0,
        "order": False,
    }
    body: JsonValue = {
        "filterServerList": [],
        "topicConfigSerializeWrapper": {
            "dataVersion": version,
            "topicConfigTable": {topic: config},
        },
    }
    w.namesrv.request(
        RequestCode.REGISTER_BROKER,
        ext={**where, "haServerAddr": "127.0.0.1:9", "compressed": False, "bodyCrc32": 0},
        body=json.dumps(body).encode(),
    )
    asked = w.namesrv.request(
        RequestCode.QUERY_DATA_VERSION, ext=where, body=json.dumps(version).encode()
    )
    w.expect(asked, code=ResponseCode.SUCCESS, ext={"changed": "true"})
    w.namesrv.request(RequestCode.UNREGISTER_BROKER, ext=where)


@case("BROKER-ORDER-8/lock-without-an-owner", rules=["BROKER-ORDER-8"])
def lock_without_an_owner(w: Wire) -> None:
    """A lock that nobody signs does not take the queue from all others."""
    topic = w.create_topic(queues=1)
    group = w.create_group()
    queue: JsonValue = {"topic": topic, "brokerName": "broker-a", "queueId": 0}
    unsigned: JsonValue = {"consumerGroup": group, "mqSet": [queue]}
    w.broker.request(RequestCode.LOCK_BATCH_MQ, body=json.dumps(unsigned).encode())
    signed: JsonValue = {"consumerGroup": group, "clientId": "c", "mqSet": [queue]}
    response = w.broker.request(RequestCode.LOCK_BATCH_MQ, body=json.dumps(signed).encode())
    w.expect(response, code=ResponseCode.SUCCESS)
    locked = dig(response.json(), "lockOKMQSet")
    w.check(isinstance(locked, list) and len(locked) == 1, f"locked queues {locked!r}")


@case("BROKER-OFFSET-16/asking-deletes-nothing", rules=["BROKER-OFFSET-16"])
def asking_deletes_nothing(w: Wire) -> None:
    """A query for the least offset leaves the offsets of the groups that it filters."""
    topic = w.create_topic(queues=1)
    for _ in range(3):
        w.send(topic)
    w.await_max_offset(topic, 0, 3)
    kept, other = w.create_group(), w.create_group()
    w.commit_offset(kept, topic, 0, 2)
    w.commit_offset(other, topic, 0, 1)
    asked = w.broker.request(
        RequestCode.QUERY_CORRECTION_OFFSET,
        ext={"filterGroups": kept, "topic": topic, "compareGroup": other},
    )
    w.expect(asked, code=ResponseCode.SUCCESS)
    w.equal(w.query_offset(kept, topic), 2, "offset of the filtered group")


@case("BROKER-OFFSET-16/group-without-a-name", rules=["BROKER-OFFSET-16"], fresh=True)
def group_without_a_name(w: Wire) -> None:
    """One commit of a group without a name does not end every query for the least offset."""
    topic = w.create_topic(queues=1)
    group = w.create_group()
    w.commit_offset(group, topic, 0, 0)
    fields: dict[str, ExtValue] = {"topic": topic, "queueId": 0, "commitOffset": 1}
    w.broker.request(RequestCode.UPDATE_CONSUMER_OFFSET, ext={**fields, "consumerGroup": ""})
    asked = w.broker.request(
        RequestCode.QUERY_CORRECTION_OFFSET,
        ext={"filterGroups": w.group(), "topic": topic, "compareGroup": group},
    )
    w.expect(asked, code=ResponseCode.SUCCESS)
