"""Is this the reference that was signed, and by whom? Offline, from the files alone.

(1) The signature file holds: see `unseal`.
(2) Its signer is the one that the reader trusts, by a fingerprint that came another way. Without
    one the best answer is that the signature is consistent.
(3) Each file is, byte by byte, what was signed; of one that is not, what differs is named.
"""

import hashlib
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from mcpassport.records.release import RELEASE_FILES
from mcpassport.reference.signing.parts import altered, parsed, parts_of
from mcpassport.reference.signing.statement import Statement, digests_of, unseal

Verdict: TypeAlias = Literal["verified", "signer not established", "altered"]
Subject: TypeAlias = Literal[
    "signature", "signer", "claim", "tool", "result", "section", "member", "rendering", "file"
]
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_WORDS: Final[dict[str, Subject]] = {
    "members": "member",
    "claims": "claim",
    "tools": "tool",
    "sections": "section",
    "results": "result",
}
_RENDERINGS: Final = {"index.html": "HTML", "reference.md": "Markdown"}
_EMBEDDED: Final = re.compile(
    rb'<script type="application/json" id="reference">(.*?)</script>', re.DOTALL
)


class Finding(Struct, frozen=True):
    """One thing that is not as it was signed."""

    subject: Subject
    name: str
    text: str


class Verification(Struct, frozen=True, kw_only=True):
    """What came of it."""

    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    signer: str = ""
    """Fingerprint of the key that signed; empty where no signature holds."""
    integration: str = ""
    release: str = ""
    checked: tuple[str, ...] = ()
    """Files whose bytes are the signed ones."""


def fingerprint_in(text: str) -> str:
    """A fingerprint as people copy it (colons, blanks, capitals, `sha256:`); '' if it is none."""
    plain = re.sub(r"[\s:]", "", text.lower().removeprefix("sha256:"))
    return plain if _FINGERPRINT.fullmatch(plain) else ""


def verify(files: Mapping[str, bytes], envelope: bytes, trust: str = "") -> Verification:
    """Judge the files of a release, any of them, against its signature file.

    `trust` is the fingerprint of the release key that the reader was told elsewhere.
    """
    try:
        statement, signer = unseal(envelope)  # (1)
    except ValueError as error:
        return Verification(verdict="altered", findings=(Finding("signature", "", f"{error}."),))
    findings = list(_signer(signer, trust))  # (2)
    checked = []
    for name, content in files.items():  # (3)
        found = tuple(_file(name, content, statement))
        findings += found
        if not found:
            checked.append(name)
    about = statement.predicate.mcpassport
    established: Verdict = "verified" if trust else "signer not established"
    return Verification(
        verdict="altered" if findings else established,
        findings=tuple(findings),
        signer=signer,
        integration=about.integration,
        release=about.release,
        checked=tuple(checked),
    )


def _signer(signer: str, trust: str) -> Iterator[Finding]:
    if trust and trust != signer:
        yield Finding("signer", signer, "the signature is of another key than the trusted one.")


def _file(name: str, content: bytes, statement: Statement) -> Iterator[Finding]:
    signed = digests_of(statement).get(name)
    if signed is None:
        yield Finding("file", name, "the signature says nothing of this file.")
    elif hashlib.sha256(content).hexdigest() != signed:
        found = tuple(_where(name, content, statement))
        yield from found
        if not found:
            yield Finding("file", name, "its bytes were altered, and none of what they mean.")


def _where(name: str, content: bytes, statement: Statement) -> Iterator[Finding]:
    if name in _RENDERINGS:
        yield Finding("rendering", name, f"the {_RENDERINGS[name]} rendering was altered.")
        embedded = embedded_document(content) if name == "index.html" else None
        if embedded is not None:
            yield from _parts(embedded, b"{}", statement)
    elif name == "evidence.json":
        yield from _parts(None, content, statement)
    else:
        yield from _parts(content, None, statement)


def _parts(
    document: bytes | None, evidence: bytes | None, statement: Statement
) -> Iterator[Finding]:
    """What of the one that is given differs from the signed parts."""
    empty = b'{"sections":[]}'
    try:
        found = parts_of(parsed(document or empty), parsed(evidence or b"{}"))
    except ValueError as error:
        yield Finding("file", "", f"it cannot be read: {error}.")
        return
    for kind, name, how in altered(statement.predicate.mcpassport.parts, found):
        if (kind == "results") == (document is None):
            label = name or "the run itself"
            yield Finding(_WORDS[kind], label, f"{_WORDS[kind]} {label}: {how}.")


def embedded_document(page: bytes) -> bytes | None:
    """The bytes of `reference.json` that the HTML page carries, or None."""
    found = _EMBEDDED.search(page)
    return found.group(1) if found else None


def kind_of(name: str, content: bytes) -> str:
    """Under which name of a release a file goes, by its own name or its content."""
    if name in RELEASE_FILES:
        return name
    if content.lstrip()[:1] == b"<":
        return "index.html"
    if content.lstrip()[:1] == b"{":
        return "evidence.json" if b'"results"' in content[:4096] else "reference.json"
    return "reference.md"


def is_envelope(content: bytes) -> bool:
    """Whether a file looks like a signature file."""
    try:
        b64decode(parsed(content).get("payload", ""), validate=True)
    except (ValueError, NotBase64, TypeError):
        return False
    return b'"payloadType"' in content
