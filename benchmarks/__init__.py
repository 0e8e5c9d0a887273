"""The reference beside Apache RocketMQ on one machine, in one run: `python -m benchmarks`."""
