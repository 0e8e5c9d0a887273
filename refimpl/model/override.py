"""`override` of Python 3.12 for 3.11, without importing a package for it at run time."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import override
else:

    def override(method):  # noqa: ANN001, ANN201 - the typed one is above
        """Mark a method that replaces one of a base class; mypy checks the mark."""
        return method


__all__ = ["override"]
