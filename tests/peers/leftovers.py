"""After a test: what lies in the files and metrics of its deployment, and must not."""

import base64
from urllib.parse import quote

import msgspec
from tests.support.deployment import CREDENTIAL, Deployment
from tests.support.scan import found_in

from mcpassport.errors import McpassportError
from mcpassport.evidence.scan import halves
from mcpassport.evidence.traces import run_of
from mcpassport.store.protocol import ALL
from mcpassport.store.repositories import ACCOUNTS

LONG = 16
"""Shorter runs of letters and digits are no secrets of ours."""


async def secrets_of(house: Deployment) -> set[str]:
    """Every API token, and every field of a credential that can still be opened."""
    found = {CREDENTIAL, *house.tokens.values()}
    async for entry in house.services.store.scan(ACCOUNTS.kind, ALL):
        account = ACCOUNTS.decode(entry)
        if account is None:
            continue
        opened = msgspec.structs.replace(account, oauth=None, status="active")
        try:
            sealed = await house.services.accounts.credential_of(opened)
        except McpassportError:
            continue
        found.update(msgspec.json.decode(sealed.reveal(), type=dict[str, str]).values())
    return {secret for secret in found if len(run_of(secret)) >= LONG}


async def nothing_is_left(house: Deployment, *more: str) -> None:
    """No secret, raw, in base64, in hex or as in a URL; each of them, planted so, is found."""
    secrets = await secrets_of(house) | set(more)
    wanted = {half for secret in secrets for half in halves(run_of(secret))}
    metrics = await house.send("GET", "/metrics")
    assert not found_in(house.files() + metrics.body, wanted)
    for secret in secrets:
        parts = set(halves(run_of(secret)))
        plain = secret.encode()
        for planted in (
            plain,
            base64.b64encode(plain),
            plain.hex().encode(),
            quote(secret).encode(),
        ):
            assert found_in(b"x" + planted + b"x", parts) == parts, "the search is of use"
