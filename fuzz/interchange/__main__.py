"""`python -m fuzz.interchange`: our stores, opened by Apache. See fuzz/README.md."""

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tabulate import tabulate

from conformance.verdict import TargetUnavailable
from fuzz.interchange.campaign import Outcome, run
from fuzz.interchange.images import CONTRACTS, images
from refimpl.model.release import RELEASES

_AT_ONCE = 100  # images in one JVM
_SHOWN = 5  # differences of one image


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz.interchange", description=__doc__)
    parser.add_argument("--release", choices=list(RELEASES), default="4.9")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first image")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--contract", choices=list(CONTRACTS), default="ordered")
    parser.add_argument("--keep", type=Path, help="a folder for the images")
    return parser.parse_args()


def _print(outcome: Outcome, repeat: str) -> None:
    """`repeat`: the command but for the image."""
    for name, differences in outcome.unexplained().items():
        image = outcome.cases[name].image
        print(f"\n{name}: {image.label}")
        print(tabulate(differences[:_SHOWN], headers=["what", "where", "ours", "theirs"]))
        if len(differences) > _SHOWN:
            print(f"... and {len(differences) - _SHOWN} more")
        number = int(name.split("-")[0])
        print(f"again: {repeat} --first {number} --count 1")
    for name, broken in outcome.broken.items():
        print(f"\n{name}: our own store breaks a promise: {broken[0]}")


def main() -> int:
    """Exit status: 0 nothing unexplained, 1 a difference or a broken promise, 2 no Apache here."""
    arguments = _arguments()
    release = RELEASES[arguments.release]
    shown: Counter[tuple[str, str]] = Counter()
    withheld: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    contract = CONTRACTS[arguments.contract]
    repeat = f"python -m fuzz.interchange --release {release.name} --seed {arguments.seed}"
    repeat += f" --contract {arguments.contract}"
    bad = 0
    for first in range(arguments.first, arguments.first + arguments.count, _AT_ONCE):
        count = min(_AT_ONCE, arguments.first + arguments.count - first)
        made = list(images(release, arguments.seed, count, first=first, contract=contract))
        root = Path(tempfile.mkdtemp(prefix="rmqref-interchange-"))
        try:
            if arguments.keep:
                for image in made:
                    image.write(arguments.keep)
            outcome = run(release, made, root)
        except TargetUnavailable as error:
            print(f"apache-{release.apache} is not to be had here: {error}")
            return 2
        finally:
            shutil.rmtree(root, ignore_errors=True)
        _print(outcome, repeat)
        bad += len(outcome.unexplained()) + len(outcome.broken)
        kinds.update(image.kind for image in made)
        shown += outcome.explained()
        withheld += outcome.withheld()
    told = f"seed {arguments.seed}, contract {arguments.contract}"
    print(f"\napache-{release.apache}, {told}: {arguments.count} images")
    rows = [
        [rule, *(shown[rule, kind] for kind in sorted(kinds))]
        for rule in sorted({rule for rule, _ in shown})
    ]
    rows.append(["images", *(kinds[kind] for kind in sorted(kinds))])
    print(tabulate(rows, headers=["served", *sorted(kinds)]))
    if withheld:
        print()
        head = ["promised, and not served by Apache", "messages"]
        print(tabulate(sorted(withheld.items()), headers=head))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
