"""The six stores of Apache as dictionaries of bytes, and damage done to them."""

import functools
import tarfile
from pathlib import Path

from refimpl.inspect.finding import Finding
from refimpl.inspect.store_reading import open_reading
from refimpl.inspect.verification import verify
from refimpl.model.prng import Prng
from refimpl.sim.memory_disk import MemoryDisk

STORES = Path(__file__).parents[2] / "spec" / "vectors" / "stores"
NAMES = sorted(path.stem for path in STORES.glob("*.jsonl"))
_PARTS = ("abort", "checkpoint", "lock", "commitlog", "consumequeue", "index", "config")
KINDS = ("bit", "zeros", "noise", "cut", "longer", "empty", "gone", "moved", "twin")
Files = dict[str, bytes]


@functools.cache
def _unpacked(name: str) -> tuple[tuple[str, bytes], ...]:
    found = []
    with tarfile.open(STORES / f"{name}.tar.xz") as archive:
        for member in archive:
            path = member.name.partition("/")[2]
            if member.isfile() and path.split("/")[0] in _PARTS:
                held = archive.extractfile(member)
                assert held is not None
                found.append((path, held.read()))
    return tuple(sorted(found))


def files_of(name: str) -> Files:
    """A dictionary of its own for each caller."""
    return dict(_unpacked(name))


def findings_of(files: Files) -> list[Finding]:
    """What `verify` says; raises `NotAStore`."""
    return list(verify(open_reading(MemoryDisk(files))).findings)


def damage(files: Files, path: str, prng: Prng) -> str:
    """Do one random thing to one file; says what."""
    data = bytearray(files[path])
    kind = KINDS[prng.below(len(KINDS))]
    at = prng.below(len(data)) if data else 0
    length = max(1, min(1 + prng.below(600), len(data) - at))
    if kind == "bit" and data:
        data[at] ^= 1 << prng.below(8)
    elif kind == "zeros":
        data[at : at + length] = bytes(length)
    elif kind == "noise":
        data[at : at + length] = prng.bits(8 * length).to_bytes(length, "big")
    elif kind == "cut":
        del data[at:]
    elif kind == "longer":
        data += prng.bits(512).to_bytes(64, "big")
    elif kind == "empty":
        data.clear()
    elif kind == "moved":
        data[at:] = data[at + 1 :] + b"\0"
    elif kind == "twin":
        others = sorted(other for other in files if other != path)
        data = bytearray(files[others[prng.below(len(others))]])
    files[path] = bytes(data)
    if kind == "gone":
        del files[path]
    return f"{kind} {path} at {at}+{length}"
