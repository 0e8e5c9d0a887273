"""Requests that no list holds: generated, played, compared."""
