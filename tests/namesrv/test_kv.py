"""Key-value configuration: spec/namesrv/kv.md."""

import pytest

from refimpl.model.errors import StartRefused
from refimpl.model.release import RELEASE_4_6, RELEASE_5_5, RELEASES, Release
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import Extreme
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.sim.node_lab import NameServerLab
from tests.namesrv.harness import NameServerUnderTest, json_of

RELEASE_LIST = list(RELEASES.values())
every_release = pytest.mark.parametrize("release", RELEASE_LIST, ids=lambda r: r.name)
FILE = "kvConfig.json"


def put(ns: NameServerUnderTest, namespace: str, key: str, value: str) -> None:
    assert ns.ask(100, {"namespace": namespace, "key": key, "value": value}).code == 0


@every_release
def test_a_value_survives_a_restart(release: Release) -> None:
    """NAMESRV-KV-1, NAMESRV-KV-3."""
    ns = NameServerUnderTest(release).start()
    where = {"namespace": "n", "key": "k"}
    missing = ns.ask(101, where)
    assert (missing.code, missing.remark) == (22, "No config item, Namespace: n Key: k")
    put(ns, "n", "k", "old")
    put(ns, "n", "k", 'new "\u4e2d')
    answer = ns.ask(101, where)
    assert (answer.code, answer.ext_fields) == (0, {"value": 'new "\u4e2d'})
    assert ns.disk.files()[FILE].startswith(b'{"configTable":{"n":{"k":"new ')
    again = NameServerUnderTest(release, disk=ns.disk.image()).start()
    assert again.ask(101, where).ext_fields == {"value": 'new "\u4e2d'}


@every_release
def test_a_missing_namespace_or_key(release: Release) -> None:
    """NAMESRV-KV-2."""
    ns = NameServerUnderTest(release).start()
    before = ns.tables(), ns.disk.files()
    for fields in (None, {"key": "k", "value": "v"}, {"namespace": "n", "value": "v"}):
        answer = ns.ask(100, fields)
        if release is RELEASE_4_6:
            assert answer.code == 0
        else:
            assert (answer.code, answer.remark) == (1, "namespace or key is null")
    assert (ns.tables(), ns.disk.files()) == before
    nothing = ns.ask(101)
    assert nothing.remark == "No config item, Namespace: null Key: null"


@every_release
def test_fields_that_could_have_been_there(release: Release) -> None:
    """NAMESRV-LIFECYCLE-22: an empty table where fields are possible, none elsewhere."""
    ns = NameServerUnderTest(release).start()
    assert ns.ask(101).ext_fields == {}
    assert ns.ask(219).ext_fields is None
    assert ns.ask(103, {"bodyCrc32": "1"}, body=b"x").ext_fields == {}


@every_release
def test_a_namespace_as_a_table(release: Release) -> None:
    """NAMESRV-KV-4, NAMESRV-KV-5."""
    ns = NameServerUnderTest(release).start()
    where = {"namespace": "n"}
    missing = ns.ask(219, where)
    assert (missing.code, missing.remark) == (22, "No config item, Namespace: n")
    put(ns, "n", "a", "1")
    put(ns, "n", "b", "2")
    put(ns, "m", "c", "3")
    assert json_of(ns.ask(219, where), release) == {"table": {"a": "1", "b": "2"}}
    for key in ("a", "b", "b", "z"):
        assert ns.ask(102, {"namespace": "n", "key": key}).code == 0
    assert ns.ask(102, {"namespace": "none", "key": "k"}).code == 0
    assert json_of(ns.ask(219, where), release) == {"table": {}}
    assert ns.ask(219, {"namespace": "none"}).code == 22


