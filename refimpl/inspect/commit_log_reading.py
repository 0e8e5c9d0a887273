"""The commit log from outside: every record in order, holes, and where it ends.

Requirements  STORE-MESSAGE-4, STORE-MESSAGE-6, STORE-LOG-8, STORE-RECOVERY-2, STORE-RECOVERY-6

Recovery ends the log at the first thing that is no record. An inspection wants to know more: where
something was dispatched behind such a place, it looks for the next record and reads on, so that
one damaged byte is one finding.
"""

from collections.abc import Generator, Iterator
from typing import Final, NamedTuple

from refimpl.inspect.finding import Findings, Gravity
from refimpl.inspect.store_files import NumberedFile, NumberedFiles
from refimpl.model.message_codec import (
    BLANK_HEADER_SIZE,
    BLANK_MAGIC_CODE,
    MESSAGE_MAGIC_CODE,
    MESSAGE_MAGIC_CODE_V2,
    NO_RECORD,
    DeliverAt,
    DispatchRequest,
    check_record,
    has_possible_ports,
)
from refimpl.model.release import Release

_WINDOW: Final = 1 << 20
_MAGICS: Final = tuple(
    code.to_bytes(4, "big", signed=True)
    for code in (MESSAGE_MAGIC_CODE, MESSAGE_MAGIC_CODE_V2, BLANK_MAGIC_CODE)
)


class Hole(NamedTuple):
    """Bytes of the log that are no record although something lies behind them."""

    start: int
    end: int


