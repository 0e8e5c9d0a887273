"""The error tree. Errors carry fields; each is raised where the first wrong thing is seen.

`RefimplError`
  `StartRefused`        a node that must not start says so, and has changed nothing
  `InvalidInput`        a value from outside does not fit: configuration, codec, topic name
`remoting.errors.RemotingError` and `store.errors.StoreError` hang below `RefimplError`.
"""


class RefimplError(Exception):
    """Root of all expected errors; anything else that escapes is a defect of ours."""


class StartRefused(RefimplError):
    """A node cannot start. `reason` is one clear sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidInput(RefimplError):
    """`what` was given as `value`, and `reason` says why it is refused."""

    def __init__(self, what: str, value: str, reason: str) -> None:
        super().__init__(f"{what} {value!r}: {reason}")
        self.what = what
        self.value = value
        self.reason = reason
