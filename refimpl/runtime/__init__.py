"""Rank 4: the only I/O of the repository: TCP, a real directory, real time."""
