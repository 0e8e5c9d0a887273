"""Counters of a store, and the part of the broker's runtime information that they print.

Requirements  STORE-READ-14, STORE-READ-15 in spec/store/read.md
Java          store/StoreStatsService (4.6.1, 4.9.7, 5.5.0)

`sample` is one step of Java's thread, once a second; rates are differences of samples.
"""

from typing import Final, NamedTuple

from refimpl.model.ids import Millis
from refimpl.model.java_double import double_to_string
from refimpl.model.release import Release

FREQUENCY_OF_SAMPLING: Final = 1000  # milliseconds
_SAMPLES_MAX: Final = 601
_PERIOD: Final = 60_000  # milliseconds of one distribution of put times
_RATE_SECONDS: Final = (10, 60, 600)
_LIMITS: Final = (10, 50, 100, 200, 500, 1000, 2000, 3000, 4000, 5000, 10000)
_NAMES: Final = (
    "[<=0ms]", "[0~10ms]", "[10~50ms]", "[50~100ms]", "[100~200ms]", "[200~500ms]", "[500ms~1s]",
    "[1~2s]", "[2~3s]", "[3~4s]", "[4~5s]", "[5~10s]", "[10s~]",
)  # fmt: skip
_BUCKET_STEPS: Final = ((1, 20), (2, 15), (5, 10), (10, 10), (50, 6), (100, 5), (1000, 9))
_LONG_MAX: Final = (1 << 63) - 1


def _bucket_limits() -> tuple[int, ...]:
    limits: list[int] = []
    for step, count in _BUCKET_STEPS:
        for _ in range(count):
            limits.append((limits[-1] if limits else 0) + step)
    return (*limits, _LONG_MAX)


_BUCKETS: Final = _bucket_limits()


class _Sample(NamedTuple):
    """The totals at one moment."""

    at: int
    put: int
    found: int
    miss: int
    transferred: int


