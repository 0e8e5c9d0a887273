"""A store looked at from outside: read-only, any release, every structural rule."""
