"""The comparison of two answers about one image, and images that come again."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from zlib import crc32

import pytest

from fuzz.interchange.apache_queue import Unit
from fuzz.interchange.apache_recovery import LOG_FILE, Recovery, recover
from fuzz.interchange.campaign import promised
from fuzz.interchange.images import CONTRACTS, Image, image, images
from fuzz.interchange.known import BY_CHANCE, KNOWN, REFUSED_BY_LOAD, Case, explain, is_as_predicted
from fuzz.interchange.served import Message, Served, compare, ours
from refimpl.inspect.store_reading import open_reading
from refimpl.inspect.verification import verify
from refimpl.model.message_codec import decode_record
from refimpl.model.release import RELEASE_4_9, RELEASE_5_5

ROOT = Path(__file__).parents[2]
PLACE = ("T", 0, 0)
MESSAGE = Message(0, 0, 100, 7, indexed=True)


def served() -> Served:
    return Served("OK", (0, 100), {("T", 0): (0, 1)}, {PLACE: MESSAGE}, {PLACE: 5})


def kinds(right: Served) -> list[str]:
    return [difference.kind for difference in compare(served(), right)]


def test_each_difference_has_its_kind() -> None:
    assert kinds(served()) == []
    assert kinds(Served("REFUSED x")) == ["opening: REFUSED"]
    other = served()
    other.log = (0, 90)
    assert kinds(other) == ["extent of the log"]
    other = served()
    other.queues["T", 0] = (1, 2)
    assert kinds(other) == ["end of a queue", "beginning of a queue"]
    other = served()
    del other.messages[PLACE]
    other.holes[PLACE] = "MESSAGE_WAS_REMOVING"
    assert kinds(other) == ["message only here"]
    for changed, kind in (
        (MESSAGE._replace(checksum=8), "another message"),
        (MESSAGE._replace(indexed=False), "not in their index"),
    ):
        other = served()
        other.messages[PLACE] = changed
        assert kinds(other) == [kind]
    other = served()
    other.tags_codes[PLACE] = 6
    assert kinds(other) == ["another tags code"]


def test_an_image_comes_again() -> None:
    first, again = (image(RELEASE_4_9, 3, 5) for _ in range(2))
    assert first.label == again.label
    assert first.disk.files() == again.disk.files()
    assert image(RELEASE_4_9, 3, 6).disk.files() != first.disk.files()


def test_our_images_are_sound_by_the_inspection() -> None:
    """Closed stores break no rule; what a crash left breaks none that a crash may not break."""
    seen = set()
    for release in (RELEASE_4_9, RELEASE_5_5):
        for made in images(release, 9, 24):
            findings = verify(open_reading(made.disk, release=release)).findings
            assert not findings.is_violated, (made.name, made.label, list(findings))
            seen.add(made.kind)
            assert len(ours(made.ours()).messages) < 200
    assert seen == {"closed", "killed", "power"}


def stored(made: Image, unit: Unit, predicted: Recovery) -> Message | None:
    """The record that a unit names."""
    base = unit.offset - unit.offset % LOG_FILE
    data = made.disk.read(f"commitlog/{base:020d}", unit.offset - base, max(0, unit.size))
    record = decode_record(data, release=made.lab.release)
    if record is None or len(data) != unit.size:
        return None
    key = record.properties.get("UNIQ_KEY")
    found = None if key is None else predicted.finds(record.topic, key, record.physical_offset)
    return Message(record.queue_offset, record.physical_offset, len(data), crc32(data), found, key)


def as_apache(made: Image) -> Case:
    """The image, with Apache's answer made up from what its rules say."""
    here = ours(made.ours())
    predicted = recover(made.disk, made.lab.release)
    if predicted.refused:
        return Case(made, here, Served(f"REFUSED {REFUSED_BY_LOAD}"), predicted)
    if predicted.stuck is not None:
        return Case(made, here, Served("STUCK"), predicted)
    there = Served("OK", (here.log[0], predicted.end), index_files=len(predicted.kept))
    there.index_files += len(predicted.made)
    for key, queue in predicted.queues.items():
        begin = here.queues.get(key, (0, 0))[0] if queue.filled_to is None else queue.filled_to
        there.queues[key] = (begin, queue.end)
        for number in range(begin, queue.end):
            unit = queue.unit(number)
            assert unit is not None
            message = stored(made, unit, predicted) if unit.offset < predicted.end else None
            if message is None:
                there.holes[*key, number] = "MESSAGE_WAS_REMOVING"
                continue
            there.messages[*key, number] = message
            there.tags_codes[*key, number] = unit.tags_code
    return Case(made, here, there, predicted)


def reasons(case: Case) -> set[str | None]:
    return {explain(case, difference) for difference in compare(case.ours, case.theirs)}


@cache
def cases() -> tuple[Case, ...]:
    """Killed and torn stores of two releases under both contracts."""
    made = [
        *images(RELEASE_4_9, 29, 30),
        *images(RELEASE_5_5, 29, 20, first=80),
        *(image(RELEASE_5_5, 29, number) for number in (141, 248)),
        *images(RELEASE_5_5, 29, 10, first=40, contract=CONTRACTS["any"]),
    ]
    return tuple(as_apache(found) for found in made if found.kind != "closed")


def test_each_rule_explains_what_it_makes() -> None:
    seen = set().union(*map(reasons, cases()))
    assert seen == {known.rule for known in KNOWN}


Plant = Callable[[Served, tuple[str, int, int]], str]


