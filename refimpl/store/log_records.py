"""The messages of a part of the log, one after the other: for what is rebuilt from it."""

from collections.abc import Iterator
from typing import Final

from refimpl.model.message_codec import DispatchRequest, check_record
from refimpl.model.release import Release
from refimpl.store.commit_log_view import CommitLogView

CHUNK: Final = 64 * 1024  # bytes of the log in one read


def records(
    log: CommitLogView, offset: int, end: int, release: Release
) -> Iterator[DispatchRequest]:
    """Yield the messages that begin in [`offset`, `end`); `offset` is where one begins.

    Blank ends are passed over. Where no record can be read the rest of that file is left out.
    """
    while 0 <= offset < end:
        data = log.get_data(offset, CHUNK)
        needed = 0 if data is None else int.from_bytes(data[:4], "big", signed=True)
        if data is not None and needed > len(data):
            data = log.get_data(offset, needed)
        position = 0
        while data is not None and offset < end:
            request = check_record(data, position, release=release, check_crc=False)
            if request.msg_size <= 0:
                break
            if request.success:
                yield request
            position += request.msg_size
            offset += request.msg_size
        if position == 0:
            offset = log.roll_next_file(offset)
