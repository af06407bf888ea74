"""A connection that is reset (RST, RFC 9293 3.5.2) instead of closed."""

from msgspec import Struct

from mcpassport.lab.channel import Channel
from mcpassport.lab.wire import Rendered


class Reset(Struct, frozen=True, forbid_unknown_fields=True):
    """Sends the first `bytes` of the answer, head included, then resets."""

    bytes: int = 0

    async def play(self, answer: Rendered, channel: Channel) -> None:
        """The beginning, if any, then the reset."""
        if self.bytes:
            await channel.send((answer.head + answer.body)[: self.bytes])
        channel.reset()
