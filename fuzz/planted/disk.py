"""Disks that are kinder or crueller than their contract, or miscount. Each breaks one invariant."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from unittest.mock import patch

from fuzz.stateful.registry import Planted
from refimpl.model.disk import DiskError
from refimpl.model.effect import Span
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import Extreme
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint
from refimpl.sim.open_file import OpenFile
from refimpl.sim.sector_outcomes import SectorOutcomes

_write = OpenFile.write
_drop = OpenFile.drop
_force = OpenFile.force
_rename = CrashDisk.rename
_unlink = CrashDisk.unlink
_due = DiskFaults.due


def _write_through(self: OpenFile, offset: int, data: bytes, sector: int) -> None:
    _write(self, offset, data, sector)
    self.force(sector)


def _keep_last_version(self: OpenFile, offset: int, data: bytes, sector: int) -> None:
    _write(self, offset, data, sector)
    for versions in self.versions.values():
        del versions[:-1]


def _rename_at_once(self: CrashDisk, source: str, target: str) -> None:
    _rename(self, source, target)
    self.sync_directory(source.rpartition("/")[0])
    self.sync_directory(target.rpartition("/")[0])


def _unlink_at_once(self: CrashDisk, path: str) -> None:
    _unlink(self, path)
    self.sync_directory(path.rpartition("/")[0])


def _forget_pending_names(self: CrashDisk, source: str, target: str) -> None:
    before = list(self._journal.steps)
    _rename(self, source, target)
    self._journal.steps = before


def _sync_nothing(self: CrashDisk, path: str) -> None:
    if not self.exists(path) or path in self.files():
        raise DiskError("sync_directory", path, "no such directory")


def _force_nothing(self: OpenFile, sector: int, span: Span | None = None) -> None:
    assert sector
    assert span is None or span.start <= span.end
    self.dropped.clear()


def _force_all(self: OpenFile, sector: int, span: Span | None = None) -> None:
    assert span is None or span.start <= span.end
    _force(self, sector)


def _force_short(self: OpenFile, sector: int, span: Span | None = None) -> None:
    _force(self, sector, None if span is None else Span(span.start + sector, span.end))


def _drop_nothing(self: OpenFile) -> None:
    self.dropped.clear()


def _drop_and_lose(self: OpenFile) -> None:
    _drop(self)
    self.versions.clear()


def _lose_cache(self: CrashDisk) -> CrashDisk:
    return CrashDisk.from_image(self.crash().extreme(Extreme.NOTHING), faults=self.faults)


def _count_as_if_torn_were_none(self: SectorOutcomes) -> int:
    count = 1
    for held in self._sectors:
        count *= len(held.values)
    return count


def _count_every_due(self: DiskFaults, point: FaultPoint, path: str) -> DiskFault | None:
    found = _due(self, point, path)
    if found is not None:
        self.count(point)
    return found


def _replaced(
    owner: type, method: str, planted: object
) -> Callable[[], AbstractContextManager[object]]:
    return lambda: patch.object(owner, method, planted)


PLANTED = {
    f"disk-{name}": Planted("Disk", f"Disk{breaks}Inv", _replaced(owner, method, planted))
    for name, breaks, owner, method, planted in (
        ("writes-through", "LosesWhatIsPending", OpenFile, "write", _write_through),
        ("forgets-versions", "LosesWhatIsPending", OpenFile, "write", _keep_last_version),
        ("renames-at-once", "LosesWhatIsPending", CrashDisk, "rename", _rename_at_once),
        ("unlinks-at-once", "LosesWhatIsPending", CrashDisk, "unlink", _unlink_at_once),
        ("writes-dropped-pages", "LosesWhatIsPending", OpenFile, "drop", _drop_nothing),
        ("forgets-renames", "KeepsWhatWasForced", CrashDisk, "rename", _forget_pending_names),
        ("syncs-nothing", "KeepsWhatWasForced", CrashDisk, "sync_directory", _sync_nothing),
        ("forces-nothing", "KeepsWhatWasForced", OpenFile, "force", _force_nothing),
        ("forces-the-whole-file", "LosesWhatIsPending", OpenFile, "force", _force_all),
        ("forces-too-little", "KeepsWhatWasForced", OpenFile, "force", _force_short),
        ("loses-dropped-pages", "KeepsWhatWasForced", OpenFile, "drop", _drop_and_lose),
        ("dies-with-the-process", "ShowsWhatWasWritten", CrashDisk, "image", _lose_cache),
        ("miscounts-torn", "CountIsExact", SectorOutcomes, "count", _count_as_if_torn_were_none),
        ("counts-twice", "FaultsAreCounted", DiskFaults, "due", _count_every_due),
    )
}
