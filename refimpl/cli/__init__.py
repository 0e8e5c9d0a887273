"""Rank 5: the command line."""
