"""The trace of a store: every action by name, in order, and no difference to what is stored."""

from fuzz.store_rig import HOST, START, message
from refimpl.model.config import Config
from refimpl.model.ids import Millis
from refimpl.model.preset import MINIMAL
from refimpl.model.release import RELEASE_4_9
from refimpl.model.trace import (
    Append,
    Dispatch,
    Flush,
    FlushConsumeQueue,
    Flushed,
    PutRequest,
    Recovered,
    SwapRequests,
    Sync,
    TraceEvent,
    WakeupCustomer,
)
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.store.message_store import MessageStore
from tests.store.harness import run

NOW = Millis(START + 5)
SYNC = {**MINIMAL, "flushDiskType": "SYNC_FLUSH", "mappedFileSizeCommitLog": "400"}


def life(disk: MemoryDisk, heard: list[TraceEvent] | None) -> None:
    """Two puts, the second of which rolls into a new file, each answered."""
    config = Config.of(RELEASE_4_9, "broker", SYNC)
    tracer = None if heard is None else heard.append
    store = MessageStore(disk, config, RELEASE_4_9, HOST, tracer=tracer)
    store.load(START)
    store.start(START)
    run(store, START)
    for body in (b"a" * 150, b"b" * 150):
        assert store.put_message(message(body), NOW).ticket is not None
        run(store, NOW)
    store.shutdown(NOW)
    run(store, NOW)


def test_names_of_a_sync_put_across_the_end_of_a_file() -> None:
    """STORE-FLUSH-3: the second put needs two forces; each message is dispatched once durable."""
    heard: list[TraceEvent] = []
    life(MemoryDisk(), heard)
    assert [type(event) for event in heard] == [
        Recovered,
        *(Append, PutRequest, SwapRequests, Flush, Flushed, WakeupCustomer, Dispatch, Sync),
        *(Append, PutRequest, SwapRequests, Flush, Flushed, Flush, Flushed, WakeupCustomer),
        *(Dispatch, Sync),
        FlushConsumeQueue,  # by the orderly end
    ]
    appends = [event for event in heard if isinstance(event, Append)]
    dispatches = [event for event in heard if isinstance(event, Dispatch)]
    assert [a[:5] for a in appends] == [tuple(d) for d in dispatches]
    assert [e.durable for e in heard if isinstance(e, WakeupCustomer)] == [True, True]
    assert [e.attempt for e in heard if isinstance(e, Flush)] == [1, 1, 2]
    flushed = [e.where for e in heard if isinstance(e, Flushed)]
    assert flushed == sorted(flushed)
    assert flushed[-1] == appends[-1].offset + appends[-1].size


def test_a_listener_changes_nothing() -> None:
    traced, silent = MemoryDisk(), MemoryDisk()
    life(traced, [])
    life(silent, None)
    assert traced.files() == silent.files()
