"""Key-value configuration, by namespace. Java 4.9.7: namesrv/kvconfig/KVConfigManager."""

from collections.abc import Callable

from refimpl.model.config_file import ConfigFile
from refimpl.model.disk import DiskError
from refimpl.model.errors import InvalidInput, StartRefused
from refimpl.model.java import in_hash_map_order
from refimpl.model.release import Release
from refimpl.remoting.body.java_json import Writable, parse, text_of, write
from refimpl.remoting.body.kv_table import KVTable
from refimpl.remoting.errors import BodyRefused

NAMESPACE_ORDER_TOPIC_CONFIG = "ORDER_TOPIC_CONFIG"


class KVConfigManager:
    """The table and its file. A namespace stays when its last key goes."""

    def __init__(self, release: Release, file: Callable[[], ConfigFile]) -> None:
        self._release = release
        self._file = file
        self.config_table: dict[str, dict[str, str]] = {}

    def load(self) -> None:
        """Read the file; a missing one is an empty table, a bad one raises `StartRefused`.

        NAMESRV-KV-6.
        """
        file = self._file()
        if not file.load(self._decode):
            raise StartRefused(f"{file.path} holds no key-value configuration")

    def _decode(self, text: str) -> None:
        try:
            content = parse(text, self._release)
        except BodyRefused as error:
            raise InvalidInput("kvConfig", text[:80], error.reason) from None
        table = content.get("configTable") if isinstance(content, dict) else None
        if not isinstance(table, dict):
            raise InvalidInput("kvConfig", text[:80], "configTable is no object")
        self.config_table = {
            namespace: {
                key: text_of(value, self._release) or ""
                for key, value in entries.items()
                if value is not None
            }
            for namespace, entries in table.items()
            if isinstance(entries, dict)
        }

    def put(self, namespace: str, key: str, value: str | None) -> None:
        """Store a value and the file; null takes the key away (NAMESRV-KV-1)."""
        entries = dict(self.config_table.get(namespace, {}))
        if value is None:
            entries.pop(key, None)
        else:
            entries[key] = value
        self._take({**self.config_table, namespace: entries})

    def delete(self, namespace: str | None, key: str | None) -> None:
        """Remove a key; an absent one is no error, and the file is written all the same."""
        table = dict(self.config_table)
        if namespace is not None and key is not None and namespace in table:
            table[namespace] = {k: v for k, v in table[namespace].items() if k != key}
        self._take(table)

    def get(self, namespace: str | None, key: str | None) -> str | None:
        """Value of a key, or None."""
        if namespace is None or key is None:
            return None
        return self.config_table.get(namespace, {}).get(key)

    def list_namespace(self, namespace: str | None) -> bytes | None:
        """Body KVTable of a namespace; None where nothing was ever put into it (NAMESRV-KV-4)."""
        entries = None if namespace is None else self.config_table.get(namespace)
        if entries is None:
            return None
        return KVTable(table=entries).encode(self._release)

    def _take(self, table: dict[str, dict[str, str]]) -> None:
        """Write the table and obey it from now on.

        NAMESRV-KV-8: raises `DiskError` where it says something new and cannot be written.
        """
        written: dict[str, Writable] = {
            namespace: in_hash_map_order(entries) for namespace, entries in table.items()
        }
        try:
            self._file().write(write({"configTable": written}, self._release))
        except DiskError:
            if table != self.config_table:
                raise
        self.config_table = table