class StoreStatsService:
    """Totals since the start; times in milliseconds."""

    __slots__ = (
        "_buckets",
        "_distribution",
        "_last_buckets",
        "_last_distribution",
        "_last_print",
        "_release",
        "_samples",
        "boot_timestamp",
        "dispatch_max_buffer",
        "get_message_entire_time_max",
        "get_message_times_total_found",
        "get_message_times_total_miss",
        "get_message_transferred_msg_count",
        "put_message_entire_time_max",
        "put_message_failed_times",
        "put_message_topic_size_total",
        "put_message_topic_times_total",
    )

    def __init__(self, release: Release, now: Millis) -> None:
        self._release = release
        self.boot_timestamp = now
        self.put_message_failed_times = 0
        self.put_message_topic_times_total: dict[str, int] = {}
        self.put_message_topic_size_total: dict[str, int] = {}
        self.put_message_entire_time_max = 0
        self.get_message_times_total_found = 0
        self.get_message_times_total_miss = 0
        self.get_message_transferred_msg_count = 0
        self.get_message_entire_time_max = 0
        self.dispatch_max_buffer = 0
        self._samples: list[_Sample] = []
        self._last_print: int = now
        self._distribution = [0] * len(_NAMES)
        self._last_distribution: list[int] | None = None
        self._buckets = [0] * len(_BUCKETS)
        self._last_buckets = [0] * len(_BUCKETS)

    def put(self, topic: str, messages: int, size: int, elapsed: int) -> None:
        """Count one put that succeeded: `messages` records of `size` bytes, in `elapsed` ms."""
        times, sizes = self.put_message_topic_times_total, self.put_message_topic_size_total
        times[topic] = times.get(topic, 0) + messages
        sizes[topic] = sizes.get(topic, 0) + size
        self.put_time(elapsed)

    def put_time(self, elapsed: int) -> None:
        """Count how long a put took, whatever came of it (setPutMessageEntireTimeMax)."""
        if elapsed <= 0:
            self._distribution[0] += 1
            self._buckets[0] += 1
            return
        group = next((i for i, limit in enumerate(_LIMITS, 1) if elapsed < limit), len(_LIMITS) + 1)
        self._distribution[group] += 1
        self._buckets[next(i for i, limit in enumerate(_BUCKETS) if elapsed <= limit)] += 1
        self.put_message_entire_time_max = max(self.put_message_entire_time_max, elapsed)

    def sample(self, now: Millis) -> None:
        """Keep the totals of this moment; once a minute, begin a new distribution."""
        self._samples.append(
            _Sample(
                now,
                self.put_message_times_total,
                self.get_message_times_total_found,
                self.get_message_times_total_miss,
                self.get_message_transferred_msg_count,
            )
        )
        if len(self._samples) > _SAMPLES_MAX:
            del self._samples[0]
        if now > self._last_print + _PERIOD:
            self._last_print = now
            self._last_distribution = self._distribution
            self._distribution = [0] * len(_NAMES)
            self._last_buckets = self._buckets
            self._buckets = [0] * len(_BUCKETS)

    @property
    def put_message_times_total(self) -> int:
        """Messages put."""
        return sum(self.put_message_topic_times_total.values())

    @property
    def put_message_size_total(self) -> int:
        """Bytes put."""
        return sum(self.put_message_topic_size_total.values())

    def runtime_info(self, now: Millis) -> dict[str, str]:
        """STORE-READ-14: the table that GET_BROKER_RUNTIME_INFO begins with, in Java's names."""
        release = self._release
        times = self.put_message_times_total or 1
        size = self.put_message_size_total
        info = {
            "bootTimestamp": str(self.boot_timestamp),
            "runtime": _format_runtime(now - self.boot_timestamp),
            "putMessageEntireTimeMax": str(self.put_message_entire_time_max),
            "putMessageTimesTotal": str(times),
        }
        if release.put_statistics_by_period:
            info["putMessageFailedTimes"] = str(self.put_message_failed_times)
        info["putMessageSizeTotal"] = str(size)
        info["putMessageDistributeTime"] = self._distribution_text()
        info["putMessageAverageSize"] = double_to_string(size / times)
        info["dispatchMaxBuffer"] = str(self.dispatch_max_buffer)
        info["getMessageEntireTimeMax"] = str(self.get_message_entire_time_max)
        info["putTps"] = self._rates(1)
        info["getFoundTps"] = self._rates(2)
        info["getMissTps"] = self._rates(3)
        info["getTotalTps"] = " ".join(
            double_to_string((self._rate(2, s) or 0.0) + (self._rate(3, s) or 0.0))
            for s in _RATE_SECONDS
        )
        info[release.transferred_tps_name] = self._rates(4)
        if release.put_statistics_by_period:
            info["putLatency99"] = f"{self._latency(0.99):.2f}"
            info["putLatency999"] = f"{self._latency(0.999):.2f}"
        return info

    def _distribution_text(self) -> str:
        """Counts of put times; since 4.9 those of the last whole minute, `null` before it."""
        shown: list[int] | None = self._distribution
        if self._release.put_statistics_by_period:
            shown = self._last_distribution
        if shown is None:
            return "null"
        return "".join(f"{name}:{n} " for name, n in zip(_NAMES, shown, strict=True))

    def _rates(self, field: int) -> str:
        rates = (self._rate(field, seconds) for seconds in _RATE_SECONDS)
        return " ".join("" if rate is None else double_to_string(rate) for rate in rates)

    def _rate(self, field: int, seconds: int) -> float | None:
        """Per second over `seconds` samples; None while there are too few.

        STORE-READ-15: a store that was never sampled prints no rates.
        """
        if len(self._samples) <= seconds:
            return None
        last, before = self._samples[-1], self._samples[-1 - seconds]
        total = last[field] - before[field]
        span = last.at - before.at
        return total / span * 1000 if span else float("nan")

    def _latency(self, part: float) -> float:
        """Put time that `part` of the last minute's puts did not pass (findPutMessageEntireTimePX).

        Within a bucket the times count as evenly spread.
        """
        counts = self._last_buckets
        wanted = int(sum(counts) * part)
        passed, lower = 0, 0
        for limit, count in zip(_BUCKETS, counts, strict=True):
            if wanted <= passed + count:
                return lower + ((limit - lower) * (wanted - passed) / count if count else 0.0)
            passed += count
            lower = limit
        raise AssertionError("the buckets count everything")


def _format_runtime(millis: int) -> str:
    days, rest = divmod(millis, 86_400_000)
    hours, rest = divmod(rest, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"[ {days:,} days, {hours} hours, {minutes} minutes, {rest // 1000} seconds ]"
