"""One worker process, as its parent sees it.

The two share a socket: the worker says one word once it serves, and the socket's end tells the
worker that its parent is gone.
"""

import asyncio
import signal
import socket
import sys
from contextlib import suppress
from time import monotonic
from typing import Final, Self

WORKER: Final = "mcpassport.serving.worker"
START_S: Final = 60
"""A worker that does not serve by then is killed."""


class Child:
    """A worker process; made by `start`."""

    def __init__(self, process: asyncio.subprocess.Process, lifeline: socket.socket) -> None:
        self._process = process
        self._lifeline = lifeline
        self._born = monotonic()
        self._hearing = asyncio.create_task(self._hear())
        self.pid = process.pid

    @classmethod
    async def start(cls, listening: socket.socket) -> Self:
        """Start one that serves what arrives on that socket."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                # -P: whatever lies in the working directory is not imported.
                *(sys.executable, "-P", "-m", WORKER),
                *("--listen", str(listening.fileno()), "--lifeline", str(theirs.fileno())),
                pass_fds=(listening.fileno(), theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
            )
        ours.setblocking(False)
        return cls(process, ours)

    async def ready(self) -> bool:
        """Whether it came to serve; one that takes too long is killed."""
        return await asyncio.shield(self._hearing)

    async def ended(self) -> int:
        """Its exit code, or minus the signal that killed it."""
        code = await self._process.wait()
        await self.ready()
        self._lifeline.close()
        return code

    def drain(self) -> None:
        """Tell it to finish what is under way, and to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it now."""
        self._signal(signal.SIGKILL)

    @property
    def lived_s(self) -> float:
        """Seconds since its start."""
        return monotonic() - self._born

    async def _hear(self) -> bool:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(START_S):
                said = await loop.sock_recv(self._lifeline, 1)
        except (TimeoutError, OSError):
            said = b""
        if not said:
            self.kill()
        return bool(said)

    def _signal(self, sign: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(sign)


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
