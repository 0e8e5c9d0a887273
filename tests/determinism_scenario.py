"""One busy life of a cluster, printed as a digest: run by `test_determinism.py` in a process of its
own, with the seed of the dice as argument and the seed of Python's hashes in the environment."""

import hashlib
import sys
from collections import Counter

from refimpl.model.ids import Opaque
from refimpl.model.prng import Prng
from refimpl.model.release import RELEASES
from refimpl.remoting import frame
from refimpl.remoting.command import RemotingCommand, SerializeType
from refimpl.sim.cluster import Cluster
from refimpl.sim.world import Pipe

OPTIONS = {
    "mappedFileSizeCommitLog": "16384",
    "mappedFileSizeConsumeQueue": "400",
    "maxHashSlotNum": "50",
    "maxIndexNum": "200",
    "maxMessageSize": "4096",
    "transactionTimeOut": "1000",
    "transactionCheckInterval": "1500",
    "enablePropertyFilter": "true",
}
TOPICS = ("Order", "Payment", "%RETRY%CG")


def send_fields(dice: Prng, topic: str) -> dict[str, str]:
    properties = {
        "TAGS": f"t{dice.below(3)}",
        "KEYS": f"k{dice.below(9)}",
        "UNIQ_KEY": f"U{dice.bits(40):X}",
    }
    if dice.below(5) == 0:
        properties["DELAY"] = str(dice.below(3))
    if dice.below(6) == 0:
        properties |= {"TRAN_MSG": "true", "PGROUP": "PG"}
    text = "\x02".join(f"{name}\x01{value}" for name, value in properties.items())
    return {
        "a": "PG",
        "b": topic,
        "c": "TBW102",
        "d": "4",
        "e": str(dice.below(5) - 1),
        "f": "4" if "TRAN_MSG" in properties else "0",
        "g": "1700000000000",
        "h": "7",
        "i": text,
        "j": "0",
        "k": "false",
        "l": "16",
        "m": "false",
    }


def pull_fields(dice: Prng, topic: str) -> dict[str, str]:
    return {
        "consumerGroup": "CG",
        "topic": topic,
        "queueId": str(dice.below(4)),
        "queueOffset": str(dice.below(6)),
        "maxMsgNums": "8",
        "sysFlag": str(4 | dice.below(2) * 2),
        "commitOffset": "0",
        "suspendTimeoutMillis": "300",
        "subscription": "t0 || t1",
        "subVersion": "0",
        "expressionType": "TAG",
    }


def life(release: str, flush: str, seed: int) -> str:
    """Send, pull, query, let time pass, kill, restart, shut down; digest of all that was seen."""
    digest = hashlib.sha256()
    dice = Prng(seed).fork("scenario")
    cluster = Cluster(RELEASES[release], {**OPTIONS, "flushDiskType": flush}, seed=seed)
    cluster.start()
    pipes: list[Pipe] = []
    codes: Counter[int] = Counter()

    def connect() -> None:
        pipes[:] = [p for _ in range(3) if (p := cluster.world.connect(cluster.broker_address))]
        assert len(pipes) == 3

    connect()
    for step in range(220):
        topic = TOPICS[dice.below(len(TOPICS))]
        kind = dice.below(10)
        if kind < 5:
            code, fields = 310, send_fields(dice, topic)
        elif kind < 8:
            code, fields = 11, pull_fields(dice, topic)
        else:
            code, fields = 30, {"topic": topic, "queueId": str(dice.below(4))}
        command = RemotingCommand(
            code=code,
            opaque=Opaque(step),
            ext_fields=fields,
            body=b"x" * dice.below(900) if code == 310 else b"",
            serialize_type=SerializeType(dice.below(2)),
        )
        pipe = pipes[dice.below(len(pipes))]
        pipe.send(frame.encode(command, RELEASES[release]))
        answer = pipe.receive(50)
        digest.update(answer or b"silence")
        if answer is not None:
            codes[frame.decode(answer[4:], RELEASES[release]).code] += 1
        if dice.below(8) == 0:
            cluster.world.advance(dice.below(2500))
        if step == 120:
            cluster.kill_broker()
            cluster.start_broker()
            connect()
    cluster.shutdown()
    digest.update(str(cluster.world.now).encode())
    for path, data in cluster.broker_disk.files().items():
        digest.update(path.encode() + data)
    for path, data in cluster.namesrv_disk.files().items():
        digest.update(path.encode() + data)
    assert codes[0] > 80, codes  # most of it must be life, not refusals
    return f"{digest.hexdigest()} next={dice.bits(32)} codes={sorted(codes.items())}"


if __name__ == "__main__":
    for wanted in RELEASES:
        for kind in ("ASYNC_FLUSH", "SYNC_FLUSH"):
            sys.stdout.write(f"{wanted} {kind} {life(wanted, kind, int(sys.argv[1]))}\n")
