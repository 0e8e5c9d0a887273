"""Presets: overrides for `Config.of` that shrink the constants, not the code.

With MINIMAL every boundary (end of a mapped file, of a consume queue file, of an index file) is a
few messages away. Add your own overrides with `{**MINIMAL, ...}`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

PRODUCTION: Final[Mapping[str, str]] = MappingProxyType({})

MINIMAL: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mappedFileSizeCommitLog": "800",  # bytes: about five small messages
        "mappedFileSizeConsumeQueue": "80",  # bytes: four units of 20
        "mappedFileSizeConsumeQueueExt": "512",
        "maxHashSlotNum": "4",
        "maxIndexNum": "8",
        "defaultTopicQueueNums": "2",
    }
)
