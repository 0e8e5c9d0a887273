"""The seam around a send: what a plug-in sees before and after.

Java 4.9.7: broker/mqtrace/SendMessageHook, SendMessageContext. Without hooks nothing is built.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMessageContext:
    """What a hook is told. The last five fields are filled for `after`."""

    producer_group: str | None
    topic: str
    queue_id: int
    born_host: str
    broker_addr: str
    body_length: int
    msg_props: str | None
    msg_unique_key: str
    msg_id: str | None = None
    queue_offset: int | None = None
    code: int = 0
    error_msg: str | None = None
    store_size: int = 0


Hook = Callable[[SendMessageContext], None]


class SendHooks:
    """Hooks by side. An exception of a hook is swallowed: it must not change the answer."""

    __slots__ = ("after", "before")

    def __init__(self) -> None:
        self.before: list[Hook] = []
        self.after: list[Hook] = []

    def __bool__(self) -> bool:
        return bool(self.before or self.after)

    def run_before(self, context: SendMessageContext) -> None:
        """Call every `before` hook in the order of registration."""
        _run(self.before, context)

    def run_after(
        self,
        context: SendMessageContext,
        *,
        code: int,
        error_msg: str | None,
        msg_id: str | None,
        queue_offset: int | None,
    ) -> None:
        """Call every `after` hook with what was answered."""
        _run(
            self.after,
            replace(
                context, code=code, error_msg=error_msg, msg_id=msg_id, queue_offset=queue_offset
            ),
        )


def _run(hooks: list[Hook], context: SendMessageContext) -> None:
    for hook in hooks:
        try:
            hook(context)
        except Exception:  # noqa: BLE001, S112 - Java catches Throwable: a plug-in is not trusted
            continue
