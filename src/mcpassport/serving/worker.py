"""A worker process of `mcpassport serve`: the whole app on one listening socket, inherited.

(1) open everything; what hinders it is said in one line and ends the process
(2) serve, and tell the supervisor
(3) SIGTERM, SIGINT, or the end of the supervisor: drain
    a. take no new connection; those that wait are left to the next worker of this socket
    b. for `drain_notice_s` go on answering on open connections, each answer its connection's last,
       while `/readyz` says `draining`
    c. close idle connections; what is under way may end, for `drain_timeout_s`
    d. cancel what is left: its outcome is recorded
(4) close everything
"""

import argparse
import asyncio
import gc
import os
import resource
import signal
import socket
import sys
from contextlib import suppress
from typing import Final

import structlog
import uvloop
from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server
from starlette.types import ASGIApp

from mcpassport.app import open_application, open_services
from mcpassport.edge.draining import Draining
from mcpassport.errors import InternalError, McpassportError
from mcpassport.observe.process import settle_process
from mcpassport.serving.listener import BACKLOG
from mcpassport.serving.notice import in_one_line
from mcpassport.settings import Settings, load

_log = structlog.get_logger(__name__)

HEADER_READ_MS: Final = 10_000
"""For the whole head of a request; also how long a connection may be idle."""
MAX_HEADER_BYTES: Final = 64 * 1024
RECORDING_S: Final = 5.0
"""For what was cancelled, to record its outcome."""
GC_ALLOCATIONS: Final = 20_000
"""New objects that outlive their makers between two looks for cycles; Python's own default is 700,
which is less than what the requests in flight hold."""
READY: Final = b"+"
FAILED: Final = 1
UNUSABLE: Final = 2
SPARE_DESCRIPTORS: Final = 256
"""For files, databases, and the processes that evaluate expressions."""
_STOP: Final = (signal.SIGTERM, signal.SIGINT)


class InheritingServer(Server):
    """The server library on a socket that exists already, with our settings."""

    def __init__(self, application: ASGIApp, settings: Settings, listening: int) -> None:
        self._listening = listening
        super().__init__(
            application,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(
                header_read_timeout=HEADER_READ_MS, max_buffer_size=MAX_HEADER_BYTES
            ),
            backpressure=settings.limits.connections,
            ssl_cert=settings.tls_certificate,
            ssl_key=settings.tls_key,
            ssl_protocol_min=SSLProtocols.tls12,
            websockets=False,
            log_level=LogLevels.error,
            log_access=False,
        )

    def _init_shared_socket(self) -> None:
        """In place of binding an address of its own."""
        self._ssp = None
        self._shd = SocketHolder(  # type: ignore[call-arg, assignment]  # the stub is incomplete
            self._listening, False, BACKLOG
        )

    def refuse_new(self) -> None:
        """(3a) Accept from a socket that nobody can find, in place of the shared one.

        The library can only end accepting and open connections together. The descriptor that it
        accepts from stays, and leads elsewhere.
        """
        with socket.socket() as nowhere:
            nowhere.bind(("127.0.0.1", 0))
            nowhere.listen(1)
            nowhere.setblocking(False)
            os.dup2(nowhere.fileno(), self._listening, inheritable=False)


async def serve(settings: Settings, listening: int, lifeline: socket.socket) -> None:
    """(1) to (4); `McpassportError` when something cannot be opened."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for sign in _STOP:
        loop.add_signal_handler(sign, told.set)
    loop.add_reader(lifeline, told.set)  # nobody writes to it: readable means gone
    async with open_services(settings) as services, open_application(services) as application:
        server = InheritingServer(application, settings, listening)
        _collect_rarely()
        serving = asyncio.create_task(server.serve())
        with suppress(OSError):  # the supervisor has gone: `told` is set already
            lifeline.send(READY)
        waiting = asyncio.create_task(told.wait())
        await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
        loop.remove_reader(lifeline)
        if serving.done():
            raise InternalError("The server ended by itself.")
        await _drain(server, serving, services.readiness.draining, settings)


def _collect_rarely() -> None:
    """Nothing of a request is a cycle for long, and what the start made stays: look less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, 20, 100)


async def _drain(
    server: InheritingServer, serving: asyncio.Task[None], draining: Draining, settings: Settings
) -> None:
    """(3), from b on what is under way is only waited for."""
    server.refuse_new()
    draining.begin()
    await asyncio.sleep(settings.drain_notice_s)
    server.stop()  # type: ignore[no-untyped-call]  # the library leaves it untyped
    _, late = await asyncio.wait((serving,), timeout=settings.drain_timeout_s)
    if late:
        _log.warning("cancelled_late", requests=draining.cancel())
        await asyncio.wait((serving,), timeout=RECORDING_S)
        serving.cancel()


def bound_to(listening: int) -> str:
    """The address that the inherited socket listens on, whatever the settings say."""
    with socket.socket(fileno=os.dup(listening)) as inherited:
        return str(inherited.getsockname()[0])


def allow_descriptors(settings: Settings) -> None:
    """As many open files as connections may need, as far as the system lets us."""
    wanted = settings.limits.connections + settings.limits.in_flight_process + SPARE_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    given = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < given:
        resource.setrlimit(resource.RLIMIT_NOFILE, (given, hard))
    if given < wanted:
        _log.warning("few_descriptors", wanted=wanted, given=given)


def main() -> int:
    """Serve until told to stop; the exit code."""
    settle_process()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # for the supervisor alone
    parser = argparse.ArgumentParser(prog="python -m mcpassport.serving.worker")
    parser.add_argument("--listen", type=int, required=True)
    parser.add_argument("--lifeline", type=int, required=True)
    arguments = parser.parse_args()
    lifeline = socket.socket(fileno=arguments.lifeline)
    lifeline.setblocking(False)
    try:
        settings = load().model_copy(update={"host": bound_to(arguments.listen)})
        allow_descriptors(settings)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings, arguments.listen, lifeline))
    except McpassportError as error:
        _log.error("worker_unusable", why=in_one_line(error))
        return UNUSABLE
    except Exception as error:  # noqa: BLE001 - only our own errors are worded for a log
        _log.error("worker_failed", kind=type(error).__name__)
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
