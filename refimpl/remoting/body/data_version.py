"""The body of QUERY_DATA_VERSION (322). Java: common/DataVersion."""

from refimpl.model import data_version
from refimpl.model.data_version import DataVersion
from refimpl.model.java import encode_utf8
from refimpl.model.release import Release
from refimpl.remoting.body.java_json import parse_body, write
from refimpl.remoting.errors import BodyRefused


def decode_data_version(data: bytes, release: Release) -> DataVersion:
    """Read a version; raises `BodyRefused`."""
    value = parse_body(data, release)
    if value is None:
        raise BodyRefused.null("DataVersion")
    if not isinstance(value, dict):
        raise BodyRefused("DataVersion", "not an object")
    return data_version.from_json(value, release)


def encode_data_version(version: DataVersion, release: Release) -> bytes:
    """Print a version."""
    return encode_utf8(write(data_version.to_json(version, release), release))
