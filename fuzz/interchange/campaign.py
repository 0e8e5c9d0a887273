"""Many images through our store and through Apache's, and what is not the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fuzz.interchange.apache_stores import serve
from fuzz.interchange.images import SETTINGS, Image
from fuzz.interchange.known import Case, explain
from fuzz.interchange.served import Difference, compare, ours
from refimpl.inspect.store_reading import open_reading
from refimpl.inspect.verification import verify
from refimpl.model.release import Release

# The ledger of the laboratory does not follow a message into the schedule topic.
_NOT_ASKED = "STORE-PROMISE-5"


@dataclass(slots=True, eq=False)
class Outcome:
    """What came of a number of images; names of images are keys."""

    cases: dict[str, Case] = field(default_factory=dict)
    differences: dict[str, list[Difference]] = field(default_factory=dict)
    broken: dict[str, list[str]] = field(default_factory=dict)  # promises that we broke ourselves

    def explained(self) -> dict[str, int]:
        """How many images each known rule explains."""
        counts: dict[str, int] = {}
        for name, differences in self.differences.items():
            rules = {explain(self.cases[name], difference) for difference in differences}
            for rule in sorted(rule for rule in rules if rule is not None):
                counts[rule] = counts.get(rule, 0) + 1
        return counts

    def unexplained(self) -> dict[str, list[Difference]]:
        """What no known rule explains."""
        left = {
            name: [d for d in differences if explain(self.cases[name], d) is None]
            for name, differences in self.differences.items()
        }
        return {name: differences for name, differences in left.items() if differences}


def run(
    release: Release,
    images: Sequence[Image],
    root: Path,
    *,
    settings: Mapping[str, str] = SETTINGS,
) -> Outcome:
    """Open every image with our store and with Apache's; `root` is an empty folder."""
    outcome = Outcome()
    directories = {image.name: image.write(root / "stores") for image in images}
    answers = serve(release.apache, list(directories.values()), settings, root / "home")
    for image in images:
        lab = image.ours()
        theirs = answers[directories[image.name]]
        findings = list(verify(open_reading(image.disk, release=release)).findings)
        case = Case(image, ours(lab), theirs, findings)
        outcome.cases[image.name] = case
        broken = [said for said in lab.check() if not said.startswith(_NOT_ASKED)]
        if broken:
            outcome.broken[image.name] = broken
        differences = list(compare(case.ours, theirs))
        if differences:
            outcome.differences[image.name] = differences
    return outcome
