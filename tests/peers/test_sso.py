"""Single sign-on with a real OpenID provider: its tokens are the second factor."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.support.calling import legacy, legacy_headers
from tests.support.deployment import Deployment, deployment
from tests.support.oidc import APP, Provider, running_provider

from mcpassport.gate.issuers import AGAIN_S, FRESH_S, KEPT_S

AUDIENCE = "https://mcp.vendor.example"
LIST = legacy("tools/list")


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        yield running


@pytest.fixture
async def house(provider: Provider, tmp_path: Path) -> AsyncIterator[Deployment]:
    async with deployment(tmp_path, private_hosts=(provider.listing,)) as running:
        running.clock.now = datetime.now(UTC)  # the provider has no other
        await running.push()
        yield running


async def server(house: Deployment, provider: Provider, audience: str, **more: Any) -> Any:
    """A server that demands a token of the provider for that audience."""
    factor = {"kind": "jwt", "issuer": provider.issuer, "audience": audience, **more}
    return await house.server(await house.account(), config={"factors": [factor]})


async def listed(house: Deployment, address: str, **headers: str) -> tuple[int, str]:
    """HTTP status and error type of a `tools/list`."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await house.mcp(address, LIST, {**legacy_headers(), **sent})
    return answer.status, str(answer.json().get("error", {}).get("type", ""))


async def test_an_access_token_for_this_audience_is_a_factor(
    house: Deployment, provider: Provider
) -> None:
    """At both addresses, beside the server token; without it, or for others, nobody is let in."""
    made = await server(house, provider, AUDIENCE, required_claims={"client_id": "machine"})
    plain, header = f"/mcp/{made['token']}", f"/mcp/s/{made['id']}"
    good, other = provider.token(AUDIENCE), provider.token("https://else.example")
    assert await listed(house, plain, authorization=f"Bearer {good}") == (200, "")
    by_header = {"authorization": f"Bearer {made['token']}", "x_identity_token": good}
    assert await listed(house, header, **by_header) == (200, "")
    assert await listed(house, plain) == (403, "second_factor_required")
    refused = (403, "second_factor_invalid")
    assert await listed(house, plain, authorization=f"Bearer {other}") == refused
    assert await listed(house, header, **{**by_header, "x_identity_token": other}) == refused
    assert await listed(house, header, authorization=f"Bearer {good}") == (404, "not_found")
    reasons = [row.reason for row in await house.rows("acme") if row.phase == "refusal"]
    assert reasons == ["factor_missing", "factor_invalid", "factor_invalid"]


async def test_an_id_token_of_a_person_is_a_factor(house: Deployment, provider: Provider) -> None:
    """Its audience is the application that the person logged in to."""
    made = await server(house, provider, APP.id)
    token = provider.log_in()["id_token"]
    assert (await listed(house, f"/mcp/{made['token']}", authorization=f"Bearer {token}"))[0] == 200


async def test_rotated_keys_are_followed_and_withdrawn_ones_forgotten(
    house: Deployment, provider: Provider
) -> None:
    """A token of the new key is let in at the first try, one of the old key no longer."""
    made = await server(house, provider, AUDIENCE)
    address, before = f"/mcp/{made['token']}", provider.token(AUDIENCE)
    assert (await listed(house, address, authorization=f"Bearer {before}"))[0] == 200
    provider.rotate_keys()
    house.clock.step(AGAIN_S)
    after = provider.token(AUDIENCE)
    assert (await listed(house, address, authorization=f"Bearer {after}"))[0] == 200
    assert (await listed(house, address, authorization=f"Bearer {before}"))[0] == 403


async def test_a_provider_that_is_down_locks_nobody_out_for_a_while_then_everybody(
    house: Deployment, provider: Provider
) -> None:
    """Its last keys serve for the stated time; the audit says that nothing could be decided."""
    made = await server(house, provider, AUDIENCE, skew_s=300)
    address, token = f"/mcp/{made['token']}", provider.token(AUDIENCE)
    bearer = f"Bearer {token}"
    assert (await listed(house, address, authorization=bearer))[0] == 200
    with provider.down():
        house.clock.step(FRESH_S)
        assert (await listed(house, address, authorization=bearer))[0] == 200
        house.clock.step(KEPT_S)
        assert (await listed(house, address, authorization=bearer))[0] == 403
    assert (await house.rows("acme"))[-1].reason == "factor_undecided"
