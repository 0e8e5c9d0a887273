"""What the suite judges: something that starts, speaks the wire protocol, and stops."""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Protocol

from conformance.channel import Channel
from refimpl.model.ids import Address


class Capability(Enum):
    """What a target declares; a case that needs more is `unsupported`."""

    START = "start"  # can be started on an empty store
    OPTIONS = "options"  # can be started with broker properties of the case's choice
    RESTART = "restart"  # the broker can be stopped cleanly and started on its store
    KILL = "kill"  # the broker can be killed without warning and started on its store
    STORE_DIRECTORY = "store_directory"  # the store's files can be read and changed when stopped
    OTHER_PROCESS = "other_process"  # a lock that this process holds on a file keeps it out
    CLOCK = "clock"  # time is virtual: `pause` returns at once, `advance` moves hours
    NAMESRV = "namesrv"  # there is a name server to talk to
    NAMESRV_STAYS = "namesrv_stays"  # and it goes on when the broker is stopped
    FAST_PORT = "fast_port"  # the broker's second port (VIP channel) can be reached
    STANDARD_OPTIONS = "standard_options"  # runs with `STANDARD_OPTIONS`


class Port(Enum):
    """Which listening port of the target a connection goes to."""

    NAMESRV = "namesrv"
    BROKER = "broker"
    FAST = "fast"


# The options of a broker that many cases share: small files so that every boundary is near,
# and waiting times that keep a loaded machine from answering SYSTEM_BUSY. Both spellings of the
# file sizes, because 4.6 has the older one. Cases may count on these values.
STANDARD_OPTIONS: Mapping[str, str] = {
    "mapedFileSizeCommitLog": "1048576",
    "mappedFileSizeCommitLog": "1048576",
    "mapedFileSizeConsumeQueue": "12000",
    "mappedFileSizeConsumeQueue": "12000",
    "maxHashSlotNum": "1000",
    "maxIndexNum": "4000",
    "maxMessageSize": "65536",
    "enablePropertyFilter": "true",
    "autoCreateTopicEnable": "true",
    "waitTimeMillsInSendQueue": "5000",
    "diskMaxUsedSpaceRatio": "95",
    "transactionTimeOut": "2000",
    "transactionCheckInterval": "1000",
}

CLUSTER = "DefaultCluster"
BROKER_NAME = "broker-a"


class Target(Protocol):
    """One implementation under judgement, with one name server and one broker."""

    @property
    def name(self) -> str:
        """As on the command line; expectations are filed under it."""

    @property
    def release(self) -> str:
        """Which release it is judged by: "4.6", "4.9" or "5.5"."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can be asked to do."""

    @property
    def cases_per_start(self) -> int | None:
        """After how many cases the runner starts it anew; None for as few starts as can be.

        Tables grow with the topics of the cases, and so does the time of each case.
        """

    def start(self, options: Mapping[str, str]) -> None:
        """Start name server and broker on an empty store.

        `options` are broker properties over `STANDARD_OPTIONS`. Raises `TargetUnavailable` where
        it cannot run on this machine, `TargetDied` where it should and does not.
        """

    def stop(self) -> None:
        """End everything that was started; the store may go. Stopping twice is nothing."""

    def restart(self, *, kill: bool) -> None:
        """End the broker (cleanly, or by SIGKILL) and start it on the same store and ports."""

    def stop_broker(self, *, kill: bool) -> None:
        """End the broker and leave its store; `start_broker` follows."""

    def start_broker(self) -> None:
        """Start the broker on the store that is there; raises `TargetDied`."""

    def store_directory(self) -> Path | None:
        """The store's root folder, where `Capability.STORE_DIRECTORY` is declared.

        While the broker runs it is as of this call: ask again to look again.
        """

    def address(self, port: Port) -> Address | None:
        """Where `port` listens, as clients would be told; None where there is none."""

    def open(self, port: Port) -> Channel:
        """A new connection; raises `Unsupported` or `OSError`."""

    def now(self) -> int:
        """Milliseconds since the epoch on the target's clock."""

    def pause(self, milliseconds: int) -> None:
        """Let this time pass for the target: between two polls, never as a wait of its own."""
