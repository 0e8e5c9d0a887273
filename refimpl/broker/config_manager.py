"""`config/*.json`: how a manager's table reaches the disk and comes back.

Java 4.9.7: common/ConfigManager. `refimpl.model.config_file` says how a file is replaced.
"""

from typing import Protocol

from refimpl.model.config_file import ConfigFile, Force

__all__ = ["ConfigFile", "Force", "Persistable"]


class Persistable(Protocol):
    """A table with a text form."""

    def config_file_path(self) -> str:
        """Path below the root of the store, such as `config/topics.json`."""

    def encode(self) -> str:
        """The table as Java's pretty JSON."""

    def decode(self, text: str) -> None:
        """Take the table from text; raises `InvalidInput` and changes nothing on bad text."""
