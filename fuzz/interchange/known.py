"""Differences that are meant: each is a paragraph of spec/differences.md, under its rule.

Nothing is explained because an image is torn. A difference has to be what `apache_recovery` says
that Apache must answer of this image, at this place; then the rule is named whose breach makes it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from fuzz.interchange.apache_queue import Unit
from fuzz.interchange.apache_recovery import LOG_FILE, Recovery
from fuzz.interchange.images import Image
from fuzz.interchange.served import Difference, Message, Served
from refimpl.inspect.queue_reading import QueueReading
from refimpl.inspect.store_reading import open_reading
from refimpl.model.topic_validator import RMQ_SYS_SCHEDULE_TOPIC

REFUSED_BY_LOAD = "load answered false"
_TIMES_BEGIN = 1 << 40  # no hash of a tag is as large as a time


@dataclass(frozen=True, slots=True)
class Case:
    """One image, both answers, and what Apache's must be."""

    image: Image
    ours: Served
    theirs: Served
    predicted: Recovery

    def queue(self, topic: str, queue_id: int) -> QueueReading | None:
        """The queue as it stands in the image."""
        reading = open_reading(self.image.disk, release=self.image.lab.release)
        return reading.queues.get((topic, queue_id))


@dataclass(frozen=True, slots=True)
class Known:
    """`explains(case, difference)`; `rule` has a `[Deviates from ...]` tag in spec/."""

    rule: str
    reason: str
    kinds: tuple[str, ...]
    explains: Callable[[Case, Difference], bool]


def _queue_of(difference: Difference) -> tuple[str, int]:
    topic, _, rest = difference.where.rpartition("/")
    return topic, int(rest.split(" ")[0])


def _place_of(difference: Difference) -> tuple[str, int, int]:
    return *_queue_of(difference), int(difference.where.split(" ")[1])


def _points_to(unit: Unit | None, message: Message | None) -> bool:
    """Both are there and say the same of a message, or the unit gives none."""
    if unit is None or message is None:
        return message is None
    return (unit.offset, unit.size) == (message.place, message.size)


def is_as_predicted(case: Case, difference: Difference) -> bool:
    """True where Apache's side of the difference is what its own rules make of this image."""
    predicted, theirs = case.predicted, case.theirs
    match difference.kind:
        case "opening: REFUSED":
            return bool(predicted.refused) and theirs.status.endswith(REFUSED_BY_LOAD)
        case "opening: STUCK":
            return predicted.stuck is not None
        case "extent of the log":
            return theirs.log[1] == predicted.end
        case "end of a queue":
            queue = predicted.queues.get(_queue_of(difference))
            return theirs.queues.get(_queue_of(difference), (0, 0))[1] == (
                queue.end if queue else 0
            )
        case "beginning of a queue":
            queue = predicted.queues.get(_queue_of(difference))
            begin = theirs.queues.get(_queue_of(difference), (0, 0))[0]
            return queue is not None and queue.filled_to == begin
        case "message only here" | "message only there" | "another message":
            place = _place_of(difference)
            return _points_to(predicted.unit(*place), theirs.messages.get(place))
        case "another tags code":
            place = _place_of(difference)
            unit = predicted.unit(*place)
            return unit is not None and unit.tags_code == theirs.tags_codes[place]
        case "not in their index":
            message = case.ours.messages[_place_of(difference)]
            key = message.key
            return key is not None and not predicted.finds(
                _queue_of(difference)[0], key, message.place
            )
        case _:
            return False


def _only_empty_files(case: Case, _: Difference) -> bool:
    disk = case.image.disk
    return all(disk.size(path) == 0 for path in case.predicted.refused)


def _no_folder(case: Case, _: Difference) -> bool:
    """The record is not one of ours: what we serve ends before it."""
    stuck = case.predicted.stuck
    return stuck is not None and all(m.place < stuck for m in case.ours.messages.values())


def _closed_tail(case: Case, _: Difference) -> bool:
    """Something stood behind the cut; ours ended that file, and goes on in the next one."""
    cut = case.predicted.end
    base = cut - cut % LOG_FILE
    tail = case.image.disk.read(f"commitlog/{base:020d}", cut - base, base + LOG_FILE - cut)
    return case.ours.log == (case.theirs.log[0], base + LOG_FILE) and any(tail)


def _hash_for_time(case: Case, difference: Difference) -> bool:
    """The code is the one that recovery dispatched, and is no time; ours is one."""
    place = _place_of(difference)
    code = case.theirs.tags_codes[place]
    read = case.predicted.tags_codes.get(case.theirs.messages[place].place)
    delayed = place[0] == RMQ_SYS_SCHEDULE_TOPIC
    return delayed and code == read and code < _TIMES_BEGIN < case.ours.tags_codes[place]


def _units_kept(case: Case, difference: Difference) -> bool:
    """Their queue ends behind ours, with units that are empty or point behind the log."""
    key = _queue_of(difference)
    begin, end = case.ours.queues.get(key, (0, 0))[1], case.theirs.queues.get(key, (0, 0))[1]
    units = [case.predicted.unit(*key, n) for n in range(begin, end)]
    return begin < end and all(
        unit is not None and (unit.size <= 0 or unit.offset >= case.predicted.end) for unit in units
    )


def torn_units(case: Case, topic: str, queue_id: int) -> list[int]:
    """Numbers of the image's units that pass for units and are not those of their messages."""
    queue = case.queue(topic, queue_id)
    found: list[int] = []
    if queue is None:
        return found
    for number in range(queue.first, queue.end):
        unit, message = queue.unit(number), case.ours.messages.get((topic, queue_id, number))
        if unit is None or message is None:
            continue
        code = case.ours.tags_codes[topic, queue_id, number]
        if unit != (message.place, message.size, code):
            found.append(number)
    return found


