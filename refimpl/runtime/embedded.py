"""RocketMQ within somebody's own tests: a name server and a broker on loopback, in one thread.

    with EmbeddedRocketMQ(release="4.9", settings={"transactionTimeOut": "2000"}) as rocketmq:
        producer.set_namesrv_addr(rocketmq.namesrv_address)

Ports are free ones, the store is a temporary directory (or one that stays), and leaving the block
stops both in order.
"""

import shutil
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeAlias

from refimpl.model.config import Config
from refimpl.model.errors import StartRefused
from refimpl.model.ids import Address
from refimpl.model.release import DEFAULT_RELEASE, RELEASES
from refimpl.runtime.event_loop import EventLoop
from refimpl.runtime.host import Host
from refimpl.runtime.serve import (
    LOOPBACK,
    BrokerPlan,
    NameServerPlan,
    start_broker,
    start_name_server,
)

Flush: TypeAlias = Literal["async", "sync"]
_FLUSH: Mapping[Flush, str] = {"async": "ASYNC_FLUSH", "sync": "SYNC_FLUSH"}
_START_SECONDS = 30.0
_STOP_SECONDS = 60.0  # two hosts, each with its own patience
_ANY_PORT = 0


class EmbeddedRocketMQ:
    """One name server and one broker for the length of a `with` block; not to be entered twice."""

    def __init__(
        self,
        release: str = DEFAULT_RELEASE.name,
        *,
        flush: Flush = "async",
        settings: Mapping[str, str] | None = None,
        store: Path | None = None,
    ) -> None:
        """`settings` are RocketMQ's own names; an unknown one is `InvalidInput`.

        `store` is a directory to open and to keep; without it the store goes with the block.
        """
        self._release = RELEASES[release]
        self._settings = {
            "brokerName": "broker-a",
            "brokerIP1": LOOPBACK,
            "brokerIP2": LOOPBACK,
            "flushDiskType": _FLUSH[flush],
            **(settings or {}),
        }
        Config.strict(self._release, "broker", self._settings)
        self._kept = store
        self._root = Path()
        self._addresses: tuple[Address, Address] | None = None
        self._thread = threading.Thread(target=self._run, name="rocketmq", daemon=True)
        self._loop: EventLoop | None = None
        self._settled = threading.Event()  # it serves, or it will never
        self._refusal: BaseException | None = None
        self._stopping = False
        self._finished = False

    @property
    def namesrv_address(self) -> str:
        """`HOST:PORT` of the name server: what clients are given."""
        return str(self._served()[0])

    @property
    def broker_address(self) -> str:
        """`HOST:PORT` of the broker: what administration is given."""
        return str(self._served()[1])

    def __enter__(self) -> Self:
        """Start both and wait until the broker is registered; raises `StartRefused`."""
        self._root = self._kept or Path(tempfile.mkdtemp(prefix="rocketmq-"))
        self._thread.start()
        in_time = self._settled.wait(_START_SECONDS)
        if self._refusal is not None or not in_time:
            self._end()
            raise self._refusal or StartRefused(f"no start in {_START_SECONDS} seconds")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the broker, then the name server; `RuntimeError` where one does not end."""
        self._end()
        if not self._finished and error is None:
            raise RuntimeError("the embedded RocketMQ did not stop in time")

    def _served(self) -> tuple[Address, Address]:
        if self._addresses is None:
            raise RuntimeError("only within the `with` block")
        return self._addresses

    def _end(self) -> None:
        self._stopping = True
        if self._loop is not None:
            self._loop.post_from_thread(lambda: None)  # wakes it
        self._thread.join(_STOP_SECONDS)
        self._addresses = None
        if self._kept is None and not self._thread.is_alive():
            shutil.rmtree(self._root, ignore_errors=True)

    # --- the thread

    def _run(self) -> None:
        hosts: list[Host] = []
        try:
            with EventLoop() as loop:
                self._loop = loop
                try:
                    self._start(loop, hosts)
                    self._settled.set()
                    loop.run(lambda: self._stopping)
                finally:
                    finished = [host.shutdown() for host in reversed(hosts)]
                    self._finished = all(finished)
        except BaseException as error:  # noqa: BLE001 - it belongs to who entered the block
            self._refusal = error
        finally:
            self._loop = None
            self._settled.set()

    def _start(self, loop: EventLoop, hosts: list[Host]) -> None:
        release, root = self._release, self._root
        config = Config.of(release, "namesrv")
        plan = NameServerPlan(
            release=release, port=_ANY_PORT, store=root / "namesrv", config=config
        )
        host, namesrv = start_name_server(plan, loop)
        hosts.append(host)

        def make_config(port: int) -> Config:
            places = {
                "listenPort": str(port),
                "namesrvAddr": str(namesrv),
                "storePathRootDir": str(root),
                "storePathCommitLog": str(root / "commitlog"),
            }
            return Config.strict(release, "broker", {**self._settings, **places})

        broker = BrokerPlan(
            release=release,
            port=_ANY_PORT,
            store=root,
            make_config=make_config,
            namesrv=(),
            seed=0,
        )
        host, address = start_broker(broker, [namesrv], loop)
        hosts.append(host)
        self._addresses = (namesrv, address)
