"""One state machine a module; each defines `MACHINE` (fuzz/stateful/registry.py)."""
