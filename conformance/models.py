"""Which rule which TLA+ module is about, and which rules no module is about and why.

A module of `spec/tla` names its rules in its header, between `Rules` and `Code`. A chapter of the
specification says `Not modelled: STORE-X-1..3, -5: REASON.` before its first rule.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
_HEADER = re.compile(r"^\(\* Rules (.*?)^\(\* Code ", re.MULTILINE | re.DOTALL)
_ASIDE = re.compile(r"\(\*|\*\)|\([^()]*\)")
_NAMED = re.compile(r"((?:STORE|BROKER|NAMESRV|REMOTING)(?:-[A-Z]+)+)?-?(\d+)(?:\.\.(\d+))?")
_NOT_MODELLED = re.compile(r"^Not modelled: ([^:]+): (.+)$", re.MULTILINE)


def in_models(root: Path = ROOT) -> Mapping[str, list[str]]:
    """Rule -> names of modules."""
    found: dict[str, list[str]] = {}
    for path in sorted((root / "spec" / "tla").glob("*.tla")):
        header = _HEADER.search(path.read_text("utf-8"))
        for rule in () if header is None else _expanded(header[1]):
            found.setdefault(rule, []).append(path.stem)
    return found


def not_modelled(root: Path = ROOT) -> Mapping[str, str]:
    """Rule -> the reason."""
    return {
        rule: told[2]
        for path in sorted((root / "spec").rglob("*.md"))
        for told in _NOT_MODELLED.finditer(path.read_text("utf-8"))
        for rule in _expanded(told[1])
    }


def _expanded(text: str) -> Iterator[str]:
    """`STORE-CQ-3, -8..10, STORE-FLUSH-1, 2` one by one."""
    chapter = ""
    for named in _NAMED.finditer(_ASIDE.sub(" ", text)):
        chapter = named[1] or chapter
        assert chapter, text
        for number in range(int(named[2]), int(named[3] or named[2]) + 1):
            yield f"{chapter}-{number}"
