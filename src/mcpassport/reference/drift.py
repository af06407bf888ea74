"""When what runs is no longer what was published: the field, and the banner on the page.

The banner is put into the page where it is served at its unversioned address only. Its text is
fixed but for a number and two digests, so that whoever checks the page can take it out again and
nothing can hide in it.
"""

import re
from typing import Final

from msgspec import Struct

from mcpassport.records.release import ReleaseHead

_BODY: Final = b"<body>\n"
_BANNER: Final = (
    b'<p class="drift" role="status">What runs here is no longer what release %b describes: the '
    b"live catalog has the digest <code>%b</code>, the release <code>%b</code>. "
    b'<a href="/reference/%b/current">Current build, unpublished</a></p>\n'
)
BANNER: Final = re.compile(
    re.escape(_BANNER).replace(b"%b", b"(?:[0-9]+\\.[0-9]+\\.[0-9]+|[0-9a-f]{64}|[a-z0-9-]+)")
)
"""What `pristine` takes out, and nothing else."""


class Drift(Struct, frozen=True):
    """The live catalog beside the published one; both digests in hex."""

    release: str
    published: str
    live: str


def drift_of(head: ReleaseHead, live: str) -> Drift | None:
    """The drift, or None where the published catalog is the live one."""
    if head.catalog_digest == live:
        return None
    return Drift(head.number, head.catalog_digest, live)


def with_banner(page: bytes, drift: Drift, integration: str) -> bytes:
    """The published page under a banner that tells of the drift."""
    words = (drift.release, drift.live, drift.published, integration)
    banner = _BANNER % tuple(word.encode() for word in words)
    return page.replace(_BODY, _BODY + banner, 1)


def pristine(page: bytes) -> bytes:
    """The page as it was signed, without the banner if it has one."""
    return BANNER.sub(b"", page, count=1)
