"""Cases: what they are, how they are declared, and the registry.

    @case("BROKER-SEND-7/illegal-queue-id", rules=["BROKER-SEND-7"])
    def illegal_queue_id(w: Wire) -> None:
        topic = w.create_topic(queues=4)
        ...

A case that returns passes. Identifiers are `RULE/what`, or `CHAPTER/what` where several rules of a
chapter are shown; they are never reused, since expectations and reports are filed under them.
"""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeAlias, cast

from conformance.target import Capability

if TYPE_CHECKING:
    from conformance.wire import Wire

DEFAULT_LIMIT_MS = 20_000
ALL_RELEASES = ("4.6", "4.9", "5.5")
_ID = re.compile(r"[A-Z0-9]+(-[A-Z0-9]+)*/[A-Za-z0-9_.,=+@-]+(/[A-Za-z0-9_.,=+@-]+)*")
_RULE = re.compile(r"(REMOTING|STORE|NAMESRV|BROKER)(-[A-Z0-9]+)*-\d+")

CaseFunction: TypeAlias = "Callable[[Wire], None]"
Argument: TypeAlias = "str | int | bytes"
P = ParamSpec("P")


class _Parametrised(Protocol):
    """A scenario that takes the members of a matrix entry."""

    def __call__(self, w: "Wire", **arguments: Argument) -> None:
        """Run it."""


class Level(Enum):
    """How strong the rule is that a case shows."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


class BadCase(Exception):
    """A case is declared wrongly: a defect of the suite."""

    def __init__(self, identifier: str, reason: str) -> None:
        super().__init__(f"{identifier}: {reason}")
        self.identifier = identifier
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One judgement. `options` and `fresh` decide which broker process it shares."""

    identifier: str
    title: str
    rules: tuple[str, ...]
    level: Level
    releases: tuple[str, ...]
    needs: frozenset[Capability]
    options: Mapping[str, str]  # broker properties over STANDARD_OPTIONS
    fresh: bool  # wants an empty store of its own, and leaves one that nobody should use
    limit_ms: int  # of real time; restarts are granted extra
    function: CaseFunction
    origin: str  # module or data file
    area: str = field(default="")

    @property
    def start_key(self) -> tuple[tuple[str, str], ...]:
        """Cases with an equal key may share a running target."""
        return tuple(sorted(self.options.items()))

    def applies_to(self, release: str) -> bool:
        """True where the case says something about `release`."""
        return release in self.releases


_registry: dict[str, Case] = {}


def register(entry: Case) -> Case:
    """Add one case; raises `BadCase` for a bad or double identifier."""
    if _ID.fullmatch(entry.identifier) is None:
        raise BadCase(entry.identifier, "identifier is not RULE/what")
    if not entry.rules:
        raise BadCase(entry.identifier, "no rules")
    for rule in entry.rules:
        if _RULE.fullmatch(rule) is None:
            raise BadCase(entry.identifier, f"{rule} is no rule identifier")
    if entry.identifier in _registry:
        raise BadCase(entry.identifier, f"also declared in {_registry[entry.identifier].origin}")
    unknown = set(entry.releases) - set(ALL_RELEASES)
    if unknown or not entry.releases:
        raise BadCase(entry.identifier, f"releases {sorted(unknown) or 'none'}")
    _registry[entry.identifier] = entry
    return entry


def case(
    identifier: str,
    *,
    rules: Sequence[str],
    level: Level = Level.MUST,
    releases: Sequence[str] = ALL_RELEASES,
    needs: Iterable[Capability] = (),
    options: Mapping[str, str] | None = None,
    fresh: bool = False,
    limit_ms: int = DEFAULT_LIMIT_MS,
    matrix: Mapping[str, Mapping[str, Argument]] | None = None,
) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Declare a scenario. The first line of its docstring is the title in reports.

    `matrix` makes one case per entry, `IDENTIFIER/entry`; the entry's members are passed as
    keyword arguments. `options` and `fresh` imply `Capability.START`, `options` also
    `Capability.OPTIONS`.
    """

    def declare(function: Callable[P, None]) -> Callable[P, None]:
        title = (function.__doc__ or identifier).strip().splitlines()[0]
        wanted = frozenset(needs)
        if options or fresh:
            wanted |= {Capability.START}
        if options:
            wanted |= {Capability.OPTIONS}
        for suffix, arguments in (matrix or {"": {}}).items():
            register(
                Case(
                    identifier=f"{identifier}/{suffix}" if suffix else identifier,
                    title=f"{title} ({suffix})" if suffix else title,
                    rules=tuple(rules),
                    level=level,
                    releases=tuple(releases),
                    needs=wanted,
                    options=dict(options or {}),
                    fresh=fresh,
                    limit_ms=limit_ms,
                    function=_bound(function, arguments),
                    origin=function.__module__,
                    area=_area(function.__module__),
                )
            )
        return function

    return declare


def _bound(function: Callable[P, None], arguments: Mapping[str, Argument]) -> CaseFunction:
    if not arguments:
        return cast("CaseFunction", function)
    parametrised = cast("_Parametrised", function)
    return lambda w: parametrised(w, **arguments)


def _area(module: str) -> str:
    return module.rpartition(".")[2]


@cache
def load_cases() -> Sequence[Case]:
    """Import every module of `conformance.cases`, read its data files; all cases by identifier."""
    import conformance.cases  # noqa: PLC0415  # the modules import this one
    from conformance.exchange import load_exchanges  # noqa: PLC0415  # the same

    for module in sorted(pkgutil.iter_modules(conformance.cases.__path__), key=lambda m: m.name):
        importlib.import_module(f"conformance.cases.{module.name}")
    load_exchanges()
    return tuple(sorted(_registry.values(), key=lambda entry: natural_key(entry.identifier)))


def natural_key(identifier: str) -> tuple[tuple[int, str], ...]:
    """Sorts `SEND-7` before `SEND-12`."""
    parts = re.split(r"(\d+)", identifier)
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)
