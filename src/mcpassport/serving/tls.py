"""Certificate and key of this deployment, looked at before anybody uses them."""

import ssl
import stat
from datetime import datetime
from pathlib import Path

from cryptography import x509

from mcpassport.errors import UsageError
from mcpassport.settings import Settings

_NO_PASSPHRASE = "an encrypted key cannot be used here"


def check_tls(settings: Settings) -> None:
    """`UsageError` unless the two files make a pair that only we can read; fine without them."""
    if settings.tls_certificate is None or settings.tls_key is None:
        return
    for name, path in (
        ("tls_certificate", settings.tls_certificate),
        ("tls_key", settings.tls_key),
    ):
        if not path.is_file():
            raise UsageError(f"{name}: there is no file {path}.")
    if readable_by_others(settings.tls_key):
        raise UsageError(f"tls_key: everybody may read {settings.tls_key}; chmod 600.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, _refuse_passphrase)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise UsageError(
            f"tls_certificate {settings.tls_certificate} and tls_key {settings.tls_key} cannot be "
            f"used: {_cause(error)}."
        ) from None


def readable_by_others(path: Path) -> bool:
    """Whether users other than owner and group may read it."""
    return bool(path.stat().st_mode & stat.S_IRWXO)


def expires(certificate: Path) -> datetime:
    """When the first certificate of the file ends; `ValueError` if there is none."""
    return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc


def _refuse_passphrase() -> str:
    raise ValueError(_NO_PASSPHRASE)


def _cause(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        if error.reason == "KEY_VALUES_MISMATCH":
            return "the key does not belong to the certificate"
        return "they are not a PEM certificate and its PEM key"
    if isinstance(error, OSError):
        return error.strerror or "they cannot be read"
    return _NO_PASSPHRASE
