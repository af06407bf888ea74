"""What whoever runs the service is told."""

import socket
from pathlib import Path

import pytest

from mcpassport.errors import InvalidSettings, Problem, UsageError
from mcpassport.serving.notice import READY, in_one_line, reloading, tell


def test_the_service_manager_hears_the_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the socket that it named; without one, or when it has gone, nothing happens."""
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        tell(READY)
        assert manager.recv(100) == b"READY=1"
        tell(reloading())
        first, second = manager.recv(100).decode().splitlines()
        assert (first, second.startswith("MONOTONIC_USEC=")) == ("RELOADING=1", True)
    tell(READY)
    monkeypatch.delenv("NOTIFY_SOCKET")
    tell(READY)


def test_a_name_without_a_file_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    """`@name` is the abstract namespace of Linux."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("")
        manager.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + manager.getsockname()[1:].decode())
        tell(READY)
        assert manager.recv(100) == b"READY=1"


def test_every_problem_is_in_the_line() -> None:
    """Where there are some; else what the error says."""
    problems = (Problem("a", "settings", "is odd"), Problem("b", "settings", "is even"))
    assert in_one_line(InvalidSettings("Two.", problems=problems)) == "a: is odd; b: is even"
    assert in_one_line(UsageError("No such file.")) == "No such file."
