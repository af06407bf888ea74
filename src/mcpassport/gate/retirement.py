"""Forgets MCP servers and API tokens that ended longer ago than the audit retention.

Until then their records and index entries stay, so that the refusal of a dead token is recorded
with what is known of it. Afterwards the rows that name them are gone too, and the token is unknown.
"""

from datetime import datetime, timedelta

from mcpassport.records.grants import ApiToken, Server
from mcpassport.records.sources import Clock
from mcpassport.store.protocol import ALL, Delete, Entry, EtagConflict, Store
from mcpassport.store.repositories import API_TOKENS, INDEX, SERVERS


class Retirement:
    """Ends what is kept of dead servers and tokens."""

    def __init__(self, store: Store, clock: Clock, retention: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._retention = retention

    async def retire(self) -> int:
        """Remove the records and index entries that are due; how many servers and tokens."""
        oldest, removed = self._clock() - self._retention, 0
        async for entry in self._store.scan(SERVERS.kind, ALL):
            removed += await self._end(entry, SERVERS.decode(entry), oldest)
        async for entry in self._store.scan(API_TOKENS.kind, ALL):
            removed += await self._end(entry, API_TOKENS.decode(entry), oldest)
        return removed

    async def _end(self, entry: Entry, record: Server | ApiToken | None, oldest: datetime) -> int:
        if record is None or (ended := _ended_at(record)) is None or ended >= oldest:
            return 0
        try:
            await self._store.write(
                [Delete(entry.key), *(Delete(INDEX.key(each)) for each in _hashes(record))],
                {entry.key: entry.etag},
            )
        except EtagConflict:  # somebody gave it more time
            return 0
        return 1


def _hashes(record: Server | ApiToken) -> tuple[str, ...]:
    address = record.address_hash if isinstance(record, Server) else ""
    return (record.token_hash, address) if address else (record.token_hash,)


def _ended_at(record: Server | ApiToken) -> datetime | None:
    """When it stopped for good; None while it has not, or when that is not known."""
    return record.revoked_at if record.status == "revoked" else record.expires_at
