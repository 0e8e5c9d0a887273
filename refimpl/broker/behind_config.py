"""Answers that wait until a file of `config/` is durable. BROKER-TOPIC-13.

Java 5.5.0: common/ConfigManager#persist forces the file and its directory before it returns; the
processor that called it answers afterwards. Here a force is an effect, so the answer is kept.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from refimpl.model.ids import ChannelId, ForceToken, Opaque
from refimpl.remoting.command import RemotingCommand
from refimpl.remoting.response_code import ResponseCode


class _Waiting(NamedTuple):
    tokens: set[ForceToken]  # the forces that have not ended
    answers: list[RemotingCommand]  # kept until then: none yet, where the put is not done either


class BehindConfig:
    """Requests that changed a file which is not durable yet, by channel and number."""

    __slots__ = ("_send", "_waiting")

    def __init__(self, send: Callable[[ChannelId, RemotingCommand], None]) -> None:
        self._send = send
        self._waiting: dict[tuple[ChannelId, Opaque], _Waiting] = {}

    def await_forces(
        self, channel: ChannelId, opaque: Opaque, tokens: Iterable[ForceToken]
    ) -> None:
        """Keep the answer of this request until the forces `tokens` have ended."""
        wanted = set(tokens)
        if wanted:
            waiting = self._waiting.setdefault((channel, opaque), _Waiting(set(), []))
            waiting.tokens.update(wanted)

    def keep(self, channel: ChannelId, answer: RemotingCommand) -> bool:
        """Take a SUCCESS whose forces have not all ended; a refusal promises nothing."""
        waiting = self._waiting.get((channel, answer.opaque))
        if waiting is None or answer.code != ResponseCode.SUCCESS:
            return False
        waiting.answers.append(answer)
        return True

    def force_ended(self, token: ForceToken) -> None:
        """Send what waited for this force last, whether it succeeded or failed."""
        for key, waiting in list(self._waiting.items()):
            waiting.tokens.discard(token)
            if not waiting.tokens:
                del self._waiting[key]
                for answer in waiting.answers:
                    self._send(key[0], answer)
