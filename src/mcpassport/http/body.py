"""Reading an upstream body under a cap that holds after decompression."""

import zlib
from typing import Final

from mcpassport.errors import MalformedUpstreamResponse, ResponseTooLarge, UpstreamUnreachable

ACCEPT_ENCODING: Final = "gzip"
"""What is asked for; every other content encoding in a response is refused."""
MAX_GZIP_MEMBERS: Final = 64
"""Members of one gzip body; real ones have one."""

_PLAIN: Final = frozenset({"", "identity"})
_GZIP: Final = frozenset({"gzip", "x-gzip"})


class Body:
    """Collects a body and counts it twice: bytes received, bytes decoded; both are capped."""

    def __init__(self, cap: int, encoding: str) -> None:
        if encoding not in _PLAIN | _GZIP:
            raise MalformedUpstreamResponse("The upstream's content encoding was not asked for.")
        self._cap = cap
        self._received = 0
        self._drained = 0
        self._decoded = bytearray()
        self._members = 1
        self._gzip = zlib.decompressobj(16 + zlib.MAX_WBITS) if encoding in _GZIP else None

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes; `ResponseTooLarge` at the first byte over the cap."""
        self._received += len(chunk)
        if self._received > self._cap:
            raise ResponseTooLarge
        if self._gzip is None:
            self._decoded += chunk
        else:
            self._inflate(self._gzip, chunk)

    def _inflate(self, gzip: "zlib._Decompress", chunk: bytes) -> None:
        while chunk:
            if gzip.eof:
                self._members += 1
                gzip = self._gzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
            if self._members > MAX_GZIP_MEMBERS:
                raise MalformedUpstreamResponse
            # One byte more than fits: enough to know, and nothing is inflated beyond it.
            room = self._cap - self._drained - len(self._decoded)
            self._decoded += gzip.decompress(chunk, room + 1)
            if self._drained + len(self._decoded) > self._cap:
                raise ResponseTooLarge
            chunk = gzip.unused_data or gzip.unconsumed_tail

    def drain(self) -> bytes:
        """What has been decoded since the last time; it still counts."""
        piece = bytes(self._decoded)
        self._drained += len(piece)
        self._decoded.clear()
        return piece

    def finish(self) -> bytes:
        """What was not drained; `UpstreamUnreachable` if a gzip stream stops short."""
        if self._gzip is not None and self._received and not self._gzip.eof:
            raise UpstreamUnreachable
        return bytes(self._decoded)
