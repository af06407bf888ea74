"""Child processes of the demo: started in their own group, waited for, ended together."""

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mcpassport.errors import UsageError

START_S = 60.0
STOP_S = 10.0
SHOWN_LINES = 15


def free_port() -> int:
    """A TCP port on loopback that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str], log: Path, *, ready: tuple[int, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A process until the block ends; `ready` is the port and path that answer once it serves.

    Raises:
        UsageError: it ended, or did not answer in time; with the last lines of its log.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 commands of our own making
            command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _await(process, log, *ready)
        yield process
    finally:
        _end(process)


def _await(process: subprocess.Popen[bytes], log: Path, port: int, path: str) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if _answers(port, path):
            return
        time.sleep(0.05)
    last = "\n".join(log.read_text(errors="replace").splitlines()[-SHOWN_LINES:])
    raise UsageError(f"A process of the demo did not start; the end of {log}:\n{last}")


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
    except OSError:
        return False
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, sign)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            continue
