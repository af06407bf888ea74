"""A database of the sandbox that cannot be read or written for a while; its file stays sound."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

WAIT_S: Final = 10
AWAY: Final = "_away"
_TABLES: Final = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


@contextmanager
def away(path: Path) -> Iterator[None]:
    """Every table of that file has another name meanwhile, so that nothing reads or writes it."""
    with closing(sqlite3.connect(path, timeout=WAIT_S)) as database:
        names = [name for (name,) in database.execute(_TABLES)]
        with database:
            for name in names:
                database.execute(f'ALTER TABLE "{name}" RENAME TO "{name}{AWAY}"')
        try:
            yield
        finally:
            with database:
                for name in names:
                    database.execute(f'ALTER TABLE "{name}{AWAY}" RENAME TO "{name}"')
