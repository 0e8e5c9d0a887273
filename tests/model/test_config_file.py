"""A small file that is replaced whole, through every crash."""

import pytest

from refimpl.model.config_file import ConfigFile
from refimpl.model.disk import DiskError
from refimpl.model.errors import InvalidInput
from refimpl.model.prng import Prng
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import STRICT
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint, ForceOutcome

PATH = "config/topics.json"
IMAGES = 60


class Owner:
    """A process that has the file: forces wait until the test ends them."""

    def __init__(self, disk: CrashDisk) -> None:
        self.disk = disk
        self.waiting: list[tuple[str, object]] = []
        self.read: str | None = None
        self.file = ConfigFile(disk, PATH, self._force)
        self.loaded = self.file.load(self._decode)

    def _force(self, path: str, done: object) -> None:
        assert path in {PATH, PATH + ".tmp"}
        self.waiting.append((path, done))

    def _decode(self, text: str) -> None:
        if text not in WHOLE:
            raise InvalidInput("file", text, "torn")
        self.read = text

    def is_settling(self) -> bool:
        return self.file.is_settling

    def force(self, *, failed: bool = False) -> None:
        path, done = self.waiting.pop(0)
        assert callable(done)
        try:
            self.disk.force(path, ForceOutcome.FAIL if failed else ForceOutcome.OK)
        except DiskError:
            assert failed
        done(failed)


def text(number: int) -> str:
    return f"<{number}:" + str(number) * 900 + ">"


WHOLE = {"<1>", *(text(n) for n in range(1, 4))}


def after_power_loss(disk: CrashDisk) -> set[str | None]:
    """What a start may find, over many images; every one must be usable."""
    found = set()
    for image in disk.crash().images(IMAGES, Prng(1)):
        owner = Owner(CrashDisk.from_image(image))
        assert owner.loaded, image.label
        found.add(owner.read)
    return found


def test_the_first_file_survives_whole_or_was_never_there() -> None:
    """BROKER-LIFECYCLE-10, BROKER-LIFECYCLE-11: a broker starts after its first seconds."""
    owner = Owner(CrashDisk(STRICT))
    owner.file.persist(text(1))
    assert after_power_loss(owner.disk) == {None, text(1)}
    owner.force()
    assert after_power_loss(owner.disk) == {text(1)}
    assert not owner.disk.exists(PATH + ".bak")


def test_what_was_durable_is_there_or_something_newer() -> None:
    """BROKER-LIFECYCLE-10."""
    owner = Owner(CrashDisk(STRICT))
    owner.file.persist(text(1))
    owner.force()
    owner.file.persist(text(2))
    owner.file.persist(text(3))
    assert after_power_loss(owner.disk) <= {text(1), text(2), text(3)}
    owner.force()
    owner.force()
    assert after_power_loss(owner.disk) == {text(3)}


def test_a_kill_between_two_files_loses_nothing_durable() -> None:
    """BROKER-LIFECYCLE-10: what was loaded from the page cache is not taken for durable."""
    owner = Owner(CrashDisk(STRICT))
    owner.file.persist(text(1))
    owner.force()
    owner.file.persist(text(2))
    again = Owner(owner.disk.image())
    assert again.read == text(2)
    again.force()
    again.file.persist(text(3))
    assert after_power_loss(again.disk) <= {text(2), text(3)}


@pytest.mark.parametrize("failed", [False, True])
def test_what_was_durable_before_a_kill_is_not_risked(failed: bool) -> None:
    """BROKER-LIFECYCLE-10: the loaded file stays where it is until its copy is durable."""
    owner = Owner(CrashDisk(STRICT))
    for number in (1, 2):
        owner.file.persist(text(number))
        owner.force()
    again = Owner(owner.disk.image())
    assert again.is_settling()
    assert after_power_loss(again.disk) == {text(2)}
    again.force(failed=failed)
    assert not again.is_settling()
    assert after_power_loss(again.disk) == {text(2)}
    assert again.file.persist(text(3)) is not failed  # what failed is tried again first
    assert after_power_loss(again.disk) <= {text(2), text(3)}
    again.force()
    if failed:
        assert again.file.persist(text(3))
        again.force()
    assert after_power_loss(again.disk) == {text(3)}


def test_a_failed_force_is_not_cured_by_another() -> None:
    """BROKER-LIFECYCLE-10: the force after the kill would succeed and make nothing durable."""
    owner = Owner(CrashDisk(STRICT))
    owner.file.persist(text(1))
    owner.force(failed=True)
    again = Owner(owner.disk.image())
    assert again.read == text(1)
    again.force()
    assert after_power_loss(again.disk) == {text(1)}


@pytest.mark.parametrize("point", [FaultPoint.NO_SPACE_CREATE, FaultPoint.NO_SPACE_WRITE])
def test_a_full_disk_changes_nothing(point: FaultPoint) -> None:
    """BROKER-LIFECYCLE-10: the broker goes on, and a kill finds the file of before."""
    owner = Owner(CrashDisk(STRICT))
    assert owner.file.persist(text(1))
    owner.force()
    owner.disk.faults = DiskFaults([DiskFault(point)])
    assert not owner.file.persist(text(2))
    assert Owner(owner.disk.image()).read == text(1)
    assert owner.file.persist(text(3))
    assert Owner(owner.disk.image()).read == text(3)


@pytest.mark.parametrize(
    ("main", "backup", "starts"),
    [
        (b"", None, True),
        (b"torn", b"", True),
        (b"torn", b"<1>", True),
        (None, b"<1>", True),
        (b"torn", None, False),
        (b"torn", b"torn", False),
        (None, b"torn", False),
    ],
)
def test_which_start_is_refused(main: bytes | None, backup: bytes | None, starts: bool) -> None:
    """BROKER-LIFECYCLE-11."""
    files = {PATH: main, PATH + ".bak": backup}
    disk = CrashDisk(files={path: data for path, data in files.items() if data is not None})
    owner = Owner(disk)
    assert owner.loaded is starts
    assert owner.read == ("<1>" if backup == b"<1>" else None)
