"""API tokens: secrets of the management API and of the second factor, each with one role."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import msgspec
from msgspec import Struct

from mcpassport.errors import Conflict, Forbidden, InvalidInput, NoSuchObject
from mcpassport.gate.keys import TokenKeys
from mcpassport.gate.tokens import issue, token_hash
from mcpassport.gate.validity import check_expiry
from mcpassport.limits import API_TOKEN_PREFIX
from mcpassport.records.grants import ApiToken, IndexEntry, Principal, Role
from mcpassport.records.sources import Clock, Random
from mcpassport.store.protocol import ABSENT, PLATFORM, EtagConflict, Key, Op, Store
from mcpassport.store.repositories import API_TOKENS, INDEX, TENANTS

MAY_GRANT: Mapping[Role, frozenset[Role]] = MappingProxyType(
    {
        "admin": frozenset[Role]({"admin", "tenant", "auditor", "factor"}),
        "tenant": frozenset[Role]({"tenant", "auditor", "factor"}),
        "auditor": frozenset[Role](),
        "factor": frozenset[Role](),
    }
)
"""Role of the principal to the roles it may give to a new token; a tenant only within itself."""

_TRIES = 3
_OWNED: frozenset[Role] = frozenset({"tenant", "factor"})


class TokenDraft(Struct, frozen=True, kw_only=True):
    """What a new API token is made of; `tenant` is empty for the deployment's own."""

    id: str
    tenant: str
    role: Role
    name: str
    expires_at: datetime | None = None


class ApiTokens:
    """The owner of API tokens. `extra` always joins the same transaction, events among it."""

    def __init__(self, store: Store, keys: TokenKeys, *, clock: Clock, random: Random) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._random = random

    async def create(
        self, draft: TokenDraft, principal: Principal, extra: Sequence[Op] = ()
    ) -> tuple[ApiToken, str]:
        """Make a token; its text is returned here and never again.

        (1) The principal's role may grant that role (`MAY_GRANT`), and a tenant only to itself.
        (2) Role and tenant fit: an admin belongs to no tenant, `tenant` and `factor` to one, an
            auditor to one or to the whole deployment.
        (3) The expiry, if any, has a zone and lies at least a minute ahead.
        (4) The tenant exists and is not offboarded.

        Raises `Forbidden`, `InvalidInput`, `NoSuchObject`, or `Conflict` if the id is taken.
        """
        now = self._clock()
        _check_grant(draft, principal)  # (1) (2)
        if draft.expires_at is not None:
            check_expiry(draft.expires_at, now)  # (3)
        expect = await self._living(draft.tenant) if draft.tenant else {}  # (4)
        token = issue(API_TOKEN_PREFIX, self._random)
        key = (await self._keys.token_keys()).current
        hashed = token_hash(key.key, token)
        record = ApiToken(
            id=draft.id,
            tenant=draft.tenant,
            role=draft.role,
            name=draft.name,
            token_hash=hashed,
            created_at=now,
            expires_at=draft.expires_at,
        )
        at = IndexEntry("api_token", draft.tenant, draft.id, key_version=key.version)
        expect |= {API_TOKENS.key(draft.tenant, draft.id): ABSENT, INDEX.key(hashed): ABSENT}
        try:
            await self._store.write([API_TOKENS.put(record), INDEX.put(hashed, at), *extra], expect)
        except EtagConflict:
            raise Conflict(
                "An API token of that id exists already, or its tenant was changed just now."
            ) from None
        return record, token

    async def _living(self, tenant: str) -> dict[Key, str]:
        """What must still hold when the token is written: the tenant as it was found."""
        found = await TENANTS.get(self._store, tenant, tenant)
        if found is None:
            raise NoSuchObject("No such tenant.")
        if found[0].ended_at is not None:
            raise Conflict("The tenant is offboarded, which is final; create another one.")
        return {TENANTS.key(tenant, tenant): found[1]}

    async def get(self, tenant: str, token_id: str) -> ApiToken:
        """The token's record, or `NoSuchObject`."""
        return (await self._read(tenant, token_id))[0]

    async def page(
        self, tenant: str, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[ApiToken], str | None]:
        """One page of a tenant's tokens, in id order; of the deployment's own for `PLATFORM`."""
        return await API_TOKENS.page(self._store, tenant, cursor=cursor, limit=limit)

    async def revoke(self, tenant: str, token_id: str, extra: Sequence[Op] = ()) -> ApiToken:
        """End the token from the next request on; a token revoked before stays as it is."""
        for _ in range(_TRIES):  # a use that is noted at the same moment must not hinder it
            token, etag = await self._read(tenant, token_id)
            if token.status == "revoked":
                return token
            revoked = msgspec.structs.replace(token, status="revoked", revoked_at=self._clock())
            try:
                await self._store.write(
                    [API_TOKENS.put(revoked), *extra], {API_TOKENS.key(tenant, token_id): etag}
                )
            except EtagConflict:
                continue
            return revoked
        raise Conflict

    async def _read(self, tenant: str, token_id: str) -> tuple[ApiToken, str]:
        found = await API_TOKENS.get(self._store, tenant, token_id)
        if found is None:
            raise NoSuchObject("No such API token.")
        return found


def _check_grant(draft: TokenDraft, principal: Principal) -> None:
    if draft.role not in MAY_GRANT[principal.role]:
        granted = ", ".join(sorted(MAY_GRANT[principal.role])) or "none"
        raise Forbidden(
            f"The role {principal.role!r} may not create tokens of role {draft.role!r} "
            f"(it may create: {granted})."
        )
    if principal.tenant not in {PLATFORM, draft.tenant}:
        raise Forbidden("A tenant creates tokens for itself only.")
    if draft.role == "admin" and draft.tenant != PLATFORM:
        raise InvalidInput("An admin token belongs to no tenant; leave tenant out.")
    if draft.role in _OWNED and draft.tenant == PLATFORM:
        raise InvalidInput(f"A token of role {draft.role!r} belongs to a tenant; name it.")
