"""Client certificates: read in three forms, and believed from the proxy alone."""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from tests.support.calling import legacy, legacy_headers
from tests.support.client_certificates import Client, authority, client
from tests.support.deployment import Deployment, deployment

from mcpassport.edge.certificates import FORMS, NOTHING_SHOWN, UNREADABLE, Certificates
from mcpassport.edge.clients import networks
from mcpassport.limits import HEADER_PROXY_SECRET
from mcpassport.records.certificate import Shown
from mcpassport.records.masked import SharedSecret

LIST = legacy("tools/list")
SECRET = "s" * 32
PROXY, STRANGER = "192.0.2.7", "198.51.100.7"
CA = authority()
NAMES = [
    x509.DNSName("agent.acme.example"),
    x509.UniformResourceIdentifier("spiffe://acme/agent"),
    x509.RFC822Name("agent@acme.example"),
]
AGENT = client(CA, NAMES)
ENCODED: dict[str, Callable[[Client], str]] = {
    "rfc9440": lambda it: f":{base64.b64encode(it.der).decode()}:",
    "nginx_escaped_pem": lambda it: quote(it.pem, safe=""),
    "xfcc": lambda it: f'Hash={it.sha256};Cert="{quote(it.pem, safe="")}";Subject="CN=agent"',
}


def read(form: Any, value: str, peer: str = PROXY, secret: str = SECRET) -> Shown:
    """What is made of a request with that header from that peer."""
    certificates = Certificates(form, networks([f"{PROXY}/32"]), SharedSecret(SECRET.encode()))
    headers = {FORMS[form][0]: value, HEADER_PROXY_SECRET: secret}
    return certificates.of({"client": (peer, 1)}, headers)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_tells_the_same_certificate(form: str) -> None:
    """Fingerprint, names and dates."""
    found = read(form, ENCODED[form](AGENT)).certificate
    assert found is not None
    assert found.sha256 == AGENT.sha256
    assert found.names == (
        "dns:agent.acme.example",
        "uri:spiffe://acme/agent",
        "email:agent@acme.example",
    )
    assert found.not_after == AGENT.certificate.not_valid_after_utc


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("peer", "secret"), [(STRANGER, SECRET), (PROXY, "t" * 32), (PROXY, ""), (STRANGER, "")]
)
def test_a_header_of_anybody_else_is_as_if_it_were_not_there(
    form: str, peer: str, secret: str
) -> None:
    """The right address and the shared secret are both needed."""
    assert read(form, ENCODED[form](AGENT), peer, secret) == NOTHING_SHOWN


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("value", ["x", ":x:", "::", "%00", 'Cert=""', "a" * 20_000, "é"])
def test_what_cannot_be_read_was_shown_all_the_same(form: str, value: str) -> None:
    """It is a wrong factor, not a missing one, and never an error of ours."""
    assert read(form, value) == UNREADABLE


def test_several_certificates_leave_open_whose_client_is_meant() -> None:
    """Two elements of Envoy's header, two blocks of PEM: neither is taken."""
    other = client(CA)
    assert read("xfcc", f"{ENCODED['xfcc'](other)},{ENCODED['xfcc'](AGENT)}") == UNREADABLE
    both = quote(other.pem + AGENT.pem, safe="")
    assert read("nginx_escaped_pem", both) == UNREADABLE


@given(st.text(max_size=300), st.sampled_from(sorted(FORMS)))
def test_no_text_is_an_error(value: str, form: str) -> None:
    """Whatever stands in the header."""
    assert read(form, value) in (NOTHING_SHOWN, UNREADABLE)


async def _statuses(house: Deployment, server: dict[str, Any], value: str) -> list[int]:
    """How a server answers to its proxy, to the proxy without its secret, and to nothing."""
    usual = {**legacy_headers(), FORMS["rfc9440"][0]: value}
    sent: list[dict[str, str]] = [
        usual | {HEADER_PROXY_SECRET: SECRET},
        usual,
        legacy_headers(),
    ]
    return [(await house.mcp(f"/mcp/{server['token']}", LIST, each)).status for each in sent]


async def test_a_server_admits_exactly_the_pinned_certificate(tmp_path: Any) -> None:
    """By name or fingerprint; everything else is 403, audited, and nothing is sent."""
    async with deployment(
        tmp_path,
        trusted_proxies=["192.0.2.0/24"],
        proxy_secret=SECRET,
        client_cert_header="rfc9440",
    ) as house:
        await house.push()
        account = await house.account()
        pins: list[dict[str, Any]] = [
            {"subject_alt_names": ["uri:spiffe://acme/agent"]},
            {"certificate_sha256": [AGENT.sha256]},
        ]
        for pin in pins:
            factors = [{"kind": "mtls", **pin}]
            server = await house.server(account, config={"factors": factors})
            assert server["config"]["factors"] == factors
            good, bad = ENCODED["rfc9440"](AGENT), ENCODED["rfc9440"](client(CA))
            assert await _statuses(house, server, good) == [200, 403, 403]
            assert await _statuses(house, server, bad) == [403, 403, 403]
        reasons = [row.reason for row in await house.rows("acme") if row.phase == "refusal"]
        assert set(reasons) == {"factor_missing", "factor_invalid"}
        passed = [row.factors for row in await house.rows("acme") if row.phase == "outcome"]
        assert set(passed) == {("mtls",)}


async def test_a_factor_without_a_pin_is_refused_when_the_server_is_made(
    house_of_notes: Deployment,
) -> None:
    """It would admit every certificate."""
    account = await house_of_notes.account()
    path = f"/integrated-account/{account}/mcp"
    for factor in ({"kind": "mtls"}, {"kind": "mtls", "pin": "x"}, {"kind": "smoke"}):
        body = {"name": "s", "config": {"factors": [factor]}}
        answer = await house_of_notes.send("POST", path, body=body)
        assert answer.status == 400
        assert answer.json()["problems"]


@pytest.fixture
async def house_of_notes(tmp_path: Any) -> Any:
    """A deployment with an integration."""
    async with deployment(tmp_path) as house:
        await house.push()
        yield house
