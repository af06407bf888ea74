"""A body that stops short of its announced length."""

from msgspec import Struct

from mcpassport.lab.channel import Channel
from mcpassport.lab.wire import Rendered


class Truncated(Struct, frozen=True, forbid_unknown_fields=True):
    """Sends the head and the first `bytes` of the body, then closes."""

    bytes: int

    async def play(self, answer: Rendered, channel: Channel) -> None:
        """The beginning, then the end of the connection."""
        await channel.send(answer.head + answer.body[: self.bytes])
        channel.close()
