"""A client's certificate, as far as anything is decided on it."""

from datetime import datetime

from msgspec import Struct


class ClientCertificate(Struct, frozen=True, kw_only=True):
    """SHA-256 (hex) of its DER, its alternative names (`dns:…`, `uri:…`, `email:…`), its dates."""

    sha256: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime


class Shown(Struct, frozen=True, kw_only=True):
    """What came of it: shown by nobody who is believed, shown and unreadable, or read."""

    shown: bool = False
    certificate: ClientCertificate | None = None
