"""Opens a schema in PostgreSQL; refuses one that is not ours, or of a newer program."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit

from mcpassport.errors import DataFolderError, InvalidSettings
from mcpassport.records.masked import MaskedUrl
from mcpassport.store.trouble import data_folder_error

try:
    import asyncpg
except ModuleNotFoundError:  # the extra `postgres` is optional
    asyncpg = None

Connection: TypeAlias = Any
"""A connection of the driver, which carries no types."""

CONNECT_S: Final = 5.0
"""How long an operation waits for a connection, new or returned by another."""
ANSWER_S: Final = 15.0
"""How long we wait for the answer to a statement: a server that hangs cannot time out itself."""
_STEP_S: Final = 86_400.0
"""How long a statement of a schema step may take: an index over a long trail is built for hours."""
LOCK_MS: Final = 2_000
"""How long a schema step waits for a table: others that need it wait behind the step."""
_LOCK_TRIES: Final = 30
_PAUSE_S: Final = 0.2
_DEFAULT_SCHEMA: Final = "mcpassport"
_SCHEMA_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,39}")
_FORM: Final = "write it as postgresql://user:password@host:port/database"
_OUTSIDE: Final = "CREATE INDEX CONCURRENTLY"

_HAS_SCHEMA: Final = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = current_schema())"
_HAS_TABLES: Final = "SELECT to_regclass('schema_version') IS NOT NULL"
_VERSIONS: Final = "CREATE TABLE schema_version (holds TEXT PRIMARY KEY, version INTEGER NOT NULL)"
_SET_VERSION: Final = """
    INSERT INTO schema_version (holds, version) VALUES ($1, $2)
    ON CONFLICT (holds) DO UPDATE SET version = excluded.version"""
_TAKE_TURN: Final = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"


class PostgresSchema(NamedTuple):
    """The tables of one schema. `steps[n]` leads from version n to n + 1; steps are only added.

    A step only adds, so that a program which knows fewer steps goes on working. It runs in one
    transaction; one that holds `CREATE INDEX CONCURRENTLY` runs outside of any, and must be fit
    to be repeated.
    """

    suffix: str
    """What follows the name of the schema in the URL: each kind has a schema of its own."""
    holds: str
    """What the schema holds, for messages: `records`, `audit rows`, `keys`."""
    steps: tuple[tuple[str, ...], ...]


class Address(NamedTuple):
    """What the driver is given, and the name of the schema."""

    dsn: MaskedUrl
    schema: str


def address_of(url: str) -> Address:
    """Take `?schema=` out of the URL; everything else is the driver's.

    Raises:
        InvalidSettings: it is not such a URL, or the driver is not installed; never repeats it.
    """
    if asyncpg is None:
        raise InvalidSettings(
            "A store in PostgreSQL needs the driver: run pip install 'mcpassport[postgres]'"
        )
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "postgresql" and parts.port != 0 and len(parts.path) > 1
        options = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        usable, options = False, []
    if not usable or parts.fragment:
        raise InvalidSettings(f"The URL of the PostgreSQL store cannot be read: {_FORM}") from None
    schema = dict(options).get("schema", _DEFAULT_SCHEMA)
    if not _SCHEMA_NAME.fullmatch(schema):
        raise InvalidSettings("`schema` in the store's URL is a name such as mcpassport")
    rest = urlencode([(name, value) for name, value in options if name != "schema"])
    return Address(MaskedUrl(parts._replace(query=rest).geturl().encode()), schema)


def shown(address: Address) -> str:
    """Where that is, without user and password."""
    parts = urlsplit(address.dsn.in_full())
    host = parts.netloc.rpartition("@")[2] or "localhost"
    return f"PostgreSQL database {parts.path[1:]} at {host}, schema {address.schema}"


def place_of(name: str) -> str:
    """How messages name a schema."""
    return f"PostgreSQL schema {name}"


def session_name(name: str) -> str:
    """What our sessions in that schema call themselves."""
    return f"mcpassport:{name}"


def session_settings(name: str, **more: str) -> dict[str, str]:
    """What every session of ours sets; its name tells who works in which schema."""
    return {"application_name": session_name(name), "search_path": name, **more}


@asynccontextmanager
async def connected(dsn: MaskedUrl, settings: dict[str, str]) -> AsyncIterator[Connection]:
    """A connection apart from any pool."""
    connection = await asyncpg.connect(
        dsn.in_full(), timeout=CONNECT_S, command_timeout=ANSWER_S, server_settings=settings
    )
    try:
        yield connection
    finally:
        try:
            await connection.close(timeout=CONNECT_S)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            connection.terminate()


def told(error: Exception, place: str) -> Exception:
    """What the operator must mend, said plainly; any other failure as it is."""
    if isinstance(error, asyncpg.ClientConfigurationError):
        return InvalidSettings(f"The URL of the PostgreSQL store cannot be read: {_FORM}")
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return data_folder_error(
            place, "the server refuses this user or password", "Correct the URL."
        )
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return data_folder_error(
            place, "the server has no such database", "Create it, or correct the URL."
        )
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return data_folder_error(
            place,
            "this user may not create its schema or tables",
            "Grant CREATE on the database, or let another user create the schema and own it.",
        )
    return error


async def adopt(dsn: MaskedUrl, name: str, schema: PostgresSchema) -> None:
    """Bring the schema up to date, of several processes one after the other.

    1. A schema that is up to date is only read.
    2. Who finds it behind waits for its turn, and then looks again.
    3. Each step is committed together with its number, so a step happens once.

    Raises:
        DataFolderError: says what is wrong, where, and how to mend it.
    """
    settings = session_settings(name, statement_timeout="0", lock_timeout=f"{LOCK_MS}")
    async with connected(dsn, settings) as connection:
        if await version_of(connection, name, schema) == len(schema.steps):  # (1)
            return
        # Asked again and again: a session that waits in the server would hold up an index that is
        # built beside the work, and be held up by it.
        while not await connection.fetchval(_TAKE_TURN, name):  # noqa: ASYNC110  # (2)
            await asyncio.sleep(_PAUSE_S)
        version = await version_of(connection, name, schema)
        if not version:
            await _create(connection, name)
        for number, step in enumerate(schema.steps[version:], version + 1):  # (3)
            await _take(connection, name, step, (schema.holds, number))


async def version_of(connection: Connection, name: str, schema: PostgresSchema) -> int:
    """The version of a schema that we may use; 0 for a new one. Reads only.

    Raises:
        DataFolderError: it holds something else, or a newer release wrote it.
    """
    if not await connection.fetchval(_HAS_TABLES):
        return 0
    found = dict(await connection.fetch("SELECT holds, version FROM schema_version"))
    version, known = int(found.pop(schema.holds, 0)), len(schema.steps)
    if found:
        raise _error(name, f"this is not one of our {schema.holds}", "Choose another schema.")
    if version > known:
        raise _error(
            name,
            f"a newer release wrote these {schema.holds} "
            f"(schema {version}, this program knows {known})",
            "Nothing was changed. Run that release or a later one.",
        )
    return version


async def _create(connection: Connection, name: str) -> None:
    if await connection.fetchval("SHOW server_encoding") != "UTF8":
        raise _error(name, "the database is not UTF-8", "Create one with ENCODING 'UTF8'.")
    if not await connection.fetchval(_HAS_SCHEMA):
        await connection.execute(f"CREATE SCHEMA {name}")
    if not await connection.fetchval(_HAS_TABLES):
        await connection.execute(_VERSIONS)


async def _take(
    connection: Connection, name: str, step: tuple[str, ...], reached: tuple[str, int]
) -> None:
    for _ in range(_LOCK_TRIES):
        try:
            if any(_OUTSIDE in statement for statement in step):
                for statement in step:
                    await connection.execute(statement, timeout=_STEP_S)
                await connection.execute(_SET_VERSION, *reached)
                return
            async with connection.transaction():
                for statement in step:
                    await connection.execute(statement, timeout=_STEP_S)
                await connection.execute(_SET_VERSION, *reached)
                return
        except asyncpg.LockNotAvailableError:
            await asyncio.sleep(_PAUSE_S)
    raise _error(
        name,
        f"the schema cannot be brought to version {reached[1]}, since a table is in use",
        "End the long transaction that holds it, or dump that runs, then start again.",
    )


def _error(name: str, what: str, mend: str) -> DataFolderError:
    return data_folder_error(place_of(name), what, mend)
