"""The name server: what brokers register and clients ask."""

from conformance.case import case
from conformance.matching import dig
from conformance.target import BROKER_NAME, CLUSTER, Capability
from conformance.wire import Wire
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode


@case("NAMESRV-ROUTE-1/created-topic", rules=["NAMESRV-ROUTE-1"], needs=[Capability.NAMESRV])
def created_topic(w: Wire) -> None:
    """A topic that was created on the broker is soon known with its queues and addresses."""
    topic = w.create_topic(queues=3, read_queues=2)
    route = w.eventually(lambda: w.route(topic), what=f"route of {topic}")
    queues = dig(route, "queueDatas", 0)
    counts = (dig(queues, "readQueueNums"), dig(queues, "writeQueueNums"), dig(queues, "perm"))
    w.equal(counts, (2, 3, 6), "queues and permission")
    w.equal(dig(route, "brokerDatas", 0, "brokerName"), BROKER_NAME, "broker")
    w.equal(dig(route, "brokerDatas", 0, "cluster"), CLUSTER, "cluster")


@case("NAMESRV-KV-1/put-get-delete", rules=["NAMESRV-KV-1"], needs=[Capability.NAMESRV])
def put_get_delete(w: Wire) -> None:
    """A value is found until it is deleted."""
    where = {"namespace": w.unique("NS"), "key": "key"}
    put = w.namesrv.request(RequestCode.PUT_KV_CONFIG, ext={**where, "value": "a value"})
    w.expect(put, code=ResponseCode.SUCCESS)
    got = w.namesrv.request(RequestCode.GET_KV_CONFIG, ext=where)
    w.expect(got, code=ResponseCode.SUCCESS, ext={"value": "a value"})
    w.expect(w.namesrv.request(RequestCode.DELETE_KV_CONFIG, ext=where), code=ResponseCode.SUCCESS)
    gone = w.namesrv.request(RequestCode.GET_KV_CONFIG, ext=where)
    w.expect(gone, code=ResponseCode.QUERY_NOT_FOUND)
