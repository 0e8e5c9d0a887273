"""Slips of spec/store/index.md."""

from collections.abc import Mapping

from fuzz.slips.slip import Edit, Slip
from refimpl.store import index_file
from refimpl.store.index_file import IndexFile
from refimpl.store.index_service import IndexService

SLIPS: Mapping[str, Slip] = {
    "STORE-INDEX-1": Edit(
        IndexService,
        "build_index",
        "== TRANSACTION_ROLLBACK_TYPE:",
        "in {4, TRANSACTION_ROLLBACK_TYPE}:",
    ),
    "STORE-INDEX-2": Edit(
        index_file, "index_key_hash", "0 if key_hash > _INT_MAX", "_INT_MAX if key_hash > _INT_MAX"
    ),
    "STORE-INDEX-3": Edit(
        IndexFile, "put_key", "counts_every_put or previous == INVALID_INDEX", "True"
    ),
    "STORE-INDEX-4": Edit(
        IndexFile,
        "_seconds_since_begin",
        "max(0, (store_timestamp - self.begin_timestamp) // 1000)",
        "(store_timestamp - self.begin_timestamp) // 1000",
    ),
    "STORE-INDEX-5": Edit(
        IndexService, "_writable_file", "if last_name >= name:", "if last_name > name:"
    ),
    "STORE-INDEX-6": Edit(
        IndexFile, "is_time_matched", "first <= begin <= last", "first < begin <= last"
    ),
    "STORE-INDEX-7": Edit(
        IndexFile, "select_phy_offset", "len(phy_offsets) < max_num", "len(phy_offsets) <= max_num"
    ),
    "STORE-INDEX-8": Edit(
        IndexFile,
        "select_phy_offset",
        "begin <= time_read + 999:",
        "begin < time_read + 999:",
    ),
    "STORE-INDEX-9": Edit(
        IndexService,
        "query_offset",
        "min(max_num, max_msgs_num_batch)",
        "min(max_num, max_msgs_num_batch + 1)",
    ),
    "STORE-INDEX-10": Edit(IndexService, "forced_until", "break", "continue"),
    "STORE-INDEX-11": Edit(
        IndexService,
        "load",
        "index_file.end_timestamp < index_msg_timestamp",
        "index_file.end_timestamp <= index_msg_timestamp",
    ),
    "STORE-INDEX-12": Edit(
        IndexService,
        "delete_expired_file",
        "for index_file in self.index_files[:-1]:",
        "for index_file in self.index_files:",
    ),
}
