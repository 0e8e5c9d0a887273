"""Differences that are meant: each cites the rule of the specification that deviates."""

import re
from dataclasses import dataclass

from fuzz.differential.play import Mismatch


@dataclass(frozen=True, slots=True)
class Known:
    """A pattern of mismatches. `rule` has a `[Deviates from ...]` tag in spec/.

    `codes` are request codes (empty: what came unasked); `path` must match every place that
    differs; `remark` must be found in the remark or value of one of the sides.
    """

    rule: str
    reason: str
    releases: tuple[str, ...]
    codes: tuple[int, ...]
    path: str
    value: str = ""


KNOWN: tuple[Known, ...] = ()


def known(mismatch: Mismatch, release: str) -> Known | None:
    """The entry that explains a mismatch entirely, if there is one."""
    code = None if mismatch.step is None else mismatch.step.code
    for entry in KNOWN:
        if release not in entry.releases or (code not in entry.codes and code is not None):
            continue
        if all(re.search(entry.path, one.path) for one in mismatch.differences) and any(
            re.search(entry.value, f"{one.left!r} {one.right!r}") for one in mismatch.differences
        ):
            return entry
    return None
