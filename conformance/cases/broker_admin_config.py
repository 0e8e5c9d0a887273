"""Configuration and runtime information of a broker."""

import re

from conformance.case import case
from conformance.matching import dig
from conformance.settings import broker_settings, read_broker_settings, runtime_table
from conformance.target import STANDARD_OPTIONS, Capability
from conformance.wire import PERM_READ, Wire
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_POOLS = {"4.6": ("send", "pull", "query"), "4.9": ("send", "pull", "query")}
_POOLS_5_5 = ("send", "pull", "litePull", "query", "ack")


@case("BROKER-ADMIN-16/whole", rules=["BROKER-ADMIN-16", "BROKER-CONFIG-1"])
def printed_whole(w: Wire) -> None:
    """Every setting is told, defaults and given ones, with a version in the header."""
    answer = w.broker.request(RequestCode.GET_BROKER_CONFIG)
    w.expect(answer, code=ResponseCode.SUCCESS, ext={"version": re.compile(r'"counter":\d+')})
    settings = read_broker_settings(w)
    wanted = {
        "brokerName": "broker-a",
        "brokerClusterName": "DefaultCluster",
        "brokerId": "0",
        "brokerPermission": "6",
        "defaultTopicQueueNums": "8",
        "autoCreateSubscriptionGroup": "true",
        "maxMessageSize": STANDARD_OPTIONS["maxMessageSize"],
        "enablePropertyFilter": "true",
        "brokerRole": "ASYNC_MASTER",
        "flushDiskType": "ASYNC_FLUSH",
        "clientChannelMaxIdleTimeSeconds": "120",
    }
    w.equal({name: settings.get(name) for name in wanted}, wanted, "settings")


@case("BROKER-ADMIN-13/obeyed", rules=["BROKER-ADMIN-13", "BROKER-ADMIN-16"])
def obeyed(w: Wire) -> None:
    """A changed setting is shown and obeyed at once, and the version counts up."""
    before = _version(w)
    with broker_settings(w, autoCreateTopicEnable="false", regionId="Moon"):
        w.check(_version(w) > before, "the version has not counted up")
        settings = read_broker_settings(w)
        shown = (settings["autoCreateTopicEnable"], settings["regionId"])
        w.equal(shown, ("false", "Moon"), "settings")
        answer = w.broker.request(
            RequestCode.QUERY_MESSAGE,
            ext={
                "topic": w.unique("T"),
                "key": "k",
                "maxNum": 1,
                "beginTimestamp": 0,
                "endTimestamp": w.now(),
            },
        )
        w.expect(answer, code=ResponseCode.QUERY_NOT_FOUND)
        sent = w.send(w.create_topic())
        w.equal(sent.response.ext.get("MSG_REGION"), "Moon", "region of an answer")


def _version(w: Wire) -> int:
    answer = w.broker.request(RequestCode.GET_BROKER_CONFIG)
    match = re.search(r'"counter":(\d+)', answer.text("version"))
    assert match is not None
    return int(match[1])


@case("BROKER-ADMIN-14/the-others-apply", rules=["BROKER-ADMIN-14", "BROKER-CONFIG-2"])
def the_others_apply(w: Wire) -> None:
    """Of one text, unknown names and unreadable values are left out, and the rest is applied."""
    before = read_broker_settings(w)
    text = "noSuchSetting=1\ndefaultTopicQueueNums=eight\nregionId=Mars\nbrokerPermission=1.5\n"
    try:
        answer = w.broker.request(RequestCode.UPDATE_BROKER_CONFIG, body=text.encode())
        w.expect(answer, code=ResponseCode.SUCCESS)
        after = read_broker_settings(w)
        changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        w.equal(changed, {"regionId"}, "changed settings")
    finally:
        back = f"regionId={before['regionId']}".encode()
        w.broker.request(RequestCode.UPDATE_BROKER_CONFIG, body=back)


