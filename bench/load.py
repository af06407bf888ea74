"""The load generator: blocking-free sockets under one epoll, HTTP/1.1, one request at a time each.

It has to be much faster than what it measures: about 12 µs of CPU per request and answer, so that
one core makes some ten times the calls of the fastest server here. Every answer is looked at: a
status other than the expected one, or a tool error, stops the run.
"""

import gc
import random
import re
import resource
import select
import socket
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Self

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_ERROR: Final = re.compile(rb'"isError" *: *true|"error" *: *\{')
_HOST: Final = b"Host: 127.0.0.1"
_READ: Final = 256 * 1024
_OK: Final = 200
_ENDS: Final = 4096
"""Where errors are looked for: the first and the last bytes of an answer."""
CONNECT_S: Final = 30.0
RECONNECTS_MAX: Final = 100
STALLED_S: Final = 60.0


class Target(NamedTuple):
    """What is called: an address on loopback, and the requests, which connections take in turn."""

    name: str
    port: int
    requests: tuple[bytes, ...]
    statuses: frozenset[int] = frozenset({200})
    sources: tuple[str, ...] = ("127.0.0.1",)
    """Loopback addresses that connections come from, in turn."""


class Figures(NamedTuple):
    """What one round saw: calls answered, seconds they took, latencies in ms, ascending."""

    calls: int
    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        """Calls per second."""
        return self.calls / self.seconds

    def percentile(self, share: float) -> float:
        """The latency in ms that this share of the calls did not exceed."""
        return self.latencies[min(int(len(self.latencies) * share), len(self.latencies) - 1)]


class LoadError(Exception):
    """The server did not answer as the bench needs."""


def request(
    method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> bytes:
    """One HTTP/1.1 request as bytes; the port of its host is filled in by `Load`."""
    lines = [f"{method} {path} HTTP/1.1", _HOST.decode()]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class _Line:
    """One connection and the answer that it is waiting for."""

    __slots__ = ("busy", "data", "number", "socket", "started", "wanted")

    def __init__(self, number: int, sock: socket.socket) -> None:
        self.number = number
        self.socket = sock
        self.data = b""
        self.wanted = 0
        self.started = 0.0
        self.busy = False


class Load:
    """Calls a target over so many connections, which stay open between two rounds."""

    def __init__(self, target: Target, connections: int) -> None:
        self._target = target
        host = _HOST + b":%d" % target.port
        self._requests = [data.replace(_HOST, host, 1) for data in target.requests]
        self._poll = select.epoll()
        self._next = 0
        self.last_bytes = 0
        """Size of the last answer, its head included."""
        self._lines: dict[int, _Line] = {}
        self.reconnected = 0
        """How often a server closed a connection instead of answering, and was asked again."""
        allow_files(connections)
        for number in range(connections):
            self._connect(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for line in self._lines.values():
            line.socket.close()
        self._poll.close()

    def run(self, seconds: float = 0.0, *, calls: int = 0) -> Figures:
        """Call for so long, or so many times over all connections; waits for the last answers."""
        latencies: list[float] = []
        pending, begun = 0, 0
        gc.disable()
        began = time.perf_counter()
        until = began + seconds
        try:
            for line in self._lines.values():
                if calls and begun >= calls:
                    break
                self._send(line)
                pending, begun = pending + 1, begun + 1
            while pending:
                ready = self._poll.poll(STALLED_S)
                if not ready:
                    raise LoadError(f"{self._target.name}: no answer for {STALLED_S:.0f} s")
                for descriptor, _ in ready:
                    line = self._lines[descriptor]
                    if not self._receive(line):
                        continue
                    now = time.perf_counter()
                    latencies.append(1000 * (now - line.started))
                    if (begun < calls) if calls else (now < until):
                        self._send(line)
                        begun += 1
                    else:
                        line.busy = False
                        pending -= 1
        finally:
            gc.enable()
        took = time.perf_counter() - began
        latencies.sort()
        return Figures(len(latencies), took, latencies)

    def _connect(self, number: int) -> _Line:
        source = self._target.sources[number % len(self._target.sources)]
        sock = socket.create_connection(("127.0.0.1", self._target.port), CONNECT_S, (source, 0))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        line = self._lines[sock.fileno()] = _Line(number, sock)
        self._poll.register(sock.fileno(), select.EPOLLIN)
        return line

    def _again(self, line: _Line) -> None:
        """The server closed before any of its answer came: ask on a new connection, as clients do.

        The time counts from the first try.
        """
        self._poll.unregister(line.socket.fileno())
        del self._lines[line.socket.fileno()]
        line.socket.close()
        if not line.busy:
            return  # it had nothing more to do, while slower ones are waited for
        self.reconnected += 1
        if line.data or self.reconnected > RECONNECTS_MAX:
            raise LoadError(f"{self._target.name}: the server closed a connection")
        other = self._connect(line.number)
        self._send(other)
        other.started = line.started

    def _send(self, line: _Line) -> None:
        data = self._requests[self._next % len(self._requests)]
        self._next += 1
        line.data, line.wanted, line.busy = b"", 0, True
        line.started = time.perf_counter()
        sent = line.socket.send(data)
        if sent != len(data):
            line.socket.setblocking(True)
            line.socket.sendall(data[sent:])
            line.socket.setblocking(False)

    def _receive(self, line: _Line) -> bool:
        """Take what arrived; whether the answer is whole."""
        try:
            data = line.socket.recv(_READ)
        except BlockingIOError:
            return False
        if not data:
            self._again(line)
            return False
        line.data = line.data + data if line.data else data
        if not line.wanted:
            head = line.data.find(b"\r\n\r\n")
            if head < 0:
                return False
            line.wanted = self._length(line.data[:head], head + 4)
        if line.wanted < 0:
            whole = line.data.endswith(b"0\r\n\r\n")
        else:
            whole = len(line.data) >= line.wanted
        if whole:
            self._check(line.data)
            self.last_bytes = len(line.data)
        return whole

    def _length(self, head: bytes, start: int) -> int:
        found = _LENGTH.search(head)
        if found is not None:
            return start + int(found[1])
        if _CHUNKED.search(head) is not None:
            return -1
        raise LoadError(f"{self._target.name}: an answer without a length: {head[:300]!r}")

    def _check(self, data: bytes) -> None:
        status = int(data[9:12])
        ends = data[:_ENDS] + data[-_ENDS:]
        if status not in self._target.statuses or (status == _OK and _ERROR.search(ends)):
            raise LoadError(f"{self._target.name}: {data[:600]!r}")


def shuffled(items: Sequence[Any], seed: int = 1) -> tuple[Any, ...]:
    """The items in an order of their own that is the same in every run."""
    return tuple(random.Random(seed).sample(list(items), len(items)))  # noqa: S311 - no secret


def allow_files(connections: int) -> None:
    """Let this process, and those that it starts, have so many connections open."""
    wanted = connections + 256
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
