"""The place of one worker: it keeps its socket, while the workers that serve it come and go."""

import asyncio
import socket
from contextlib import suppress
from typing import Final

import structlog

from mcpassport.serving.backoff import Backoff
from mcpassport.serving.child import Child, how_it_ended
from mcpassport.serving.listener import Listener

_log = structlog.get_logger(__name__)

CRASH_LOOP: Final = (
    "This worker dies again and again soon after its start. Why is in the lines before, or in the "
    "kernel's log if it ran out of memory. It is tried again; SIGHUP tries at once."
)


class Slot:
    """Holds one worker from `first` to `stop`; `keep` runs in between."""

    def __init__(self, number: int, listener: Listener) -> None:
        self.number = number
        self._listener = listener
        self._listening: socket.socket | None = None
        self._child: Child | None = None
        self._backoff = Backoff()
        self._starting = asyncio.Lock()
        self._woken = asyncio.Event()
        self._leaving = False

    async def first(self) -> bool:
        """Start a worker; whether it came to serve."""
        async with self._starting:
            return await self._fill()

    async def keep(self) -> None:
        """Start a worker whenever there is none, until `stop`."""
        while not self._leaving:
            child, lived_s = self._child, 0.0
            if child is not None:
                code = await child.ended()
                lived_s = child.lived_s
                if child is not self._child or self._leaving:
                    continue  # it was replaced, or told to go
                self._child = None
                _log.error("worker_died", worker=self.number, pid=child.pid, how=how_it_ended(code))
            await self._pause(lived_s)
            async with self._starting:
                if self._child is None and not self._leaving:
                    await self._fill()

    async def replace(self, grace_s: float) -> bool:
        """A new worker first, then the old one drains; False leaves the old one in its place."""
        self._backoff.forget()
        self._woken.set()
        async with self._starting:
            fresh = await self._start()
            try:
                served = fresh is not None and await fresh.ready()
            except asyncio.CancelledError:
                if fresh is not None:
                    fresh.kill()
                raise
            if not served:
                return False
            old, self._child = self._child, fresh
        if old is not None:
            await self._drained(old, grace_s)
        return True

    async def stop(self, grace_s: float) -> bool:
        """No new connection, and the worker drains; whether it ended by itself in time."""
        self._leaving = True
        self._woken.set()
        self._close()
        return self._child is None or await self._drained(self._child, grace_s)

    def kill(self) -> None:
        """End the worker now."""
        if self._child is not None:
            self._child.kill()

    async def _fill(self) -> bool:
        self._child = await self._start()
        if self._child is None or not await self._child.ready():
            return False
        _log.info("worker_serves", worker=self.number, pid=self._child.pid)
        return True

    async def _start(self) -> Child | None:
        try:
            if self._listening is None:
                self._listening = self._listener.open()
            return await Child.start(self._listening)
        except OSError as error:
            _log.error("worker_not_started", worker=self.number, why=error.strerror)
            return None

    async def _pause(self, lived_s: float) -> None:
        """Wait as long as the back-off says; in a crash loop without the socket: others serve."""
        seconds = self._backoff.after(lived_s)
        if not seconds:
            return
        if self._backoff.loops:
            self._close()
            _log.error("crash_loop", worker=self.number, seconds=seconds, message=CRASH_LOOP)
        else:
            _log.warning("worker_starts_later", worker=self.number, seconds=seconds)
        if not self._leaving:
            self._woken.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()

    async def _drained(self, child: Child, grace_s: float) -> bool:
        child.drain()
        try:
            async with asyncio.timeout(grace_s):
                await child.ended()
        except TimeoutError:
            _log.error("worker_killed", worker=self.number, pid=child.pid, after_s=grace_s)
            child.kill()
            await child.ended()
            return False
        return True

    def _close(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.close()
