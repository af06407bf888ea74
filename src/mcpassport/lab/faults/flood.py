"""A body far larger than anybody wants: plain, or a gzip bomb."""

import gzip
from typing import Literal

from msgspec import Struct

from mcpassport.lab.channel import Channel
from mcpassport.lab.wire import Rendered, reframed

MEBIBYTE = b" " * 2**20


class Flood(Struct, frozen=True, forbid_unknown_fields=True):
    """Sends a JSON text padded with `mebibytes` of spaces, in place of the body.

    As `gzip` every mebibyte is compressed to about 5 kB; it is framed by its length, as an
    honest answer would be. The body of the answer stands after the padding.
    """

    mebibytes: int
    coding: Literal["identity", "gzip"] = "identity"

    async def play(self, answer: Rendered, channel: Channel) -> None:
        """The head with the true length, then one mebibyte after the other."""
        pieces = [MEBIBYTE] * self.mebibytes + [answer.body]
        if self.coding == "gzip":
            pieces = [gzip.compress(b"".join(pieces), 1, mtime=0)]
        await channel.send(reframed(answer.head, sum(map(len, pieces))))
        for piece in pieces:
            await channel.send(piece)
