"""Many images through our store and through Apache's, and what is not the same."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fuzz.interchange.apache_recovery import recover
from fuzz.interchange.apache_stores import serve
from fuzz.interchange.images import SETTINGS, Image
from fuzz.interchange.known import HIDING, REFUSED_BY_LOAD, Case, explain
from fuzz.interchange.served import Difference, Served, compare, ours
from refimpl.model.release import Release

_BY_ITSELF = ("OK", "STUCK", f"REFUSED java.lang.IllegalStateException: {REFUSED_BY_LOAD}")
# The ledger of the laboratory does not follow a message into the schedule topic.
_NOT_ASKED = "STORE-PROMISE-5"


@dataclass(slots=True, eq=False)
class Outcome:
    """What came of a number of images; names of images are keys."""

    cases: dict[str, Case] = field(default_factory=dict)
    differences: dict[str, list[Difference]] = field(default_factory=dict)
    broken: dict[str, list[str]] = field(default_factory=dict)  # promises that we broke ourselves

    def explained(self) -> Counter[tuple[str, str]]:
        """How many images show what: by rule, or "the same", and by kind of image."""
        counts: Counter[tuple[str, str]] = Counter()
        for name, case in self.cases.items():
            differences = self.differences.get(name, [])
            rules = {explain(case, difference) or "?" for difference in differences}
            counts.update((rule, case.image.kind) for rule in rules or {"the same"})
        return counts

    def withheld(self) -> Counter[str]:
        """By rule: messages that somebody was promised, and that Apache does not serve."""
        counts: Counter[str] = Counter()
        for name, differences in self.differences.items():
            case = self.cases[name]
            served = {message.place for message in case.theirs.messages.values()}
            missing = sum(place not in served for place in promised(case.image))
            if missing:
                rules = sorted({explain(case, difference) or "?" for difference in differences})
                key = " ".join(rule for rule in rules if rule in HIDING) or " ".join(rules)
                counts[key] += missing
        return counts

    def unexplained(self) -> dict[str, list[Difference]]:
        """What no known rule explains."""
        left = {
            name: [d for d in differences if explain(self.cases[name], d) is None]
            for name, differences in self.differences.items()
        }
        return {name: differences for name, differences in left.items() if differences}


def promised(image: Image) -> list[int]:
    """Places of the messages that the next opening has to serve, by what was answered."""
    return [
        sent.offset
        for sent in image.lab.ledger.sent
        if sent.must and sent.has_unit and sent.offset is not None
    ]


def _answers(
    release: Release, images: Sequence[Image], root: Path, settings: Mapping[str, str]
) -> dict[str, Served]:
    """What Apache serves of each image, by its name."""
    directories = {image.name: image.write(root / "stores") for image in images}
    found = serve(release.apache, list(directories.values()), settings, root / "home")
    return {name: found[directory] for name, directory in directories.items()}


def run(
    release: Release,
    images: Sequence[Image],
    root: Path,
    *,
    settings: Mapping[str, str] = SETTINGS,
) -> Outcome:
    """Open every image with our store and with Apache's; `root` is an empty folder."""
    outcome = Outcome()
    answers = _answers(release, images, root / "together", settings)
    # 4.x makes an array of as many bytes as a torn record says, and all stores of one JVM share
    # tables that are not made for that: what fails for want of memory or by a race is asked alone.
    disturbed = [image for image in images if answers[image.name].status not in _BY_ITSELF]
    for image in disturbed:
        answers |= _answers(release, [image], root / f"alone-{image.name}", settings)
    for image in images:
        lab = image.ours()
        theirs = answers[image.name]
        case = Case(image, ours(lab), theirs, recover(image.disk, release))
        outcome.cases[image.name] = case
        broken = [said for said in lab.check() if not said.startswith(_NOT_ASKED)]
        if broken:
            outcome.broken[image.name] = broken
        differences = list(compare(case.ours, theirs))
        if differences:
            outcome.differences[image.name] = differences
    return outcome
