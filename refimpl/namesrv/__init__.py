"""Rank 3: the name server, blind to broker and client."""
