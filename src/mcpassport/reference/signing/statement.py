"""What a release states: an in-toto Statement (test-result predicate) in a DSSE envelope.

Sources: in-toto Attestation Framework v1 (Statement, predicate `test-result/v0.1`); DSSE protocol
v1.0.2 (pre-authentication encoding). The signature is Ed25519 over that encoding.
"""

import hashlib
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct, field

from mcpassport.audit.checkpoint import fingerprint_of
from mcpassport.records.evidence import Evidence
from mcpassport.reference.document import Document
from mcpassport.reference.signing.key import ReleaseKey
from mcpassport.reference.signing.parts import Parts, parsed, parts_of

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://in-toto.io/attestation/test-result/v0.1"
ROLE: Final = "release"


class Subject(Struct, frozen=True):
    """A file that the statement is about."""

    name: str
    digest: dict[str, str]


class About(Struct, frozen=True, rename="camel", kw_only=True):
    """What the statement says beyond the predicate's own members."""

    role: Literal["release"] = ROLE
    """Which of the deployment's two keys signed; the operations key never signs releases."""
    key: str
    """The public key, base64 of its 32 bytes. Trust its fingerprint, from elsewhere."""
    integration: str
    release: str
    integration_version: int
    published_at: str
    build_digest: str
    settings_digest: str
    catalog_digest: str
    parts: Parts


class Predicate(Struct, frozen=True, rename="camel", kw_only=True):
    """The test-result predicate."""

    result: Literal["PASSED", "FAILED"]
    configuration: tuple[Subject, ...]
    passed_tests: tuple[str, ...]
    failed_tests: tuple[str, ...]
    mcpassport: About


class Statement(Struct, frozen=True, rename="camel", kw_only=True):
    """An in-toto Statement."""

    type: str = field(name="_type", default=STATEMENT_TYPE)
    subject: tuple[Subject, ...]
    predicate_type: str = PREDICATE_TYPE
    predicate: Predicate


class Signature(Struct, frozen=True):
    """One signature of an envelope; `keyid` is the key's fingerprint."""

    keyid: str
    sig: str


class Envelope(Struct, frozen=True, rename="camel"):
    """A DSSE envelope."""

    payload: str
    payload_type: str
    signatures: tuple[Signature, ...]


def statement_of(
    document: Document, evidence: Evidence, files: Mapping[str, bytes], key: ReleaseKey
) -> Statement:
    """What is to be signed about these files, which are renderings of that document."""
    failed = tuple(each.claim for each in evidence.results if each.verdict == "fail")
    return Statement(
        subject=tuple(_subject(name, content) for name, content in files.items()),
        predicate=Predicate(
            result="FAILED" if failed else "PASSED",
            configuration=(_subject("evidence.json", files["evidence.json"]),),
            passed_tests=tuple(each.claim for each in evidence.results if each.verdict == "pass"),
            failed_tests=failed,
            mcpassport=About(
                key=b64encode(key.public).decode(),
                integration=document.integration,
                release=document.version,
                integration_version=document.integration_version,
                published_at=document.generated_at.isoformat(),
                build_digest=evidence.build_digest,
                settings_digest=evidence.settings_digest,
                catalog_digest=document.catalog_digest,
                parts=parts_of(parsed(files["reference.json"]), parsed(files["evidence.json"])),
            ),
        ),
    )


def _subject(name: str, content: bytes) -> Subject:
    return Subject(name, {"sha256": hashlib.sha256(content).hexdigest()})


def seal(statement: Statement, key: ReleaseKey) -> bytes:
    """The signed envelope as a file."""
    payload = msgspec.json.encode(statement)
    signature = Signature(key.fingerprint, b64encode(key.sign(_encoding(payload))).decode())
    envelope = Envelope(b64encode(payload).decode(), PAYLOAD_TYPE, (signature,))
    return msgspec.json.format(msgspec.json.encode(envelope), indent=2) + b"\n"


def unseal(content: bytes) -> tuple[Statement, str]:
    """The statement of an envelope whose signature holds, and the signer's fingerprint.

    (1) The envelope is one, with a single signature, and its payload is a release's statement.
    (2) The key that the statement names is the one whose fingerprint the signature names.
    (3) Its signature over the payload holds.

    Raises `ValueError`, saying which of these failed. Whose key it is, is for the caller to judge.
    """
    try:
        envelope = msgspec.json.decode(content, type=Envelope)  # (1)
        payload = b64decode(envelope.payload, validate=True)
        statement = msgspec.json.decode(payload, type=Statement)
        (signature,) = envelope.signatures
        public = b64decode(statement.predicate.mcpassport.key, validate=True)
        signed = b64decode(signature.sig, validate=True)
    except (msgspec.MsgspecError, UnicodeDecodeError, NotBase64, ValueError):
        raise ValueError("the signature file is not the envelope of a release") from None
    types = (envelope.payload_type, statement.type, statement.predicate_type)
    if types != (PAYLOAD_TYPE, STATEMENT_TYPE, PREDICATE_TYPE):
        raise ValueError("the signature file is the envelope of something else")
    if fingerprint_of(public) != signature.keyid:  # (2)
        raise ValueError("the signature file names another key than the one that it carries")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signed, _encoding(payload))  # (3)
    except (InvalidSignature, ValueError):
        raise ValueError("the signature does not hold: it, or what it signs, was altered") from None
    return statement, signature.keyid


def _encoding(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def digests_of(statement: Statement) -> dict[str, str]:
    """SHA-256 (hex) by name of each file that the statement is about."""
    return {each.name: each.digest.get("sha256", "") for each in statement.subject}


def as_data(statement: Statement) -> Any:
    """The statement as plain values, for who reads it."""
    return msgspec.to_builtins(statement)
