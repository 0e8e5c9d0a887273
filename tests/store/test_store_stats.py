"""Counters and their print."""

import pytest

from refimpl.model.ids import Millis
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5
from refimpl.store.store_stats import StoreStatsService

NOW = Millis(1_700_000_000_000)

NAMES_4_6 = [
    "bootTimestamp", "runtime", "putMessageEntireTimeMax", "putMessageTimesTotal",
    "putMessageSizeTotal", "putMessageDistributeTime", "putMessageAverageSize",
    "dispatchMaxBuffer", "getMessageEntireTimeMax", "putTps", "getFoundTps", "getMissTps",
    "getTotalTps", "getTransferedTps",
]  # fmt: skip
NEW_IN_4_9 = {"putMessageFailedTimes", "putLatency99", "putLatency999"}


def test_names_of_the_statistics() -> None:
    """STORE-READ-14."""
    infos = [
        set(StoreStatsService(r, NOW).runtime_info(NOW))
        for r in (RELEASE_4_6, RELEASE_4_9, RELEASE_5_5)
    ]
    assert infos[0] == set(NAMES_4_6)
    assert infos[1] == infos[0] | NEW_IN_4_9
    assert infos[2] == infos[1] - {"getTransferedTps"} | {"getTransferredTps"}


def test_rates_are_differences_of_samples() -> None:
    """STORE-READ-14, STORE-READ-15."""
    stats = StoreStatsService(RELEASE_4_9, NOW)
    assert stats.runtime_info(NOW)["putTps"] == "  "
    assert stats.runtime_info(NOW)["getTotalTps"] == "0.0 0.0 0.0"
    for second in range(12):
        stats.sample(Millis(NOW + second * 1000))
        assert (stats.runtime_info(NOW)["putTps"] == "  ") is (second < 10)
        stats.put("T", 5, 500, 0)
        stats.get_message_times_total_found += 2
    info = stats.runtime_info(Millis(NOW + 90_061_000))
    assert info["putTps"] == "5.0  "
    assert info["getTotalTps"] == "2.0 0.0 0.0"
    assert info["putMessageTimesTotal"] == "60"
    assert info["putMessageAverageSize"] == "100.0"
    assert info["runtime"] == "[ 1 days, 1 hours, 1 minutes, 1 seconds ]"


def test_put_times_by_minute() -> None:
    """STORE-READ-14: 4.6 shows the running minute, later releases the last one."""
    old, new = StoreStatsService(RELEASE_4_6, NOW), StoreStatsService(RELEASE_4_9, NOW)
    for stats in (old, new):
        for elapsed in (0, 3, 3, 700, 20_000):
            stats.put_time(elapsed)
    shown = old.runtime_info(NOW)["putMessageDistributeTime"]
    assert shown.startswith("[<=0ms]:1 [0~10ms]:2 [10~50ms]:0 ")
    assert "[500ms~1s]:1 " in shown
    assert shown.endswith("[10s~]:1 ")
    assert new.runtime_info(NOW)["putMessageDistributeTime"] == "null"
    assert new.runtime_info(NOW)["putLatency99"] == "0.00"
    new.sample(Millis(NOW + 60_001))
    info = new.runtime_info(NOW)
    assert info["putMessageDistributeTime"] == shown
    assert float(info["putLatency99"]) == pytest.approx(700)
    assert info["putMessageEntireTimeMax"] == "20000"
