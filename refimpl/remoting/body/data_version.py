"""The body of QUERY_DATA_VERSION (322). Java: common/DataVersion."""

from collections.abc import Mapping

from refimpl.model import data_version
from refimpl.model.data_version import DataVersion
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import JsonValue
from refimpl.model.java import encode_utf8, i64, parse_long
from refimpl.model.release import Release
from refimpl.remoting.body.java_json import NumberText, parse_body, reads_as_null, write
from refimpl.remoting.errors import BodyRefused

_MEMBERS = frozenset({"counter", "stateVersion", "timestamp"})


def decode_data_version(data: bytes, release: Release) -> DataVersion | None:
    """Read a version; None where Java reads a null. Raises `BodyRefused`."""
    value = parse_body(data, release, _MEMBERS)
    if reads_as_null(value, release):
        return None
    library = "fastjson" if release.oldest_json else "fastjson2"
    if not isinstance(value, dict):
        raise BodyRefused("DataVersion", "not an object", library)
    try:
        if isinstance(text := value.get("timestamp"), str) and text:
            parse_long(text)
        return read_data_version(value, release)
    except InvalidInput as error:
        raise BodyRefused("DataVersion", error.reason, library) from None


def read_data_version(value: Mapping[str, JsonValue], release: Release) -> DataVersion:
    """A version as a body has it; raises `InvalidInput` for a counter that Java cannot read."""
    counter = _counter(value.get("counter"), release)
    return data_version.from_json({**value, "counter": counter}, release)


def _counter(value: JsonValue, release: Release) -> int:
    """An AtomicLong: fastjson 2 takes a boolean, and the one element of an array."""
    if value is None or value == "":
        return 0
    if isinstance(value, NumberText):
        return int(float(value))
    if isinstance(value, str):
        return parse_long(value)
    if isinstance(value, list) and len(value) == 1 and not release.oldest_json:
        return _counter(value[0], release)
    odd = isinstance(value, bool) and release.oldest_json
    if isinstance(value, int) and value == i64(value) and not odd:
        return int(value)
    raise InvalidInput("counter", str(value), "parseLong error")


def encode_data_version(version: DataVersion, release: Release) -> bytes:
    """Print a version."""
    return encode_utf8(write(data_version.to_json(version, release), release))
