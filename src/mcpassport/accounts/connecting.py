"""Connects accounts over a link: by a provider's page (OAuth 2.0), or by a form.

    the vendor makes a link -> its customer opens it -> the provider asks the user and sends the
    browser back with a code -> the code is exchanged for tokens -> the account is active

1. The link holds, and its tenant is active (`accounts/links.py`).
2. The provider is asked with a `state` and with the hash of a verifier (RFC 7636, S256), which is
   kept sealed under the tenant's key.
3. The code is exchanged with the verifier; what the provider refuses, connects nothing.
4. Account, credential, and the end of the link are one transaction. Whoever comes second finds the
   link used, and the tokens that he brought are kept nowhere.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import urlencode

import msgspec

from mcpassport.accounts.apps import OAuthApps
from mcpassport.accounts.connect import AccountDraft, Accounts
from mcpassport.accounts.links import Departure, Links, Opened, expired
from mcpassport.accounts.renewal import grant_of
from mcpassport.accounts.tenants import Tenants
from mcpassport.errors import Conflict, UpstreamError, UpstreamRejected
from mcpassport.records.grants import Account, OAuthGrant, Tenant
from mcpassport.records.integration import Integration, OAuthEndpoints
from mcpassport.records.masked import Secret
from mcpassport.records.sources import Clock, Random
from mcpassport.store.protocol import Delete, Op
from mcpassport.store.vault import Tampered, Vault
from mcpassport.upstream.auth.token_endpoint import Tokens, by_code, read_answer
from mcpassport.upstream.call import Sender

CALLBACK: Final = "/connect/callback"
"""Where providers send browsers back to; vendors register it with them."""
VERIFIER_BYTES: Final = 48
"""64 characters (RFC 7636, 4.1: 43 to 128)."""
_BOUND: Final = b"pkce verifier"
_NOTHING: Final = "The provider granted no access; try again."


class Parts(NamedTuple):
    """Whom connecting works with."""

    links: Links
    accounts: Accounts
    tenants: Tenants
    apps: OAuthApps
    vault: Vault
    http: Sender


class Connecting:
    """Carries a link to its account."""

    def __init__(self, parts: Parts, *, clock: Clock, random: Random, callback: str) -> None:
        self._parts = parts
        self._clock = clock
        self._random = random
        self._callback = callback

    async def open(self, token: str) -> Opened:
        """(1) `NoSuchObject` for a link that does not hold, or whose tenant is not active."""
        opened = await self._parts.links.open(token)
        await self._tenant(opened)
        return opened

    async def depart(self, opened: Opened, at: OAuthEndpoints) -> tuple[str, Departure]:
        """(2) Where the browser goes, and what it must bring back.

        Raises:
            NoSuchObject: the vendor has set no OAuth app for the integration.
        """
        link = opened.link
        tenant = await self._tenant(opened)
        app = await self._parts.apps.get(link.integration)
        verifier = _text(self._random(VERIFIER_BYTES))
        sealed = await self._parts.vault.seal(
            tenant.id, tenant.key_version, _BOUND, msgspec.json.encode({"verifier": verifier})
        )
        departure = await self._parts.links.ask(opened, sealed)
        challenge = _text(hashlib.sha256(verifier.encode()).digest())
        query = {
            **at.extra_params,
            "response_type": "code",
            "client_id": app.client_id,
            "redirect_uri": self._callback,
            "state": departure.state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if link.scopes:
            query["scope"] = at.scope_separator.join(link.scopes)
        joiner = "&" if "?" in at.authorize_url else "?"
        return f"{at.authorize_url}{joiner}{urlencode(query)}", departure

    async def arrive(
        self, opened: Opened, verifier: bytes, code: str, integration: Integration
    ) -> tuple[OAuthGrant, Mapping[str, str]]:
        """(3) What the provider granted for the code: what is known of it, and the tokens.

        Raises:
            UpstreamRejected: nothing; the user may try again.
        """
        at = endpoints(integration, opened.link.credential_kind)
        tenant = await self._tenant(opened)
        proof = await self._verifier(tenant, verifier)
        app = await self._parts.apps.secret(opened.link.integration)
        request = by_code(at, app, proof, code, self._callback)
        try:
            answer = read_answer(await self._parts.http.send(request), at.scope_separator)
        except UpstreamError:
            raise UpstreamRejected(_NOTHING) from None
        if not isinstance(answer, Tokens):
            raise UpstreamRejected(_NOTHING)
        wanted = opened.link.scopes
        granted = wanted if answer.scopes is None else answer.scopes
        return grant_of(answer, wanted, granted, self._clock()), answer.fields

    async def finish(
        self,
        opened: Opened,
        integration: Integration,
        fields: Mapping[str, str],
        grant: OAuthGrant | None,
        extra: Sequence[Op],
    ) -> Account:
        """(4) The account, active; `NoSuchObject` if somebody else used the link meanwhile.

        Raises:
            InvalidInput: the fields are not those of the credential.
        """
        link, tenant = opened.link, await self._tenant(opened)
        used, stands = [Delete(opened.key), *extra], {opened.key: opened.etag}
        accounts = self._parts.accounts
        try:
            if link.reconnect and grant is not None:
                return await accounts.reconnect(tenant, link.account, fields, grant, used, stands)
            if link.reconnect:
                changes = {"credential": fields, "credential_kind": link.credential_kind}
                return await accounts.change(
                    tenant, link.account, integration, changes, used, stands
                )
            draft = AccountDraft(
                id=link.account,
                name=link.name,
                credential_kind=link.credential_kind,
                credential=fields,
                context=link.context,
                oauth=grant,
            )
            return await accounts.create(tenant, integration, draft, used, stands)
        except Conflict:
            raise expired() from None

    async def _tenant(self, opened: Opened) -> Tenant:
        tenant = await self._parts.tenants.get(opened.link.tenant)
        if tenant.status != "active":
            raise expired()
        return tenant

    async def _verifier(self, tenant: Tenant, sealed: bytes) -> Secret:
        try:
            return await self._parts.vault.unseal(tenant.id, _BOUND, sealed)
        except Tampered:
            raise expired() from None


def endpoints(integration: Integration, kind: str) -> OAuthEndpoints:
    """Where a link of that kind leads; `NoSuchObject` if the live version takes it no more."""
    for declared in integration.credentials:
        if declared.kind == kind and declared.oauth is not None:
            return declared.oauth
    raise expired()


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
