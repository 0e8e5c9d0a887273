"""Rank 4: the simulator: virtual clock, fake disk, nodes without sockets."""
