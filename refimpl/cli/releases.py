"""`rmqref releases`: the table of switches by release, each with its rule."""

import inspect
import re
from collections.abc import Iterator

import click

from refimpl.model import release_switches
from refimpl.model.ids import JsonValue
from refimpl.model.release import RELEASES

_FIELD = re.compile(r"    (\w+): [^#]+?(?:  # (.+))?$")
_SECTION = re.compile(r"    # --- (.+)$")
_RULE = re.compile(r"[A-Z]+-[A-Z]+-\d+")
_HEAD = """# Releases

What differs between the releases: each switch, its rule, its value. Made by `rmqref releases`;
the values stand in `refimpl/model/release.py`, the names in `refimpl/model/release_switches.py`.
"""


@click.command("releases")
def releases_command() -> None:
    """Print the table of switches as Markdown: spec/RELEASES.md."""
    click.echo(table(), nl=False)


def table() -> str:
    """The page as text."""
    return _HEAD + "".join(_lines())


def _lines() -> Iterator[str]:
    names = " | ".join(RELEASES)
    header = f"| switch | rule | meaning | {names} |\n|---|---|---|{'---|' * len(RELEASES)}\n"
    yield f"\n{header}"
    for line in inspect.getsource(release_switches.Release).splitlines():
        section = _SECTION.match(line)
        if section is not None:
            yield f"\n## {section[1].capitalize()}\n\n{header}"
            continue
        field = _FIELD.match(line)
        if field is None:
            continue
        name, comment = field[1], field[2] or ""
        rules = ", ".join(_RULE.findall(comment))
        meaning = re.sub(r"^(?:[A-Z]+-[A-Z]+(?:-\d+)?(?:, )?)+:? ?", "", comment)
        values = " | ".join(_shown(getattr(r, name)) for r in RELEASES.values())
        yield f"| `{name}` | {rules} | {meaning} | {values} |\n"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset):
        return ", ".join(str(item) for item in sorted(value, key=_order)) or "none"
    if value is None or value == "":
        return "none"
    name = getattr(value, "name", None)
    return str(name if isinstance(name, str) else value).replace("|", "\\|")


def _order(value: JsonValue) -> tuple[int, str]:
    return (value, "") if isinstance(value, int) else (0, str(value))
