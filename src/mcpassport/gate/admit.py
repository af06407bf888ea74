"""Admission: from what a request presents to the caller it may be, or a refusal.

This is the only way to a `Caller`, and it runs before the body is parsed. Nothing that decides here
is cached: grant, tenant and factor are read from the store on every request.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from mcpassport.errors import (
    McpassportError,
    NotFound,
    SecondFactorInvalid,
    SecondFactorRequired,
    SwitchedOff,
)
from mcpassport.gate.evidence import Evidence
from mcpassport.gate.factors import FACTORS
from mcpassport.gate.keys import TokenKeys
from mcpassport.gate.presented import Claim, Presented, read_claim
from mcpassport.gate.switches import switch_keys
from mcpassport.gate.tokens import token_hash
from mcpassport.gate.validity import holds, is_expired
from mcpassport.records.grants import (
    Account,
    ApiToken,
    Caller,
    IndexEntry,
    IntegrationHead,
    Server,
    Tenant,
)
from mcpassport.records.sources import Clock
from mcpassport.store.protocol import PLATFORM, Entry, Key, Store
from mcpassport.store.repositories import (
    ACCOUNTS,
    API_TOKENS,
    CREDENTIAL_KIND,
    HEADS,
    INDEX,
    SERVERS,
    TENANTS,
)

Reason: TypeAlias = Literal[
    "unknown_token",
    "revoked",
    "rotated",
    "suspended",
    "expired",
    "tenant_suspended",
    "switched_off",
    "grant_broken",
    "other_address",
    "factor_missing",
    "factor_invalid",
]
"""Why a request was refused: for the audit, never for the caller."""

_NOBODY: Final = "(nobody)"
"""Id of records that never exist, since no id holds a bracket; what cannot be looked up is looked
up under it."""


class Refusal(Struct, frozen=True, kw_only=True):
    """A request that was not admitted; `tenant` is empty when it resolved to nobody."""

    error: McpassportError
    reason: Reason
    tenant: str = ""
    server: str = ""
    account: str = ""
    integration: str = ""
    token_key: str = ""
    """Names the token without revealing it: the key under which repeated refusals are counted."""


class _Grant(Struct, frozen=True, kw_only=True):
    """What the second round trip read."""

    tenant: Tenant | None
    server: Server | None
    account: Account | None
    head: IntegrationHead | None
    sealed_credential: bytes
    api_token: ApiToken | None
    switched_off: bool


class Gate:
    """Admits requests of the MCP endpoint.

    Two round trips, two HMACs, six decodes: 40 µs over the embedded store, 58 µs with a factor.
    """

    def __init__(self, store: Store, keys: TokenKeys, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock

    async def admit(self, presented: Presented) -> Caller | Refusal:
        """Decide who is calling.

        (1) Sort the secrets by address and prefix; malformed ones count as unknown.
        (2) First round trip: the index entries of the server token and the API token.
        (3) Second round trip: tenant, server, account, integration, credential, API token, and the
            kill switches. An unknown token reads as many records that never exist, so the
            operations are the same.
        (4) The token leads to a server, at the address it belongs to.
        (5) The grant stands: not revoked, rotated, suspended or expired; tenant active; account and
            integration there.
        (6) Every factor that the server demands holds. One it does not demand is ignored.
        (7) No kill switch of everything, of the integration or of the tenant is off.

        Whatever fails in (2) to (5) is the one `NotFound`; (6) says what is missing or wrong, and
        (7), which only a caller learns who would be admitted, that the vendor stopped calls.
        Raises `StoreUnavailable`: who cannot be looked up is not admitted.
        """
        claim = read_claim(presented)  # (1)
        key = await self._keys.token_key()
        hashes = [
            _NOBODY if token is None else token_hash(key, token)
            for token in (claim.server_token, claim.api_token)
        ]
        found = await self._store.get_many([INDEX.key(item) for item in hashes])  # (2)
        server_at = _of_kind(found[0], "server")
        api_at = _of_kind(found[1], "api_token")
        entries = await self._store.get_many(_grant_keys(server_at, api_at))  # (3)
        if server_at is None:  # (4)
            return Refusal(error=NotFound(), reason="unknown_token")
        grant = _decoded(entries)
        refusal = _Refusing(server_at, hashes[0])
        if presented.server_id is not None and presented.server_id != server_at.id:
            return refusal.because("other_address")
        now = self._clock()
        if (reason := _broken(grant, hashes[0], now)) is not None:  # (5)
            return refusal.because(reason)
        return _admitted(grant, claim, now, refusal)  # (6) (7)

    async def vouched(self, server: Server) -> Caller | Refusal:
        """The caller that a principal of the management API stands for, without a token.

        Steps (3), (5) and (7) as for everybody; the principal stands in place of token and factors.
        """
        at = IndexEntry("server", server.tenant, server.id, server.account, server.integration)
        grant = _decoded(await self._store.get_many(_grant_keys(at, None)))  # (3)
        refusal, now = _Refusing(at, server.token_hash), self._clock()
        if (reason := _broken(grant, server.token_hash, now)) is not None:  # (5)
            return refusal.because(reason)
        bare = replace(server, factors=())
        admitted = _admitted(
            replace(grant, server=bare), Claim(None, None, factor_shown=False), now, refusal
        )
        return replace(admitted, server=server) if isinstance(admitted, Caller) else admitted


class _Refusing(Struct, frozen=True):
    """Makes refusals of a token that resolved to a tenant."""

    at: IndexEntry
    token: str

    def because(self, reason: Reason, error: McpassportError | None = None) -> Refusal:
        return Refusal(
            error=error or NotFound(),
            reason=reason,
            tenant=self.at.tenant,
            server=self.at.id,
            account=self.at.account,
            integration=self.at.integration,
            token_key=self.token,
        )


def _of_kind(entry: Entry | None, kind: str) -> IndexEntry | None:
    found = INDEX.decode(entry)
    return found if found is not None and found.kind == kind else None


def _grant_keys(server: IndexEntry | None, api: IndexEntry | None) -> list[Key]:
    at = server or IndexEntry("server", PLATFORM, _NOBODY, _NOBODY, _NOBODY)
    token = api or IndexEntry("api_token", PLATFORM, _NOBODY)
    return [
        TENANTS.key(at.tenant or _NOBODY, at.tenant or _NOBODY),
        SERVERS.key(at.tenant, at.id),
        ACCOUNTS.key(at.tenant, at.account),
        HEADS.key(PLATFORM, at.integration),
        Key(CREDENTIAL_KIND, at.tenant, at.account),
        API_TOKENS.key(token.tenant, token.id),
        *switch_keys(at.tenant, at.integration),
    ]


def _decoded(entries: Sequence[Entry | None]) -> _Grant:
    tenant, server, account, head, credential, api_token, *switches = entries
    return _Grant(
        tenant=TENANTS.decode(tenant),
        server=SERVERS.decode(server),
        account=ACCOUNTS.decode(account),
        head=HEADS.decode(head),
        # An account whose credential is gone can still list its tools; a call tells it to connect.
        sealed_credential=credential.value if credential else b"",
        api_token=API_TOKENS.decode(api_token),
        switched_off=any(switch is not None for switch in switches),
    )


def _broken(grant: _Grant, token: str, now: datetime) -> Reason | None:
    server = grant.server
    if server is None or grant.tenant is None:
        return "grant_broken"
    if server.status == "revoked":
        return "revoked"
    if not holds(server, token, now):
        return "rotated"
    if server.status != "active":
        return "suspended"
    if is_expired(server.expires_at, now):
        return "expired"
    if grant.tenant.status != "active":
        return "tenant_suspended"
    if grant.account is None or grant.head is None:
        return "grant_broken"
    return None


def _admitted(grant: _Grant, claim: Claim, now: datetime, refusal: _Refusing) -> Caller | Refusal:
    tenant, server, account, head = grant.tenant, grant.server, grant.account, grant.head
    assert tenant is not None
    assert server is not None
    assert account is not None
    assert head is not None
    evidence = Evidence(
        tenant=server.tenant,
        now=now,
        api_token_shown=claim.factor_shown,
        api_token=grant.api_token,
    )
    held: list[str] = []
    for factor in server.factors:
        kind = FACTORS.get(factor.kind)
        # A kind that this version lacks cannot be verified, so it does not hold.
        verdict = kind.judge(evidence) if kind is not None else "wrong"
        if verdict == "missing":
            return refusal.because("factor_missing", SecondFactorRequired())
        if verdict == "wrong":
            return refusal.because("factor_invalid", SecondFactorInvalid())
        held.append(factor.kind)
    if grant.switched_off:  # (7)
        return refusal.because("switched_off", SwitchedOff())
    by_token = grant.api_token is not None and "api_token" in held
    return Caller(
        tenant=tenant,
        server=server,
        account=account,
        integration=head,
        sealed_credential=grant.sealed_credential,
        api_token_id=grant.api_token.id if by_token and grant.api_token else None,
        factors=tuple(held),
    )
