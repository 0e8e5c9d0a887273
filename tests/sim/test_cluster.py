"""A whole broker that loses its power: what was acknowledged under SYNC_FLUSH is there again."""

from collections.abc import Callable

import pytest

from refimpl.model.ids import Opaque
from refimpl.model.release import RELEASE_4_9
from refimpl.remoting import frame
from refimpl.remoting.command import RemotingCommand
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode
from refimpl.sim.cluster import Cluster
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import Crash, CrashImage, DiskContract, Extreme, Names
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint

SYNC = {
    "flushDiskType": "SYNC_FLUSH",
    "syncFlushTimeout": "2000",
    "mappedFileSizeCommitLog": "16384",
    "mappedFileSizeConsumeQueue": "400",
    "maxHashSlotNum": "50",
    "maxIndexNum": "200",
}
PATIENCE = 10_000


def ask(cluster: Cluster, code: RequestCode, fields: dict[str, str], body: bytes = b"") -> bytes:
    """The answer's bytes, or none: nobody hears of what hangs."""
    pipe = cluster.world.connect(cluster.broker_address)
    assert pipe is not None
    request = RemotingCommand(code=code, opaque=Opaque(1), ext_fields=fields, body=body)
    pipe.send(frame.encode(request, RELEASE_4_9))
    return pipe.receive(PATIENCE) or b""


def send(cluster: Cluster, body: bytes, sent: str = "") -> int:
    fields = {
        "a": "PG", "b": "TopicTest", "c": "TBW102", "d": "4", "e": "0",
        "f": "4" if "TRAN_MSG" in sent else "0",
        "g": "1700000000000", "h": "0", "i": sent, "j": "0", "k": "false", "l": "16", "m": "false",
    }  # fmt: skip
    answer = ask(cluster, RequestCode.SEND_MESSAGE_V2, fields, body)
    return frame.decode(answer[4:], RELEASE_4_9).code


def stored(cluster: Cluster) -> int:
    """Messages that consumers of the queue can reach."""
    cluster.world.advance(100)
    answer = ask(cluster, RequestCode.GET_MAX_OFFSET, {"topic": "TopicTest", "queueId": "0"})
    fields = frame.decode(answer[4:], RELEASE_4_9).ext_fields
    assert fields is not None
    return int(fields["offset"])


def extreme(which: Extreme) -> Callable[[Crash], CrashImage]:
    return lambda crash: crash.extreme(which)


@pytest.mark.parametrize("which", Extreme)
@pytest.mark.parametrize("names", Names)
def test_acknowledged_messages_survive_a_power_failure(which: Extreme, names: Names) -> None:
    disk = CrashDisk(DiskContract(names=names))
    cluster = Cluster(RELEASE_4_9, SYNC, broker_disk=disk)
    cluster.start()
    for number in range(3):
        assert send(cluster, b"body %d" % number) == ResponseCode.SUCCESS
    cluster.fail_power(extreme(which))
    cluster.start_broker()
    assert stored(cluster) == 3
    assert send(cluster, b"one more") == ResponseCode.SUCCESS
    assert stored(cluster) == 4


def test_what_a_lying_force_acknowledged_is_lost() -> None:
    """The check above can fail: here the disk breaks its word."""
    faults = DiskFaults([DiskFault(FaultPoint.FORCE_LIES, "commitlog/*", times=99)])
    cluster = Cluster(RELEASE_4_9, SYNC, broker_disk=CrashDisk(faults=faults))
    cluster.start()
    assert send(cluster, b"body") == ResponseCode.SUCCESS
    cluster.fail_power(extreme(Extreme.NOTHING))
    cluster.start_broker()
    assert stored(cluster) == 0
    assert faults.fired[FaultPoint.FORCE_LIES] > 0


def test_of_a_force_that_never_ends_the_producer_hears_in_time() -> None:
    faults = DiskFaults([DiskFault(FaultPoint.FORCE_NEVER_ENDS, "commitlog/*")])
    cluster = Cluster(RELEASE_4_9, SYNC, broker_disk=CrashDisk(faults=faults))
    cluster.start()
    before = cluster.world.now
    assert send(cluster, b"body") == ResponseCode.FLUSH_DISK_TIMEOUT
    assert cluster.world.now - before == 2000
    assert faults.fired == {FaultPoint.FORCE_NEVER_ENDS: 1}


def test_a_force_that_fails_once_is_repeated() -> None:
    faults = DiskFaults([DiskFault(FaultPoint.FORCE_FAILS, "commitlog/*")])
    cluster = Cluster(RELEASE_4_9, SYNC, broker_disk=CrashDisk(faults=faults))
    cluster.start()
    assert send(cluster, b"body") == ResponseCode.SUCCESS
    assert faults.never_fired() == ()
    cluster.fail_power(extreme(Extreme.NOTHING))
    cluster.start_broker()
    assert stored(cluster) == 1


