"""Who uses the management API: the API token of a request, resolved to a principal."""

from datetime import datetime

from msgspec import Struct

from mcpassport.errors import Unauthorized
from mcpassport.gate.keys import TokenKeys
from mcpassport.gate.presented import bearer_of
from mcpassport.gate.renewal import Renewal
from mcpassport.gate.tokens import token_hashes, well_formed
from mcpassport.gate.usage import note_use
from mcpassport.gate.validity import is_expired
from mcpassport.limits import API_TOKEN_PREFIX
from mcpassport.records.grants import ApiToken, IndexEntry, Principal
from mcpassport.records.sources import Clock
from mcpassport.store.protocol import PLATFORM, Store
from mcpassport.store.repositories import API_TOKENS, INDEX, TENANTS

_NOBODY = "(nobody)"
_FACTOR_ONLY = "This API token is a second factor for MCP servers; it opens no management route."


class Turned(Struct, frozen=True, kw_only=True):
    """Nobody who may manage anything, and what is known of who it was."""

    error: Unauthorized
    reason: str
    """Empty where there is nothing to record: the token is good for something else."""
    tenant: str | None = None
    """None: it resolved to nobody."""
    token: str = ""
    """The dead token's id."""
    token_key: str = ""
    """Names the token without revealing it: the key under which repeated refusals are counted."""


class Principals:
    """Authenticates requests of the management API. Two round trips to the store."""

    def __init__(self, store: Store, keys: TokenKeys, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._renewal = Renewal(store)

    async def authenticate(self, authorization: str | None) -> Principal:
        """The principal behind an `Authorization` header; `Unauthorized` if there is none."""
        found = await self.resolve(authorization)
        if isinstance(found, Turned):
            raise found.error
        return found

    async def resolve(self, authorization: str | None) -> "Principal | Turned":
        """The principal behind an `Authorization` header, or why there is none.

        (1) A well-formed `Bearer mcpp_api_…`; a server token is none.
        (2) It leads to an API token that is active and unexpired.
        (3) A token of a tenant works only while the tenant is active.
        (4) Its role is not `factor`: those open no management route.

        The error is the same for everything in (1) to (3).
        """
        token = bearer_of(authorization)
        if token is None or not well_formed(token, API_TOKEN_PREFIX):  # (1)
            return Turned(error=Unauthorized(), reason="unauthorized")
        keys = await self._keys.token_keys()
        hashes = token_hashes(keys, token)
        entries = await self._store.get_many([INDEX.key(each) for each in hashes])
        found = [
            (known, each)
            for each, entry in zip(hashes, entries, strict=True)
            if (known := INDEX.decode(entry)) is not None and known.kind == "api_token"
        ]
        if not found:
            await self._read(IndexEntry("api_token", PLATFORM, _NOBODY))  # the same operations
            return Turned(error=Unauthorized(), reason="unknown_token")
        known, hashed = found[0]
        record, etag, active = await self._read(known)
        reason = _dead(record, hashed, self._clock(), active=active)  # (2), (3)
        if record is None or reason:
            return Turned(
                error=Unauthorized(),
                reason=reason,
                tenant=known.tenant,
                token=known.id,
                token_key=hashed,
            )
        if record.role == "factor":  # (4)
            return Turned(error=Unauthorized(_FACTOR_ONLY), reason="")
        await note_use(self._store, record, etag, self._clock())
        if keys.earlier:
            await self._renewal.renew(keys, known, token, hashed)
        return Principal(record.id, record.role, record.tenant)

    async def _read(self, at: IndexEntry) -> tuple[ApiToken | None, str, bool]:
        """The token's record and state, and whether the tenant it belongs to is active."""
        owner = at.tenant or _NOBODY
        token, owned_by = await self._store.get_many(
            [API_TOKENS.key(at.tenant, at.id), TENANTS.key(owner, owner)]
        )
        tenant = TENANTS.decode(owned_by)
        active = at.tenant == PLATFORM or (tenant is not None and tenant.status == "active")
        return API_TOKENS.decode(token), token.etag if token else "", active


def _dead(record: ApiToken | None, hashed: str, now: datetime, *, active: bool) -> str:
    """Why a token that leads somewhere opens nothing; empty when it does not."""
    if record is None:
        return "grant_broken"
    if record.status != "active" or record.token_hash != hashed:
        return "revoked"
    if is_expired(record.expires_at, now):
        return "expired"
    return "" if active else "tenant_suspended"
