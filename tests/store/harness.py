"""What the tests of the store share: a store on a memory disk, an obedient owner."""

from collections.abc import Mapping

from fuzz.store_rig import HOST, START
from refimpl.model.config import Config
from refimpl.model.disk import Disk
from refimpl.model.ids import Millis
from refimpl.model.preset import MINIMAL
from refimpl.model.release import RELEASE_4_9, Release
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.store.message_store import MessageStore
from refimpl.store.store_event import ForceWanted, StoreEvent


def open_with(
    overrides: Mapping[str, str],
    disk: Disk | None = None,
    release: Release = RELEASE_4_9,
    now: Millis = START,
) -> MessageStore:
    """A started store with files of a few hundred bytes, and settings of the test."""
    config = Config.of(release, "broker", {**MINIMAL, **overrides})
    store = MessageStore(disk or MemoryDisk(), config, release, HOST)
    store.load(now)
    store.start(now)
    return store


def open_store(
    disk: Disk | None = None,
    release: Release = RELEASE_4_9,
    now: Millis = START,
    **overrides: str,
) -> MessageStore:
    """Open with settings as keyword arguments."""
    return open_with(overrides, disk, release, now)


def force_all(store: MessageStore, now: Millis, *, failed: bool = False) -> list[StoreEvent]:
    """Perform every force at once, until the store asks for none; everything that it said."""
    said: list[StoreEvent] = []
    for _ in range(1000):
        events = store.poll()
        if not events:
            return said
        said += events
        for event in events:
            if isinstance(event, ForceWanted):
                store.forced(event.token, failed=failed, now=now)
    raise AssertionError("the store does not come to rest")


def run(store: MessageStore, now: Millis, *, failed: bool = False) -> list[StoreEvent]:
    """Step every actor that is due, with its forces, until none is."""
    said: list[StoreEvent] = []
    for _ in range(1000):
        due = [actor for actor, when in store.actors().items() if when <= now]
        for actor in due:
            store.step(actor, now)
        events = force_all(store, now, failed=failed)
        said += events
        if not due and not events:
            return said
    raise AssertionError("the store does not come to rest")