class CommitLogReading:
    """Reads records; what it meets on the way goes to `findings`.

    `dispatched_end` is the end of the newest record that a queue or the index names: behind it a
    place that is no record is the end of the log, before it a hole. `flushed_time` is the store
    time up to which the checkpoint calls the log flushed.
    """

    __slots__ = (
        "_base",
        "_deliver_at",
        "_dispatched_end",
        "_findings",
        "_flushed_time",
        "_release",
        "_window",
        "count",
        "end",
        "files",
        "first_time",
        "holes",
        "last_time",
    )

    def __init__(
        self,
        files: NumberedFiles,
        release: Release,
        deliver_at: DeliverAt,
        findings: Findings,
        *,
        dispatched_end: int,
        flushed_time: int,
    ) -> None:
        self.files = files
        self.holes: list[Hole] = []
        self.end = files.start
        self.count = 0
        self.first_time = 0
        self.last_time = 0
        self._release = release
        self._deliver_at = deliver_at
        self._findings = findings
        self._dispatched_end = dispatched_end
        self._flushed_time = flushed_time
        self._window = b""
        self._base = 0

    def record_at(self, place: int) -> DispatchRequest | None:
        """The record that begins at `place` and says so; None for anything else."""
        request = self._check(place)
        return request if request.msg_size > 0 and _counts(request, place) else None

    @property
    def is_cut_short(self) -> bool:
        """True where the log ends with a hole that was reported."""
        return bool(self.holes) and self.holes[-1].end >= self.files.limit

    def in_hole(self, place: int) -> bool:
        """True where `place` lies in a hole that was reported."""
        return any(hole.start <= place < hole.end for hole in self.holes)

    def records(self) -> Iterator[DispatchRequest]:
        """Every record, in order; afterwards `end` is the end of the log."""
        position = 0
        files = self.files.files
        place = self.files.start
        while position < len(files):
            held = files[position]
            place = max(place, held.start)
            ended = yield from self._records_of(held, place)
            if ended is not None:
                following = self._resume(position, ended)
                if following is None:
                    self.end = ended
                    if ended < self._dispatched_end:
                        self.holes.append(Hole(ended, self.files.limit))
                    return
                place = following
                self.holes.append(Hole(ended, following))
                while position < len(files) and files[position].start + self._size <= place:
                    position += 1
                continue
            position += 1
            if position < len(files):
                if files[position].start > held.start + self._size:  # told as a missing file
                    self.holes.append(Hole(held.start + self._size, files[position].start))
                place = self.end = files[position].start

    @property
    def _size(self) -> int:
        return self.files.file_size

    def _records_of(
        self, held: NumberedFile, place: int
    ) -> Generator[DispatchRequest, None, int | None]:
        """Yield records from `place` on; return where no record is, None after the blank."""
        limit = held.start + self._size
        while place < limit:
            request = self._check(place)
            if request.success and request.msg_size == 0:
                self.end = place
                self._check_blank(place, limit)
                return None
            if not _counts(request, place):
                return place
            self.count += 1
            self._note_time(request)
            yield request
            place += request.msg_size
            self.end = place
            if limit - place < BLANK_HEADER_SIZE:
                self._findings.violated(
                    "STORE-LOG-8", held.path, "a record leaves no room for the blank", place=place
                )
                return None
        return None

    def _note_time(self, request: DispatchRequest) -> None:
        if not self.first_time:
            self.first_time = request.store_timestamp
        if request.store_timestamp < self.last_time:
            self._findings.note(
                "STORE-LOG-13",
                self.files.path,
                "the store time goes back",
                place=request.commit_log_offset,
                detail=f"by {self.last_time - request.store_timestamp} ms",
            )
        self.last_time = max(self.last_time, request.store_timestamp)

    def _check_blank(self, place: int, limit: int) -> None:
        length = int.from_bytes(self.files.read(place, 4), "big", signed=True)
        if length != limit - place:
            self._findings.violated(
                "STORE-MESSAGE-4",
                self.files.path,
                "the blank record tells a wrong length",
                place=place,
                detail=f"{length}, not {limit - place}",
            )

    def _check(self, place: int) -> DispatchRequest:
        held = self.files.holding(place)
        limit = place if held is None else min(held.start + self._size, held.start + held.size)
        left = limit - place
        if not self._base <= place <= self._base + len(self._window) - min(4, left):
            self._read(place, min(_WINDOW, left))
        claimed = int.from_bytes(self._bytes(place, 4), "big", signed=True)
        if self._base + len(self._window) - place < min(max(claimed, 0), left):
            self._read(place, min(max(_WINDOW, claimed), left))
        request = check_record(
            self._window,
            place - self._base,
            release=self._release,
            deliver_at=self._deliver_at,
        )
        if request.msg_size <= 0 or not request.success:
            return request
        return request if has_possible_ports(self._window, place - self._base) else NO_RECORD

    def _read(self, place: int, length: int) -> None:
        self._window, self._base = self.files.read(place, length), place

    def _bytes(self, place: int, length: int) -> bytes:
        return self._window[place - self._base : place - self._base + length]

    # --- what is no record

    def _resume(self, position: int, ended: int) -> int | None:
        """Where reading goes on behind `ended`, in file `position`; None where the log ends.

        STORE-RECOVERY-2: recovery would end the log here.
        """
        held = self.files.files[position]
        rest = self._first_byte(ended)
        lost = ended < self._dispatched_end
        if rest is None and not lost:
            return None  # nothing but zeros: the ordinary end
        if held.size != self._size:
            return self._search(held.start + self._size)  # told by its length
        following = self._search(ended + 1) if lost else None
        rule, why = self._diagnose(ended)
        if lost:
            gravity = self._gravity_of_hole(following)
            kind = "no record where one was dispatched"
            behind = "nothing readable behind it"
            if following is not None:
                behind = f"readable again at {following}; recovery would cut that off"
            self._findings.add(
                gravity, rule, held.path, kind, place=ended, detail=f"{why}; {behind}"
            )
        elif self._findings.unclean:
            self._findings.interrupted(
                rule, held.path, "torn bytes behind the end", place=ended, detail=f"{why}"
            )
        else:
            self._findings.note(
                "STORE-RECOVERY-6",
                held.path,
                "bytes behind the end that an earlier recovery cut off",
                place=ended,
            )
        return following

    def _gravity_of_hole(self, following: int | None) -> Gravity:
        """A crash may lose what was not flushed; the checkpoint says what was."""
        if not self._findings.unclean:
            return Gravity.VIOLATION
        if following is not None:
            request = self.record_at(following)
            if request is not None and request.store_timestamp <= self._flushed_time:
                return Gravity.VIOLATION
        return Gravity.CRASH

    def _first_byte(self, place: int) -> int | None:
        """The first place at or behind `place` that is not zero, to the end of all files."""
        for held in self.files.files:
            at = max(place, held.start)
            while at < held.start + self._size:
                data = self.files.read(at, _WINDOW)
                if not data:
                    break
                left = data.lstrip(b"\0")
                if left:
                    return at + len(data) - len(left)
                at += len(data)
        return None

    def _search(self, place: int) -> int | None:
        """The next record, or correct blank, that begins at or behind `place`."""
        for held in self.files.files:
            limit = held.start + self._size
            if limit <= place:
                continue
            data = self.files.read(max(place, held.start), self._size)
            start = max(place, held.start)
            found = [at for magic in _MAGICS for at in _all(data, magic)]
            for at in sorted(found):
                candidate = start + at - 4
                if candidate >= place and self._stands(candidate, limit):
                    return candidate
        return None

    def _stands(self, place: int, limit: int) -> bool:
        if self.record_at(place) is not None:
            return True
        head = self.files.read(place, BLANK_HEADER_SIZE)
        return head == (limit - place).to_bytes(4, "big") + _MAGICS[2]

    def _diagnose(self, place: int) -> tuple[str, str]:
        """The rule that these bytes break, and how."""
        held = self.files.holding(place)
        data = self.files.read(place, self._size)
        if self._first_byte(place) is None:
            return "STORE-CQ-9", "the log ends here with zeros"
        if held is None or len(data) < BLANK_HEADER_SIZE:
            return "STORE-LOG-8", "fewer than eight bytes are left"
        if not any(data[:BLANK_HEADER_SIZE]):
            return "STORE-MESSAGE-4", "zeros, and no blank record"
        if data[4:8] not in _MAGICS:
            return "STORE-MESSAGE-6", f"magic code {data[4:8].hex()} is unknown"
        size = int.from_bytes(data[:4], "big", signed=True)
        request = check_record(data, release=self._release, check_crc=False)
        if request.success and "\0" in request.topic:
            return "STORE-RECOVERY-2", "zeros in the name of the topic"
        if request.success and not has_possible_ports(data):
            return "STORE-RECOVERY-12", "a host has a port that cannot be"
        if request.success and request.commit_log_offset != place:
            return (
                "STORE-RECOVERY-2",
                f"the record says that it stands at {request.commit_log_offset}",
            )
        if request.success:
            return "STORE-MESSAGE-1", "the checksum of the body is wrong"
        if not 0 < size <= len(data):
            return "STORE-MESSAGE-6", f"total size {size} does not fit the file"
        return "STORE-MESSAGE-6", "the lengths within the record disagree"


def _counts(request: DispatchRequest, place: int) -> bool:
    """STORE-RECOVERY-2: whole, at its own place, of a topic that can be one."""
    return request.success and request.commit_log_offset == place and "\0" not in request.topic


def _all(data: bytes, wanted: bytes) -> Iterator[int]:
    at = data.find(wanted)
    while at >= 0:
        yield at
        at = data.find(wanted, at + 1)
