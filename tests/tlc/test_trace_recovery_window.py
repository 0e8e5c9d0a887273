"""The window of TraceRecovery may forget all but the newest record, and the file goes on."""

import pytest

from refimpl.model.release import RELEASE_4_9
from refimpl.model.trace_file import Trace
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.store_lab import StoreLab
from refimpl.sim.trace_writer import TraceLog
from tests.tlc.judging import check_accepted, judged_by

_SETTINGS = {"mappedFileSizeCommitLog": "500", "flushDiskType": "SYNC_FLUSH"}


def rolls_behind(count: int) -> Trace:
    """So many messages are forced, dispatched and looked at; then a blank ends their last file."""
    log = TraceLog.of(f"{count}", StoreLab(RELEASE_4_9, _SETTINGS).config, RELEASE_4_9)
    lab = StoreLab(RELEASE_4_9, _SETTINGS, CrashDisk(), trace=log)
    for _ in range(count):
        lab.put()
        lab.settle()
    lab.put(size=250)
    lab.settle()
    lab.put()
    lab.settle()
    return log.trace()


@pytest.mark.slow
def test_a_file_ends_behind_what_was_forgotten() -> None:
    traces = [rolls_behind(count) for count in range(6, 14)]
    check_accepted(judged_by("Recovery", traces), traces)
