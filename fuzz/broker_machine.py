"""What the machines of the broker share: a broker of some release, its deaths and returns."""

from collections.abc import Iterable, Mapping
from typing import ClassVar, NoReturn

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from fuzz.dialogue import Client
from fuzz.stateful.machine import CountedMachine
from refimpl.broker.invariants import violations
from refimpl.model.errors import StartRefused
from refimpl.model.override import override
from refimpl.model.prng import Prng
from refimpl.model.release import RELEASES
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import Crash, CrashImage, Extreme
from refimpl.sim.node_lab import BrokerLab

PUT_REFUSED = "put-refused"
KILL = "kill"
POWER_LOSS = "power-loss"
_EXTREMES = tuple(Extreme)


class BrokerMachine(CountedMachine):
    """A machine whose subject is a running broker; `began` and `came_back` are its hooks."""

    FAULTS: ClassVar[tuple[str, ...]] = (KILL, POWER_LOSS)
    OVERRIDES: ClassVar[Mapping[str, str]] = {}
    lab: BrokerLab
    client: Client
    began_well = False
    has_failed = False

    @initialize(release=st.sampled_from(sorted(RELEASES)))
    def begin(self, release: str) -> None:
        """Start a broker on an empty disk."""
        self.lab = BrokerLab(RELEASES[release], CrashDisk(), self.overrides())
        self.lab.trace = self.trace_of(self.lab.config, self.lab.release)
        self.lab.start()
        self.client = Client(self.lab)
        self.began()
        self.began_well = True

    def overrides(self) -> dict[str, str]:
        """The configuration of this run's broker, beyond that of every lab."""
        return dict(self.OVERRIDES)

    def began(self) -> None:
        """The broker runs for the first time."""

    def came_back(self, *, killed: bool) -> None:
        """The broker runs again on its disk, after a kill or an orderly end."""

    def lost_power(self, image: CrashImage) -> None:
        """The broker runs again on what `image` kept."""

    def at_the_end(self) -> None:
        """Heal everything, and demand what was promised; not called after a failure."""

    @override
    def teardown(self) -> None:
        """The end of a run."""
        if self.began_well and not self.has_failed and self.lab.runs:
            self.at_the_end()

    @override
    def broken(self, invariant: str, detail: str) -> NoReturn:
        """End the run; nothing more is demanded of it."""
        self.has_failed = True
        super().broken(invariant, detail)

    @override
    def none_of(self, violations: Iterable[str]) -> None:
        """End the run at the first violation."""
        for violation in violations:
            invariant, _, detail = violation.partition(": ")
            self.broken(invariant, detail)

    def must(self, holds: bool, invariant: str, detail: object) -> None:
        """End the run unless `holds`."""
        if not holds:
            self.broken(invariant, str(detail))

    @precondition(lambda self: KILL in self.FAULTS and self.allows(KILL))
    @rule(pause=st.sampled_from((1, 700, 30_000)))
    def kill(self, pause: int) -> None:
        """`kill -9`, and a start after a while."""
        self.fault(KILL)
        self.lab.kill()
        self.lab.move(pause)
        self.lab.start()
        self.came_back(killed=True)

    @override
    @classmethod
    def told_rules(cls) -> tuple[str, ...]:
        """A machine that does not lose power has no rule for it."""
        names = super().told_rules()
        return tuple(n for n in names if n != "lose_power" or POWER_LOSS in cls.FAULTS)

    @precondition(lambda self: POWER_LOSS in self.FAULTS and self.allows(POWER_LOSS))
    @rule(seed=st.integers(0, 1_000_000))
    def lose_power(self, seed: int) -> None:
        """The machine dies with what was not forced; every image must be one that opens.

        With an odd seed the power goes again while the broker starts.
        """
        self.fault(POWER_LOSS)
        image = self._lose_power(seed)
        try:
            if seed % 2:
                self.lab.begin_start()
                image = self._lose_power(seed + 1)
            self.lab.start()
        except StartRefused as refused:
            self.broken("EveryImageOpens", f"{refused}: {image.label}")
        self.lost_power(image)

    def _lose_power(self, seed: int) -> CrashImage:
        def choose(crash: Crash) -> CrashImage:
            if seed < len(_EXTREMES):
                return crash.extreme(_EXTREMES[seed])
            return crash.sample(Prng(seed))

        image = self.lab.lose_power(choose)
        self.lab.move(1 + seed % 1000)
        self.image()
        return image

    @precondition(lambda self: self.allows("restart"))
    @rule()
    def restart(self) -> None:
        """An orderly end and a start."""
        self.lab.shutdown()
        self.lab.move(1)
        self.lab.start()
        self.came_back(killed=False)

    @invariant()
    def the_broker_is_as_it_should_be(self) -> None:
        """What holds of every broker at rest."""
        self.none_of(self.lab.answer_faults())
        self.none_of(violations(self.lab.ctx))

    def drop_answered(self) -> None:
        """Forget what was answered once long ago."""
        self.lab.asked = {key: asked for key, asked in self.lab.asked.items() if not asked.answers}