def _torn_unit(case: Case, difference: Difference) -> bool:
    """A unit at or before the place was torn, and passed for a unit."""
    torn = torn_units(case, *_queue_of(difference))
    if difference.kind == "end of a queue":
        return bool(torn)
    number = _place_of(difference)[2]
    if difference.kind == "another tags code":
        return number in torn
    return any(n <= number for n in torn)


def _lost_before_start(case: Case, difference: Difference) -> bool:
    """A message of this queue lies before the file at which they began, and has no unit there."""
    key = _queue_of(difference)
    there = {m.place for at, m in case.theirs.messages.items() if at[:2] == key}
    lost = [
        number
        for (*queue, number), message in case.ours.messages.items()
        if tuple(queue) == key
        and message.place < case.predicted.start
        and message.place not in there
    ]
    if difference.kind == "beginning of a queue":
        return case.ours.queues[key][0] in lost
    if difference.kind == "end of a queue":
        return bool(lost)
    return any(number <= _place_of(difference)[2] for number in lost)


def _began_behind_a_hole(case: Case, difference: Difference) -> bool:
    """Our log ends before the file at which they began: what they serve more lies behind that."""
    end, start = case.ours.log[1], case.predicted.start
    if end > start or case.predicted.end <= end:
        return False
    if difference.kind in ("extent of the log", "beginning of a queue"):
        return difference.kind == "extent of the log"
    key = _queue_of(difference)
    if difference.kind == "end of a queue":
        return any(at[:2] == key and m.place >= end for at, m in case.theirs.messages.items())
    message = case.theirs.messages.get(_place_of(difference))
    return message is not None and message.place >= end


def _without_margin(case: Case, difference: Difference) -> bool:
    """5.5 began at a file whose first message is not older than the checkpoint by the margin.

    What lies before that file is not looked at: units stay lost, holes stay in the log.
    """
    if not case.image.lab.release.checkpoint_has_offsets:
        return False
    if _began_behind_a_hole(case, difference):
        return True
    return difference.kind != "extent of the log" and _lost_before_start(case, difference)


def _not_indexed_again(case: Case, difference: Difference) -> bool:
    """The message lies before what was read, or before the end of a file that was kept."""
    place = case.theirs.messages[_place_of(difference)].place
    kept = case.predicted.kept
    return place < case.predicted.start or any(place < file.end_phy_offset for file in kept)


def _one_name_for_two(case: Case, difference: Difference) -> bool:
    """Recovery made several index files, and fewer are there: a matter of the clock alone."""
    made = len(case.predicted.made)
    there = case.theirs.index_files - len(case.predicted.kept)
    return difference.kind == "not in their index" and 0 < there < made


_OF_MESSAGES = ("message only here", "message only there", "another message")

KNOWN: tuple[Known, ...] = (
    Known(
        "STORE-FILES-3",
        "4.6 and 4.9 refuse to open a store with an empty file",
        ("opening: REFUSED",),
        _only_empty_files,
    ),
    Known(
        "STORE-INDEX-11",
        "index files that the checkpoint does not cover are removed and not built again",
        ("not in their index",),
        _not_indexed_again,
    ),
    Known(
        "STORE-RECOVERY-2",
        "a record with zeros in the name of its topic is taken for a record, and ends the start",
        ("opening: STUCK",),
        _no_folder,
    ),
    Known(
        "STORE-RECOVERY-6",
        "where something was cut off the reference ends the file and goes on in the next one",
        ("extent of the log",),
        _closed_tail,
    ),
    Known(
        "STORE-RECOVERY-9",
        "4.9 gives a delayed message that it dispatches in recovery the hash of its tag",
        ("another tags code",),
        _hash_for_time,
    ),
    Known(
        "STORE-CQ-9",
        "a last file without units keeps one, and units before it that point behind the log stay",
        ("end of a queue",),
        _units_kept,
    ),
    Known(
        "STORE-RECOVERY-10",
        "a unit that was torn is taken for a unit, and the true one for dispatched",
        ("end of a queue", "another tags code", *_OF_MESSAGES),
        _torn_unit,
    ),
    Known(
        "STORE-RECOVERY-3",
        "5.5 trusts the checkpoint to the millisecond, so units that a crash took stay lost",
        ("extent of the log", "beginning of a queue", "end of a queue", *_OF_MESSAGES),
        _without_margin,
    ),
)
# Not predicted, for it depends on the clock of the recovery alone.
BY_CHANCE = Known(
    "STORE-INDEX-5",
    "two index files that are made in one millisecond are one file",
    ("not in their index",),
    _one_name_for_two,
)


# Rules whose breach hides messages; the others change what is found by key, or the end of the log.
HIDING = (
    "STORE-FILES-3",
    "STORE-RECOVERY-2",
    "STORE-CQ-9",
    "STORE-RECOVERY-10",
    "STORE-RECOVERY-3",
)


def explain(case: Case, difference: Difference) -> str | None:
    """The rule that says why, or None for what nobody has looked at.

    A store that was closed has no excuse.
    """
    if case.image.kind == "closed":
        return None
    if not is_as_predicted(case, difference):
        return BY_CHANCE.rule if BY_CHANCE.explains(case, difference) else None
    for known in KNOWN:
        if difference.kind in known.kinds and known.explains(case, difference):
            return known.rule
    return None
