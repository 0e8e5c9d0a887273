"""`python -m fuzz.differential`: see fuzz/README.md."""

import argparse
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from conformance.target import Target
from conformance.targets.choice import choose
from conformance.verdict import TargetDied, TargetUnavailable
from fuzz.differential.generate import generate
from fuzz.differential.known import Known, known
from fuzz.differential.play import AGREE_MS, Mismatch, Stage
from fuzz.differential.report import show, signature
from fuzz.differential.shapes import AREAS
from fuzz.differential.shrink import kind_of, shrink
from fuzz.differential.step import Sequence

# Nothing of its own accord during a run: what comes by time is not compared.
OPTIONS: Mapping[str, str] = {
    "transactionTimeOut": "3600000",
    "transactionCheckInterval": "3600000",
    "waitTimeMillsInSendQueue": "20000",
}


_AGREE_WHEN_SHRINKING_MS = 300


class _Run:
    """One invocation: counts, and what was printed."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.left_name = str(arguments.left)
        self.right_name = str(arguments.right)
        self.release: str | None = arguments.release
        self.seed = int(arguments.seed)
        self.area = str(arguments.area)
        self.shrinks = not arguments.no_shrink
        self.restart_every = int(arguments.restart_every)
        self.show_max = int(arguments.show)
        self.requests = 0
        self.classes: Counter[str] = Counter()
        self.explained: Counter[str] = Counter()
        self.unstable: Counter[str] = Counter()

    def run(self, numbers: range, kept: tuple[int, ...] | None) -> int:
        """Play all sequences; the exit status."""
        right = choose(self.right_name, self.release)
        left = choose(self.left_name, right.release)
        stage = Stage(left, right)
        try:
            for at, number in enumerate(numbers):
                if at % self.restart_every == 0:
                    self.requests += stage.requests
                    stage = Stage(left, right)
                    _start(left, right)
                sequence = generate(self.seed, number, self.area)
                if kept is not None:
                    steps = tuple(step for step in sequence.steps if step.label in kept)
                    sequence = replace(sequence, steps=steps, kept=kept)
                self._one(stage, sequence)
        finally:
            left.stop()
            right.stop()
        self.requests += stage.requests
        return self._summary(len(numbers))

    def _one(self, stage: Stage, sequence: Sequence) -> None:
        found = stage.play(sequence)
        spread: Known | None = None
        for mismatch in found:
            entry = known(mismatch, stage.right.release) or spread
            if entry is not None:
                spread = entry if entry.spreads else spread
                self.explained[entry.rule] += 1
                continue
            line = signature(mismatch)
            self.classes[line] += 1
            if self.classes[line] == 1 and len(self.classes) <= self.show_max:
                self._show(stage, sequence, mismatch, line)

    def _show(self, stage: Stage, sequence: Sequence, mismatch: Mismatch, line: str) -> None:
        requests = stage.requests
        if self.shrinks:
            again = stage.play(sequence)
            if kind_of(mismatch) not in {kind_of(one) for one in again}:
                self.unstable[line] += 1
                print(f"--- not repeated: sequence {sequence.number}: {line}", flush=True)
                stage.requests = requests
                return
            stage.agree_ms = _AGREE_WHEN_SHRINKING_MS
            sequence, mismatch = shrink(sequence, mismatch, stage.play)
            stage.agree_ms = AGREE_MS
            stage.requests = requests
        print(show(mismatch, sequence, self._command(sequence)), flush=True)

    def _command(self, sequence: Sequence) -> str:
        words = [
            "python -m fuzz.differential",
            f"--left {self.left_name}",
            f"--right {self.right_name}",
        ]
        if self.release:
            words.append(f"--release {self.release}")
        words += [
            f"--seed {sequence.seed}",
            f"--area {sequence.area}",
            f"--sequence {sequence.number}",
        ]
        if sequence.kept is not None:
            words.append("--only " + ",".join(str(label) for label in sequence.kept))
        return " ".join(words)

    def _summary(self, sequences: int) -> int:
        print(f"{sequences} sequences, {self.requests} requests on each side")
        for rule, count in self.explained.most_common():
            print(f"  {count:5} known: {rule}")
        for line, count in self.classes.most_common():
            mark = " (not repeated)" if line in self.unstable else ""
            print(f"  {count:5} {line}{mark}")
        return 1 if set(self.classes) - set(self.unstable) else 0


def _start(left: Target, right: Target) -> None:
    for target in (left, right):
        target.stop()  # the name server too: it keeps its configuration
        target.start(OPTIONS)


def main() -> int:
    """Parse the words, play, tell."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.differential")
    parser.add_argument("--left", default="reference")
    parser.add_argument("--right", default="reference")
    parser.add_argument("--release", help="where neither target has one of its own")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=50, help="how many sequences")
    parser.add_argument("--first", type=int, default=1, help="number of the first sequence")
    parser.add_argument("--area", choices=sorted(AREAS), default="all")
    parser.add_argument("--sequence", type=int, help="this one alone")
    parser.add_argument("--only", help="labels of the steps to keep, separated by commas")
    parser.add_argument("--no-shrink", action="store_true")
    parser.add_argument("--show", type=int, default=40, help="how many mismatches to show whole")
    parser.add_argument("--restart-every", type=int, default=150, help="sequences for one store")
    arguments = parser.parse_args()
    numbers = range(arguments.first, arguments.first + arguments.count)
    if arguments.sequence is not None:
        numbers = range(arguments.sequence, arguments.sequence + 1)
    kept = tuple(int(one) for one in arguments.only.split(",")) if arguments.only else None
    try:
        return _Run(arguments).run(numbers, kept)
    except TargetUnavailable as error:
        print(f"skipped: {error.reason}")
        return 2
    except TargetDied as error:
        print(f"a target died: {error.reason}\n{error.output}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
