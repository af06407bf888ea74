"""The client certificate that a TLS proxy in front passes on in a header.

Whoever can send a request could also write such a header, so it is believed only from a proxy:

1. The peer's address is one of `trusted_proxies`.
2. The request carries the secret that this deployment shares with its proxy.
3. The header stands once, with one certificate, and the certificate can be read.

A header that comes another way is as if it were not there. Whether the certificate is the right one
is for the factor `mtls` to judge; whether its chain holds, the proxy has checked.

Forms: RFC 9440 (`Client-Cert`), nginx (`$ssl_client_escaped_cert`), Envoy
(`x-forwarded-client-cert`).
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from mcpassport.edge.asgi import Scope
from mcpassport.edge.clients import Network, networks, peer_within
from mcpassport.limits import HEADER_PROXY_SECRET
from mcpassport.records.certificate import ClientCertificate, Shown
from mcpassport.records.masked import SharedSecret
from mcpassport.setting_types import CertificateHeader
from mcpassport.settings import Settings

NOTHING_SHOWN: Final = Shown()
UNREADABLE: Final = Shown(shown=True)
_KNOWN: Final = 1024
_LONGEST: Final = 16_384
_XFCC_CERT: Final = re.compile(r'(?:^|;)Cert="([^"]*)"', re.IGNORECASE)


class Certificates:
    """Reads the certificate of a request, in the one form that the deployment is set to."""

    def __init__(
        self, form: CertificateHeader, trusted: Sequence[Network], secret: SharedSecret | None
    ) -> None:
        self._form = form
        self.trusted = trusted
        """The networks of the proxies in front."""
        self._secret = secret

    def of(self, scope: Scope, headers: Mapping[str, str]) -> Shown:
        """What the proxy says of the client's certificate."""
        if not self._form or self._secret is None:
            return NOTHING_SHOWN
        name, _ = FORMS[self._form]
        value = headers.get(name)
        if not value or not peer_within(scope, self.trusted):  # (1)
            return NOTHING_SHOWN
        if not self._secret.equals(headers.get(HEADER_PROXY_SECRET, "")):  # (2)
            return NOTHING_SHOWN
        return _read(self._form, value)  # (3)


def certificates_of(settings: Settings) -> Certificates:
    """The reader that these settings ask for."""
    trusted = networks(settings.trusted_proxies)
    return Certificates(settings.client_cert_header, trusted, settings.proxy_secret)


@lru_cache(_KNOWN)
def _read(form: CertificateHeader, value: str) -> Shown:
    """The certificate of a header's value; the same bytes are always the same certificate."""
    if len(value) > _LONGEST:
        return UNREADABLE
    try:
        return Shown(shown=True, certificate=_facts(FORMS[form][1](value)))
    except (ValueError, binascii.Error, x509.DuplicateExtension):
        return UNREADABLE


def _rfc9440(value: str) -> x509.Certificate:
    """A byte sequence of RFC 8941 that holds the DER (RFC 9440, 2.1)."""
    if not (value.startswith(":") and value.endswith(":")):
        raise ValueError
    return x509.load_der_x509_certificate(base64.b64decode(value[1:-1], validate=True))


def _nginx(value: str) -> x509.Certificate:
    """URL-encoded PEM, one certificate."""
    return _pem(unquote_to_bytes(value))


def _xfcc(value: str) -> x509.Certificate:
    """The element of the one proxy in front; more of them leave open whose client is meant."""
    if "," in _XFCC_CERT.sub("", value):
        raise ValueError
    found = _XFCC_CERT.findall(value)
    if len(found) != 1:
        raise ValueError
    return _pem(unquote_to_bytes(found[0]))


def _pem(text: bytes) -> x509.Certificate:
    (certificate,) = x509.load_pem_x509_certificates(text)
    return certificate


def _facts(certificate: x509.Certificate) -> ClientCertificate:
    return ClientCertificate(
        sha256=certificate.fingerprint(hashes.SHA256()).hex(),
        names=_names(certificate),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Its subject alternative names, each with its kind before a colon."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    kinds = ((x509.DNSName, "dns"), (x509.UniformResourceIdentifier, "uri"))
    names = [f"{word}:{name}" for kind, word in kinds for name in found.get_values_for_type(kind)]
    names += [f"email:{name}" for name in found.get_values_for_type(x509.RFC822Name)]
    return tuple(names)


FORMS: Final[Mapping[str, tuple[str, Callable[[str], x509.Certificate]]]] = {
    "rfc9440": ("client-cert", _rfc9440),
    "nginx_escaped_pem": ("x-client-cert", _nginx),
    "xfcc": ("x-forwarded-client-cert", _xfcc),
}
"""Setting -> header, and how its value is read."""

NO_CERTIFICATES: Final = Certificates("", (), None)
"""Of a deployment that no proxy passes certificates on to."""
