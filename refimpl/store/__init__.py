"""Rank 2: the commit log and everything derived from it."""
