"""RocketMQ as an executable specification: reference broker, name server and their parts.

Asserts state invariants and are part of the program: `python -O` is refused.
"""

if not __debug__:  # pragma: no cover - the interpreter strips what would test it
    raise SystemExit("rocketmq-refimpl refuses python -O: its asserts are part of the program")
