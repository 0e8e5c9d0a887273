"""Rank 1: frames, headers, codes, bodies and one sans-IO connection."""