@every_release
def test_the_backup_saves_a_torn_file(release: Release) -> None:
    """NAMESRV-KV-6."""
    ns = NameServerUnderTest(release).start()
    put(ns, "n", "k", "1")
    for force in ns.forces:
        ns.perform(ns.server.forced(force.token, failed=False, now=ns.now))
    put(ns, "n", "k", "2")
    files = ns.disk.files()
    assert b'"1"' in files[FILE + ".bak"]
    torn = {**files, FILE: files[FILE][:10]}
    again = NameServerUnderTest(release, disk=MemoryDisk(torn)).start()
    assert again.ask(101, {"namespace": "n", "key": "k"}).ext_fields == {"value": "1"}


@every_release
def test_an_unreadable_file_stops_the_start(release: Release) -> None:
    """NAMESRV-KV-6."""
    ns = NameServerUnderTest(release, disk=MemoryDisk({FILE: b'{"configTable":{"n"'}))
    with pytest.raises(StartRefused):
        ns.server.start(ns.now)
    assert NameServerUnderTest(release, disk=MemoryDisk()).start().ask(206).code == 0


@every_release
def test_a_broker_receives_the_order_configuration(release: Release) -> None:
    """NAMESRV-KV-7."""
    ns = NameServerUnderTest(release).start()
    assert ns.register().body == b""
    put(ns, "ORDER_TOPIC_CONFIG", "T1", "broker-a:4")
    assert json_of(ns.register(), release) == {"table": {"T1": "broker-a:4"}}


def test_the_order_configuration_can_be_withheld() -> None:
    """NAMESRV-KV-7."""
    ns = NameServerUnderTest(RELEASE_5_5, {"returnOrderTopicConfigToBroker": "false"}).start()
    put(ns, "ORDER_TOPIC_CONFIG", "T1", "broker-a:4")
    assert ns.register().body == b""


def test_a_value_that_is_absent_takes_the_key_away() -> None:
    ns = NameServerUnderTest().start()
    put(ns, "n", "k", "1")
    assert ns.ask(100, {"namespace": "n", "key": "k"}).code == 0
    assert ns.ask(101, {"namespace": "n", "key": "k"}).code == 22


@every_release
@pytest.mark.parametrize("point", [FaultPoint.NO_SPACE_CREATE, FaultPoint.NO_SPACE_WRITE])
def test_a_change_that_cannot_be_written_is_no_change(release: Release, point: FaultPoint) -> None:
    """NAMESRV-KV-8, NAMESRV-KV-5: what is gone already can be deleted on a full disk too."""
    disk = CrashDisk()
    lab = NameServerLab(release, disk)
    lab.start()
    channel = lab.open()
    old = {"namespace": "n", "key": "k"}
    assert lab.ask(channel, 100, {**old, "value": "old"}).code == 0
    disk.faults = DiskFaults([DiskFault(point, "*.tmp", times=9)])
    refused = [
        lab.ask(channel, 100, {**old, "value": "new"}),
        lab.ask(channel, 100, {"namespace": "m", "key": "k", "value": "new"}),
        lab.ask(channel, 102, old),
    ]
    assert [answer.code for answer in refused] == [1, 1, 1]
    assert refused[0].remark is not None
    assert refused[0].remark.startswith("java.io.IOException: No space")
    assert lab.ask(channel, 102, {"namespace": "n", "key": "x"}).code == 0
    assert lab.server.context.kv.config_table == {"n": {"k": "old"}}
    disk.faults = None
    assert lab.ask(channel, 102, old).code == 0
    lab.kill()
    lab.start()
    assert lab.server.context.kv.config_table == {"n": {}}


@every_release
def test_nothing_is_served_before_the_loaded_file_is_durable(release: Release) -> None:
    """BROKER-LIFECYCLE-10: it is not replaced before, so that a power failure finds it."""
    lab = NameServerLab(release, CrashDisk())
    lab.start()
    channel = lab.open()
    for value in ("1", "2"):
        assert lab.ask(channel, 100, {"namespace": "n", "key": "k", "value": value}).code == 0
    lab.kill()
    lab.begin_start()
    assert not lab.started
    lab.lose_power(lambda crash: crash.extreme(Extreme.NOTHING))
    lab.start()
    assert lab.server.context.kv.config_table == {"n": {"k": "2"}}
