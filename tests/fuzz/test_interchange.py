"""The comparison of two answers about one image, and images that come again."""

from pathlib import Path

from fuzz.interchange.campaign import promised
from fuzz.interchange.images import image, images
from fuzz.interchange.known import KNOWN, Case, explain
from fuzz.interchange.served import Difference, Message, Served, compare, ours
from refimpl.inspect.store_reading import open_reading
from refimpl.inspect.verification import verify
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


def test_a_difference_is_explained_by_what_the_image_shows() -> None:
    """An empty last file explains a refusal; without one the refusal is news."""
    made = next(
        made
        for made in images(RELEASE_4_9, 7, 200)
        if any(
            not data and path.startswith("commitlog") for path, data in made.disk.files().items()
        )
    )
    findings = list(verify(open_reading(made.disk, release=RELEASE_4_9)).findings)
    refused = Difference("opening: REFUSED", "", "OK", "REFUSED load answered false")
    case = Case(made, served(), Served("REFUSED load answered false"), findings)
    assert explain(case, refused) == "STORE-FILES-3"
    assert explain(Case(made, served(), case.theirs, []), refused) is None


def test_every_known_difference_is_written_down() -> None:
    text = (ROOT / "spec" / "differences.md").read_text("utf-8")
    rules = "".join(path.read_text("utf-8") for path in (ROOT / "spec" / "store").glob("*.md"))
    for known in KNOWN:
        assert f"- rule: {known.rule}\n" in text
        declared = rules.partition(f"### {known.rule} ")[2].partition("###")[0]
        assert "[Deviates from" in declared, known.rule


def test_a_closed_store_has_no_excuse() -> None:
    made = next(made for made in images(RELEASE_4_9, 9, 50) if made.kind == "closed")
    unindexed = Difference("not in their index", "T0/0 0", "True", "False")
    assert explain(Case(made, served(), served(), []), unindexed) is None
    killed = next(made for made in images(RELEASE_4_9, 9, 50) if made.kind == "killed")
    assert explain(Case(killed, served(), served(), []), unindexed) == "STORE-INDEX-11"


def test_our_own_store_serves_what_was_promised() -> None:
    """The places that the ledger names are among those that are served."""
    asked = 0
    for made in images(RELEASE_4_9, 9, 40):
        places = promised(made)
        asked += len(places)
        found = {message.place for message in ours(made.ours()).messages.values()}
        assert set(places) <= found, made.name
    assert asked > 100