def test_a_disk_that_cannot_be_read_is_an_answer_not_an_end() -> None:
    """BROKER-LIFECYCLE-2: what the processor throws reaches the client; the next try succeeds."""
    faults = DiskFaults()
    cluster = Cluster(RELEASE_4_9, SYNC, broker_disk=CrashDisk(faults=faults))
    cluster.start()
    assert send(cluster, b"body") == ResponseCode.SUCCESS
    assert stored(cluster) == 1
    faults.add(DiskFault(FaultPoint.READ_ERROR, "commitlog/*"))
    codes = []
    for _ in range(2):
        fields = {
            "consumerGroup": "CG", "topic": "TopicTest", "queueId": "0", "queueOffset": "0",
            "maxMsgNums": "8", "sysFlag": "4", "commitOffset": "0", "suspendTimeoutMillis": "0",
            "subscription": "*", "subVersion": "0", "expressionType": "TAG",
        }  # fmt: skip
        answer = ask(cluster, RequestCode.PULL_MESSAGE, fields)
        codes.append(frame.decode(answer[4:], RELEASE_4_9).code)
    assert codes == [ResponseCode.SYSTEM_ERROR, ResponseCode.SUCCESS]


def properties(**given: str) -> str:
    return "\x02".join(f"{name}\x01{value}" for name, value in given.items())


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("consumequeue/SCHEDULE_TOPIC_XXXX/*", properties(DELAY="1", UNIQ_KEY="U1")),
        ("consumequeue/RMQ_SYS_TRANS_HALF_TOPIC/*", properties(TRAN_MSG="true", PGROUP="PG")),
    ],
)
def test_a_service_outlives_a_disk_error(path: str, sent: str) -> None:
    """BROKER-LIFECYCLE-17: delayed messages still come, transactions are still checked."""
    faults = DiskFaults()
    check = {"transactionTimeOut": "1000", "transactionCheckInterval": "1500"}
    cluster = Cluster(RELEASE_4_9, {**SYNC, **check}, broker_disk=CrashDisk(faults=faults))
    cluster.start()
    assert send(cluster, b"body", sent) == ResponseCode.SUCCESS
    faults.add(DiskFault(FaultPoint.READ_ERROR, path, times=2))
    cluster.world.advance(30_000)
    assert faults.fired[FaultPoint.READ_ERROR] == 2
    assert send(cluster, b"after") == ResponseCode.SUCCESS
    delayed = "SCHEDULE" in path
    assert stored(cluster) == 1 + delayed


def test_a_held_pull_that_cannot_be_read_is_not_answered() -> None:
    """BROKER-LIFECYCLE-17: the one pull is silent, the broker goes on."""
    faults = DiskFaults()
    cluster = Cluster(RELEASE_4_9, SYNC, broker_disk=CrashDisk(faults=faults))
    cluster.start()
    assert send(cluster, b"body") == ResponseCode.SUCCESS
    assert stored(cluster) == 1
    held = cluster.world.connect(cluster.broker_address)
    assert held is not None
    fields = {
        "consumerGroup": "CG", "topic": "TopicTest", "queueId": "0", "queueOffset": "1",
        "maxMsgNums": "8", "sysFlag": "6", "commitOffset": "0", "suspendTimeoutMillis": "9000",
        "subscription": "*", "subVersion": "0", "expressionType": "TAG",
    }  # fmt: skip
    pull = RemotingCommand(code=RequestCode.PULL_MESSAGE, opaque=Opaque(2), ext_fields=fields)
    held.send(frame.encode(pull, RELEASE_4_9))
    cluster.world.advance(10)
    faults.add(DiskFault(FaultPoint.READ_ERROR, "consumequeue/TopicTest/*"))
    assert send(cluster, b"wakes it") == ResponseCode.SUCCESS
    cluster.world.advance(1000)
    assert faults.fired == {FaultPoint.READ_ERROR: 1}
    assert not held.inbox
    assert stored(cluster) == 2


def test_a_slow_disk_makes_a_broker_say_that_it_is_busy() -> None:
    """STORE-LOG-2, BROKER-LIFECYCLE-3: from one second on, and until the write is over."""
    slow = DiskFault(FaultPoint.SLOW, "commitlog/*", nth=2, millis=2000)
    cluster = Cluster(RELEASE_4_9, broker_disk=CrashDisk(faults=DiskFaults([slow])))
    cluster.start()
    answers = []
    for number in range(5):
        answers.append(send(cluster, b"body %d" % number))
        cluster.world.advance(700)
    busy = ResponseCode.SYSTEM_BUSY
    ok = ResponseCode.SUCCESS
    assert answers == [ok, ok, ok, busy, ok]
    assert stored(cluster) == 4
