"""Differences that are meant: each cites the rule of the specification that deviates."""

import re
from dataclasses import dataclass

from fuzz.differential.play import Mismatch


@dataclass(frozen=True, slots=True)
class Known:
    """A pattern of mismatches. `rule` has a `[Deviates from ...]` tag in spec/.

    `codes` are request codes (empty: what came unasked); `path` must match every place that
    differs; `value` must be found in the remark or value of one of the sides. Where it `spreads`,
    what differs later in the same play follows from it.
    """

    rule: str
    reason: str
    releases: tuple[str, ...]
    codes: tuple[int, ...]
    path: str
    value: str = ""
    spreads: bool = False


KNOWN: tuple[Known, ...] = (
    Known(
        rule="STORE-CQ-12",
        reason="Java keeps a queue object for every queue number that anybody asked for",
        releases=("4.6", "4.9", "5.5"),
        codes=(321,),
        path=r"^answers\[0\]\.(code|remark|body.*)$",
        value=r"is not exist!",
    ),
    Known(
        rule="BROKER-ADMIN-38",
        reason="4.6.1 writes the body before it fills it: the answer says that the queue is empty",
        releases=("4.6",),
        codes=(321,),
        path=r"^answers\[0\]\.body",
    ),
    Known(
        rule="BROKER-ADMIN-3",
        reason="4.6.1 answers SUCCESS before it looks at the numbers, then a second time",
        releases=("4.6",),
        codes=(17,),
        path=r"^answers",
        value=r"NullPointerException|NumberFormatException",
    ),
    Known(
        rule="BROKER-ADMIN-3",
        reason="4.6.1 answers SUCCESS itself, so that a one-way request is answered as well",
        releases=("4.6",),
        codes=(17,),
        path=r"^answers",
        value=r"'code': 0",
    ),
    Known(
        rule="BROKER-SEND-15",
        reason="4.6.1 delays a dead letter by its DELAY, and refuses one that is no number",
        releases=("4.6",),
        codes=(10, 310),
        path=r"^answers\[0\]\.(code|remark|ext)",
        value=r"NumberFormatException",
    ),
    Known(
        rule="BROKER-QUERY-17",
        reason="Java makes room for as many offsets as were asked for, and its heap ends",
        releases=("4.6", "4.9", "5.5"),
        codes=(12,),
        path=r"^answers\[0\]\.",
        value=r"OutOfMemoryError",
    ),
    Known(
        rule="STORE-READ-5",
        reason="4.6.1 sends a consumer back to 0 from beyond the end of a queue",
        releases=("4.6",),
        codes=(11, 361),
        path=r"^answers\[0\]\.ext\.nextBeginOffset$",
    ),
    Known(
        rule="BROKER-TRANS-23",
        reason="Java diverts a half message with a delay level, and loses it",
        releases=("4.6", "4.9", "5.5"),
        codes=(10, 310),
        path=r"^answers\[0\]\.ext\.(queueOffset|queueId)$",
    ),
    Known(
        rule="BROKER-MEMBER-45",
        reason="5.5.0 asks for the kind of a deleted group, which creates it anew",
        releases=("5.5",),
        codes=(201, 352),
        path=r"^answers\[0\]\.(body\.json\.subscriptionGroupTable\.|ext$|code$|remark$)",
        value=r"absent",
    ),
    Known(
        rule="BROKER-MEMBER-45",
        reason="5.5.0 has created a deleted group anew, and tells its progress",
        releases=("5.5",),
        codes=(317,),
        path=r"^answers\[0\]\.body\.json\.consumeStatsList$",
    ),
    Known(
        rule="NAMESRV-LIFECYCLE-8",
        reason="5.5.0 enters name and cluster of a broker before it refuses a table of one topic",
        releases=("5.5",),
        codes=(106,),
        path=r"^answers\[0\]\.body\.json\.(brokerAddrTable|clusterAddrTable)\.",
        value=r"'brokerAddrs': \{\}",
    ),
    Known(
        rule="BROKER-OFFSET-16",
        reason="Java takes the groups that a correction leaves out from its own table of offsets",
        releases=("4.6", "4.9", "5.5"),
        codes=(43,),
        path=r"^answers\[0\]\.body\.json\.(offsetTable|groupTopicMap)\.",
        value=r"absent",
        spreads=True,
    ),
    Known(
        rule="BROKER-MEMBER-45",
        reason="5.5.0 has created a deleted group anew, and takes its offsets",
        releases=("5.5",),
        codes=(15, 222),
        path=r"^answers\[0\]\.(body|code|remark)$",
        value=r"Group \S+ (does )?not exist",
        spreads=True,
    ),
)


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
