"""Signing and checking of deletion reports, with the operations key.

The signature is Ed25519 (RFC 8032) over the line `mcpassport deletion report 1` and the RFC 8785
JSON of the report without `key` and `signature`.
"""

from base64 import b64encode
from typing import Any

import msgspec
import rfc8785

from mcpassport.audit.checkpoint import SigningKey, signed_by
from mcpassport.records.deletion import DeletionReport

_HEAD = b"mcpassport deletion report 1\n"


def sign_report(report: DeletionReport, key: SigningKey) -> DeletionReport:
    """The same report, signed."""
    return msgspec.structs.replace(
        report,
        key=b64encode(key.public).decode(),
        signature=b64encode(key.sign_bytes(_statement(report))).decode(),
    )


def report_problem(report: DeletionReport, fingerprint: str) -> str:
    """Why the key with that fingerprint did not sign this; empty when it did."""
    return signed_by(report.key, report.signature, _statement(report), fingerprint)


def _statement(report: DeletionReport) -> bytes:
    said: dict[str, Any] = msgspec.to_builtins(report)
    return _HEAD + rfc8785.dumps({k: v for k, v in said.items() if k not in {"key", "signature"}})
