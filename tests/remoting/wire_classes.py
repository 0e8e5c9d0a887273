"""The classes of a package of Java's headers or bodies, by Java's names."""

import importlib
import pkgutil
from types import ModuleType
from typing import TypeVar

Base = TypeVar("Base")


def classes_of(package: ModuleType, base: type[Base]) -> dict[str, type[Base]]:
    """Those of every module that derive from `base`."""
    found: dict[str, type[Base]] = {}
    for module in pkgutil.iter_modules(package.__path__):
        names = vars(importlib.import_module(f"{package.__name__}.{module.name}"))
        found |= {
            name: cls
            for name, cls in names.items()
            if isinstance(cls, type) and issubclass(cls, base) and cls is not base
        }
    return found
