"""The tables that a copy takes along. They are the same in every engine, down to their columns.

They are read off the schema of the embedded engine, so that a table or a column which a later step
adds is in every copy without being named here.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

from mcpassport.store import AUDIT_FILE, DATA_FILE, KEYS_FILE
from mcpassport.store.postgres import SCHEMA as POSTGRES_RECORDS
from mcpassport.store.postgres_audit import SCHEMA as POSTGRES_AUDIT
from mcpassport.store.postgres_keys import SCHEMA as POSTGRES_KEYS
from mcpassport.store.postgres_open import PostgresSchema
from mcpassport.store.sqlite import SCHEMA as SQLITE_RECORDS
from mcpassport.store.sqlite_audit import SCHEMA as SQLITE_AUDIT
from mcpassport.store.sqlite_keys import SCHEMA as SQLITE_KEYS
from mcpassport.store.sqlite_open import Schema
from mcpassport.store.unready import COPY

LEFT_OUT: Final = frozenset({"leases"})
"""Who holds what just now: it means nothing in a copy."""
_LEFT_OUT_ROWS: Final = MappingProxyType(
    {"records": f"NOT (kind = '{COPY.kind}' AND tenant = '{COPY.tenant}' AND id = '{COPY.id}')"}
)
_GROUPING: Final = frozenset({"kind", "tenant", "chain"})

PartName: TypeAlias = Literal["records", "audit", "keys"]


class Table(NamedTuple):
    """One table of a part."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    """The primary key: rows are copied in its order, so what is copied is always a beginning."""
    grouped: int
    """How many leading columns of the key tell the groups that are counted and compared."""
    only: str
    """The condition on the rows that are copied; empty for all."""

    def place_in_key(self) -> tuple[int, ...]:
        """Where the columns of the key stand in a row."""
        return tuple(self.columns.index(name) for name in self.key)


class Part(NamedTuple):
    """What a deployment keeps in one SQLite file, or in one PostgreSQL schema."""

    name: PartName
    file: str
    sqlite: Schema
    postgres: PostgresSchema
    tables: tuple[Table, ...]


def _tables(schema: Schema) -> Iterator[Table]:
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in (sql for step in schema.steps for sql in step):
            connection.execute(statement)
        names = connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
            "ORDER BY name"
        ).fetchall()
        for (name,) in names:
            if name in LEFT_OUT:
                continue
            about = connection.execute(f"PRAGMA table_info({name})").fetchall()
            key = [column for _, column, *_, place in sorted(about, key=_place) if place]
            grouped = next(
                (at for at, column in enumerate(key) if column not in _GROUPING), len(key)
            )
            columns = tuple(column for _, column, *_ in about)
            yield Table(name, columns, tuple(key), grouped, _LEFT_OUT_ROWS.get(name, ""))


def _place(about: tuple[int, str, str, int, object, int]) -> int:
    return about[5]


def _part(name: PartName, file: str, schemas: tuple[Schema, PostgresSchema]) -> Part:
    return Part(name, file, *schemas, tuple(_tables(schemas[0])))


PARTS: Final[Mapping[PartName, Part]] = MappingProxyType(
    {
        "records": _part("records", DATA_FILE, (SQLITE_RECORDS, POSTGRES_RECORDS)),
        "audit": _part("audit", AUDIT_FILE, (SQLITE_AUDIT, POSTGRES_AUDIT)),
        "keys": _part("keys", KEYS_FILE, (SQLITE_KEYS, POSTGRES_KEYS)),
    }
)
"""Records before audit: an event is in the outbox until it is in its chain, so in one of both."""
DATA: Final = (PARTS["records"], PARTS["audit"])
KEYS: Final = (PARTS["keys"],)
