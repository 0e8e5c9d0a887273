"""Entries of the index held against the keys of the records, in the order of the log.

Requirements  STORE-INDEX-1, STORE-INDEX-2, STORE-INDEX-4, STORE-INDEX-11 in spec/store/index.md
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from refimpl.inspect.commit_log_reading import CommitLogReading
from refimpl.inspect.finding import Findings, Report
from refimpl.inspect.index_reading import IndexEntry, IndexReading, Shape, check_file
from refimpl.model.message_codec import DispatchRequest
from refimpl.model.message_property import PROPERTY_TAGS
from refimpl.model.sys_flag import TRANSACTION_ROLLBACK_TYPE, transaction_value
from refimpl.store.index_file import index_key_hash

_INT_MAX: Final = 0x7FFFFFFF


class _Placed(NamedTuple):
    entry: IndexEntry
    number: int  # within its file, from 1
    file: IndexReading


class IndexCheck:
    """Feeds on records; a message without its entries is told once for each stretch."""

    __slots__ = (
        "_at",
        "_covered_time",
        "_damaged",
        "_entries",
        "_excused",
        "_explained",
        "_findings",
        "_first",
        "_forced",
        "_last",
        "_log",
        "_missed_head",
        "_missed_tail",
    )

    def __init__(
        self,
        files: Sequence[IndexReading],
        shape: Shape | None,
        log: CommitLogReading,
        findings: Findings,
        *,
        covered_time: int,
    ) -> None:
        """`covered_time` is the checkpoint's time of the index: older files were forced."""
        self._log = log
        self._findings = findings
        self._entries: list[_Placed] = []
        self._at = 0
        self._excused: list[tuple[int, int]] = []
        self._covered_time = covered_time
        self._explained = 0  # entries that were told as wrong: their records will miss them
        self._missed_head: list[DispatchRequest] = []
        self._missed_tail: list[DispatchRequest] = []
        self._damaged: list[IndexReading] = []
        self._forced: list[IndexReading] = []
        if shape is None:
            for found in files:
                if found.header.index_count > 1:
                    findings.interrupted(
                        "STORE-INDEX-4", found.path, "the chains fit no number of slots"
                    )
        else:
            for found in files:
                full = found.header.index_count >= shape.entries
                forced = full and 0 < found.header.end_timestamp <= covered_time
                if forced:
                    self._forced.append(found)
                entries = check_file(found, shape, findings, written_by_crash=not forced)
                if entries is None:  # told; whatever it covered is excused
                    self._damaged.append(found)
                    continue
                self._entries += [_Placed(e, n, found) for n, e in enumerate(entries, start=1)]
        if self._damaged:
            self._excused = self._range_of_damage(files)
        self._first = self._entries[0].entry.phy_offset if self._entries else 0
        self._last = max((p.entry.phy_offset for p in self._entries), default=-1)
        newest = self._entries[-1].file.header.end_phy_offset if self._entries else -1
        if newest >= 0:
            self._last = min(self._last, max(newest, self._first))

    def take(self, record: DispatchRequest) -> None:
        """Hold one record against the entries that name its place."""
        place = record.commit_log_offset
        self._pass_strays(place)
        here: list[_Placed] = []
        while self._at < len(self._entries) and self._entries[self._at].entry.phy_offset == place:
            here.append(self._entries[self._at])
            self._at += 1
        wanted, possible = _keys(record)
        found = {placed.entry.key_hash for placed in here}
        for placed in here:
            if placed.entry.key_hash not in possible:
                self._report(placed)(
                    "STORE-INDEX-2",
                    placed.file.path,
                    "an entry has a hash of no key of its message",
                    place=placed.number,
                    detail=f"of the record at {place}",
                )
                self._explained += 1
            else:
                self._check_time(placed, record)
        if wanted - found:
            self._miss(record, here)

    def finish(self) -> None:
        """Entries behind the log, and messages that the index does not reach."""
        self._pass_strays(None)
        if self._missed_head:
            first = self._missed_head[0]
            covered = first.store_timestamp <= self._covered_time
            report = self._findings.violated if covered else self._findings.interrupted
            report(
                "STORE-INDEX-11",
                "index",
                "the first messages of the log are not indexed",
                place=first.commit_log_offset,
                detail=f"{len(self._missed_head)} messages",
            )
        if self._missed_tail and self._entries:
            self._findings.interrupted(
                "STORE-INDEX-1",
                "index",
                "the index is behind the log",
                place=self._missed_tail[0].commit_log_offset,
                count=len(self._missed_tail),
            )

    def _range_of_damage(self, files: Sequence[IndexReading]) -> list[tuple[int, int]]:
        """Places that damaged files covered: from the end of the file before to the next one."""
        ranges = []
        for position, found in enumerate(files):
            if found in self._damaged:
                before = files[position - 1].header.end_phy_offset if position else 0
                after = position + 1 < len(files)
                following = files[position + 1].header.begin_phy_offset if after else 1 << 62
                ranges.append((before, following))
        return ranges

    def _miss(self, record: DispatchRequest, here: list[_Placed]) -> None:
        place = record.commit_log_offset
        if any(start <= place <= end for start, end in self._excused):
            return
        if place > self._last or (place == self._last and self._findings.unclean):
            self._missed_tail.append(record)
        elif place < self._first and not here:
            self._missed_head.append(record)
        elif self._explained:
            self._explained -= 1
        else:
            report = (
                self._findings.violated if self._forced_at(place) else self._findings.interrupted
            )
            report(
                "STORE-INDEX-1",
                "index",
                "a message is not indexed under all of its keys",
                place=place,
            )

    def _pass_strays(self, place: int | None) -> None:
        """Entries below `place` that no record took; STORE-INDEX-12 lets old ones stay."""
        log = self._log
        while self._at < len(self._entries):
            placed = self._entries[self._at]
            offset = placed.entry.phy_offset
            following = self._entries[self._at + 1] if self._at + 1 < len(self._entries) else None
            if place is not None and offset >= place:
                ahead = following is not None and following.entry.phy_offset < offset
                if offset == place or not ahead:
                    return  # in its order: a later record takes it
            self._at += 1
            if 0 <= offset < log.files.start or log.in_hole(offset):
                continue
            if place is None and offset >= log.end and self._in_order(placed):
                self._findings.interrupted(
                    "STORE-INDEX-11",
                    placed.file.path,
                    "entries point behind the end of the log",
                    place=placed.number,
                    detail=f"at {offset}, and the log ends at {log.end}",
                )
                continue
            self._report(placed)(
                "STORE-INDEX-1",
                placed.file.path,
                "an entry points to no message",
                place=placed.number,
                detail=f"at {offset}",
            )
            self._explained += 1

    def _report(self, placed: _Placed) -> Report:
        """STORE-INDEX-11: a file that was not forced may be torn by a crash."""
        forced = placed.file in self._forced
        return self._findings.violated if forced else self._findings.interrupted

    def _forced_at(self, place: int) -> bool:
        return any(
            found.header.begin_phy_offset <= place <= found.header.end_phy_offset
            for found in self._forced
        )

    def _in_order(self, placed: _Placed) -> bool:
        return placed.entry.phy_offset <= placed.file.header.end_phy_offset

    def _check_time(self, placed: _Placed, record: DispatchRequest) -> None:
        """STORE-INDEX-4; the first entry counts from the end of the file before (STORE-INDEX-8)."""
        begin = placed.file.header.begin_timestamp
        seconds = min(max(0, (record.store_timestamp - begin) // 1000), _INT_MAX)
        if placed.number > 1 and placed.entry.seconds != seconds:
            self._report(placed)(
                "STORE-INDEX-4",
                placed.file.path,
                "an entry tells a wrong time",
                place=placed.number,
                detail=f"{placed.entry.seconds} s, not {seconds}",
            )


def _keys(record: DispatchRequest) -> tuple[set[int], set[int]]:
    """STORE-INDEX-1: hashes that every release indexes, and those that some release does."""
    if transaction_value(record.sys_flag) == TRANSACTION_ROLLBACK_TYPE:
        return set(), set()
    names = [record.uniq_key] if record.uniq_key else []
    names += [key for key in (record.keys or "").split(" ") if key]
    wanted = {index_key_hash(f"{record.topic}#{name}") for name in names}
    tags = (record.properties or {}).get(PROPERTY_TAGS)
    possible = {index_key_hash(f"{record.topic}#T#{tags}")} if tags else set()
    return wanted, wanted | possible