def drop(there: Served, at: tuple[str, int, int]) -> str:
    del there.messages[at]
    there.holes[at] = "MESSAGE_WAS_REMOVING"
    return "message only here"


def move(there: Served, at: tuple[str, int, int]) -> str:
    there.messages[at] = there.messages[at]._replace(place=there.messages[at].place + 1)
    return "another message"


def recode(there: Served, at: tuple[str, int, int]) -> str:
    there.tags_codes[at] += 1
    return "another tags code"


def forget(there: Served, at: tuple[str, int, int]) -> str:
    there.messages[at] = there.messages[at]._replace(indexed=False)
    return "not in their index"


def shorten(there: Served, at: tuple[str, int, int]) -> str:
    low, high = there.queues[at[:2]]
    there.queues[at[:2]] = (low, high - 1)
    return "end of a queue"


def lengthen(there: Served, at: tuple[str, int, int]) -> str:
    low, high = there.queues[at[:2]]
    there.queues[at[:2]] = (low, high + 1)
    return "end of a queue"


def begin_later(there: Served, at: tuple[str, int, int]) -> str:
    low, high = there.queues[at[:2]]
    there.queues[at[:2]] = (low + 1, high)
    return "beginning of a queue"


def cut(there: Served, _: tuple[str, int, int]) -> str:
    there.log = (there.log[0], there.log[1] - 8)
    return "extent of the log"


def refuse(there: Served, _: tuple[str, int, int]) -> str:
    there.status = f"REFUSED {REFUSED_BY_LOAD}"
    return "opening: REFUSED"


def hang(there: Served, _: tuple[str, int, int]) -> str:
    there.status = "STUCK"
    return "opening: STUCK"


def copied(there: Served) -> Served:
    return Served(
        there.status,
        there.log,
        dict(there.queues),
        dict(there.messages),
        dict(there.tags_codes),
        dict(there.holes),
        there.index_files,
    )


def alike(case: Case) -> tuple[str, int, int] | None:
    """The last message that both serve alike, of a queue that both have alike."""
    here, there = case.ours, case.theirs
    found = None
    for at, message in there.messages.items():
        same = message == here.messages.get(at) and message.indexed
        same_code = there.tags_codes[at] == here.tags_codes.get(at)
        if same and same_code and there.queues[at[:2]] == here.queues.get(at[:2]):
            found = at
    return found


@pytest.mark.parametrize(
    "plant",
    [drop, move, recode, forget, shorten, lengthen, begin_later, cut, refuse, hang],
)
def test_a_planted_difference_stays_unexplained(plant: Plant) -> None:
    """On images that have explained differences as well as on those that have none."""
    planted = clean = 0
    for case in cases():
        at = alike(case)
        if at is None:
            continue
        there = copied(case.theirs)
        kind = plant(there, at)
        changed = Case(case.image, case.ours, there, case.predicted)
        left = {d.kind for d in compare(case.ours, there) if explain(changed, d) is None}
        assert left == {kind}, (case.image.name, case.image.label)
        planted += 1
        clean += not reasons(case)
    assert planted > 20
    assert 0 < clean < planted


def test_what_is_predicted_needs_a_cause_as_well() -> None:
    """A queue that lost its last unit, without a torn unit or a late start, has no reason."""
    made = next(c.image for c in cases() if c.image.kind == "killed" and c.theirs.messages)
    case = as_apache(made)
    topic, queue_id, number = list(case.theirs.messages)[-1]
    case.predicted.queues[topic, queue_id].truncate_to(
        case.theirs.messages.pop((topic, queue_id, number)).place
    )
    case.theirs.queues[topic, queue_id] = (0, number)
    lost = [d for d in compare(case.ours, case.theirs) if d.kind != "another tags code"]
    assert [d.kind for d in lost] == ["end of a queue", "message only here"]
    assert [is_as_predicted(case, d) for d in lost] == [True, True]
    assert [explain(case, d) for d in lost] == [None, None]


def test_index_files_of_one_name_need_fewer_files() -> None:
    """STORE-INDEX-5: what two files lost is known by the file that is missing."""
    made = next(c.image for c in cases() if len(c.predicted.made) > 1 and not reasons(c))
    case = as_apache(made)
    at = alike(case)
    assert at is not None
    forget(case.theirs, at)
    assert reasons(case) == {None}
    case.theirs.index_files -= 1
    assert reasons(case) == {BY_CHANCE.rule}


def test_a_closed_store_has_no_excuse() -> None:
    made = next(made for made in images(RELEASE_4_9, 9, 50) if made.kind == "closed")
    case = as_apache(made)
    assert reasons(case) == set()
    case.theirs.log = (0, case.theirs.log[1] + 1)
    assert reasons(case) == {None}


def test_every_known_difference_is_written_down() -> None:
    text = (ROOT / "spec" / "differences.md").read_text("utf-8")
    rules = "".join(path.read_text("utf-8") for path in (ROOT / "spec" / "store").glob("*.md"))
    for known in (*KNOWN, BY_CHANCE):
        assert f"- rule: {known.rule}\n" in text
        declared = rules.partition(f"### {known.rule} ")[2].partition("###")[0]
        assert "[Deviates from" in declared, known.rule


def test_our_own_store_serves_what_was_promised() -> None:
    """The places that the ledger names are among those that are served."""
    asked = 0
    for made in images(RELEASE_4_9, 9, 40):
        places = promised(made)
        asked += len(places)
        found = {message.place for message in ours(made.ours()).messages.values()}
        assert set(places) <= found, made.name
    assert asked > 100
