"""Differences that are meant: each is a paragraph of spec/differences.md, under its rule."""

from collections.abc import Callable
from dataclasses import dataclass

from fuzz.interchange.images import SETTINGS, Image
from fuzz.interchange.served import Difference, Served
from refimpl.inspect.finding import Finding


@dataclass(frozen=True, slots=True)
class Case:
    """One image, both answers, and what an inspection says of it."""

    image: Image
    ours: Served
    theirs: Served
    findings: list[Finding]

    def has(self, rule: str) -> bool:
        """True where the inspection cites `rule`."""
        return any(found.rule == rule for found in self.findings)


@dataclass(frozen=True, slots=True)
class Known:
    """`explains(case, difference)`; `rule` has a `[Deviates from ...]` tag in spec/."""

    rule: str
    reason: str
    kinds: tuple[str, ...]
    explains: Callable[[Case, Difference], bool]


def _refused_for_empty_file(case: Case, _: Difference) -> bool:
    return case.has("STORE-FILES-3") and case.theirs.status.startswith("REFUSED")


def _always(_: Case, __: Difference) -> bool:
    return True


def _queue_of(difference: Difference) -> tuple[str, int]:
    topic, _, rest = difference.where.rpartition("/")
    return topic, int(rest.split(" ")[0])


def _units_kept(case: Case, difference: Difference) -> bool:
    """Their queue ends behind ours, with units that give no message."""
    key = _queue_of(difference)
    end, there = case.ours.queues.get(key, (0, 0))[1], int(difference.theirs)
    return there > end and all((*key, n) in case.theirs.holes for n in range(end, there))


def _torn_unit(case: Case, difference: Difference) -> bool:
    """A unit of this queue, or of its beginning, was torn or half old."""
    topic, queue_id = _queue_of(difference)
    path = f"consumequeue/{topic}/{queue_id}"
    return any(found.path == path and found.kind in _TORN for found in case.findings)


def _without_margin(case: Case, difference: Difference) -> bool:
    """5.5 began at a file whose first message is not older than the checkpoint by the margin.

    What lies before that file is not looked at: units stay lost, holes stay in the log.
    """
    if not case.image.lab.release.checkpoint_has_offsets:
        return False
    if case.theirs.log[1] > case.ours.log[1]:
        return True
    if not difference.where:
        return False
    topic, queue_id = _queue_of(difference)
    path = f"consumequeue/{topic}/{queue_id}"
    return any(f.path == path and f.rule == "STORE-RECOVERY-4" for f in case.findings)


def _impossible_topic(case: Case, _: Difference) -> bool:
    """A record is whole but for zeros in the name of its topic."""
    return any("name of the topic" in found.detail for found in case.findings)


def _closed_tail(case: Case, _: Difference) -> bool:
    """Ours ended the file where something was cut off, and goes on in the next one."""
    size = int(SETTINGS["mappedFileSizeCommitLog"])
    (low, end), (theirs_low, theirs_end) = case.ours.log, case.theirs.log
    return low == theirs_low and end % size == 0 and 0 < end - theirs_end <= size


def _hash_for_time(case: Case, difference: Difference) -> bool:
    return (
        difference.where.startswith("SCHEDULE_TOPIC_XXXX/") and case.image.lab.release.name == "4.9"
    )


_TORN = (
    "a unit does not point to its record",
    "a unit with an impossible offset or size",
    "a unit has a wrong tags code",
    "a delayed message has lost its time",
    "a unit is missing",
    "a unit points to no message of its queue",
)
_OF_QUEUES = (
    "end of a queue",
    "message only here",
    "message only there",
    "another message",
    "another tags code",
)

KNOWN: tuple[Known, ...] = (
    Known(
        "STORE-FILES-3",
        "4.6 and 4.9 refuse to open a store with an empty last file",
        ("opening: REFUSED",),
        _refused_for_empty_file,
    ),
    Known(
        "STORE-INDEX-11",
        "index files that the checkpoint does not cover are removed and not built again",
        ("not in their index",),
        _always,
    ),
    Known(
        "STORE-RECOVERY-2",
        "a record with zeros in the name of its topic is taken for a record, and ends the start",
        ("opening: STUCK", "opening: REFUSED"),
        _impossible_topic,
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
        _OF_QUEUES,
        _torn_unit,
    ),
    Known(
        "STORE-RECOVERY-3",
        "5.5 trusts the checkpoint to the millisecond, so units that a crash took stay lost",
        ("extent of the log", "beginning of a queue", *_OF_QUEUES),
        _without_margin,
    ),
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

    A store that was closed has no excuse, and one that was killed was not torn.
    """
    if case.image.kind == "closed":
        return None
    for known in KNOWN:
        if difference.kind in known.kinds and known.explains(case, difference):
            return known.rule
    return None
