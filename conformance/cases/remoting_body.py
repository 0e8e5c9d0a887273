"""JSON bodies: what is read leniently, and how it is printed byte by byte."""

import re

from conformance.case import case
from conformance.matching import dig
from conformance.session import compact_json
from conformance.target import Capability
from conformance.wire import Wire
from refimpl.model.ids import JsonValue
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode


def _members(w: Wire, group: str) -> list[JsonValue]:
    """The client ids that the broker lists for `group`."""
    response = w.broker.request(
        RequestCode.GET_CONSUMER_LIST_BY_GROUP, ext={"consumerGroup": group}
    )
    w.expect(response, code=ResponseCode.SUCCESS)
    found = dig(response.json(), "consumerIdList")
    assert isinstance(found, list)
    return found


def _beat(w: Wire, group: str, text: str) -> None:
    body = text.replace("GROUP", group).replace("TOPIC", w.create_topic(queues=1)).encode()
    response = w.broker.request(RequestCode.HEART_BEAT, body=body)
    w.expect(response, code=ResponseCode.SUCCESS)


_HEARTBEAT = (
    '{"clientID":"c1","consumerDataSet":[{"groupName":"GROUP","consumeType":"CONSUME_PASSIVELY",'
    '"messageModel":"CLUSTERING","consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","unitMode":false,'
    '"subscriptionDataSet":[{"topic":"TOPIC","subString":"*","subVersion":1}]}]}'
)


@case(
    "REMOTING-HEADER-16/heartbeats-of-other-languages",
    rules=["REMOTING-HEADER-16"],
    matrix={
        "no-producers": {"old": "", "new": ""},
        "ordinals": {"old": '"CONSUME_PASSIVELY"', "new": "1"},
        "model-as-ordinal": {"old": '"CLUSTERING"', "new": "1"},
        "unknown-enum-name": {"old": '"CONSUME_FROM_LAST_OFFSET"', "new": '"FROM_SOMEWHERE"'},
        "version-as-text": {"old": '"subVersion":1', "new": '"subVersion":"1"'},
        "no-version": {"old": ',"subVersion":1', "new": ""},
        "newlines": {"old": ",", "new": ",\n"},
        "newline-behind": {"old": "}]}]}", "new": "}]}]}\n"},
        "unknown-member": {"old": '{"clientID"', "new": '{"colour":{"a":[1]},"clientID"'},
        "boolean-as-text": {"old": '"unitMode":false', "new": '"unitMode":"false"'},
        "boolean-as-number": {"old": '"unitMode":false', "new": '"unitMode":0'},
    },
)
def heartbeats_of_other_languages(w: Wire, old: str, new: str) -> None:
    """A heartbeat in the manner of C++ and JavaScript clients registers its consumer."""
    group = w.create_group()
    w.check(old in _HEARTBEAT, "the case changes nothing")
    _beat(w, group, _HEARTBEAT.replace(old, new) if old else _HEARTBEAT)
    w.equal(_members(w, group), ["c1"], "members")


@case("REMOTING-HEADER-16/null-is-not-absent", rules=["REMOTING-HEADER-16", "REMOTING-HEADER-21"])
def null_is_not_absent(w: Wire) -> None:
    """A heartbeat whose producers are null, and not absent, is refused."""
    body = b'{"clientID":"c1","producerDataSet":null}'
    response = w.broker.request(RequestCode.HEART_BEAT, body=body)
    w.expect(response, code=ResponseCode.SYSTEM_ERROR, remark=re.compile("NullPointerException"))
    w.broker.expect_open()


@case(
    "REMOTING-HEADER-16/null-in-other-clothes",
    rules=["REMOTING-HEADER-16"],
    matrix={
        "text": {"written": '""', "new": "", "old": ""},
        "array": {"written": "[]", "new": "fastjson2.JSONException", "old": ""},
        "null": {"written": '"null"', "new": "", "old": "fastjson.JSONException"},
    },
)
def null_in_other_clothes(w: Wire, written: str, new: str, old: str) -> None:
    """What is taken for null where a subscription is wanted; without one all is well."""
    body = b'{"clientId":"c1","subscriptionData":%b}' % written.encode()
    response = w.broker.request(RequestCode.CHECK_CLIENT_CONFIG, body=body)
    refusal = w.by_release({"4.6": old, "4.9": old, "5.5": new})
    if refusal:
        w.expect(response, code=ResponseCode.SYSTEM_ERROR, remark=re.compile(refusal))
    else:
        w.expect(response, code=ResponseCode.SUCCESS)


