"""Check of mTLS: who is admitted by a certificate, and who is not."""

import base64
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mcpassport.evidence.bench import Bench, Grant, Headers, Message, outcome_of
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import CALLS, GET, PROXY_SECRET
from mcpassport.limits import HEADER_PROXY_SECRET

HEADER: Final = "Client-Cert"
REQUIRED: Final = "second_factor_required"
INVALID: Final = "second_factor_invalid"


async def pinned(bench: Bench, finding: Finding) -> None:
    """AUT-05. Control: the pinned certificate, from the proxy, is found to be admitted."""
    right, wrong = _certificate(), _certificate()
    pin = right.fingerprint(hashes.SHA256()).hex()
    grant = await bench.grant(factors=[{"kind": "mtls", "certificate_sha256": [pin]}])
    by_name = await bench.grant(factors=[{"kind": "mtls", "subject_alt_names": ["dns:agent"]}])
    named = _certificate("agent")
    await bench.lab.answer()
    proxy = (HEADER_PROXY_SECRET, PROXY_SECRET)
    for fact, headers, expected in (
        ("without a certificate", (proxy,), REQUIRED),
        ("with another certificate", (_shown(wrong), proxy), INVALID),
        ("with one that nobody can read", ((HEADER, ":x:"), proxy), INVALID),
        ("with the right one, but not from the proxy", (_shown(right),), REQUIRED),
        (
            "with the right one and a guessed secret of the proxy",
            (_shown(right), (HEADER_PROXY_SECRET, "guessed")),
            REQUIRED,
        ),
    ):
        came = await _called(bench, grant, headers)
        finding.expect(came == expected, f"{fact}: {expected}", came)
    came = await _called(bench, by_name, (_shown(wrong), proxy))
    finding.expect(came == INVALID, "without the pinned name: refused", came)
    sent = len(await bench.lab.seen())
    finding.expect(not sent, "refused calls: 0 upstream requests", sent)
    admitted = [
        await _called(bench, grant, (_shown(right), proxy)),
        await _called(bench, by_name, (_shown(named), proxy)),
    ]
    finding.control = admitted == ["ok", "ok"]


async def _called(bench: Bench, grant: Grant, headers: Headers) -> str:
    return outcome_of(await bench.rpc(grant.address, Message.call(GET, CALLS[GET]), *headers))


def _shown(certificate: x509.Certificate) -> tuple[str, str]:
    der = certificate.public_bytes(serialization.Encoding.DER)
    return HEADER, f":{base64.b64encode(der).decode()}:"


def _certificate(name: str = "") -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "agent")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
    )
    if name:
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return made.sign(key, hashes.SHA256())
