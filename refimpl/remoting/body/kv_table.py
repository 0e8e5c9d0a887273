"""Tables of strings: KV configuration, runtime information.

Java: classes of the same names in protocol/body, protocol/route, protocol/heartbeat, admin.
"""

from collections.abc import Mapping
from typing import ClassVar

from refimpl.model.release import Release
from refimpl.remoting.body.bean import Body


class KVTable(Body):
    """GET_KVLIST_BY_NAMESPACE (219), GET_BROKER_RUNTIME_INFO (28), the answer to 103."""

    WIRE: ClassVar[str] = "table:Map<String,String>"
    table: Mapping[str, str] = {}


def decode_kv_table(data: bytes, release: Release) -> dict[str, str]:
    """Read the table of a body; raises `BodyRefused`."""
    return dict(KVTable.decode(data, release).table)
