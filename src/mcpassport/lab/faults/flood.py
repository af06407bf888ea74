"""A body far larger than anybody wants: plain, or a gzip bomb."""

import zlib
from collections.abc import Sequence
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
            pieces = [await _compressed(pieces, channel)]
        await channel.send(reframed(answer.head, sum(map(len, pieces))))
        for piece in pieces:
            await channel.send(piece)


async def _compressed(pieces: Sequence[bytes], channel: Channel) -> bytes:
    """The pieces as one gzip stream; between two of them others have their turn."""
    packer = zlib.compressobj(level=1, wbits=16 + zlib.MAX_WBITS)
    packed = []
    for piece in pieces:
        packed.append(packer.compress(piece))
        await channel.pause(0)
    return b"".join((*packed, packer.flush()))
