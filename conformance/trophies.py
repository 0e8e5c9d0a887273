"""Catalogued bugs of real releases that the suite shows on the wire.

A trophy is a case that fails on the release that has the bug and passes on the one that fixed it.
`verify` checks that against results, so that a trophy cannot be claimed by memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.results import RunResult
from conformance.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Trophy:
    """One demonstration. `shown_on` and `absent_on` are published Apache releases."""

    fault: str  # identifier in the catalogue; empty where only the issue tracker has it
    issue: str  # of apache/rocketmq; empty where none is known
    title: str
    case: str
    shown_on: tuple[str, ...]
    absent_on: tuple[str, ...]


TROPHIES: tuple[Trophy, ...] = (
    Trophy(
        fault="B23",
        issue="#4215",
        title="A pull beyond the end restarts from 0: mass duplicates",
        case="STORE-READ-5/beyond-the-end-of-a-young-queue",
        shown_on=("4.6.1",),
        absent_on=("4.9.7", "5.5.0"),
    ),
    Trophy(
        fault="B30",
        issue="#1787",
        title="The answer to a consume queue query is encoded before it is filled",
        case="BROKER-ADMIN-38/entries-are-in-the-answer",
        shown_on=("4.6.1",),
        absent_on=("4.9.7", "5.5.0"),
    ),
    Trophy(
        fault="B41",
        issue="#2724",
        title="A dead letter waits up to two hours in a delay queue",
        case="BROKER-SEND-15/retry-at-its-limit-is-not-delayed",
        shown_on=("4.6.1", "4.9.7"),
        absent_on=("5.5.0",),
    ),
    Trophy(
        fault="B49",
        issue="#3358",
        title="A delay offset outside of its queue blocks the level for ever",
        case="BROKER-SCHEDULE-1/offset-behind-the-end",
        shown_on=("4.6.1",),
        absent_on=("4.9.7", "5.5.0"),
    ),
    Trophy(
        fault="B03",
        issue="#6903",
        title="An empty last file, as a crash leaves it, blocks the start",
        case="STORE-FILES-3/empty-last-file",
        shown_on=("4.6.1", "4.9.7"),
        absent_on=("5.5.0",),
    ),
    Trophy(
        fault="B84",
        issue="#4522",
        title="An announcement of one topic hides all others of the broker",
        case="NAMESRV-LIFECYCLE-8/one-topic-is-not-a-whole-table",
        shown_on=("4.6.1", "4.9.7"),
        absent_on=("5.5.0",),
    ),
    Trophy(
        fault="",
        issue="#2133",
        title="Deleting any topic makes finished transactions unfinished",
        case="BROKER-ADMIN-7/finished-transactions-stay-finished",
        shown_on=("4.6.1",),
        absent_on=("4.9.7", "5.5.0"),
    ),
    Trophy(
        fault="",
        issue="#10987",
        title="A query of offsets deletes those of the groups that it filters",
        case="BROKER-OFFSET-16/asking-deletes-nothing",
        shown_on=("4.6.1", "4.9.7", "5.5.0"),
        absent_on=(),
    ),
    Trophy(
        fault="",
        issue="#2935",
        title="A null key in the configuration keeps brokers from starting",
        case="NAMESRV-KV-2/missing-names/key",
        shown_on=("4.6.1",),
        absent_on=("4.9.7", "5.5.0"),
    ),
    Trophy(
        fault="",
        issue="#10448",
        title="A deleted subscription group is created anew by its own deletion",
        case="BROKER-MEMBER-45/deleted/alone",
        shown_on=("5.5.0",),
        absent_on=("4.6.1", "4.9.7"),
    ),
    Trophy(
        fault="S04",
        issue="",
        title="A query by key from the store time of a message on does not find it",
        case="BROKER-QUERY-1/range-that-begins-with-the-message",
        shown_on=("4.6.1", "4.9.7", "5.5.0"),
        absent_on=(),
    ),
    Trophy(
        fault="",
        issue="",
        title="One subscription without a text makes held pulls of other groups vanish",
        case="BROKER-PULL-42/one-subscription-without-a-text",
        shown_on=("4.6.1", "4.9.7", "5.5.0"),
        absent_on=(),
    ),
    Trophy(
        fault="",
        issue="",
        title="A pull that asks for many messages takes the memory for them: OutOfMemoryError",
        case="BROKER-PULL-36/greatest-count",
        shown_on=("4.9.7",),
        absent_on=("4.6.1", "5.5.0"),
    ),
    Trophy(
        fault="",
        issue="",
        title="One commit of a group without a name ends all queries for the least offset",
        case="BROKER-OFFSET-16/group-without-a-name",
        shown_on=("4.6.1", "4.9.7"),
        absent_on=("5.5.0",),
    ),
    Trophy(
        fault="B41",
        issue="#2724",
        title="A message that was delayed once is delayed again as a dead letter",
        case="BROKER-BACK-9/delayed-message-dies-at-once",
        shown_on=("4.6.1",),
        absent_on=("4.9.7", "5.5.0"),
    ),
    Trophy(
        fault="B45",
        issue="#4226",
        title="A record that grows blocks its delay level for ever",
        case="BROKER-SCHEDULE-13/grown-record",
        shown_on=("4.6.1",),
        absent_on=("4.9.7", "5.5.0"),
    ),
    Trophy(
        fault="B56",
        issue="#1540",
        title="A half message with a delay level is dropped",
        case="BROKER-TRANS-23/half-with-a-delay-level",
        shown_on=("4.6.1", "4.9.7", "5.5.0"),
        absent_on=(),
    ),
    Trophy(
        fault="B69",
        issue="#3786",
        title="The sum of two lengths is cut: nothing behind the batch is ever delivered",
        case="STORE-LOG-10/long-properties-of-a-batch",
        shown_on=("4.9.7",),
        absent_on=("4.6.1", "5.5.0"),
    ),
    Trophy(
        fault="",
        issue="#1648",
        title="A delayed retry of a transactional message is dropped",
        case="BROKER-SEND-17/delayed-retry",
        shown_on=("4.9.7",),
        absent_on=("4.6.1", "5.5.0"),
    ),
    Trophy(
        fault="",
        issue="#3473",
        title="A restart delivers again what was delivered in the last seconds",
        case="BROKER-SCHEDULE-9/restart",
        shown_on=("4.6.1",),
        absent_on=("4.9.7", "5.5.0"),
    ),
    Trophy(
        fault="S13",
        issue="#8426",
        title="Without asynchronous sends every send is answered twice",
        case="BROKER-LIFECYCLE-14/one-answer-where-sends-are-synchronous",
        shown_on=("5.5.0",),
        absent_on=("4.6.1", "4.9.7"),
    ),
    Trophy(
        fault="",
        issue="",
        title="A message that is committed after a check has lost its flag",
        case="BROKER-TRANS-14/flag-is-kept",
        shown_on=("4.6.1", "4.9.7", "5.5.0"),
        absent_on=(),
    ),
    Trophy(
        fault="",
        issue="",
        title="A broker without a name is shown to everybody under null",
        case="NAMESRV-LIFECYCLE-20/nothing-under-null/name",
        shown_on=("4.6.1", "4.9.7", "5.5.0"),
        absent_on=(),
    ),
    Trophy(
        fault="S04",
        issue="#5174",
        title="A query for the very time of a message does not find it",
        case="STORE-INDEX-8/window-that-begins-at-the-message",
        shown_on=("4.6.1", "4.9.7", "5.5.0"),
        absent_on=(),
    ),
    Trophy(
        fault="S05",
        issue="#8007",
        title="A crash takes keys out of the index",
        case="STORE-INDEX-11/keys-survive-a-crash",
        shown_on=("4.6.1", "4.9.7", "5.5.0"),
        absent_on=(),
    ),
    Trophy(
        fault="S06",
        issue="#10017",
        title="Records that recovery cut off come back after the next crash",
        case="STORE-RECOVERY-6/what-was-cut-off-stays-away",
        shown_on=("4.6.1", "4.9.7", "5.5.0"),
        absent_on=(),
    ),
    Trophy(
        fault="",
        issue="",
        title="Delayed messages come at once after a crash that took their queue",
        case="STORE-RECOVERY-9/delayed-message-keeps-its-time",
        shown_on=("4.9.7",),
        absent_on=("4.6.1", "5.5.0"),
    ),
)


def verify(trophy: Trophy, run: RunResult) -> list[str]:
    """What contradicts the trophy in these results; targets that did not run are not asked."""
    problems: list[str] = []
    for target in run.targets:
        release = target.target.removeprefix("apache-")
        for result in target.cases:
            if result.case != trophy.case:
                continue
            shown = result.verdict in (Verdict.FAIL, Verdict.EXPECTED_FAIL)
            if release in trophy.shown_on and not shown:
                problems.append(f"{trophy.case} is {result.verdict.value} on {release}")
            absent = result.verdict is Verdict.PASS
            if release in trophy.absent_on and not absent:
                problems.append(f"{trophy.case} is {result.verdict.value} on {release}")
    return problems


def for_case(case: str) -> Sequence[Trophy]:
    """The trophies that a case shows."""
    return [trophy for trophy in TROPHIES if trophy.case == case]
