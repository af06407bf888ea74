"""Silence before the head, or between head and body."""

from typing import Literal

from msgspec import Struct

from mcpassport.lab.channel import Channel
from mcpassport.lab.wire import Rendered


class Delay(Struct, frozen=True, forbid_unknown_fields=True):
    """Sends the whole answer, late by `seconds`."""

    seconds: float
    before: Literal["head", "body"] = "head"

    async def play(self, answer: Rendered, channel: Channel) -> None:
        """Pause where `before` says."""
        if self.before == "head":
            await channel.pause(self.seconds)
        await channel.send(answer.head)
        if self.before == "body":
            await channel.pause(self.seconds)
        await channel.send(answer.body)
