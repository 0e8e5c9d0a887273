"""Configuration: names and defaults of the three releases, updates, start-up, properties files."""

import pytest

from refimpl.model.config import Config, Machine, default_properties
from refimpl.model.errors import InvalidInput, StartRefused
from refimpl.model.ids import JsonValue
from refimpl.model.java_double import double_to_string, parse_double
from refimpl.model.preset import MINIMAL, PRODUCTION
from refimpl.model.properties_file import parse_properties
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, RELEASES, Release
from tests import vectors
from tests.vectors import Vector

RELEASE_LIST = list(RELEASES.values())
VECTOR_MACHINE = Machine(
    address="<local address>",
    host_name="<host name>",
    processors=2,
    home="@HOME@",
    rocketmq_home="@RMQHOME@",
)


@pytest.mark.parametrize("section", ["broker", "store", "namesrv", "netty_server", "netty_client"])
@pytest.mark.parametrize("release", RELEASE_LIST, ids=lambda r: r.name)
def test_names_and_defaults_are_those_of_the_release(release: Release, section: str) -> None:
    """BROKER-CONFIG-1."""
    files = {
        "broker": "config_broker",
        "store": "config_store",
        "namesrv": "config_namesrv",
        "netty_server": "config_netty_server",
        "netty_client": "config_netty_client",
    }
    expected = {v.input: v.output for v in vectors.load(release.name, files[section])}
    assert default_properties(release, section.upper(), VECTOR_MACHINE) == expected
    other = default_properties(release, section.upper(), Machine(processors=16, home="elsewhere"))
    assert (other != expected) == (section != "netty_server")


@pytest.mark.parametrize("release", RELEASE_LIST, ids=lambda r: r.name)
def test_pool_sizes_follow_the_processors(release: Release) -> None:
    small = default_properties(release, "BROKER", Machine(processors=2))
    large = default_properties(release, "BROKER", Machine(processors=16))
    assert (small["pullMessageThreadPoolNums"], large["pullMessageThreadPoolNums"]) == ("20", "48")
    assert (small["endTransactionThreadPoolNums"], large["endTransactionThreadPoolNums"]) == (
        "12",
        "40",
    )
    assert large["heartbeatThreadPoolNums"] == "16"


def test_derived_values() -> None:
    """BROKER-CONFIG-5, BROKER-CONFIG-6: getters that compute, setters that refuse a word."""

    def derived(release: Release, vector: Vector) -> JsonValue:
        assert isinstance(vector.input, dict)
        [(name, value)] = vector.input.items()
        config = Config.strict(release, "broker", {name: str(value), "brokerId": "1"})
        return config.text(name) if isinstance(value, str) else config.integer(name)

    for release, vector in vectors.each("store_config_derived"):
        if vector.error is None:
            assert derived(release, vector) == vector.output, vector.name
        else:
            with pytest.raises(InvalidInput):
                derived(release, vector)


def test_properties_files() -> None:
    """BROKER-CONFIG-8."""

    def parsed(_release: Release, vector: Vector) -> JsonValue:
        assert isinstance(vector.input, str)
        try:
            return dict(parse_properties(vector.input))
        except InvalidInput:
            return None

    assert vectors.mismatches("properties_text", parsed) == []


def test_bytes_and_text_of_a_properties_file_agree() -> None:
    assert parse_properties(b"a=1\r\nb : 2") == {"a": "1", "b": "2"}
    with pytest.raises(InvalidInput):
        parse_properties("a=\\u00g0")


# Stand for the fields of the object in `properties_to_object`.
SAMPLES = {
    "i": "defaultTopicQueueNums",
    "l": "consumerFallbehindThreshold",
    "b": "autoCreateTopicEnable",
    "d": "timerRocksDBRollMaxTps",
    "s": "brokerClusterName",
}


@pytest.mark.parametrize("release", RELEASE_LIST, ids=lambda r: r.name)
def test_updates_are_as_lenient_as_java(release: Release) -> None:
    """BROKER-CONFIG-2: unreadable values and unknown names change nothing."""
    start = {"i": "1", "l": "2", "d": "3.0", "b": "false", "s": "s"}
    used = {k: v for k, v in SAMPLES.items() if k != "d" or release.groups_are_extended}
    base = Config.of(release, "broker", {used[k]: start[k] for k in used})
    checked = 0
    for vector in vectors.load(release.name, "properties_to_object"):
        assert isinstance(vector.input, dict)
        assert isinstance(vector.output, dict)
        update = {used.get(k, k): str(v) for k, v in vector.input.items() if k not in {"f", "h"}}
        config = base.updated(update)
        for letter, name in used.items():
            want = vector.output[letter]
            got: JsonValue
            match letter:
                case "b":
                    got = config.boolean(name)
                case "d":
                    got = config.number(name)
                case "s":
                    got = config.text(name)
                case _:
                    got = config.integer(name)
            assert got == want, (vector.name, name)
            checked += 1
    assert checked > 300


def test_text_values_lose_their_blanks_only_in_5_5() -> None:
    """BROKER-CONFIG-2."""
    update = {"brokerClusterName": "  c "}
    assert Config.of(RELEASE_4_9, "broker").updated(update).text("brokerClusterName") == "  c "
    assert Config.of(RELEASE_5_5, "broker").updated(update).text("brokerClusterName") == "c"


