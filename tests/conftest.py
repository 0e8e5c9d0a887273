"""The same examples in each run: another machine, or a slow one, never decides what passes.

New examples come from the campaigns; for one test, from `--hypothesis-profile default`.
"""

from hypothesis import settings

settings.register_profile(
    "repeatable", derandomize=True, deadline=None, database=None, print_blob=True
)
settings.load_profile("repeatable")
