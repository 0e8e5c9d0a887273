"""Start the Rust name server and broker on loopback and print where they listen.

For `rmqref conformance run --target "command:python tests/peers/rust/serve.py {store}"`. The two
programs come from the package registry: `cargo install rocketmq-namesrv rocketmq-broker --locked`;
they are looked for on the PATH.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

NAMESRV, BROKER = "rocketmq-namesrv-rust", "rocketmq-broker-rust"
HOST = "127.0.0.1"
START_SECONDS = 20.0
SETTINGS = """\
[broker]
namesrvAddr = "{host}:{namesrv}"
brokerIp1 = "{host}"
listenPort = {broker}
storePathRootDir = "{store}"
autoCreateTopicEnable = true
enablePropertyFilter = true
[broker.brokerServerConfig]
bindAddress = "{host}"
[broker.brokerIdentity]
brokerName = "broker-a"
brokerClusterName = "DefaultCluster"
brokerId = 0
[store]
storeType = "LocalFile"
brokerRole = "ASYNC_MASTER"
storePathRootDir = "{store}"
haListenAddress = "{host}"
haListenPort = {ha}
"""


def free_ports() -> tuple[int, int, int]:
    """Ports of name server, broker (with the one two below) and replication, free a moment ago."""
    for _ in range(100):
        with socket.socket() as first:
            first.bind((HOST, 0))
            base = first.getsockname()[1]
        wanted = (base, base + 11, base + 9, base + 12)
        held = []
        try:
            for port in wanted:
                held.append(socket.socket())
                held[-1].bind((HOST, port))
        except (OSError, OverflowError):
            continue
        finally:
            for one in held:
                one.close()
        return base, base + 11, base + 12
    sys.exit("no free ports")


def await_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until somebody listens; leave where the process ends before."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.02)
    sys.exit(f"{process.args!r} does not listen on {port}")


def main(store: Path) -> None:
    """Run both until SIGTERM or SIGINT."""
    for program in (NAMESRV, BROKER):
        if shutil.which(program) is None:
            sys.exit(f"no {program} on the PATH: cargo install rocketmq-namesrv rocketmq-broker")
    home = store.parent / "home"
    (home / "conf").mkdir(parents=True, exist_ok=True)
    store.mkdir(parents=True, exist_ok=True)
    namesrv, broker, ha = free_ports()
    conf = home / "conf" / "broker.toml"
    text = SETTINGS.format(host=HOST, namesrv=namesrv, broker=broker, store=store, ha=ha)
    conf.write_text(text, "utf-8")
    environment = {
        **os.environ,
        "ROCKETMQ_HOME": str(home),
        "HOME": str(home),
        "ROCKETMQ_SECURITY_PROFILE": "development-insecure-loopback",
    }
    commands = (
        ([NAMESRV, "--listenPort", str(namesrv), "--bindAddress", HOST], namesrv),
        ([BROKER, "-c", str(conf), "-n", f"{HOST}:{namesrv}"], broker),
    )
    running: list[subprocess.Popen[bytes]] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        for command, port in commands:
            with (home / f"{Path(command[0]).name}.out").open("wb") as output:
                running.append(
                    subprocess.Popen(command, stdout=output, stderr=output, env=environment)
                )
            await_listening(port, running[-1])
        sys.stdout.write(f"ready namesrv={HOST}:{namesrv} broker={HOST}:{broker}\n")
        sys.stdout.flush()
        running[-1].wait()
    finally:
        for process in reversed(running):
            process.terminate()
        for process in reversed(running):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
