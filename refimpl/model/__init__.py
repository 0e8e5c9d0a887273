"""Rank 0: nothing but values."""
