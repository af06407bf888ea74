"""A body that comes in pieces, in time; it may stall or break off between them."""

from typing import Literal

from msgspec import Struct

from mcpassport.lab.channel import Channel
from mcpassport.lab.wire import Rendered

A_DAY_S = 86_400.0


class Paced(Struct, frozen=True, forbid_unknown_fields=True):
    """Sends the body cut after each `ends`, with `seconds` between the pieces.

    After `pieces` of them (None: all) the answer ends, or nothing more comes, or the connection
    closes. Under `Transfer-Encoding: chunked` each piece is a chunk.
    """

    seconds: float = 0.0
    ends: str = "\n"
    pieces: int | None = None
    then: Literal["end", "stall", "close"] = "end"

    async def play(self, answer: Rendered, channel: Channel) -> None:
        """Head, then piece after piece."""
        chunked = b"transfer-encoding: chunked" in answer.head.lower()
        await channel.send(answer.head)
        for number, piece in enumerate(self.cut(answer.body)[: self.pieces]):
            if number:
                await channel.pause(self.seconds)
            await channel.send(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if self.then == "stall":
            await channel.pause(A_DAY_S)
        elif self.then == "close":
            channel.close()
        elif chunked:
            await channel.send(b"0\r\n\r\n")

    def cut(self, body: bytes) -> list[bytes]:
        """The pieces of a body, each with its end."""
        end = self.ends.encode()
        *whole, rest = body.split(end)
        return [*(piece + end for piece in whole), *([rest] if rest else [])]
