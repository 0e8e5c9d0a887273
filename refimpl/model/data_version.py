"""The version of a table: when it changed last, and how often. Java: common/DataVersion."""

from dataclasses import dataclass, replace

from refimpl.model.errors import InvalidInput
from refimpl.model.ids import JsonValue, Millis
from refimpl.model.java import i64, parse_long
from refimpl.model.release import Release

_NEVER = Millis(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataVersion:
    """Equal versions mean equal tables (STORE-MESSAGE-27).

    `state_version` is 0 in releases that do not have it, and takes no part there.
    """

    timestamp: Millis = _NEVER
    counter: int = 0  # i64
    state_version: int = 0  # i64, of a controller

    def next_version(self, now: Millis, state_version: int = 0) -> "DataVersion":
        """The version after one more change; the state version is set, not kept."""
        return replace(
            self, timestamp=now, counter=i64(self.counter + 1), state_version=state_version
        )

    def compare(self, other: "DataVersion") -> int:
        """-1, 0 or 1: by state version, then counter, then time (5.5)."""
        mine = (self.state_version, self.counter, self.timestamp)
        theirs = (other.state_version, other.counter, other.timestamp)
        return (mine > theirs) - (mine < theirs)

    def text(self) -> str:
        """Java's text, in which the state version is not shown."""
        return f"DataVersion[timestamp={self.timestamp}, counter={self.counter}]"


def to_json(version: DataVersion, release: Release) -> dict[str, JsonValue]:
    """Object in the order of fastjson."""
    written: dict[str, JsonValue] = {"counter": version.counter}
    if release.data_version_has_state:
        written["stateVersion"] = version.state_version
    written["timestamp"] = version.timestamp
    return written


def from_json(value: dict[str, JsonValue], release: Release) -> DataVersion:
    """Read a version; what is missing, null or no number is 0."""

    def number(name: str) -> int:
        found = value.get(name)
        if isinstance(found, str):
            try:
                return parse_long(found)
            except InvalidInput:
                return 0
        return i64(found) if isinstance(found, int) and not isinstance(found, bool) else 0

    return DataVersion(
        timestamp=Millis(number("timestamp")),
        counter=number("counter"),
        state_version=number("stateVersion") if release.data_version_has_state else 0,
    )
