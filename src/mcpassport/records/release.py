"""A published release of a reference: what it is of, who signed it, what changed in it."""

from datetime import datetime
from typing import Literal, TypeAlias

from msgspec import Struct, field

ChangeLevel: TypeAlias = Literal["major", "minor", "patch"]
ChangeSubject: TypeAlias = Literal["tool", "claim", "setting", "protocol", "section"]

RELEASE_FILES = ("reference.json", "index.html", "reference.md", "evidence.json")
"""What the signature of a release covers, byte by byte."""
SIGNATURE_FILE = "signature.json"


class ReferenceChange(Struct, frozen=True):
    """One difference between two releases. `text` is prose, as in the document."""

    level: ChangeLevel
    subject: ChangeSubject
    name: str
    text: str


class Release(Struct, frozen=True, kw_only=True):
    """A release: immutable, at a URL of its own for ever."""

    integration: str
    ordinal: int
    """1 for the first release of the integration, and so on."""
    number: str
    """Semantic: major is what a reviewer must look at again."""
    integration_version: int
    catalog_digest: str
    published_at: datetime
    published_by: str
    key: str
    """Fingerprint of the release key: SHA-256 (hex) of the public key's 32 bytes."""
    digests: dict[str, str]
    """SHA-256 (hex) of each file."""
    changes: tuple[ReferenceChange, ...] = ()
    grades: dict[str, int] = field(default_factory=dict)
    """Claims by grade."""


class ReleaseHead(Struct, frozen=True, kw_only=True):
    """Which release of an integration is the newest; that one is `published`, others superseded."""

    integration: str
    ordinal: int
    number: str
    catalog_digest: str
