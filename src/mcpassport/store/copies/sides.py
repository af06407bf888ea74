"""The sides of copies by URL scheme."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Final, TypeAlias

from mcpassport.store import folder_of, scheme_of
from mcpassport.store.copies.layout import Part
from mcpassport.store.copies.postgres_side import open_postgres_side
from mcpassport.store.copies.side import Mode, Side
from mcpassport.store.copies.sqlite_side import SqliteSide, open_sqlite_side

OpenSide: TypeAlias = Callable[[str, tuple[Part, ...], Mode], Awaitable[Side]]


async def _open_sqlite(url: str, parts: tuple[Part, ...], mode: Mode) -> SqliteSide:
    return open_sqlite_side(folder_of(url), parts, mode)


SIDES: Final[Mapping[str, OpenSide]] = MappingProxyType(
    {"sqlite": _open_sqlite, "postgresql": open_postgres_side}
)
"""How one side of a copy is opened."""


@asynccontextmanager
async def opened(url: str, parts: tuple[Part, ...], mode: Mode) -> AsyncIterator[Side]:
    """One side, until the end of the block.

    Raises:
        InvalidSettings: the URL names no kind of store, or is not complete.
        DataFolderError: it cannot be used.
    """
    side = await SIDES[scheme_of(url)](url, parts, mode)
    try:
        yield side
    finally:
        await side.close()
