"""A broker that lives by a seed, and dies by it: what the makers of its traces share."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Final

from fuzz.dialogue import Client
from refimpl.model.prng import Prng
from refimpl.model.release import RELEASES
from refimpl.model.trace_file import Trace
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.node_lab import BrokerLab
from refimpl.sim.trace_writer import TraceLog

_RELEASES: Final = ("4.6", "4.9", "5.5")


class BrokerRun(ABC):
    """One broker on a disk that loses power, a client, and the trace of what happens."""

    def __init__(self, seed: int, name: str, settings: Mapping[str, str]) -> None:
        self.prng = Prng(seed)
        release = RELEASES[_RELEASES[seed % 3]]
        self.lab = BrokerLab(release, CrashDisk(), settings)
        self.log = TraceLog.of(f"{name}-{seed}", self.lab.config, release)
        self.lab.trace = self.log
        self.lab.start()
        self.client = Client(self.lab)

    @abstractmethod
    def act(self) -> None:
        """Take one step of all that may happen."""

    def fall(self) -> None:
        """Let the process, or the machine, die, or end it in order; and start again."""
        lab, draw = self.lab, self.prng.below(5)
        if draw == 0:
            lab.shutdown()
        elif draw <= 2:
            lab.kill()
        else:
            lab.lose_power(lambda crash: crash.sample(self.prng))
        lab.move(1 + self.prng.below(700))
        lab.start()
        self.client = Client(lab)

    def trace(self, steps: int) -> Trace:
        """What happened in so many steps, or until a life that never began."""
        for _ in range(steps):
            if self.lab.runs:
                self.act()
        return self.log.trace()
