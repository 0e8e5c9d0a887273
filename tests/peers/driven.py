"""One run of the Java driver against one target."""

import shutil
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from conformance.target import Port, Target
from refimpl.model.override import override
from tests.peers import java_program
from tests.peers.outcome import Step, masked, parse

CLIENTS = ("4.6.1", "4.9.7", "5.5.0")
CODECS = ("JSON", "ROCKETMQ")
# Short enough that a run takes seconds, long enough that a busy machine ends its own transactions.
OPTIONS = {
    "transactionTimeOut": "6000",
    "transactionCheckInterval": "2000",
    "traceTopicEnable": "true",
}
_RUN_SECONDS = 240.0
starting = threading.Lock()  # a target looks for free ports: one at a time


@dataclass(frozen=True, slots=True)
class Combination:
    """A client, the release that the target is, and the form of the client's headers."""

    client: str
    release: str
    codec: str

    @property
    def recording(self) -> str:
        """The name of what Apache answered: both codecs must give the same."""
        return f"java-{self.client}-on-{self.release}"

    @override
    def __str__(self) -> str:
        return f"{self.client}-on-{self.release}-{self.codec.lower()}"


def drive(target: Target, combination: Combination) -> tuple[list[Step], str]:
    """Start the target, run the driver, stop it: masked steps, and all that was printed."""
    home = Path(tempfile.mkdtemp(prefix="rmqref-peer-"))
    try:
        java_program.compiled(combination.client)
        with starting:
            target.start(OPTIONS)
        known = known_strings(target)
        addresses = [str(target.address(Port.NAMESRV)), str(target.address(Port.BROKER))]
        words = java_program.command(
            combination.client, "Driver", home, addresses, codec=combination.codec
        )
        output = java_program.run(words, home, _RUN_SECONDS)
        return masked(parse(output).values(), known), output
    finally:
        target.stop()
        shutil.rmtree(home, ignore_errors=True)


def known_strings(target: Target) -> dict[str, str]:
    """Words for this target's addresses and folders, the longest first."""
    store = target.store_directory()
    assert store is not None
    return {
        str(target.address(Port.NAMESRV)): "NAMESRV",
        str(target.address(Port.BROKER)): "BROKER",
        str(store / "commitlog"): "COMMITLOG",
        str(store): "STORE",
        str(store.parent): "HOME",
    }
