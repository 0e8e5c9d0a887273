"""The body of QUERY_DATA_VERSION (322). Java: common/DataVersion."""

from refimpl.model import data_version
from refimpl.model.data_version import DataVersion
from refimpl.model.errors import InvalidInput
from refimpl.model.java import encode_utf8, parse_long
from refimpl.model.release import Release
from refimpl.remoting.body.java_json import parse_body, reads_as_null, write
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
        for member in ("counter", "timestamp"):
            if isinstance(text := value.get(member), str) and text:
                parse_long(text)
    except InvalidInput as error:
        raise BodyRefused("DataVersion", error.reason, library) from None
    return data_version.from_json(value, release)


def encode_data_version(version: DataVersion, release: Release) -> bytes:
    """Print a version."""
    return encode_utf8(write(data_version.to_json(version, release), release))
