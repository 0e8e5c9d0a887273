"""Adapters that start, reach and stop what is judged."""
