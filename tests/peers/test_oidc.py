"""The OpenID provider that tests work with does what they rely on."""

import base64
import json
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.support.oidc import APP, MACHINE, Provider, ProviderError, running_provider

AUDIENCE = "https://mcp.example.test/mcp/s/srv_1"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        yield running


def claims(token: str, part: int = 1) -> dict[str, object]:
    text = token.split(".")[part]
    found: dict[str, object] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


def header(token: str) -> dict[str, object]:
    return claims(token, 0)


def test_client_credentials_give_a_token_for_the_audience_asked_for(provider: Provider) -> None:
    """A JWT of RFC 9068 with audience, scopes and the client as its subject."""
    token = provider.token(AUDIENCE, "mcp:read")
    found = claims(token)
    assert (found["iss"], found["aud"], found["scope"]) == (provider.issuer, AUDIENCE, "mcp:read")
    assert found["sub"] == MACHINE.id
    assert header(token)["typ"] == "at+jwt"


def test_a_code_flow_ends_in_identity_access_and_refresh_tokens(provider: Provider) -> None:
    """Login and consent need no browser."""
    answer = provider.log_in(scope="openid read", audience=AUDIENCE)
    assert claims(answer["id_token"])["aud"] == APP.id
    assert claims(answer["access_token"])["aud"] == AUDIENCE
    assert answer["refresh_token"]


def test_a_refresh_token_used_twice_revokes_its_family(provider: Provider) -> None:
    """Rotation: the old one is refused, and then the new one is too."""
    first = provider.log_in()["refresh_token"]
    second = provider.refresh(first)["refresh_token"]
    assert second != first
    for used in (first, second):
        with pytest.raises(ProviderError) as refused:
            provider.refresh(used)
        assert refused.value.document["error"] == "invalid_grant"


def test_the_user_can_deny_answer_a_form_or_withhold_scopes(provider: Provider) -> None:
    """`error=access_denied` comes back; a form is answered; fewer scopes are granted."""
    asked = f"{provider.issuer}/auth?client_id={APP.id}&response_type=code&scope=openid+read"
    asked += f"&redirect_uri={APP.redirects[0]}&code_challenge={'x' * 43}"
    asked += "&code_challenge_method=S256"
    try:
        provider.set(consent="deny")
        assert "error=access_denied" in provider.authorize(asked)
        provider.set(consent="ask")
        assert "code" in parse_qs(urlsplit(provider.authorize(asked)).query)
        assert "error=access_denied" in provider.authorize(asked, decide="deny")
        provider.set(consent="accept", withhold=["write"])
        assert provider.log_in(scope="openid read write", audience=AUDIENCE)["scope"] == "read"
    finally:
        provider.set(consent="accept", withhold=[])


def test_token_requests_can_be_held_failed_and_counted(provider: Provider) -> None:
    """What hangs is seen to hang; a failure is answered as told; grants are counted."""
    before = provider.seen().grants["client_credentials"]
    provider.fail_tokens({"status": 503, "body": {"error": "temporarily_unavailable"}})
    with pytest.raises(ProviderError) as refused:
        provider.token()
    assert refused.value.status == 503
    provider.token()
    assert provider.seen().grants["client_credentials"] == before + 1


def test_keys_rotate_grants_end_and_the_whole_provider_can_be_away(provider: Provider) -> None:
    """New keys sign, old ones stay published if told; a revoked grant refreshes no more."""
    old = header(provider.token())["kid"]
    kept = provider.rotate_keys(keep=True)
    assert old in kept
    assert header(provider.token())["kid"] == kept[0]
    published = {key["kid"] for key in provider.request("/jwks")["keys"]}
    assert published == set(kept)
    assert old not in provider.rotate_keys()
    token = provider.log_in()["refresh_token"]
    provider.revoke_grants()
    with pytest.raises(ProviderError) as refused:
        provider.refresh(token)
    assert refused.value.document["error"] == "invalid_grant"
    with provider.down(), pytest.raises(OSError, match="refused"):
        provider.request("/jwks")
    assert provider.request("/jwks")["keys"]


def test_any_path_can_answer_otherwise(provider: Provider) -> None:
    """A page of an error, a redirect, a foreign document."""
    provider.override("/jwks", {"status": 500, "body": "{}"})
    with pytest.raises(ProviderError):
        provider.request("/jwks")
    provider.override("/jwks", None)
    assert provider.request("/jwks")["keys"]
