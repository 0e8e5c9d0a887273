"""Rank 3: the broker, blind to name server and client."""
