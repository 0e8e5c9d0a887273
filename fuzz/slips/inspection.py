"""Slips of spec/store/inspection.md."""

from collections.abc import Mapping

from fuzz.slips.slip import Constant, Edit, Slip
from refimpl.cli import store
from refimpl.inspect import comparison, store_files
from refimpl.runtime.reading_directory import ReadingDirectory

SLIPS: Mapping[str, Slip] = {
    "STORE-INSPECT-1": Edit(ReadingDirectory, "read", "os.O_RDONLY", "os.O_RDWR"),
    "STORE-INSPECT-2": Edit(
        store_files,
        "deduce_size",
        "key=lambda vote: (vote[1], vote[0])",
        "key=lambda vote: vote[0]",
    ),
    "STORE-INSPECT-3": Constant(store, "_UNREADABLE", 1),
    "STORE-INSPECT-4": Edit(comparison, "_fields", '"reconsume_times",', ""),
}
