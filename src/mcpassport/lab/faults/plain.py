"""No fault: the answer as it is."""

from msgspec import Struct

from mcpassport.lab.channel import Channel
from mcpassport.lab.wire import Rendered


class Plain(Struct, frozen=True, forbid_unknown_fields=True):
    """Sends the whole answer."""

    async def play(self, answer: Rendered, channel: Channel) -> None:
        """Head and body in one piece."""
        await channel.send(answer.head + answer.body)
