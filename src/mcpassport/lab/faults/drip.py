"""An answer that comes byte by byte: slow headers, or a slow body."""

from typing import Literal

from msgspec import Struct

from mcpassport.lab.channel import Channel
from mcpassport.lab.wire import Rendered


class Drip(Struct, frozen=True, forbid_unknown_fields=True):
    """Sends `part` one byte at a time, `seconds` apart; what is before it comes at once."""

    seconds: float
    part: Literal["head", "body"]

    async def play(self, answer: Rendered, channel: Channel) -> None:
        """Each byte on its own."""
        at_once, slow = (
            (b"", answer.head + answer.body) if self.part == "head" else (answer.head, answer.body)
        )
        await channel.send(at_once)
        for position in range(len(slow)):
            await channel.send(slow[position : position + 1])
            await channel.pause(self.seconds)
