"""Bugs that RocketMQ really had, as small patches of the reference, each with its public issue."""