@pytest.mark.parametrize("release", RELEASE_LIST, ids=lambda r: r.name)
def test_unknown_names_are_kept_from_the_file_and_ignored_in_an_update(release: Release) -> None:
    """BROKER-CONFIG-1, BROKER-CONFIG-2."""
    config = Config.of(release, "broker", {"nosuch": "1"})
    assert config.properties()["nosuch"] == "1"
    assert not config.knows("nosuch")
    updated = config.updated({"nosuch": "2", "another": "3"})
    assert updated.properties()["nosuch"] == "2"
    assert "another" not in updated.properties()
    assert config.properties()["nosuch"] == "1"
    with pytest.raises(InvalidInput):
        config.integer("nosuch")
    with pytest.raises(InvalidInput):
        Config.strict(release, "broker", {"nosuch": "1"})
    with pytest.raises(InvalidInput):
        Config.strict(release, "broker", {"defaultTopicQueueNums": "many"})


def test_the_wrong_type_is_refused() -> None:
    config = Config.of(RELEASE_4_9, "broker")
    for name, ask in (
        ("brokerName", config.integer),
        ("brokerName", config.boolean),
        ("brokerId", config.text),
        ("brokerId", config.number),
        ("traceOn", config.integer),
    ):
        with pytest.raises(InvalidInput):
            ask(name)


@pytest.mark.parametrize(
    ("release", "given", "port"),
    [
        (RELEASE_4_6, {"listenPort": "21000", "haListenPort": "7"}, 21001),
        (RELEASE_4_9, {"listenPort": "21000", "haListenPort": "7"}, 21001),
        (RELEASE_5_5, {"listenPort": "21000", "haListenPort": "7"}, 7),
        (RELEASE_5_5, {"listenPort": "21000"}, 21001),
        (RELEASE_5_5, {"listenPort": "21000", "haListenPort": "0"}, 21001),
        (RELEASE_5_5, {"listenPort": "21000", "haListenPort": "-5"}, 21001),
        (RELEASE_4_9, {}, 10912),
    ],
)
def test_the_ha_port(release: Release, given: dict[str, str], port: int) -> None:
    """BROKER-CONFIG-3."""
    assert Config.of(release, "broker", given).integer("haListenPort") == port


@pytest.mark.parametrize("release", RELEASE_LIST, ids=lambda r: r.name)
def test_broker_ids_follow_the_role(release: Release) -> None:
    """BROKER-CONFIG-4."""
    assert Config.of(release, "broker", {"brokerId": "5"}).integer("brokerId") == 0
    slave = {"brokerRole": "SLAVE"}
    assert Config.of(release, "broker", {**slave, "brokerId": "5"}).integer("brokerId") == 5
    for wrong in ("0", "-1"):
        with pytest.raises(StartRefused):
            Config.of(release, "broker", {**slave, "brokerId": wrong})


@pytest.mark.parametrize("release", RELEASE_LIST, ids=lambda r: r.name)
def test_the_store_pool_needs_asynchronous_flush_of_a_master(release: Release) -> None:
    """BROKER-CONFIG-7."""
    pool = {"transientStorePoolEnable": "true"}
    assert Config.of(release, "broker", pool).boolean("transientStorePoolEnable")
    sync = Config.of(release, "broker", {**pool, "flushDiskType": "SYNC_FLUSH"})
    assert not sync.boolean("transientStorePoolEnable")
    assert sync.properties()["transientStorePoolEnable"] == "true"
    slave = Config.of(release, "broker", {**pool, "brokerRole": "SLAVE", "brokerId": "1"})
    assert not slave.boolean("transientStorePoolEnable")


def test_old_spelling_of_mapped_file_sizes() -> None:
    for release in RELEASE_LIST:
        config = Config.of(release, "broker", {"mapedFileSizeCommitLog": "4096"})
        assert config.integer("mappedFileSizeCommitLog") == 4096
        again = config.updated({"mapedFileSizeCommitLog": "1"})
        assert again.integer("mappedFileSizeCommitLog") == 4096


def test_a_setter_may_have_another_name_than_its_field() -> None:
    """BROKER-CONFIG-2."""
    config = Config.of(RELEASE_4_9, "broker")
    assert config.updated({"enableBatchPush": "true"}).boolean("isEnableBatchPush")
    assert not config.updated({"isEnableBatchPush": "true"}).boolean("isEnableBatchPush")


@pytest.mark.parametrize("release", RELEASE_LIST, ids=lambda r: r.name)
def test_the_printed_text_reads_back(release: Release) -> None:
    config = Config.of(release, "namesrv", {"kvConfigPath": "a/b.json"})
    text = config.properties_text()
    assert "kvConfigPath=a/b.json\n" in text
    assert "listenPort=9876\n" in text
    assert parse_properties(text) == config.properties()


def test_presets_differ() -> None:
    production = Config.of(RELEASE_4_9, "broker", PRODUCTION)
    minimal = Config.of(RELEASE_4_9, "broker", MINIMAL)
    assert production.integer("mappedFileSizeCommitLog") == 1 << 30
    assert minimal.integer("mappedFileSizeCommitLog") < 1024
    assert minimal.text("storePathCommitLog").endswith("/commitlog")


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1.0), (" 1.5f", 1.5), ("-.5d", -0.5), ("1e3", 1000.0), ("0x1p3", 8.0), ("1.", 1.0)],
)
def test_parse_double(text: str, value: float) -> None:
    assert parse_double(text) == value


@pytest.mark.parametrize("text", ["", " ", "x", "1_0", "1e", "0x1", "+-1", "nan", "\u0661", "--1"])
def test_parse_double_refuses(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_double(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (0.8, "0.8"),
        (0.001, "0.001"),
        (0.0001, "1.0E-4"),
        (1e7, "1.0E7"),
        (200000.0, "200000.0"),
        (1.5e300, "1.5E300"),
        (9999999.5, "9999999.5"),
        (12345678.5, "1.23456785E7"),
        (float("inf"), "Infinity"),
        (parse_double("-Infinity"), "-Infinity"),
        (parse_double("NaN"), "NaN"),
    ],
)
def test_double_to_string(value: float, text: str) -> None:
    assert double_to_string(value) == text
