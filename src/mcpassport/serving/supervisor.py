"""The parent of the workers: it opens nothing, answers nothing, and outlives every worker.

(1) start: every worker must come to serve, else the start has failed
(2) a worker that dies is started again: at once, or after a growing pause if it died of its start
(3) SIGHUP: settings are read anew, and workers replaced one by one, each after its successor serves
(4) SIGTERM, SIGINT: no new connections, calls under way end, exit code 0; a second one ends it now
"""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog

from mcpassport.errors import McpassportError
from mcpassport.serving.listener import Listener
from mcpassport.serving.notice import READY, STOPPING, in_one_line, reloading, tell
from mcpassport.serving.slot import Slot
from mcpassport.serving.tls import check_tls
from mcpassport.settings import Settings

_log = structlog.get_logger(__name__)

OK: Final = 0
FAILED: Final = 1
MARGIN_S: Final = 15.0
"""For a worker that drains, beyond what its settings allow: to record what it cancelled."""
_STOP: Final = (signal.SIGTERM, signal.SIGINT)


class Supervisor:
    """Runs workers on one address until it is told to stop."""

    def __init__(
        self, listener: Listener, settings: Settings, read_settings: Callable[[], Settings]
    ) -> None:
        self._listener = listener
        self._settings = settings
        self._read_settings = read_settings
        self._slots: list[Slot] = []
        self._keeping: dict[Slot, asyncio.Task[None]] = {}
        self._stopped = asyncio.Event()
        self._reload_wanted = asyncio.Event()
        self._failed = False

    async def run(self, started: Callable[[], None]) -> int:
        """Serve until told to stop; the exit code. `started` is called once all workers serve."""
        self._listen_to_signals()
        try:
            if not await self._or_stopped(self._start()):  # (1)
                return OK if self._stopped.is_set() else FAILED
            tell(READY)
            started()
            while not self._stopped.is_set():
                await self._or_stopped(self._reloaded())  # (2), (3)
        finally:
            ended = await self._stop()  # (4)
        return FAILED if self._failed or not ended else OK

    async def _start(self) -> bool:
        self._slots = [Slot(n + 1, self._listener) for n in range(self._settings.workers)]
        if not all(await asyncio.gather(*(slot.first() for slot in self._slots))):
            return False
        for slot in self._slots:
            self._keep(slot)
        return True

    async def _reloaded(self) -> bool:
        """Wait until somebody wants new settings, and bring them into force."""
        await self._reload_wanted.wait()
        self._reload_wanted.clear()
        tell(reloading())
        try:
            settings = self._read_settings()
            check_tls(settings)
        except McpassportError as error:
            _log.error("reload_refused", why=in_one_line(error))
        else:
            done = await self._replace_all(settings)
            (_log.info if done else _log.error)("reloaded" if done else "reload_stopped")
        tell(READY)
        return True

    async def _replace_all(self, settings: Settings) -> bool:
        """Workers one by one; False, and no further one, when a new one does not come to serve."""
        if (settings.host, settings.port) != (self._settings.host, self._settings.port):
            _log.warning("address_unchanged", why="a new host or port needs a restart")
        self._settings = settings
        while len(self._slots) > settings.workers:
            await self._drop(self._slots.pop())
        for slot in self._slots:
            if not await slot.replace(self._grace_s):
                return False
        while len(self._slots) < settings.workers:
            slot = Slot(len(self._slots) + 1, self._listener)
            self._slots.append(slot)
            if not await slot.first():
                return False
            self._keep(slot)
        return True

    async def _drop(self, slot: Slot) -> bool:
        ended = await slot.stop(self._grace_s)
        if slot in self._keeping:
            await asyncio.wait((self._keeping.pop(slot),))
        return ended

    async def _stop(self) -> bool:
        """Drain every worker at once; whether each ended by itself."""
        tell(STOPPING)
        return all(await asyncio.gather(*(self._drop(slot) for slot in self._slots)))

    async def _or_stopped(self, doing: Coroutine[Any, Any, bool]) -> bool:
        """What it came to; False when we are told to stop before."""
        task = asyncio.create_task(doing)
        stopped = asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
            return task.done() and task.result()
        finally:
            for each in (task, stopped):
                each.cancel()
            await asyncio.wait((task, stopped))

    def _keep(self, slot: Slot) -> None:
        self._keeping[slot] = asyncio.create_task(slot.keep())
        self._keeping[slot].add_done_callback(self._kept)

    def _kept(self, keeping: asyncio.Task[None]) -> None:
        """A slot that nobody keeps any more is our fault: the service manager starts us anew."""
        if not keeping.cancelled() and (fault := keeping.exception()) is not None:
            _log.error("supervisor_fault", kind=type(fault).__name__)
            self._failed = True
            self._stopped.set()

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for sign in _STOP:
            loop.add_signal_handler(sign, self._told_to_stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload_wanted.set)

    def _told_to_stop(self) -> None:
        if self._stopped.is_set():
            for slot in self._slots:
                slot.kill()
        self._stopped.set()

    @property
    def _grace_s(self) -> float:
        return self._settings.drain_notice_s + self._settings.drain_timeout_s + MARGIN_S
