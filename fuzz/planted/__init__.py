"""Bugs planted on purpose, each of which breaks one invariant that one machine must notice."""
