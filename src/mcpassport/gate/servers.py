"""MCP servers: created with a token that is shown once, changed, and revoked at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from mcpassport.errors import Conflict, InvalidInput, NoSuchObject
from mcpassport.gate.demands import check_factors, check_oauth
from mcpassport.gate.keys import TokenKeys
from mcpassport.gate.oauth import ADDRESS
from mcpassport.gate.tokens import issue, token_hash
from mcpassport.gate.validity import Lifetimes
from mcpassport.limits import OVERLAP_MAX_S, SERVER_TOKEN_PREFIX
from mcpassport.records.grants import Account, Earlier, Factor, IndexEntry, OAuth, Server
from mcpassport.records.sources import Clock, Random
from mcpassport.records.tool import Filter
from mcpassport.store.protocol import ABSENT, EtagConflict, Op, Store
from mcpassport.store.repositories import ACCOUNTS, INDEX, SERVERS, ending
from mcpassport.store.tokenkeys import TokenKey

_CHANGEABLE = frozenset(
    {"name", "filter", "factors", "oauth", "expires_at", "rate_limit_errors", "limits"}
)


class ServerDraft(Struct, frozen=True, kw_only=True):
    """What a new server is made of. `expires_at` None means the default lifetime."""

    id: str
    """At least 128 random bits: it is an address, though no secret."""
    name: str
    filter: Filter = Filter()
    factors: tuple[Factor, ...] = ()
    oauth: OAuth | None = None
    rate_limit_errors: Literal["auto", "http_429", "tool_error"] = "auto"
    limits: Mapping[str, int] = field(default_factory=dict)
    expires_at: datetime | None = None
    never_expires: bool = False


class Servers:
    """The owner of MCP servers. `extra` always joins the same transaction, events among it."""

    def __init__(
        self, store: Store, keys: TokenKeys, *, lifetimes: Lifetimes, clock: Clock, random: Random
    ) -> None:
        self._store = store
        self._keys = keys
        self._lifetimes = lifetimes
        self._clock = clock
        self._random = random

    async def create(
        self, account: Account, draft: ServerDraft, extra: Sequence[Op] = ()
    ) -> tuple[Server, str]:
        """Make a server on that account; the token is returned here and never again.

        Whether the filter fits the catalog is checked before, by `catalog.select.check_filter`.
        Record and index entry are written together or not at all. Raises `InvalidInput` for the
        expiry or an unknown factor, `NoSuchObject` if the account is gone, `Conflict` if the id is
        taken or the account changes meanwhile.
        """
        now = self._clock()
        check_factors(draft.factors)
        check_oauth(draft.oauth)
        token, key = issue(SERVER_TOKEN_PREFIX, self._random), await self._token_key()
        hashed = token_hash(key.key, token)
        server = Server(
            id=draft.id,
            tenant=account.tenant,
            account=account.id,
            integration=account.integration,
            name=draft.name,
            created_at=now,
            updated_at=now,
            expires_at=self._expiry(draft, now),
            token_hash=hashed,
            filter=draft.filter,
            factors=draft.factors,
            oauth=draft.oauth,
            rate_limit_errors=draft.rate_limit_errors,
            limits=dict(draft.limits),
        )
        at = _entry(server, key)
        server, addressed = await self._addressed(server)
        expect = {
            SERVERS.key(account.tenant, draft.id): ABSENT,
            INDEX.key(hashed): ABSENT,
            ACCOUNTS.key(account.tenant, account.id): await self._standing(account),
        }
        ops = [SERVERS.put(server), INDEX.put(hashed, at), *addressed, *extra]
        try:
            await self._store.write(ops, expect)
        except EtagConflict:
            raise Conflict(
                "An MCP server of that id exists already, or its account was changed just now."
            ) from None
        return server, token

    async def get(self, tenant: str, server_id: str) -> Server:
        """The server, or `NoSuchObject`."""
        return (await self._read(tenant, server_id))[0]

    async def page(
        self, account: Account, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[Server], str | None]:
        """One page of an account's servers, in id order, revoked ones among them."""
        return await SERVERS.page(
            self._store,
            account.tenant,
            index="account",
            value=account.id,
            cursor=cursor,
            limit=limit,
        )

    async def patch(
        self,
        tenant: str,
        server_id: str,
        changes: Mapping[str, Any],
        extra: Sequence[Op] = (),
        *,
        etag: str | None = None,
    ) -> Server:
        """Change name, filter, factors, limits and the like, from the next request on.

        `expires_at: None` means never. With `etag`, only that state of the server is changed.
        Raises `InvalidInput`, `NoSuchObject`, or `Conflict` when somebody else wrote first or the
        server is revoked, which is final.
        """
        if strange := changes.keys() - _CHANGEABLE:
            raise InvalidInput(f"An MCP server has no changeable {min(strange)!r}.")
        server, current = await self._read(tenant, server_id)
        if server.status == "revoked":
            raise Conflict("The MCP server is revoked; create another one.")
        now = self._clock()
        check_factors(changes.get("factors", ()))
        check_oauth(changes.get("oauth"))
        if "expires_at" in changes:
            self._lifetimes.check(changes["expires_at"], now)
        changed = msgspec.structs.replace(server, **changes, updated_at=now)
        changed, addressed = await self._addressed(changed)
        await self._replace(changed, etag or current, [*addressed, *extra])
        return changed

    async def revoke(self, tenant: str, server_id: str, extra: Sequence[Op] = ()) -> Server:
        """End the server from the next request on; a server revoked before stays as it is.

        The record and the index entry stay, so that the refusal of its token can be recorded.
        """
        server, etag = await self._read(tenant, server_id)
        if server.status == "revoked":
            return server
        now = self._clock()
        revoked = msgspec.structs.replace(server, status="revoked", revoked_at=now, updated_at=now)
        await self._replace(revoked, etag, [ending(), *extra])
        return revoked

    async def rotate(
        self, tenant: str, server_id: str, overlap: timedelta, extra: Sequence[Op] = ()
    ) -> tuple[Server, str]:
        """Give the server another token, returned here and never again.

        1. The new token holds from the next request on.
        2. The one before it holds until the overlap ends; with none it is refused at once.
        3. One that was on its way out from an earlier rotation ends now: never three at a time.

        Raises `InvalidInput` for an overlap that is too long, `NoSuchObject`, or `Conflict` when
        somebody else wrote first or the server is revoked.
        """
        if not timedelta() <= overlap <= timedelta(seconds=OVERLAP_MAX_S):
            raise InvalidInput(f"An overlap is 0 to {OVERLAP_MAX_S} seconds.")
        server, etag = await self._read(tenant, server_id)
        if server.status == "revoked":
            raise Conflict("The MCP server is revoked; create another one.")
        token, now = issue(SERVER_TOKEN_PREFIX, self._random), self._clock()
        key = await self._token_key()
        hashed, at = token_hash(key.key, token), _entry(server, key)
        until = now + overlap
        rotated = msgspec.structs.replace(
            server,
            token_hash=hashed,  # (1)
            earlier=Earlier(server.token_hash, until) if overlap else None,  # (2) (3)
            hash_before="",
            rotated_at=now,
            updated_at=now,
        )
        (old,) = await self._store.get_many([INDEX.key(server.token_hash)])
        known = INDEX.decode(old) or at
        forgotten = INDEX.put(server.token_hash, known, until + self._lifetimes.remembered)
        await self._replace(rotated, etag, [INDEX.put(hashed, at), forgotten, *extra])
        return rotated, token

    async def forget_token(
        self, tenant: str, server_id: str, hashed: str, extra: Sequence[Op] = ()
    ) -> Server:
        """End that token of the server, if it still holds: what a rotation did, done again.

        Where it is the only one, the server has none until it is rotated.
        """
        server, etag = await self._read(tenant, server_id)
        changes: dict[str, Any] = {}
        if server.token_hash == hashed:
            changes["token_hash"] = ""
        if server.earlier is not None and server.earlier.token_hash == hashed:
            changes["earlier"] = None
        if not changes:
            return server
        ended = msgspec.structs.replace(server, **changes, updated_at=self._clock())
        await self._replace(ended, etag, extra)
        return ended

    async def suspend(self, tenant: str, server_id: str, extra: Sequence[Op] = ()) -> Server:
        """Refuse the server from the next request on, until it is resumed."""
        return await self._turn(tenant, server_id, "suspended", extra)

    async def resume(self, tenant: str, server_id: str, extra: Sequence[Op] = ()) -> Server:
        """Let a suspended server serve again, from the next request on; its expiry stays."""
        return await self._turn(tenant, server_id, "active", extra)

    async def _turn(
        self,
        tenant: str,
        server_id: str,
        status: Literal["active", "suspended"],
        extra: Sequence[Op],
    ) -> Server:
        """One that has the status already stays as it is; `Conflict` if it is revoked."""
        server, etag = await self._read(tenant, server_id)
        if server.status == "revoked":
            raise Conflict("The MCP server is revoked; create another one.")
        if server.status == status:
            return server
        turned = msgspec.structs.replace(server, status=status, updated_at=self._clock())
        stopping = [ending()] if status == "suspended" else []
        await self._replace(turned, etag, [*stopping, *extra])
        return turned

    async def _addressed(self, server: Server) -> tuple[Server, list[Op]]:
        """Make a server that allows access tokens findable by its address.

        The entry stays when it no longer does: admission then finds a server without OAuth.
        """
        if server.oauth is None:
            return server, []
        key = await self._token_key()
        hashed = token_hash(key.key, ADDRESS + server.id)
        found = msgspec.structs.replace(server, address_hash=hashed)
        return found, [INDEX.put(hashed, _entry(server, key))]

    async def _standing(self, account: Account) -> str:
        """The state of an account that a server is made on: it must not be deleted meanwhile."""
        found = await ACCOUNTS.get(self._store, account.tenant, account.id)
        if found is None:
            raise NoSuchObject("No such integrated account.")
        return found[1]

    async def _token_key(self) -> TokenKey:
        return (await self._keys.token_keys()).current

    async def _read(self, tenant: str, server_id: str) -> tuple[Server, str]:
        found = await SERVERS.get(self._store, tenant, server_id)
        if found is None:
            raise NoSuchObject("No such MCP server.")
        return found

    async def _replace(self, server: Server, etag: str, extra: Sequence[Op]) -> None:
        expect = {SERVERS.key(server.tenant, server.id): etag}
        try:
            await self._store.write([SERVERS.put(server), *extra], expect)
        except EtagConflict:
            raise Conflict from None

    def _expiry(self, draft: ServerDraft, now: datetime) -> datetime | None:
        if draft.expires_at is None and not draft.never_expires:
            return now + self._lifetimes.default
        self._lifetimes.check(draft.expires_at, now)
        return draft.expires_at


def _entry(server: Server, key: TokenKey) -> IndexEntry:
    return IndexEntry(
        "server", server.tenant, server.id, server.account, server.integration, key.version
    )
