"""The index files of a store: which file takes the next key, and who answers a query.

Requirements  STORE-INDEX-1..12 in spec/store/index.md
Java          store/index/IndexService (4.6.1, 4.9.7, 5.5.0)

Nothing here is forced: a file that became full is named by `take_full_files`, and its owner forces
it and then moves the checkpoint (STORE-INDEX-10).
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from refimpl.model.disk import Disk, DiskError
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import Millis
from refimpl.model.message_codec import DispatchRequest
from refimpl.model.message_property import PROPERTY_TAGS
from refimpl.model.release import Release
from refimpl.model.sys_flag import TRANSACTION_ROLLBACK_TYPE
from refimpl.store.index_file import IndexFile
from refimpl.store.mapped_file_queue import sync_names

INDEX_DIRECTORY: Final = "index"
INDEX_TAG_TYPE: Final = "T"
KEY_SEPARATOR: Final = " "

_DAY: Final = 86_400_000
_NAME_LENGTH: Final = 17


class QueryOffsetResult(NamedTuple):
    """What the index knows of a key; Java: store/index/QueryOffsetResult."""

    phy_offsets: tuple[int, ...]
    index_last_update_timestamp: int
    index_last_update_phyoffset: int


def time_millis_to_human_string(millis: int) -> str:
    """Seventeen digits, yyyyMMddHHmmssSSS in UTC (UtilAll#timeMillisToHumanString).

    Java uses the zone of the process; the name only has to grow with time.
    """
    days, rest = divmod(millis, _DAY)
    z = days + 719_468  # days since 0000-03-01; years that begin in March have regular months
    era, day_of_era = divmod(z, 146_097)
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_index = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_index + 2) // 5 + 1
    next_year, month = divmod(month_index + 2, 12)
    year = year_of_era + era * 400 + next_year
    hours, rest = divmod(rest, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    seconds, thousandths = divmod(rest, 1000)
    return (
        f"{year:04d}{month + 1:02d}{day:02d}{hours:02d}{minutes:02d}{seconds:02d}{thousandths:03d}"
    )


class IndexService:
    """Keys of messages, over all index files in the order of their names."""

    __slots__ = (
        "_full_files",
        "_hash_slot_num",
        "_index_num",
        "_release",
        "disk",
        "index_files",
        "rebuild_from",
    )

    def __init__(self, disk: Disk, *, hash_slot_num: int, index_num: int, release: Release) -> None:
        self.disk = disk
        self.index_files: list[IndexFile] = []
        self.rebuild_from: int | None = None  # STORE-INDEX-11: set by `load`, see `rebuilt`
        self._hash_slot_num = hash_slot_num
        self._index_num = index_num
        self._release = release
        self._full_files: list[IndexFile] = []

    def load(self, *, last_exit_ok: bool, index_msg_timestamp: int) -> None:
        """Open the files; after a crash those that the checkpoint does not cover are removed.

        STORE-INDEX-11: what they held is indexed again, from `rebuild_from` on; until `rebuilt`
        is called, `build_index` ignores everything, because all of it is still to come. Only a
        full file that was forced is sure to be whole: the last one may be torn, or not be there,
        and the one behind the newest that was forced may end in the same millisecond. One that
        was built anew has old times, so that the mark of a former life covers it: it is looked at.
        """
        for name in self.disk.list(INDEX_DIRECTORY):
            index_file = IndexFile.load(
                self.disk,
                f"{INDEX_DIRECTORY}/{name}",
                hash_slot_num=self._hash_slot_num,
                index_num=self._index_num,
            )
            if last_exit_ok:
                self.index_files.append(index_file)
                continue
            covered = 0 < index_file.end_timestamp < index_msg_timestamp
            whole = covered and index_file.is_write_full and index_file.is_whole()
            if self.rebuild_from is None and whole:
                self.index_files.append(index_file)
            else:
                self.disk.unlink(index_file.path)
                self.rebuild_from = self._end()
        if not last_exit_ok:
            self.rebuild_from = self._end()

    def _end(self) -> int:
        return self.index_files[-1].end_phy_offset if self.index_files else 0

    def forget_from(self, physical_offset: int) -> None:
        """STORE-INDEX-11: drop files that tell of records behind the end of a recovered log.

        An index may have been forced before the log was: what is written there now is new.
        """
        while self._end() >= physical_offset and self.index_files:
            self.disk.unlink(self.index_files.pop().path)
        self.rebuild_from = self._end()

    def rebuilt(self) -> None:
        """Take note that `build_index` gets every record from `rebuild_from` on from now."""
        self.rebuild_from = None

    def build_index(self, request: DispatchRequest, now: Millis) -> None:
        """STORE-INDEX-1: index a message under its unique key and each of its keys.

        [New in 5.5]: and under its tag. A record below the end of the last file is indexed
        already. A rolled back transaction is not. Raises `DiskError` where no file can be made.
        """
        if self.rebuild_from is not None:
            return
        index_file = self._writable_file(now)
        offset = request.commit_log_offset
        if offset < index_file.end_phy_offset:
            return
        if request.sys_flag & TRANSACTION_ROLLBACK_TYPE == TRANSACTION_ROLLBACK_TYPE:
            return
        topic, timestamp = request.topic, request.store_timestamp
        if request.uniq_key is not None:
            self._put(f"{topic}#{request.uniq_key}", offset, timestamp, now)
        if request.keys:
            for key in request.keys.split(KEY_SEPARATOR):
                if key:
                    self._put(f"{topic}#{key}", offset, timestamp, now)
        if self._release.indexes_tags and request.properties:
            tags = request.properties.get(PROPERTY_TAGS)
            if tags:
                self._put(f"{topic}#{INDEX_TAG_TYPE}#{tags}", offset, timestamp, now)

    def sync(self) -> None:
        """Write what is gathered; only the last file can have any, and the full ones before."""
        for index_file in self._full_files:
            index_file.sync()
        if self.index_files:
            self.index_files[-1].sync()

    def take_full_files(self) -> tuple[IndexFile, ...]:
        """STORE-INDEX-10: files that became full since the last call; to be forced."""
        taken = tuple(self._full_files)
        for index_file in taken:
            index_file.sync()
        self._full_files.clear()
        return taken

    def take_last_file(self) -> tuple[IndexFile, ...]:
        """STORE-FLUSH-13: the file that is not full, for an orderly end to force, where it must."""
        last = self.index_files[-1:]
        for index_file in last:
            index_file.sync()
        return tuple(index_file for index_file in last if index_file.unforced)

    def force_failed(self, index_file: IndexFile) -> None:
        """STORE-FLUSH-1: write a file once more whose force failed, and name it again."""
        if index_file not in self.index_files:
            return  # retention took it
        self._full_files.insert(0, index_file)
        try:
            data = self.disk.read(index_file.path, 0, index_file.file_total_size)
            self.disk.write(index_file.path, 0, data)
        except DiskError:
            return

    def forced_until(self) -> int:
        """STORE-INDEX-10: end time of the last file before which every one was forced, 0 for none.

        A file that was forced before an older one is no reason to believe the older one.
        """
        until = 0
        for index_file in self.index_files:
            if index_file.unforced:
                break
            until = index_file.end_timestamp
        return until

    def query_offset(
        self,
        topic: str,
        key: str,
        max_num: int,
        begin: int,
        end: int,
        *,
        max_msgs_num_batch: int,
        store_time: Callable[[int], int],
        index_type: str | None = None,
    ) -> QueryOffsetResult:
        """STORE-INDEX-9: up to `max_num` offsets, from the newest file back to `begin`.

        `max_msgs_num_batch` bounds `max_num`. Raises `InvalidInput` for a negative number, as
        Java fails on the list that it makes for the answer.
        """
        if max_num < 0:
            raise InvalidInput("maxNum", str(max_num), f"Illegal Capacity: {max_num}")
        phy_offsets: list[int] = []
        max_num = min(max_num, max_msgs_num_batch)
        tagged = self._release.indexes_tags and index_type == INDEX_TAG_TYPE
        query_key = f"{topic}#{INDEX_TAG_TYPE}#{key}" if tagged else f"{topic}#{key}"
        for index_file in reversed(self.index_files):
            if index_file.is_time_matched(begin, end):
                index_file.select_phy_offset(
                    phy_offsets,
                    query_key,
                    max_num=max_num,
                    begin=begin,
                    end=end,
                    store_time=store_time,
                )
            if index_file.begin_timestamp < begin or len(phy_offsets) >= max_num:
                break
        last = self.index_files[-1] if self.index_files else None
        return QueryOffsetResult(
            tuple(phy_offsets),
            0 if last is None else last.end_timestamp,
            0 if last is None else last.end_phy_offset,
        )

    def delete_expired_file(self, min_phy_offset: int) -> int:
        """STORE-INDEX-12: remove files that end below the log, never the last; how many."""
        deleted = 0
        for index_file in self.index_files[:-1]:
            if index_file.end_phy_offset >= min_phy_offset:
                break
            self.disk.unlink(index_file.path)
            deleted += 1
        gone = self.index_files[:deleted]
        self.index_files = self.index_files[deleted:]
        self._full_files = [f for f in self._full_files if f not in gone]
        return deleted

    def destroy(self) -> None:
        """Remove every file."""
        for index_file in self.index_files:
            self.disk.unlink(index_file.path)
        self.index_files = []
        self._full_files.clear()

    def _put(self, key: str, offset: int, timestamp: int, now: Millis) -> None:
        """Put into the last file, or into a new one where it is full."""
        counts_every_put = self._release.index_counts_every_put
        stored = self._writable_file(now).put_key(
            key, offset, timestamp, counts_every_put=counts_every_put
        )
        assert stored, "a writable file has room for one entry"

    def _writable_file(self, now: Millis) -> IndexFile:
        """Return the last file, or a new one that follows it; named by `now`, later if taken."""
        last = self.index_files[-1] if self.index_files else None
        if last is not None and not last.is_write_full:
            return last
        name = time_millis_to_human_string(now)
        if last is not None:
            last_name = last.path.rpartition("/")[2]
            if last_name >= name:  # STORE-INDEX-5: the order of names is the order of files
                name = f"{int(last_name) + 1:0{_NAME_LENGTH}d}"
        index_file = IndexFile.create(
            self.disk,
            f"{INDEX_DIRECTORY}/{name}",
            hash_slot_num=self._hash_slot_num,
            index_num=self._index_num,
            end_phy_offset=0 if last is None else last.end_phy_offset,
            end_timestamp=0 if last is None else last.end_timestamp,
        )
        sync_names(self.disk, INDEX_DIRECTORY)
        self.index_files.append(index_file)
        if last is not None:
            self._full_files.append(last)
        return index_file
