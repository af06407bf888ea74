"""One renewal of an account's OAuth tokens, by whoever has the lease (`accounts/refresh.py`).

3. A mark is written before the token request. Who finds one does not know whether the request of
   that renewal came to an end.
4. One token request. What certainly did not arrive, or was refused for now, takes the mark back.
5. One atomic write replaces credential and account, where the mark still stands. If only something
   else about the account was changed meanwhile, it is written over that; if somebody else took
   the renewal over, nothing is written.
6. A mark that is found is tried once more, with what is stored. If that does not bring a token the
   account is `needs_reauth`, with the reason `lost_rotation`: providers revoke a refresh token that
   comes twice, so there is nothing left to try.
7. A refusal of the grant is final; one of the vendor's app, or of the moment, is not: the account
   stays as it is, and a token that still holds is used.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeAlias

import msgspec

from mcpassport.accounts.apps import OAuthApps
from mcpassport.audit.log import event
from mcpassport.errors import (
    CredentialRefreshFailed,
    GatewayRateLimited,
    NoSuchObject,
    ReauthorizationRequired,
    StoreUnavailable,
    UpstreamError,
)
from mcpassport.records.calls import OutboundRequest
from mcpassport.records.grants import Account, OAuthGrant, Principal, Tenant
from mcpassport.records.integration import Credential
from mcpassport.records.masked import Secret
from mcpassport.records.sources import Clock, Random
from mcpassport.store.protocol import Append, EtagConflict, Op, Store
from mcpassport.store.repositories import ACCOUNTS, TENANTS, credential_key, credential_put
from mcpassport.store.vault import Tampered, Vault, credential_associated
from mcpassport.upstream.auth.token_endpoint import (
    Tokens,
    by_client,
    by_refresh_token,
    read_answer,
    renewed,
)
from mcpassport.upstream.call import Sender

RETRY_AFTER_S: Final = 5
_TRIES: Final = 5
_FINAL: Final = frozenset({"invalid_grant", "invalid_scope", "access_denied", "invalid_target"})
"""(7) What says that this grant is of no use any more."""
_OWN_CLIENT: Final = frozenset({"invalid_client", "unauthorized_client"})
"""(7) Final too where the client is the account's own."""
CLIENT_KIND: Final = "oauth2_client_credentials"
WORKER: Final = Principal("system:refresh", "admin")
Declared: TypeAlias = Callable[[Account], Awaitable[Credential | None]]
"""What the live version of the account's integration says of its credential."""


class Sources(NamedTuple):
    """Where a renewal has time and randomness from."""

    clock: Clock
    random: Random


class Stored(NamedTuple):
    """An account and its credential as they stand."""

    account: Account
    etag: str
    tenant: Tenant
    sealed: bytes

    @property
    def grant(self) -> OAuthGrant:
        """What is known of its tokens."""
        return self.account.oauth or OAuthGrant()


