"""The sockets that workers inherit.

The supervisor binds them and keeps them open, one per worker slot, all on one address
(`SO_REUSEPORT`: the kernel spreads connections over them). So a connection that waits when its
worker is replaced, or dies, is served by the next worker of that slot.
"""

import socket
from typing import Final

from mcpassport.errors import UsageError

BACKLOG: Final = 1024


class Listener:
    """One address, and any number of sockets on it."""

    def __init__(self, host: str, port: int) -> None:
        """Find the address, and that nobody listens there; `UsageError` otherwise."""
        self.host, self.port = host, port
        try:
            info = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            # The library takes a port out of range for another one; the socket does not.
            self._family, self._address = info[0], (info[4][0], port, *info[4][2:])
            with socket.socket(self._family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(self._address)
                # Others may have bound with SO_REUSEADDR too; of two listeners only one is let.
                probe.listen()
                self.port = probe.getsockname()[1]
                self._address = (self._address[0], self.port, *self._address[2:])
        except (OSError, OverflowError) as error:
            cause = error.strerror if isinstance(error, OSError) else "there is no such port"
            raise UsageError(
                f"Cannot listen on {host} port {port}: {cause}. "
                "Stop what listens there, or choose another with --host and --port."
            ) from None

    def open(self) -> socket.socket:
        """One more listening socket; `OSError` if somebody else has taken the address."""
        opened = socket.socket(self._family, socket.SOCK_STREAM)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.bind(self._address)
            opened.listen(BACKLOG)
        except OSError:
            opened.close()
            raise
        return opened
