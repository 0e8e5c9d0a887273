"""What the broker's services find when the power came back: BrokerLab on a disk that crashes."""

import pytest

from fuzz.dialogue import Client
from refimpl.broker.broker import PERSIST_CONSUMER_OFFSET
from refimpl.broker.invariants import violations
from refimpl.broker.schedule_message import PERSIST, deliver_actor
from refimpl.broker.transaction_check import CHECK
from refimpl.model.ids import Actor
from refimpl.model.release import RELEASES, Release
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import Extreme
from refimpl.sim.node_lab import BrokerLab

ALL = pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
FLUSH = Actor("store.flush_commit_log")
HALF = "RMQ_SYS_TRANS_HALF_TOPIC"
PREPARED = {"TRAN_MSG": "true", "PGROUP": "PG"}


def lab_of(release: Release, **overrides: str) -> tuple[BrokerLab, Client]:
    lab = BrokerLab(release, CrashDisk(), overrides)
    lab.start()
    return lab, Client(lab)


def force_configs(lab: BrokerLab) -> None:
    """The files of `config/` become durable, the log does not."""
    for pending in [f for f in lab.forces if f.path.startswith("config/")]:
        lab.complete_force(pending)


def lose_power(lab: BrokerLab) -> None:
    lab.lose_power(lambda crash: crash.extreme(Extreme.NOTHING))
    lab.forces_complete = True
    lab.start()
    assert not violations(lab.ctx)


@ALL
def test_an_offset_beyond_the_recovered_queue_comes_back(release: Release) -> None:
    """BROKER-OFFSET-20: and it is written, so that another kill finds the same."""
    lab, client = lab_of(release)
    client.pull("G", "T", 0, 0)
    client.produce("T", b"durable")
    lab.run(11_000, 500)
    lab.forces_complete = False
    client.produce("T", b"lost")
    lab.settle()
    client.pull("G", "T", 0, 0)
    assert client.commit_offset("G", "T", 0, 2).code == 0
    lab.step(PERSIST_CONSUMER_OFFSET)
    force_configs(lab)
    lose_power(lab)
    offsets = lab.ctx.consumer_offset_manager
    assert offsets.query_offset("G", "T", 0) == 1
    client.produce("T", b"another")
    lab.settle()
    lab.kill()
    lab.start()
    assert lab.ctx.consumer_offset_manager.query_offset("G", "T", 0) == 1


@ALL
def test_an_orderly_end_keeps_offsets_beyond_the_end(release: Release) -> None:
    """BROKER-OFFSET-20: nothing was lost, so the client is believed."""
    lab, client = lab_of(release)
    client.produce("T", b"one")
    client.pull("G", "T", 0, 0)
    assert client.commit_offset("G", "T", 0, 9).code == 0
    lab.shutdown()
    lab.start()
    assert lab.ctx.consumer_offset_manager.query_offset("G", "T", 0) == 9


@ALL
def test_a_delivery_that_was_not_durable_is_done_again(release: Release) -> None:
    """BROKER-SCHEDULE-14: the offset is durable only behind the copy."""
    lab, client = lab_of(release)
    client.produce("T", b"later", properties={"DELAY": "1"})
    lab.run(500, 500)
    lab.step(FLUSH)
    lab.forces_complete = False
    lab.move(1_000)
    lab.step(deliver_actor(1))
    lab.settle()
    assert [m.body for m in lab.records("T", 0)] == [b"later"]
    lab.step(PERSIST)
    force_configs(lab)
    lose_power(lab)
    lab.run(3_000, 500)
    assert [m.body for m in lab.records("T", 0)] == [b"later"]


@ALL
def test_a_half_message_that_was_put_back_is_not_lost(release: Release) -> None:
    """BROKER-TRANS-25: the walk is durable only behind what it put back."""
    lab, client = lab_of(release)
    assert client.heart_beat("c", producers=["PG"]).code == 0
    client.produce("T", b"half", properties=PREPARED, sys_flag=4)
    lab.run(11_000, 500)
    lab.forces_complete = False
    lab.step(CHECK)
    lab.settle()
    assert [code for _, c in lab.requests if (code := c.code) == 39]
    lab.step(PERSIST_CONSUMER_OFFSET)
    force_configs(lab)
    lose_power(lab)
    lab.requests.clear()
    assert client.heart_beat("c", producers=["PG"]).code == 0
    lab.jump(61_000)
    lab.step(CHECK)
    assert [code for _, c in lab.requests if (code := c.code) == 39]