@case(
    "BROKER-CONFIG-2/how-values-are-read",
    rules=["BROKER-CONFIG-2", "BROKER-CONFIG-8"],
    matrix={
        "number": {"text": "osPageCacheBusyTimeOutMills=1234", "shown": "1234"},
        "plus": {"text": "osPageCacheBusyTimeOutMills=+1235", "shown": "1235"},
        "negative": {"text": "osPageCacheBusyTimeOutMills=-5", "shown": "-5"},
        "blank": {"text": "osPageCacheBusyTimeOutMills=12 ", "shown": ""},
        "overflow": {"text": "osPageCacheBusyTimeOutMills=9223372036854775808", "shown": ""},
        "colon": {"text": "osPageCacheBusyTimeOutMills : 77", "shown": "77"},
        "last-wins": {
            "text": "osPageCacheBusyTimeOutMills=1\nosPageCacheBusyTimeOutMills=2",
            "shown": "2",
        },
        "continued": {"text": "osPageCacheBusyTimeOutMills=4\\\n  5", "shown": "45"},
        "escaped": {"text": "osPageCacheBusyTimeOutMills=\\u0039", "shown": "9"},
    },
)
def how_values_are_read(w: Wire, text: str, shown: str) -> None:
    """Values are read as java.util.Properties and the number parsers read them."""
    name = "osPageCacheBusyTimeOutMills"
    with broker_settings(w, **{name: "1000"}):
        answer = w.broker.request(RequestCode.UPDATE_BROKER_CONFIG, body=text.encode())
        w.expect(answer, code=ResponseCode.SUCCESS)
        w.equal(read_broker_settings(w)[name], shown or "1000", name)


@case(
    "BROKER-CONFIG-2/booleans",
    rules=["BROKER-CONFIG-2"],
    matrix={
        "upper": {"value": "TRUE", "shown": "true"},
        "one": {"value": "1", "shown": "false"},
        "yes": {"value": "yes", "shown": "false"},
        "empty": {"value": "", "shown": "false"},
    },
)
def booleans(w: Wire, value: str, shown: str) -> None:
    """A boolean is true for `true` in any case of letters."""
    with broker_settings(w, traceTopicEnable="false"):
        body = f"traceTopicEnable={value}".encode()
        answer = w.broker.request(RequestCode.UPDATE_BROKER_CONFIG, body=body)
        w.expect(answer, code=ResponseCode.SUCCESS)
        w.equal(read_broker_settings(w)["traceTopicEnable"], shown, "traceTopicEnable")


@case(
    "BROKER-ADMIN-19/permission-is-registered",
    rules=["BROKER-ADMIN-19", "BROKER-LIFECYCLE-9"],
    needs=[Capability.NAMESRV],
)
def permission_is_registered(w: Wire) -> None:
    """A changed permission of the broker is in the routes without waiting for a round."""
    topic = w.create_topic(queues=1)
    w.eventually(lambda: w.route(topic), what="the route")
    with broker_settings(w, brokerPermission=str(PERM_READ)):
        w.eventually(
            lambda: dig(w.route(topic), "queueDatas", 0, "perm") == PERM_READ,
            what="the permission of the broker in the route",
            within_ms=2000,
        )
        w.send(topic)  # only topics with the order flag are refused
    w.eventually(
        lambda: dig(w.route(topic), "queueDatas", 0, "perm") == PERM_READ | 2,
        what="the permission of the topic in the route",
        within_ms=2000,
    )
    w.send(topic)


