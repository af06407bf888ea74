"""An answer that stops in the middle while its connection stays open."""

from msgspec import Struct

from mcpassport.lab.channel import Channel
from mcpassport.lab.wire import Rendered


class Stall(Struct, frozen=True, forbid_unknown_fields=True):
    """Sends the head and the first `bytes` of the body, then nothing for `seconds`."""

    bytes: int
    seconds: float = 600

    async def play(self, answer: Rendered, channel: Channel) -> None:
        """The beginning, then silence; the rest never comes."""
        await channel.send(answer.head + answer.body[: self.bytes])
        await channel.pause(self.seconds)
        channel.close()
