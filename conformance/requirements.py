"""The rules of `spec/**/*.md`, and who cites them: cases, tests, code.

The format is that of spec/README.md: a heading `### ID · LEVEL · Title`, prose, a list of members.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from conformance.case import Case

ROOT = Path(__file__).parent.parent
_HEADING = re.compile(
    r"^### ((?:REMOTING|STORE|NAMESRV|BROKER)(?:-[A-Z0-9]+)*-\d+) · (MUST|SHOULD|MAY) · (.+)$"
)
_LOOSE_HEADING = re.compile(r"^#+ .*\b(?:REMOTING|STORE|NAMESRV|BROKER)(?:-[A-Z0-9]+)*-\d+\b")
_MEMBER = re.compile(r"^- (why|releases|source|outcome|model|invariant|fault): ?(.*)$")
_CITED = re.compile(r"\b((?:REMOTING|STORE|NAMESRV|BROKER)(?:-[A-Z0-9]+)*)-(\d+)\b")
_UNTIL = re.compile(r"(?:\.\.| to -)(\d+)\b")
_MORE = re.compile(r",?(?: and)? -(\d+)\b|, (\d+)(?=\.\.\d)")
REQUIRED = ("why", "releases", "source", "outcome")
_OUTCOMES = ("definite", "indefinite", "n/a")
_TAG = re.compile(r"\[(?:New in|Removed in|Modified in|Deviates from) \S[^\]]*\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule as its chapter states it."""

    identifier: str
    level: str
    title: str
    text: str
    members: Mapping[str, str]
    path: str  # below the root
    line: int

    @property
    def area(self) -> str:
        """The first part of the identifier."""
        return self.identifier.partition("-")[0]


@dataclass(slots=True)
class Specification:
    """All rules by identifier, and what is wrong with the chapters."""

    rules: dict[str, Rule] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read_specification(root: Path = ROOT) -> Specification:
    """Every rule under `root`/spec."""
    specification = Specification()
    for path in sorted((root / "spec").rglob("*.md")):
        if path.name != "README.md":
            _read_chapter(path, str(path.relative_to(root)), specification)
    return specification


def _read_chapter(path: Path, name: str, into: Specification) -> None:
    lines = path.read_text("utf-8").splitlines()
    at = 0
    while at < len(lines):
        heading = _HEADING.match(lines[at])
        if heading is None:
            if _LOOSE_HEADING.match(lines[at]):
                into.problems.append(f"{name}:{at + 1}: a heading that is no rule heading")
            at += 1
            continue
        end = next((n for n in range(at + 1, len(lines)) if lines[n].startswith("#")), len(lines))
        rule = _rule(heading, lines[at + 1 : end], name, at + 1)
        if rule.identifier in into.rules:
            into.problems.append(f"{name}:{at + 1}: {rule.identifier} stands twice")
        into.rules[rule.identifier] = rule
        into.problems += [f"{name}:{at + 1}: {rule.identifier}: {p}" for p in _problems(rule)]
        at = end


def _rule(heading: re.Match[str], lines: Sequence[str], path: str, line: int) -> Rule:
    members: dict[str, str] = {}
    text: list[str] = []
    current: str | None = None
    for content in lines:
        member = _MEMBER.match(content)
        if member is not None:
            current = member[1]
            members[current] = member[2].strip()
        elif current is not None and content.startswith("  "):
            members[current] += " " + content.strip()
        elif not members:
            text.append(content)
        else:
            current = None
    return Rule(
        identifier=heading[1],
        level=heading[2],
        title=heading[3].strip(),
        text="\n".join(text).strip(),
        members=members,
        path=path,
        line=line,
    )


def _problems(rule: Rule) -> list[str]:
    problems = [f"no {member}" for member in REQUIRED if not rule.members.get(member)]
    if not rule.text:
        problems.append("no text")
    outcome = rule.members.get("outcome", "")
    if outcome and outcome.split()[0].rstrip(",;:.") not in _OUTCOMES:
        problems.append(f"outcome {outcome!r}")
    releases = rule.members.get("releases", "")
    if releases and releases.rstrip(".") != "all" and _TAG.search(releases) is None:
        problems.append(f"releases {releases!r}")
    return problems


def cited(text: str) -> Iterator[str]:
    """The rules that a text names: `STORE-CQ-1, -3, -8..10 and -12`, one by one."""
    for first in _CITED.finditer(text):
        number: re.Match[str] | None = first
        low, at = int(first[2]), first.end()
        while number is not None:
            until = _UNTIL.match(text, at)
            at = until.end() if until else at
            yield from (f"{first[1]}-{n}" for n in range(low, int(until[1] if until else low) + 1))
            number = _MORE.match(text, at)
            if number is not None:
                low, at = int(number[1] or number[2]), number.end()


def citations(paths: Iterable[Path], root: Path = ROOT) -> dict[str, list[str]]:
    """Rule identifier -> the files that name it."""
    found: dict[str, list[str]] = {}
    for path in paths:
        for identifier in sorted(set(cited(path.read_text("utf-8")))):
            found.setdefault(identifier, []).append(str(path.relative_to(root)))
    return found


@dataclass(frozen=True, slots=True)
class Coverage:
    """Who knows which rule. Each list is of rule identifiers in order."""

    specification: Specification
    in_cases: Mapping[str, Sequence[str]]  # rule -> case identifiers
    in_tests: Mapping[str, Sequence[str]]  # rule -> files
    in_code: Mapping[str, Sequence[str]]  # rule -> files

    @property
    def unchecked(self) -> list[str]:
        """Rules that neither a case nor a test cites."""
        return [
            r
            for r in self.specification.rules
            if not self.in_cases.get(r) and not self.in_tests.get(r)
        ]

    @property
    def unobeyed(self) -> list[str]:
        """Rules that no code cites."""
        return [r for r in self.specification.rules if not self.in_code.get(r)]

    @property
    def undeclared(self) -> dict[str, list[str]]:
        """Identifiers that somebody cites and no chapter declares, with who."""
        missing: dict[str, list[str]] = {}
        for table in (self.in_cases, self.in_tests, self.in_code):
            for identifier, places in table.items():
                if identifier not in self.specification.rules:
                    missing.setdefault(identifier, []).extend(places)
        return dict(sorted(missing.items()))


def coverage(cases: Sequence[Case], root: Path = ROOT) -> Coverage:
    """Read the chapters, the tests and the code; count."""
    in_cases: dict[str, list[str]] = {}
    for entry in cases:
        for rule in entry.rules:
            in_cases.setdefault(rule, []).append(entry.identifier)
    harness = root / "tests" / "conformance"  # its tests make rules up
    tests = [p for p in sorted((root / "tests").rglob("*.py")) if harness not in p.parents]
    return Coverage(
        read_specification(root),
        in_cases,
        citations(tests, root),
        citations(sorted((root / "refimpl").rglob("*.py")), root),
    )
