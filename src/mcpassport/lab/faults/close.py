"""A connection that ends without an answer."""

from msgspec import Struct

from mcpassport.lab.channel import Channel
from mcpassport.lab.wire import Rendered


class Close(Struct, frozen=True, forbid_unknown_fields=True):
    """Closes once the request has arrived."""

    async def play(self, _answer: Rendered, channel: Channel) -> None:
        """Nothing but the end."""
        channel.close()