@case("REMOTING-HEADER-17/cluster-info", rules=["REMOTING-HEADER-17"], needs=[Capability.NAMESRV])
def cluster_info(w: Wire) -> None:
    """The broker ids of a cluster are bare numbers, in every release and for every client."""
    for version in (0, 32767):
        response = w.namesrv.request(RequestCode.GET_BROKER_CLUSTER_INFO, version=version)
        w.expect(response, code=ResponseCode.SUCCESS)
        body = response.body
        w.check(re.search(rb'"brokerAddrs":\{0:"127\.0\.0\.1:\d+"\}', body), f"body {body!r}")


@case(
    "REMOTING-HEADER-17/route-for-old-and-new-clients",
    rules=["REMOTING-HEADER-17", "REMOTING-HEADER-18"],
    needs=[Capability.NAMESRV],
    matrix={
        "old-client": {"version": 335, "standard": "", "quoted": ""},
        "asks-for-it": {"version": 335, "standard": "true", "quoted": "4.9 5.5"},
        "new-client": {"version": 403, "standard": "", "quoted": "4.9 5.5"},
    },
)
def route_for_old_and_new_clients(w: Wire, version: int, standard: str, quoted: str) -> None:
    """Broker ids of a route are bare, or quoted for those who ask for it or are new enough."""
    topic = w.create_topic(queues=1)
    w.eventually(lambda: w.route(topic), what=f"route of {topic}")
    response = w.namesrv.request(
        RequestCode.GET_ROUTEINFO_BY_TOPIC,
        ext={"topic": topic, "acceptStandardJsonOnly": standard or None},
        version=version,
    )
    w.expect(response, code=ResponseCode.SUCCESS)
    key = b'"0"' if w.release in quoted.split() else b"0"
    w.check(b'"brokerAddrs":{' + key + b":" in response.body, f"body {response.body!r}")


@case("REMOTING-HEADER-17/objects-as-keys", rules=["REMOTING-HEADER-17"])
def objects_as_keys(w: Wire) -> None:
    """The table of a topic's queues has objects as keys."""
    topic = w.create_topic(queues=1)
    w.send(topic)
    w.await_max_offset(topic, 0, 1)
    response = w.broker.request(RequestCode.GET_TOPIC_STATS_INFO, ext={"topic": topic})
    w.expect(response, code=ResponseCode.SUCCESS)
    queue = rb'\{"brokerName":"broker-a","queueId":0,"topic":"' + topic.encode() + rb'"\}:\{'
    w.check(re.search(rb"\{" + queue, response.body), f"body {response.body!r}")


@case("REMOTING-HEADER-15/members-in-order", rules=["REMOTING-HEADER-15"])
def members_in_order(w: Wire) -> None:
    """A printed bean has its members in alphabetical order, without blanks and null ones."""
    topic = w.create_topic(queues=3, read_queues=2)
    body = w.broker.request(RequestCode.GET_ALL_TOPIC_CONFIG).body.decode()
    start = {"4.6": "", "4.9": "", "5.5": '"attributes":{},'}[w.release]
    wanted = (
        f'"{topic}":{{{start}"order":false,"perm":6,"readQueueNums":2,'
        f'"topicFilterType":"SINGLE_TAG","topicName":"{topic}","topicSysFlag":0,'
        '"writeQueueNums":3}'
    )
    w.check(wanted in body, f"no {wanted} in the table")
    w.check(body.startswith('{"dataVersion":{"counter":'), f"it begins with {body[:60]}")


@case("REMOTING-HEADER-16/absent-members-of-a-group", rules=["REMOTING-HEADER-16"])
def absent_members_of_a_group(w: Wire) -> None:
    """Members that are absent have the value with which Java starts; unknown ones are ignored."""
    group = w.group()
    body = compact_json({"groupName": group, "retryQueueNums": "3", "colour": "red"})
    response = w.broker.request(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=body)
    w.expect(response, code=ResponseCode.SUCCESS)
    table = w.broker.request(RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG).json()
    found = dig(table, "subscriptionGroupTable", group)
    for name, value in {
        "retryQueueNums": 3,
        "retryMaxTimes": 16,
        "consumeEnable": True,
        "consumeFromMinEnable": True,
        "brokerId": 0,
        "whichBrokerWhenConsumeSlowly": 1,
    }.items():
        w.equal(dig(found, name), value, name)
