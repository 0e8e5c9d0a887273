"""A behaviour of spec/tla/Recovery.tla, played to a real store: crashes, images and all.

    assert replay_recovery(constants(BOUND), behaviour(STEPS)) == []

What the world does is done: puts, steps of actors, forces, kills, power failures. What a power
failure leaves is the image of the behaviour, slot by slot: of each record and each unit what the
model says, as far as the disk of the implementation may have it, old, new or torn. What the
store decides is its own; the ledger of promises is held against it after every step.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from refimpl.model.ids import Topic
from refimpl.model.message_codec import decode_record
from refimpl.model.release import RELEASE_4_9
from refimpl.model.state_space import Plain, Step, names, number
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import DiskContract, Extreme
from refimpl.sim.store_lab import StoreLab
from refimpl.store.consume_queue import UNIT
from refimpl.store.mapped_file import offset_to_file_name
from refimpl.store.message_store import FLUSH_COMMIT_LOG, FLUSH_CONSUME_QUEUE, REPUT

_RECORD: Final = 128  # bytes of a slot
_BODY: Final = 36
_UNIT: Final = UNIT.size
_CONTRACT: Final = DiskContract(sector=4)  # so small that a unit is torn like a record
_TOPIC: Final = Topic("T")
_THOROUGH: Final = 60_000  # milliseconds after which a round takes everything
_EMPTY: Final = 0

Files = dict[str, bytes]


def replay_recovery(constants: Mapping[str, Plain], steps: Sequence[Step]) -> list[str]:
    """Play all of `steps`; every broken promise, with the step after which it was broken.

    In the end the store comes to rest, so that whatever it believes is shown.
    """
    replay = _Replay(constants)
    before = dict(steps[0][1])
    for at, (action, state) in enumerate(steps[1:], 2):
        after = dict(state)
        replay.play(action, before, after)
        found = replay.check()
        if found:
            return [f"after step {at}, {action}: {what}" for what in found]
        before = after
    replay.rest()
    return [f"at rest: {what}" for what in replay.check()]


class _Replay:
    """One store through all its lives."""

    def __init__(self, constants: Mapping[str, Plain]) -> None:
        self.queues = names(constants, "Queues")
        self.file_slots = number(constants, "FileSlots")
        self.torn = number(constants, "MaxId") + 1
        self.file_size = (self.file_slots + 1) * _RECORD  # too little room for one record more
        sync_flush = number(constants, "SyncFlush")
        self.settings = {
            "flushDiskType": "SYNC_FLUSH" if sync_flush else "ASYNC_FLUSH",
            "mappedFileSizeCommitLog": str(self.file_size),
            "mappedFileSizeConsumeQueue": str(number(constants, "Slots") * _UNIT),
            "messageIndexEnable": "false",
        }
        self.lab: StoreLab | None = None
        self.left = CrashDisk(_CONTRACT)  # what the next life begins with

    def play(self, action: str, before: dict[str, Plain], after: dict[str, Plain]) -> None:
        """One action of the model; what the code does as one step it does at once."""
        lab = self.lab
        if action == "RecoverAbnormally":
            self._open()
            return
        assert lab is not None
        if action == "DoAppend":
            queue_id = self.queues.index(_new_queue(before, after))
            lab.put(_TOPIC, queue_id, size=_BODY)
            assert lab.ledger.sent[-1].size == _RECORD
        elif action == "Flushed":
            lab.step(FLUSH_COMMIT_LOG)
            self._forces(lab)
        elif action == "WakeupCustomer":
            lab.step(FLUSH_COMMIT_LOG)
        elif action == "Dispatch":
            lab.step(REPUT)
            self._read(lab)
        elif action in {"FlushConsumeQueue", "WriteCheckpoint"}:
            lab.advance(_THOROUGH)
            lab.step(FLUSH_CONSUME_QUEUE)
            self._forces(lab)
        elif action == "Kill":
            self.left = _crash_disk(lab.kill())
        elif action == "Crash":
            self.left = CrashDisk(_CONTRACT, files=self._image(after))
            lab.fail_power()
        else:
            assert action == "Recovered", action  # the code opens in one step

    def check(self) -> list[str]:
        """Every broken promise of a store that runs."""
        return self.lab.check() if self.lab is not None and self.lab.alive else []

    def rest(self) -> None:
        """Let everything be forced, dispatched and read."""
        if self.lab is not None and self.lab.alive:
            self.lab.settle(_THOROUGH)
            self._read(self.lab)

    def _read(self, lab: StoreLab) -> None:
        for queue_id in range(len(self.queues)):
            lab.read(_TOPIC, queue_id)

    def _open(self) -> None:
        if self.lab is None:
            self.lab = StoreLab(RELEASE_4_9, self.settings, self.left)
            return
        self.lab.reopen(self.left)
        if not self.lab.check():
            self.lab.settle_ledger()

    @staticmethod
    def _forces(lab: StoreLab) -> None:
        for token in list(lab.pending):
            lab.complete_force(token)

    # --- the image

    def _image(self, after: dict[str, Plain]) -> Files:
        """Every file as it is in the page cache, but for the slots that the model chooses."""
        assert self.lab is not None
        disk = _crash_disk(self.lab.disk.disk)
        new = disk.files()
        held = disk.crash().extreme(Extreme.NOTHING).files
        old = {path: file.read(0, file.size) for path, file in held.items()}
        image = {path: bytearray(data) for path, data in new.items()}
        for slot, content in enumerate(_sequence(after["cache"])):
            path = f"commitlog/{offset_to_file_name(slot // self.file_slots * self.file_size)}"
            start = slot % self.file_slots * _RECORD
            self._choose(image, old, path, (start, start + _RECORD), content)
        for queue, units in _mapping(after["unitCache"]).items():
            folder = f"consumequeue/{_TOPIC}/{self.queues.index(queue)}"
            path = f"{folder}/{offset_to_file_name(0)}"
            for place, unit in enumerate(_sequence(units)):
                start = place * _UNIT
                self._choose(image, old, path, (start, start + _UNIT), unit)
        return {path: bytes(data) for path, data in image.items()}

    def _choose(
        self,
        image: dict[str, bytearray],
        old: Files,
        path: str,
        place: tuple[int, int],
        content: Plain,
    ) -> None:
        """What is durable where the model has that, else what was written, else half of each."""
        start, end = place
        if path not in image:
            return
        written = bytes(image[path][start:end])
        durable = old.get(path, b"")[start:end].ljust(end - start, b"\0")
        unit = end - start == _UNIT
        wanted = _mapping(content)["id"] if unit else content
        if wanted == self.torn:
            half = (end - start) // 2
            # half of a unit says where, and not how long: its sector was never durable
            torn = written[:8] + b"\0\0\0\1" + durable[12:] if unit else b""
            image[path][start:end] = torn or written[:half] + durable[half:]
        elif self._is(durable, content, unit=unit):
            image[path][start:end] = durable

    def _is(self, data: bytes, content: Plain, *, unit: bool) -> bool:
        """Tell whether bytes are what the model has in a slot."""
        if unit:
            offset, size, _ = UNIT.unpack(data)
            at = self._slot_of(offset) if size else 0
            return at == _mapping(content)["at"]
        if content == _EMPTY:
            return not any(data)
        message = decode_record(data, release=RELEASE_4_9) if any(data) else None
        return message is not None and int(message.body[:6]) + 1 == content

    def _slot_of(self, offset: int) -> int:
        file, position = divmod(offset, self.file_size)
        return file * self.file_slots + position // _RECORD + 1


def _crash_disk(disk: object) -> CrashDisk:
    assert isinstance(disk, CrashDisk)
    return disk


def _sequence(value: Plain) -> tuple[Plain, ...]:
    assert isinstance(value, tuple)
    return value


def _mapping(value: Plain) -> dict[str, Plain]:
    """A record or a function of names."""
    return dict(_pairs(value))


def _pairs(value: Plain) -> Iterator[tuple[str, Plain]]:
    assert isinstance(value, frozenset)
    for pair in value:
        assert isinstance(pair, tuple)
        name, item = pair
        assert isinstance(name, str)
        yield name, item


def _new_queue(before: dict[str, Plain], after: dict[str, Plain]) -> str:
    """The queue of the message that the step has put."""
    at = before["nextId"]
    assert isinstance(at, int)
    queue = _sequence(after["queueOf"])[at - 1]
    assert isinstance(queue, str)
    return queue
