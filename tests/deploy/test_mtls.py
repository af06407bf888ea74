"""A real nginx verifies client certificates and passes them on, with the files of `deploy/`."""

import datetime as dt
import ssl
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from tests.support.calling import legacy, legacy_headers
from tests.support.client_certificates import Client, authority, client
from tests.support.items import GET
from tests.support.lab import Lab, rule, running_lab
from tests.support.proxies import CLIENT, NAME, ROOT, Proxy, running_nginx
from tests.support.serving import served

from mcpassport.cli.client import Remote, open_api

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.xdist_group("deploy")]
SECRET = "0123456789abcdef" * 4
AGENT = "spiffe://acme/agent"
SETTINGS: dict[str, Any] = {
    "trusted_proxies": ["127.0.0.1/32"],
    "allowed_hosts": [NAME],
    "public_url": f"https://{NAME}",
    "client_cert_header": "nginx_escaped_pem",
    "proxy_secret": SECRET,
}
CALL = legacy("tools/call", {"name": GET, "arguments": {"id": "1"}})


@pytest.fixture
def lab() -> Iterator[Lab]:
    """The upstream behind it."""
    with running_lab() as running:
        running.answers(rule("/*", json={"id": "1"}))
        yield running


def asked(proxy: Proxy, token: str, folder: Path, of: Client | None, **headers: str) -> int:
    """The status of one call with that client certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if of is not None:
        context.load_cert_chain(of.file(folder))
    connection = HTTPSConnection(
        "127.0.0.1", proxy.port, timeout=30, context=context, source_address=(CLIENT, 0)
    )
    sent = {**legacy_headers(), "content-type": "application/json", "host": NAME, **headers}
    try:
        connection.request("POST", f"/mcp/{token}", CALL, sent)
        return connection.getresponse().status
    finally:
        connection.close()


async def test_nginx_lets_in_the_agent_and_nobody_else(tmp_path: Path, lab: Lab) -> None:
    """By its name; without a certificate, of another authority, and with a forged header: not."""
    now = dt.datetime.now(dt.UTC)
    ours, theirs = authority(now), authority(now)
    names = [x509.UniformResourceIdentifier(AGENT)]
    agent, other, stranger = (
        client(ours, names, now),
        client(ours, (), now),
        client(theirs, names, now),
    )
    (tmp_path / "ca.pem").write_bytes(ours.certificate.public_bytes(serialization.Encoding.PEM))
    mtls = (ROOT / "deploy" / "nginx" / "mtls.conf").read_text().replace('"SECRET"', f'"{SECRET}"')
    (tmp_path / "mtls.conf").write_text(mtls)
    changes = {
        'proxy_set_header Connection "";': (
            f'proxy_set_header Connection "";\n        include {tmp_path / "mtls.conf"};'
        ),
        "ssl_protocols ": (
            f"ssl_client_certificate {tmp_path / 'ca.pem'};\n    ssl_verify_client optional;\n"
            "    ssl_protocols "
        ),
    }
    async with served(tmp_path, lab, SETTINGS, {}) as house:
        async with open_api(None, Remote(f"http://127.0.0.1:{house.port}", house.admin)) as api:
            (account,) = await api.pages("/integrated-account", query={"tenant": "acme"})
            body = {
                "name": "agent",
                "config": {"factors": [{"kind": "mtls", "subject_alt_names": [f"uri:{AGENT}"]}]},
            }
            made = await api.call("POST", f"/integrated-account/{account['id']}/mcp", body=body)
        with running_nginx(tmp_path / "proxy", house.port, changes) as proxy:
            token = str(made["token"])
            assert asked(proxy, token, tmp_path, agent) == 200
            assert asked(proxy, token, tmp_path, other) == 403
            assert asked(proxy, token, tmp_path, None) == 403
            assert asked(proxy, token, tmp_path, stranger) == 400, "nginx refuses it itself"
            forged = {"x-client-cert": "forged", "x-mcpassport-proxy-secret": "guessed"}
            assert asked(proxy, token, tmp_path, None, **forged) == 403
            assert len(lab.requests()) == 1
