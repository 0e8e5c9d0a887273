"""An independent copy of a store on its bench, quickly: media are copied, values are shared.

`copy.deepcopy` would do, five times slower, because it cannot know that automata, results and
settings never change.
"""

from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum
from types import MethodType

from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.store_lab import StoreLab

_Memo = dict[int, object]


def fork(lab: StoreLab) -> StoreLab:
    """A lab in the same state; neither hears of what happens to the other.

    The index, readers, statistics and the clean-up are shared: who forks does not use them.
    """
    disk = lab.disk.disk
    assert isinstance(disk, CrashDisk)
    store = lab.store
    shared = (store.store_stats, store.clean_service, store.index_service, store.reader)
    memo: _Memo = {id(part): part for part in (lab.config, lab.release, *shared)}
    memo[id(disk)] = disk.fork()
    copied = _copy(lab, memo)
    assert isinstance(copied, StoreLab)
    return copied


def copied(value: object, shared: Iterable[object] = ()) -> object:
    """An independent copy of anything made of our media and of plain containers.

    `shared`: parts that never change, so that both have them.
    """
    return _copy(value, {id(part): part for part in shared})


_Copier = Callable[[object, _Memo], object]
_COPIERS: dict[type, _Copier | None] = {}


def _copy(value: object, memo: _Memo) -> object:
    cls = type(value)
    if cls not in _COPIERS:
        _COPIERS[cls] = _copier(cls)
    copier = _COPIERS[cls]
    if copier is None:
        return value
    known = memo.get(id(value))
    return copier(value, memo) if known is None else known


def _copier(cls: type) -> _Copier | None:
    """How to copy an object of a class; None for one whose objects never change."""
    special = _SPECIAL.get(cls)
    if special is not None:
        return special
    if not cls.__module__.startswith("refimpl.") or issubclass(cls, tuple | Enum | int | str):
        return None
    parameters = getattr(cls, "__dataclass_params__", None)
    if parameters is not None and parameters.frozen:
        return None
    names = [n for base in cls.__mro__ for n in _slots_of(base)]
    return _attributes(cls, tuple(names))


def _slots_of(cls: type) -> tuple[str, ...]:
    return tuple(cls.__dict__.get("__slots__", ()))


def _attributes(cls: type, names: tuple[str, ...]) -> _Copier:
    def copy_attributes(value: object, memo: _Memo) -> object:
        twin: object = object.__new__(cls)
        memo[id(value)] = twin
        for name in names or tuple(vars(value)):
            setattr(twin, name, _copy(getattr(value, name), memo))
        return twin

    return copy_attributes


def _copy_list(value: object, memo: _Memo) -> object:
    assert isinstance(value, list)
    twin: list[object] = []
    memo[id(value)] = twin
    twin += [_copy(item, memo) for item in value]
    return twin


def _copy_dict(value: object, memo: _Memo) -> object:
    assert isinstance(value, dict)
    twin: dict[object, object] = {}
    memo[id(value)] = twin
    for key, item in value.items():
        twin[_copy(key, memo)] = _copy(item, memo)
    return twin


def _copy_tuple(value: object, memo: _Memo) -> object:
    assert isinstance(value, tuple)
    return tuple([_copy(item, memo) for item in value])


def _copy_deque(value: object, memo: _Memo) -> object:
    assert isinstance(value, deque)
    twin: deque[object] = deque([_copy(item, memo) for item in value])
    memo[id(value)] = twin
    return twin


def _copy_set(value: object, memo: _Memo) -> object:
    assert isinstance(value, set)
    twin: set[object] = {_copy(item, memo) for item in value}
    memo[id(value)] = twin
    return twin


def _copy_bytes(value: object, memo: _Memo) -> object:
    assert isinstance(value, bytearray)
    twin = memo[id(value)] = bytearray(value)
    return twin


def _copy_method(value: object, memo: _Memo) -> object:
    assert isinstance(value, MethodType)
    return MethodType(value.__func__, _copy(value.__self__, memo))


_SPECIAL: dict[type, _Copier] = {
    list: _copy_list,
    dict: _copy_dict,
    tuple: _copy_tuple,
    deque: _copy_deque,
    set: _copy_set,
    bytearray: _copy_bytes,
    MethodType: _copy_method,
}