class Renewal:
    """Reads, renews and writes."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        apps: OAuthApps,
        declared: Declared,
        http: Sender,
        sources: Sources,
    ) -> None:
        self._store = store
        self._vault = vault
        self._apps = apps
        self._declared = declared
        self._http = http
        self._clock, self._random = sources

    async def read(self, tenant: str, account: str) -> Stored:
        """The account and its credential; `ReauthorizationRequired` without a usable one."""
        keys = [
            ACCOUNTS.key(tenant, account),
            TENANTS.key(tenant, tenant),
            credential_key(tenant, account),
        ]
        found, owner, sealed = await self._store.get_many(keys)
        record, home = ACCOUNTS.decode(found), TENANTS.decode(owner)
        if record is None or found is None or home is None or sealed is None:
            raise ReauthorizationRequired
        if record.status != "active":
            raise ReauthorizationRequired
        return Stored(record, found.etag, home, sealed.value)

    async def open(self, stored: Stored) -> Secret:
        """Its credential."""
        account = stored.account
        bound = credential_associated(account.tenant, account.id)
        try:
            return await self._vault.unseal(account.tenant, bound, stored.sealed)
        except Tampered:
            raise StoreUnavailable("The account's credential cannot be opened.") from None

    async def turn(self, stored: Stored) -> Secret:
        """Steps (3) to (7).

        Raises:
            ReauthorizationRequired: the account has to be connected again.
            CredentialRefreshFailed: no token could be had now; later it may.
        """
        stale = stored.grant.marked_at is not None and not self._is_client(stored)
        if stale and stored.grant.retried:  # (6)
            raise await self._ended(stored, "lost_rotation")
        request, separator = await self._request(stored)
        marked = await self._mark(stored, retried=stale)  # (3)
        try:
            answer = read_answer(await self._http.send(request), separator)  # (4)
        except (UpstreamError, GatewayRateLimited) as error:
            if not (isinstance(error, UpstreamError) and error.sent):
                await self._unmark(marked, stored)
                return await self._usable(stored)
            answer = None
        if isinstance(answer, Tokens):
            return await self._written(marked, answer)  # (5)
        if answer is None:
            if stale:
                raise await self._ended(marked, "lost_rotation")  # (6)
            return await self._usable(stored)
        final = _FINAL | (_OWN_CLIENT if self._is_client(stored) else frozenset())
        if answer.code in final:  # (7)
            raise await self._ended(marked, "lost_rotation" if stale else answer.code)
        await self._unmark(marked, stored)
        return await self._usable(stored)

    async def _usable(self, stored: Stored) -> Secret:
        """(7) The token that there is, while it holds."""
        expires_at = stored.grant.expires_at
        if expires_at is None or self._clock() >= expires_at:
            raise later()
        return await self.open(stored)

    async def _request(self, stored: Stored) -> tuple[OutboundRequest, str]:
        declared = await self._declared(stored.account)
        if declared is None or (at := declared.oauth) is None:
            raise ReauthorizationRequired("The integration does not take this credential any more.")
        secret = await self.open(stored)
        if self._is_client(stored):
            return by_client(at, secret, stored.grant.requested), at.scope_separator
        try:
            app = await self._apps.secret(stored.account.integration)
        except NoSuchObject:  # the vendor's to mend
            raise later() from None
        return by_refresh_token(at, app, secret), at.scope_separator

    async def _mark(self, stored: Stored, *, retried: bool) -> Stored:
        """(3) Written before the request; who wrote meanwhile goes first."""
        grant = msgspec.structs.replace(stored.grant, marked_at=self._clock(), retried=retried)
        try:
            return await self._put(stored, grant)
        except EtagConflict:
            raise later() from None

    async def _unmark(self, marked: Stored, before: Stored) -> None:
        grant = msgspec.structs.replace(
            marked.grant, marked_at=before.grant.marked_at, retried=before.grant.retried
        )
        await self._settle(marked, lambda at: (self._with(at.account, grant), ()))

    async def _written(self, marked: Stored, tokens: Tokens) -> Secret:
        """(5) Credential and account in one transaction."""
        granted = marked.grant.granted if tokens.scopes is None else tokens.scopes
        grant = grant_of(tokens, marked.grant.requested, granted, self._clock())
        grant = msgspec.structs.replace(grant, renewable=True)
        plain = renewed(await self.open(marked), tokens)
        bound = credential_associated(marked.account.tenant, marked.account.id)

        tenant, version = marked.tenant.id, marked.tenant.key_version
        sealed = await self._vault.seal(tenant, version, bound, plain)
        put = credential_put(tenant, marked.account.id, sealed, version)
        told = self._told("account.refreshed", marked.account)
        done = await self._settle(marked, lambda at: (self._with(at.account, grant), (put, told)))
        return await self.open(done)

    async def _ended(self, stored: Stored, reason: str) -> ReauthorizationRequired:
        """The account has to be connected again; the error that says so."""
        grant = msgspec.structs.replace(stored.grant, marked_at=None, retried=False)
        told = self._told("account.needs_reauth", stored.account)

        def ended(at: Stored) -> tuple[Account, tuple[Op, ...]]:
            account = self._with(at.account, grant)
            changed = msgspec.structs.replace(account, status="needs_reauth", reason=reason)
            return changed, (told,)

        await self._settle(stored, ended)
        return ReauthorizationRequired()

    async def _settle(
        self, stored: Stored, change: Callable[[Stored], tuple[Account, tuple[Op, ...]]]
    ) -> Stored:
        """Write what a renewal came to, where its mark still stands (5)."""
        at = stored
        for _ in range(_TRIES):
            account, more = change(at)
            try:
                await self._store.write(
                    [ACCOUNTS.put(account), *more], {ACCOUNTS.key_of(account): at.etag}
                )
            except EtagConflict:
                at = await self.read(account.tenant, account.id)
                if at.grant.marked_at != stored.grant.marked_at:
                    raise later() from None
            else:
                return await self.read(account.tenant, account.id)
        raise later()

    async def _put(self, stored: Stored, grant: OAuthGrant) -> Stored:
        account = self._with(stored.account, grant)
        key = ACCOUNTS.key_of(account)
        etags = await self._store.write([ACCOUNTS.put(account)], {key: stored.etag})
        return stored._replace(account=account, etag=etags[key])

    def _with(self, account: Account, grant: OAuthGrant) -> Account:
        return msgspec.structs.replace(account, oauth=grant)

    def _is_client(self, stored: Stored) -> bool:
        return stored.account.credential_kind == CLIENT_KIND

    def _told(self, action: str, account: Account) -> Append:
        return event(
            WORKER,
            action,
            tenant=account.tenant,
            subject=account.id,
            clock=self._clock,
            random=self._random,
        )


def grant_of(
    tokens: Tokens, requested: tuple[str, ...], granted: tuple[str, ...], now: datetime
) -> OAuthGrant:
    """What is known of tokens that were granted just now."""
    seconds = tokens.expires_in
    return OAuthGrant(
        requested=requested,
        granted=granted,
        expires_at=None if seconds is None else now + timedelta(seconds=seconds),
        lifetime_s=seconds,
        renewable="refresh_token" in tokens.fields,
    )


def later() -> CredentialRefreshFailed:
    """No token could be had now."""
    return CredentialRefreshFailed(after_seconds=RETRY_AFTER_S)
