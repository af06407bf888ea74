"""Admission: from what a request presents to the caller it may be, or a refusal.

This is the only way to a `Caller`, and it runs before the body is parsed. Nothing that decides here
is cached: grant, tenant and factor are read from the store on every request.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from joserfc.jwk import KeySet
from msgspec import Struct
from msgspec.structs import replace

from mcpassport.errors import (
    AccessTokenRequired,
    InsufficientScope,
    McpassportError,
    NotFound,
    SecondFactorInvalid,
    SecondFactorRequired,
    SwitchedOff,
)
from mcpassport.gate.evidence import Evidence
from mcpassport.gate.factors import FACTORS
from mcpassport.gate.grant import NOBODY, Grant, Reason, broken, decoded, grant_keys
from mcpassport.gate.identity import key_id
from mcpassport.gate.issuers import Issuers
from mcpassport.gate.keys import TokenKeys
from mcpassport.gate.oauth import ADDRESS, Lack, Lacking, reach
from mcpassport.gate.presented import Claim, Presented, read_claim
from mcpassport.gate.renewal import Renewal
from mcpassport.gate.running import Running
from mcpassport.gate.tokens import token_hashes
from mcpassport.gate.usage import note_use
from mcpassport.records.grants import Caller, IndexEntry, Server
from mcpassport.records.sources import Clock
from mcpassport.store.protocol import Entry, Key, Store
from mcpassport.store.repositories import INDEX
from mcpassport.store.tokenkeys import TokenKeyring


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
    lacking: Lacking | None = None
    """Where an access token could have opened the server: what it lacks."""


class Gate:
    """Admits requests of the MCP endpoint.

    Two round trips, two HMACs, six decodes: 40 µs over the embedded store, 58 µs with a factor.
    """

    def __init__(
        self,
        store: Store,
        keys: TokenKeys,
        clock: Clock,
        running: Running | None = None,
        issuers: Issuers | None = None,
    ) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._running = running or Running(store)
        self._issuers = issuers
        self._renewal = Renewal(store)

    async def admit(self, presented: Presented) -> Caller | Refusal:
        """Decide who is calling.

        (1) Sort the secrets by address and prefix; malformed ones count as unknown.
        (2) First round trip: the index entries of the server token and the API token, each under
            every token key there is.
        (3) Second round trip: tenant, server, account, integration, credential, API token, and the
            kill switches. An unknown token reads as many records that never exist, so the
            operations are the same.
        (4) The token leads to a server, at the address it belongs to.
        (5) The grant stands: not revoked, rotated, suspended or expired; tenant active; account and
            integration there.
        (6) Where an access token stands in place of the server token, it reaches something.
        (7) Every factor that the server demands holds. One it does not demand is ignored.
        (8) No kill switch of everything, of the integration or of the tenant is off.

        Whatever fails in (2) to (5) is the one `NotFound`; (6) says where to get a token, (7) what
        is missing or wrong, and (8), which only a caller learns who would be admitted, that the
        vendor stopped calls.
        Raises `StoreUnavailable`: who cannot be looked up is not admitted.
        """
        as_of = self._running.epoch
        claim = read_claim(presented)  # (1)
        keys = await self._keys.token_keys()
        shown = ADDRESS + claim.server_id if claim.server_id else claim.server_token
        looks = _Look.of(keys, shown), _Look.of(keys, claim.api_token)
        found = await self._store.get_many([*looks[0].keys(), *looks[1].keys()])  # (2)
        half = len(found) // 2
        server_at, stored = looks[0].hit(found[:half], "server")
        api_at, api_stored = looks[1].hit(found[half:], "api_token")
        entries = await self._store.get_many(grant_keys(server_at, api_at))  # (3)
        if server_at is None:  # (4)
            return Refusal(error=NotFound(), reason="unknown_token")
        grant = decoded(entries)
        refusal = _Refusing(server_at, stored)
        if presented.server_id is not None and presented.server_id != server_at.id:
            return refusal.because("other_address")
        now = self._clock()
        if (reason := broken(grant, None if claim.server_id else stored, now)) is not None:  # (5)
            return refusal.because(reason)
        issuer_keys = await self._issuer_keys(grant.server, claim)
        groups = _reach(grant.server, claim, issuer_keys, now)  # (6)
        if isinstance(groups, Lacking):
            return refusal.lacking(groups)
        admitted = _admitted(grant, claim, now, refusal, issuer_keys)  # (7) (8)
        if isinstance(admitted, Refusal):
            return admitted
        if grant.api_token is not None and admitted.api_token_id is not None:
            await note_use(self._store, grant.api_token, grant.api_token_etag, now)
        if keys.earlier:
            await self._renewal.renew(keys, server_at, shown or "", stored)
            if api_at is not None and admitted.api_token_id is not None:
                await self._renewal.renew(keys, api_at, claim.api_token or "", api_stored)
        return replace(admitted, as_of=as_of, groups=groups)

    async def addressed(self, server_id: str) -> Server | None:
        """The server at that address, if access tokens open it now; who asks is not known."""
        look = _Look.of(await self._keys.token_keys(), ADDRESS + server_id)
        at, _ = look.hit(await self._store.get_many(look.keys()), "server")  # (2)
        grant = decoded(await self._store.get_many(grant_keys(at, None)))  # (3)
        return grant.server if broken(grant, None, self._clock()) is None else None

    async def vouched(self, server: Server) -> Caller | Refusal:
        """The caller that a principal of the management API stands for, without a token.

        Steps (3), (5) and (8) as for everybody; the principal stands in place of token and factors.
        """
        at = IndexEntry("server", server.tenant, server.id, server.account, server.integration)
        as_of = self._running.epoch
        grant = decoded(await self._store.get_many(grant_keys(at, None)))  # (3)
        refusal, now = _Refusing(at, server.token_hash), self._clock()
        if (reason := broken(grant, server.token_hash, now)) is not None:  # (5)
            return refusal.because(reason)
        bare = replace(server, factors=())
        admitted = _admitted(
            replace(grant, server=bare), Claim(None, None, factor_shown=False), now, refusal
        )
        if isinstance(admitted, Refusal):
            return admitted
        return replace(admitted, server=server, as_of=as_of)

    async def _issuer_keys(self, server: Server | None, claim: Claim) -> KeySet | None:
        """What an identity or access token is verified with, if one is shown and of any use."""
        token = claim.identity_token
        if token is None or server is None or self._issuers is None:
            return None
        if claim.server_id and server.oauth is not None:
            return await self._issuers.keys(server.oauth.issuer, key_id(token))
        for factor in server.factors:
            if factor.kind == "jwt":
                return await self._issuers.keys(factor.options["issuer"], key_id(token))
        return None


_LACKS: Final[Mapping[Lack, tuple[Reason, type[McpassportError]]]] = {
    "missing": ("access_token_missing", AccessTokenRequired),
    "invalid": ("access_token_invalid", AccessTokenRequired),
    "undecided": ("access_token_undecided", AccessTokenRequired),
    "scope": ("scope_missing", InsufficientScope),
}


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

    def lacking(self, found: Lacking) -> Refusal:
        reason, error = _LACKS[found.lack]
        return replace(self.because(reason, error()), lacking=found)


def _reach(
    server: Server | None, claim: Claim, keys: KeySet | None, now: datetime
) -> tuple[str, ...] | Lacking | None:
    if claim.server_id is None or server is None or server.oauth is None:
        return None
    return reach(server.oauth, claim.identity_token, keys, now)


class _Look(NamedTuple):
    """Where one token may be stored; as many places for none, which never hold anything."""

    hashes: tuple[str, ...]

    @classmethod
    def of(cls, keys: TokenKeyring, token: str | None) -> "_Look":
        if token is None:
            return cls((NOBODY,) * (1 + len(keys.others)))
        return cls(token_hashes(keys, token))

    def keys(self) -> list[Key]:
        return [INDEX.key(each) for each in self.hashes]

    def hit(self, entries: Sequence[Entry | None], kind: str) -> tuple[IndexEntry | None, str]:
        """What the token leads to, and the hash it is stored as; the current one if it is not."""
        for hashed, entry in zip(self.hashes, entries, strict=True):
            found = INDEX.decode(entry)
            if found is not None and found.kind == kind:
                return found, hashed
        return None, self.hashes[0]


def _admitted(
    grant: Grant, claim: Claim, now: datetime, refusal: _Refusing, keys: KeySet | None = None
) -> Caller | Refusal:
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
        certificate=claim.certificate,
        identity_token=claim.identity_token,
        issuer_keys=keys,
    )
    held: list[str] = []
    for factor in server.factors:
        kind = FACTORS.get(factor.kind)
        # A kind that this version lacks cannot be verified, so it does not hold.
        verdict = kind.judge(evidence, factor.options) if kind is not None else "wrong"
        if verdict == "missing":
            return refusal.because("factor_missing", SecondFactorRequired())
        if verdict != "held":
            reason: Reason = "factor_undecided" if verdict == "undecided" else "factor_invalid"
            return refusal.because(reason, SecondFactorInvalid())
        held.append(factor.kind)
    if grant.switched_off:  # (8)
        return refusal.because("switched_off", SwitchedOff())
    by_token = grant.api_token is not None and "api_token" in held
    return Caller(
        tenant=tenant,
        server=server,
        account=account,
        integration=head,
        sealed_credential=grant.sealed_credential,
        api_token_id=grant.api_token.id if by_token and grant.api_token else None,
        factors=("oauth", *held) if claim.server_id else tuple(held),
    )
