"""The sockets that workers inherit."""

import socket

import pytest

from mcpassport.errors import UsageError
from mcpassport.serving.listener import Listener


def test_several_sockets_share_one_address_that_nobody_else_gets() -> None:
    """Each may be closed and opened again while another listens; a second program is told."""
    listener = Listener("127.0.0.1", 0)
    first, second = listener.open(), listener.open()
    try:
        assert first.getsockname() == second.getsockname() == ("127.0.0.1", listener.port)
        with pytest.raises(UsageError, match="already in use"):
            Listener("127.0.0.1", listener.port)
        second.close()
        socket.create_connection(("127.0.0.1", listener.port), 10).close()
        second = listener.open()
    finally:
        first.close()
        second.close()


def test_a_connection_waits_while_no_worker_serves() -> None:
    """What came before the next worker of a socket is served by it."""
    listener = Listener("127.0.0.1", 0)
    with (
        listener.open() as opened,
        socket.create_connection(("127.0.0.1", listener.port), 10) as asking,
    ):
        asking.sendall(b"?")
        answering, _ = opened.accept()
        with answering:
            assert answering.recv(1) == b"?"


def test_an_address_of_the_newer_protocol_works_too() -> None:
    """IPv6 loopback."""
    listener = Listener("::1", 0)
    with listener.open() as opened:
        assert opened.getsockname()[:2] == ("::1", listener.port)


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 1), ("no such host", 1), ("::1", 70_000)])
def test_an_address_that_is_none_is_told(host: str, port: int) -> None:
    """Not ours, unknown, or out of range."""
    with pytest.raises(UsageError, match="Cannot listen on"):
        Listener(host, port)
