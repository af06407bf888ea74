"""The client's connections: where they may lead, who shares them, and when they are dropped.

1. The address is vetted where the socket is made: the address vetted is the address connected.
2. A connection is reused only by requests that carry the same credential. An upstream that sends
   more than one response to a request (a body after a 204, a late answer) shifts every answer that
   follows on that connection, and no client can tell: it must not become another account's answer.
3. An idle connection on which anything arrived is dropped: whatever it says was not asked for.
4. A connection that cannot be used again is aborted, not closed: closing would first deliver what
   is still buffered of the request.
"""

import errno
import hashlib
import socket
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import AddrInfoType, ClientRequest, ClientResponse, TCPConnector
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection

from mcpassport.http.address import refusal
from mcpassport.records.calls import OutboundRequest


@dataclass(slots=True, repr=False)
class Attempt:
    """One `send`: what the hooks inside the client need to know, and what they saw."""

    partition: int | None = None
    private: bool = False
    refused: bool = False
    sent: bool = False
    connection: Connection | None = None
    transport: Any = None

    def abort(self) -> None:
        """(4) Drop the connection, unless it went back to the pool, where another may use it."""
        if self.transport is None or self.connection is None:
            return
        if self.connection.protocol is not None or self.transport.is_closing():
            self.transport.abort()


ATTEMPT: ContextVar[Attempt] = ContextVar("mcpassport_attempt")
"""Tasks that the client starts for an attempt (happy eyeballs) inherit it."""


def partition_of(request: OutboundRequest, key: bytes) -> int | None:
    """(2) Stands for the request's credential among connections; `key` is this process's own."""
    if not request.secret_headers and not request.secret_query:
        return None
    secrets = msgspec.json.encode((request.secret_headers, request.secret_query))
    return int.from_bytes(hashlib.blake2b(secrets, key=key, digest_size=16).digest())


def vetted_socket(info: AddrInfoType) -> socket.socket:
    """(1) A socket for that address, or `OSError`: the client knows how to take that."""
    family, kind, protocol, _, address = info
    attempt = ATTEMPT.get(None)
    if attempt is None or refusal(str(address[0]), private=attempt.private) is not None:
        if attempt is not None:
            attempt.refused = True
        raise OSError(errno.EACCES, "address refused")
    return socket.socket(family, kind, protocol)


class TrackedRequest(ClientRequest):
    """Remembers the connection that a request goes out on, so that it can be aborted."""

    @property
    def connection_key(self) -> ConnectionKey:
        """(2) What connections are pooled by; there is no proxy, so its member is free."""
        key = super().connection_key
        return ConnectionKey(*key[:6], ATTEMPT.get().partition, key.server_hostname)

    async def send(self, conn: Connection) -> ClientResponse:
        """Send, noting the transport."""
        attempt = ATTEMPT.get()
        attempt.sent = True
        attempt.connection, attempt.transport = conn, conn.transport
        return await super().send(conn)


class Pool(TCPConnector):
    """The client's own pool, which looks at a connection before it is used again."""

    async def _get(self, key: ConnectionKey, traces: list[Any]) -> Connection | None:
        while (connection := await super()._get(key, traces)) is not None:
            if connection.protocol is None or not connection.protocol.should_close:
                return connection
            connection.close()  # (3)
        return None
