"""Client certificates of an authority made for the test."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


class Authority(NamedTuple):
    """A certificate authority: its certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class Client(NamedTuple):
    """A client's certificate and key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def sha256(self) -> str:
        """Its fingerprint as a pin is written."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def file(self, folder: Path) -> Path:
        """Certificate and key in one file, as TLS clients take them."""
        path = folder / f"client-{self.sha256[:8]}.pem"
        path.write_bytes(self.pem + _private(self.key))
        return path


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _named(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _begun(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, now: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_named(subject))
        .issuer_name(_named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
    )


def authority(now: dt.datetime = NOW) -> Authority:
    """A new authority, valid for an hour to both sides of that time."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = _begun("authority", "authority", key, now).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    return Authority(made.sign(key, hashes.SHA256()), key)


def client(of: Authority, names: Sequence[x509.GeneralName] = (), now: dt.datetime = NOW) -> Client:
    """A new client's certificate, signed by that authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = _begun("agent", "authority", key, now)
    if names:
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Client(made.sign(of.key, hashes.SHA256()), key)
