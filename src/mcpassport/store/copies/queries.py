"""The statements of a copy, alike in every engine, with `?` for parameters.

What is spliced in are names of our own tables and columns, never a value.
"""

from typing import Final

from mcpassport.store.copies.layout import Table
from mcpassport.store.protocol import PROCESS_LEASE
from mcpassport.store.unready import COPY

_LIVE: Final = "SELECT coalesce(max(expires_at), 0) FROM {name} WHERE name LIKE '{prefix}%'"
_UNFINISHED: Final = """
    SELECT value FROM {name} WHERE kind = '{kind}' AND tenant = '{tenant}' AND id = '{id}'"""


def select(table: Table, name: str, *, resumed: bool) -> str:
    """The query behind `rows`, with `?` for each part of the key."""
    conditions = [table.only] if table.only else []
    if resumed:
        marks = ", ".join("?" * len(table.key))
        conditions.append(f"({', '.join(table.key)}) > ({marks})")
    return " ".join(
        (
            f"SELECT {', '.join(table.columns)} FROM {name}",  # noqa: S608
            f"WHERE {' AND '.join(conditions)}" if conditions else "",
            f"ORDER BY {', '.join(table.key)}",
        )
    )


def select_last(table: Table, name: str) -> str:
    """The query behind `last`."""
    order = ", ".join(f"{column} DESC" for column in table.key)
    where = f"WHERE {table.only}" if table.only else ""
    return f"SELECT {', '.join(table.key)} FROM {name} {where} ORDER BY {order} LIMIT 1"  # noqa: S608


def select_count(table: Table, name: str) -> str:
    """The query behind `count`."""
    return f"SELECT count(*) FROM {name} {f'WHERE {table.only}' if table.only else ''}"  # noqa: S608


def delete(table: Table, name: str) -> str:
    """The statement behind `clear`."""
    return f"DELETE FROM {name} {f'WHERE {table.only}' if table.only else ''}"  # noqa: S608


def select_unfinished(name: str) -> str:
    """The query behind `unfinished`."""
    return _UNFINISHED.format(name=name, **COPY._asdict())


def select_live(name: str) -> str:
    """The query behind `served_until`: seconds since 1970, 0 for none."""
    return _LIVE.format(name=name, prefix=PROCESS_LEASE)
