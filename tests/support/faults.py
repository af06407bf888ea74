"""Faults of the store's files: made in the running engine, and taken back."""

import resource
import signal
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

FULL_AT: Final = 128 * 1024
"""Files longer than this do not grow while the disk is full."""


def engine(store: Any) -> Any:
    """The engine of a store, behind what times it."""
    return getattr(store, "_inner", store)._database


@contextmanager
def gone(store: Any, _: Path) -> Iterator[None]:
    """Every statement of the engine fails, reading ones too."""
    connections = (engine(store)._writer, engine(store)._reader)
    for connection in connections:
        connection.set_progress_handler(lambda: 1, 1)
    try:
        yield
    finally:
        for connection in connections:
            connection.set_progress_handler(None, 1)


@contextmanager
def read_only(store: Any, _: Path) -> Iterator[None]:
    """Nothing can be written."""
    engine(store)._writer.execute("PRAGMA query_only = ON")
    try:
        yield
    finally:
        engine(store)._writer.execute("PRAGMA query_only = OFF")


@contextmanager
def held(store: Any, path: Path) -> Iterator[None]:
    """Another program writes for longer than we wait."""
    engine(store)._writer.execute("PRAGMA busy_timeout = 20")
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
    finally:
        engine(store)._writer.execute("PRAGMA busy_timeout = 5000")


@contextmanager
def full(_: Any, path: Path) -> Iterator[None]:
    """No file grows, as on a full disk: the kernel refuses the write."""
    assert path.with_name(f"{path.name}-wal").stat().st_size > FULL_AT
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL_AT, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


Fault = Callable[[Any, Path], Any]
FAULTS: Final[Mapping[str, Fault]] = MappingProxyType(
    {"gone": gone, "read-only": read_only, "held": held, "full": full}
)
