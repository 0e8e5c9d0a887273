"""One dice, seeded. Each actor forks its own stream, so that adding one does not shift another."""

import random
from zlib import crc32


class Prng:
    """Deterministic numbers from a seed; equal under every PYTHONHASHSEED."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._random = random.Random(seed)

    def fork(self, name: str) -> "Prng":
        """A stream of its own for `name`; the parent does not move."""
        return Prng((self._seed << 32) ^ crc32(name.encode()))

    def below(self, bound: int) -> int:
        """Uniform in [0, bound)."""
        assert bound > 0
        return self._random.randrange(bound)

    def bits(self, count: int) -> int:
        """A number of `count` random bits."""
        return self._random.getrandbits(count)
