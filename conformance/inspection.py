"""The commands that only look: lists of cases and rules, one rule explained, trophies."""

from collections.abc import Container, Sequence
from pathlib import Path

from tabulate import tabulate

from conformance import results
from conformance.case import load_cases
from conformance.judge import select
from conformance.models import in_models, not_modelled
from conformance.requirements import coverage
from conformance.trophies import TROPHIES, for_case, verify

_OF_RULES = ("rule", "level", "cases", "tests", "code", "models", "fault", "title")


def list_cases(rules: Sequence[str], names: Sequence[str], release: str | None) -> list[str]:
    """A table of cases."""
    chosen = [
        entry
        for entry in select(load_cases(), rules, names)
        if release is None or entry.applies_to(release)
    ]
    rows = [
        (c.identifier, c.level.value, " ".join(c.releases), " ".join(c.rules), c.title)
        for c in chosen
    ]
    table = tabulate(rows, headers=("case", "level", "releases", "rules", "title"))
    return [*table.splitlines(), "", f"{len(chosen)} cases"]


def list_rules(slipped: Container[str]) -> list[str]:
    """A table of rules with the numbers of cases, tests and code files that cite them.

    Also how many models are about each, "-" where its chapter says why none is; and the fault that
    breaks it, one of the bank or a slip of those `slipped`.
    """
    counted = coverage(load_cases())
    models, told = in_models(), not_modelled()
    rows = [
        (
            rule.identifier,
            rule.level,
            len(counted.in_cases.get(rule.identifier, ())),
            len(counted.in_tests.get(rule.identifier, ())),
            len(counted.in_code.get(rule.identifier, ())),
            "-" if rule.identifier in told else len(models.get(rule.identifier, ())),
            " ".join(
                (*rule.members.get("fault", "").split(), *("slip",) * (rule.identifier in slipped))
            ),
            rule.title,
        )
        for rule in counted.specification.rules.values()
    ]
    table = tabulate(rows, headers=_OF_RULES)
    shown = sum(1 for row in rows if row[2])
    lines = [*table.splitlines(), "", f"{len(rows)} rules, {shown} with cases,"]
    lines[-1] += f" {len(counted.unchecked)} that nothing checks"
    lines += [
        f"{identifier} is cited and not declared: {', '.join(places[:3])}"
        for identifier, places in counted.undeclared.items()
    ]
    return lines


def explain(identifier: str) -> list[str]:
    """Everything about one rule (or the rules of one case); empty where there is none."""
    cases = load_cases()
    counted = coverage(cases)
    rule = counted.specification.rules.get(identifier)
    if rule is None:
        known = next((c for c in cases if c.identifier == identifier), None)
        if known is None:
            return []
        lines = [f"{known.identifier}: {known.title}", ""]
        for name in known.rules:
            lines += explain(name) if name in counted.specification.rules else [name]
        return lines
    lines = [f"{rule.identifier} · {rule.level} · {rule.title}", "", rule.text, ""]
    lines += [f"{name + ':':10} {text}" for name, text in rule.members.items()]
    lines += [f"{'stated in:':10} {rule.path}:{rule.line}", ""]
    titles = {c.identifier: c.title for c in cases}
    lines += [
        f"case  {name}: {titles[name]}" + "".join(f" [shows {t.fault}]" for t in for_case(name))
        for name in counted.in_cases.get(identifier, ())
    ]
    lines += [f"test  {path}" for path in counted.in_tests.get(identifier, ())]
    lines += [f"code  {path}" for path in counted.in_code.get(identifier, ())]
    lines += [f"model spec/tla/{module}.tla" for module in in_models().get(identifier, ())]
    if identifier in (told := not_modelled()):
        lines.append(f"model none: {told[identifier]}")
    return lines


def trophies(paths: Sequence[Path]) -> tuple[list[str], list[str]]:
    """The registry as a table, and what contradicts it in the result files."""
    rows = [
        (t.fault, t.issue, t.title, t.case, " ".join(t.shown_on), " ".join(t.absent_on))
        for t in TROPHIES
    ]
    table = tabulate(rows, headers=("fault", "issue", "bug", "case", "shown on", "absent on"))
    lines = [*table.splitlines(), "", f"{len(TROPHIES)} trophies"]
    known = {c.identifier for c in load_cases()}
    problems = [f"{t.fault}: no case {t.case}" for t in TROPHIES if t.case not in known]
    if paths:
        run = results.merge(results.read(path) for path in paths)
        problems += [problem for t in TROPHIES for problem in verify(t, run)]
    return lines, problems
