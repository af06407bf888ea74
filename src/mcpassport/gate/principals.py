"""Who uses the management API: the API token of a request, resolved to a principal."""

from mcpassport.errors import Unauthorized
from mcpassport.gate.keys import TokenKeys
from mcpassport.gate.presented import bearer_of
from mcpassport.gate.tokens import token_hash, well_formed
from mcpassport.gate.validity import is_live
from mcpassport.limits import API_TOKEN_PREFIX
from mcpassport.records.grants import ApiToken, IndexEntry, Principal
from mcpassport.records.sources import Clock
from mcpassport.store.protocol import PLATFORM, Store
from mcpassport.store.repositories import API_TOKENS, INDEX, TENANTS

_NOBODY = "(nobody)"
_FACTOR_ONLY = "This API token is a second factor for MCP servers; it opens no management route."


class Principals:
    """Authenticates requests of the management API. Two round trips to the store."""

    def __init__(self, store: Store, keys: TokenKeys, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock

    async def authenticate(self, authorization: str | None) -> Principal:
        """The principal behind an `Authorization` header.

        (1) A well-formed `Bearer mcpp_api_…`; a server token is none.
        (2) It leads to an API token that is active and unexpired.
        (3) A token of a tenant works only while the tenant is active.
        (4) Its role is not `factor`: those open no management route.

        Raises `Unauthorized`, the same for everything in (1) to (3).
        """
        token = bearer_of(authorization)
        if token is None or not well_formed(token, API_TOKEN_PREFIX):  # (1)
            raise Unauthorized
        hashed = token_hash(await self._keys.token_key(), token)
        (entry,) = await self._store.get_many([INDEX.key(hashed)])
        at = INDEX.decode(entry)
        if at is None or at.kind != "api_token":
            at = IndexEntry("api_token", PLATFORM, _NOBODY)
        record, active = await self._read(at)
        if (
            record is None  # (2)
            or record.token_hash != hashed
            or not is_live(record.status, record.expires_at, self._clock())
            or not active  # (3)
        ):
            raise Unauthorized
        if record.role == "factor":  # (4)
            raise Unauthorized(_FACTOR_ONLY)
        return Principal(record.id, record.role, record.tenant)

    async def _read(self, at: IndexEntry) -> tuple[ApiToken | None, bool]:
        """The token's record, and whether the tenant it belongs to, if any, is active."""
        owner = at.tenant or _NOBODY
        token, owned_by = await self._store.get_many(
            [API_TOKENS.key(at.tenant, at.id), TENANTS.key(owner, owner)]
        )
        tenant = TENANTS.decode(owned_by)
        active = at.tenant == PLATFORM or (tenant is not None and tenant.status == "active")
        return API_TOKENS.decode(token), active