@case("BROKER-ADMIN-17/a-table-of-strings", rules=["BROKER-ADMIN-17"])
def runtime_information(w: Wire) -> None:
    """Runtime information has the names that consoles read, and all values are strings."""
    w.send(w.create_topic())
    table = runtime_table(w)
    w.equal([k for k, v in table.items() if not isinstance(v, str)], [], "values that are no text")
    wanted = {
        *("brokerVersionDesc", "bootTimestamp", "msgPutTotalTodayNow", "msgGetTotalTodayNow"),
        *("msgPutTotalYesterdayMorning", "msgPutTotalTodayMorning"),
        *("msgGetTotalYesterdayMorning", "msgGetTotalTodayMorning"),
        *("commitLogMaxOffset", "commitLogMinOffset", "startAcceptSendRequestTimeStamp"),
        *("commitLogDiskRatio", "consumeQueueDiskRatio", "dispatchMaxBuffer"),
        *("dispatchBehindBytes", "pageCacheLockTimeMills", "earliestMessageTimeStamp"),
        *("runtime", "putTps", "getFoundTps", "getMissTps", "getTotalTps"),
        *("putMessageTimesTotal", "putMessageSizeTotal", "putMessageAverageSize"),
        *("putMessageDistributeTime", "putMessageEntireTimeMax", "getMessageEntireTimeMax"),
        *("remainTransientStoreBufferNumbs", "remainHowManyDataToFlush"),
        *("EndTransactionQueueSize", "EndTransactionThreadPoolQueueCapacity"),
        w.switch.transferred_tps_name,
    }
    w.equal(wanted - set(table), set(), "missing names")
    version = w.by_release({"4.6": "V4_6_1", "4.9": "V4_9_7", "5.5": "V5_5_0"})
    w.equal(table["brokerVersionDesc"], version, "brokerVersionDesc")
    w.check(int(str(table["commitLogMaxOffset"])) > 0, "commitLogMaxOffset")
    w.check(int(str(table["msgPutTotalTodayNow"])) > 0, "msgPutTotalTodayNow")
    w.equal("brokerVersion" in table, w.release != "5.5", "brokerVersion")


@case("BROKER-ADMIN-17/commit-log-end", rules=["BROKER-ADMIN-17"])
def commit_log_end(w: Wire) -> None:
    """The end of the log in the runtime information moves with every message."""
    topic = w.create_topic(queues=1)
    w.send(topic)
    first = w.receive(topic)[0]
    table = runtime_table(w)
    end = int(str(dig(table, "commitLogMaxOffset")))
    w.equal(end, first.physical_offset + first.store_size, "commitLogMaxOffset")


@case("BROKER-ADMIN-18/idle-pools", rules=["BROKER-ADMIN-18"])
def idle_pools(w: Wire) -> None:
    """An idle broker's pools have nothing in their queues, and their capacities as configured."""
    settings = read_broker_settings(w)
    table = runtime_table(w)
    for pool in _POOLS.get(w.release, _POOLS_5_5):
        size = dig(table, f"{pool}ThreadPoolQueueSize")
        wait = dig(table, f"{pool}ThreadPoolQueueHeadWaitTimeMills")
        w.equal((size, wait), ("0", "0"), f"size and wait of {pool}")
        capacity = dig(table, f"{pool}ThreadPoolQueueCapacity")
        w.equal(capacity, settings[f"{pool}ThreadPoolQueueCapacity"], f"capacity of {pool}")


@case("BROKER-ADMIN-46/as-persisted", rules=["BROKER-ADMIN-46"])
def all_offsets(w: Wire) -> None:
    """All offsets are told by topic and group, in the form of the file."""
    topic, group = w.create_topic(queues=2), w.create_group()
    w.send(topic, queue_id=1)
    w.await_max_offset(topic, 1, 1)
    w.commit_offset(group, topic, 1, 1)
    answer = w.broker.request(RequestCode.GET_ALL_CONSUMER_OFFSET)
    w.expect(answer, code=ResponseCode.SUCCESS)
    w.equal(dig(answer.json(), "offsetTable", f"{topic}@{group}"), {"1": 1}, "offsets")
    w.check(b'":{1:1}' in answer.body, f"a quoted queue id in {answer.body[:200]!r}")


@case("BROKER-ADMIN-47/as-persisted", rules=["BROKER-ADMIN-47"])
def all_delay_offsets(w: Wire) -> None:
    """The delivery of a delay level shows in the table of delay offsets."""
    topic = w.create_topic(queues=1)
    before = _delay_offset(w)
    w.send(topic, properties={"DELAY": "1"})
    w.eventually(lambda: _delay_offset(w) > before, what="the progress of level 1")
    w.equal(len(w.receive(topic)), 1, "messages")


def _delay_offset(w: Wire) -> int:
    answer = w.broker.request(RequestCode.GET_ALL_DELAY_OFFSET)
    table = dig(w.expect(answer, code=ResponseCode.SUCCESS).json(), "offsetTable")
    offset = table.get("1", 0) if isinstance(table, dict) else 0
    assert isinstance(offset, int)
    return offset
