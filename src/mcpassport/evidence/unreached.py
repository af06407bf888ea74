"""Hosts of this machine that no call gets through to, and an integration on any host."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from mcpassport.evidence.probe import CREDENTIAL_KIND

LOOPBACK: Final = "127.0.0.1"
_FILLERS: Final = 2


@dataclass(frozen=True)
class Unreached:
    """`host:port` of each: `refusing` refuses connections, `silent` lets them wait."""

    refusing: str
    silent: str


@contextmanager
def unreached() -> Iterator[Unreached]:
    """Both hosts.

    Linux drops what asks for a connection while as many as may wait do so (listen(2)); a system
    that answers instead makes of `silent` a second host that refuses.
    """
    fillers = [socket.socket() for _ in range(_FILLERS)]
    with socket.socket() as refusing, socket.socket() as silent:
        refusing.bind((LOOPBACK, 0))  # bound and not listening: nobody else gets the port
        silent.bind((LOOPBACK, 0))
        silent.listen(0)
        for filler in fillers:
            filler.setblocking(False)
            with suppress(BlockingIOError):
                filler.connect(silent.getsockname())
        try:
            yield Unreached(_address(refusing), _address(silent))
        finally:
            for filler in fillers:
                filler.close()


def _address(bound: socket.socket) -> str:
    host, port = bound.getsockname()
    return f"{host}:{port}"


def tool(name: str) -> str:
    """The one tool of that integration."""
    return f"{name}_thing_fetch"


def content(name: str, origin: str, timeout_s: float | None = None) -> dict[str, Any]:
    """One tool on the API at that address; `timeout_s` is what its method sets, if anything."""
    fetch: dict[str, Any] = {"http": "GET", "path": "/fetch"}
    if timeout_s is not None:
        fetch["timeout_s"] = timeout_s
    return {
        "config": {
            "format": 1,
            "name": name,
            "label": "Evidence of hosts",
            "description": "Made up by the checks.",
            "base_url": origin,
            "credentials": [{"kind": CREDENTIAL_KIND}],
            "authorization": {"kind": "bearer"},
            "resources": {"things": {"singular": "thing", "methods": {"fetch": fetch}}},
        },
        "documentation": [
            {
                "resource": "things",
                "method": "fetch",
                "description": "Asks a host that the checks made up.",
            }
        ],
    }
