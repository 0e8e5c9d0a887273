"""TLC, the model checker, run as a library: found, started, read; models and traces judged by it.

Reads `spec/tla/`. May import `refimpl.model` and the standard library.
"""
