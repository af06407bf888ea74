"""Releases in the store: published once, never changed, each file as it was signed.

States: a draft and an evidenced draft live on the publisher's machine only (`evidence/publish`).
What is stored is published; a release is superseded when a newer one is.
"""

import re
import zlib
from collections.abc import Mapping
from typing import Final

from mcpassport.errors import Conflict, NoSuchObject, StoreUnavailable
from mcpassport.integrations.versions import Versions
from mcpassport.records.release import (
    RELEASE_FILES,
    SIGNATURE_FILE,
    Release,
    ReleaseHead,
)
from mcpassport.store.protocol import ABSENT, PLATFORM, Append, EtagConflict, Key, Op, Put, Store
from mcpassport.store.repositories import Repository

FILE_KIND: Final = "release_file"
_NUMBER: Final = re.compile(r"(0|[1-9][0-9]{0,7})\.(0|[1-9][0-9]{0,7})\.(0|[1-9][0-9]{0,7})")


def release_id(integration: str, number: str) -> str:
    """The id of a release; eight digits a part, so that ids sort as releases follow each other."""
    return f"{integration}@{'.'.join(f'{int(part):08d}' for part in number.split('.'))}"


RELEASES: Final = Repository(
    "release",
    Release,
    lambda release: (PLATFORM, release_id(release.integration, release.number)),
    lambda release: {"integration": release.integration},
)
RELEASE_HEADS: Final = Repository(
    "release_head", ReleaseHead, lambda head: (PLATFORM, head.integration)
)


class Releases:
    """Reads and writes the releases of every integration."""

    def __init__(self, store: Store, versions: Versions) -> None:
        self._store = store
        self._versions = versions

    async def head(self, integration: str) -> ReleaseHead | None:
        """Which release is the published one."""
        found = await RELEASE_HEADS.get(self._store, PLATFORM, integration)
        return found[0] if found else None

    async def get(self, integration: str, number: str) -> Release:
        """The release of that number; `NoSuchObject`."""
        if _NUMBER.fullmatch(number):
            key = release_id(integration, number)
            found = await RELEASES.get(self._store, PLATFORM, key)
            if found is not None:
                return found[0]
        raise NoSuchObject("This reference has no such release; releases.json lists them.")

    async def all(self, integration: str) -> list[Release]:
        """Every release of an integration, oldest first."""
        found: list[Release] = []
        cursor: str | None = None
        while True:
            page, cursor = await RELEASES.page(
                self._store,
                PLATFORM,
                index="integration",
                value=integration,
                cursor=cursor,
                limit=200,
            )
            found += page
            if cursor is None:
                return found

    async def file(self, release: Release, name: str) -> bytes:
        """A file of a release as it was signed, or its signature; `NoSuchObject`."""
        (entry,) = await self._store.get_many([_file_key(release, name)])
        if entry is None:
            raise NoSuchObject("A release has no such file.")
        try:
            return zlib.decompress(entry.value)
        except zlib.error:
            raise StoreUnavailable from None

    async def publish(
        self, release: Release, files: Mapping[str, bytes], signature: bytes, event: Append
    ) -> None:
        """Store a signed release as the newest, and make its integration version live if it waits.

        Everything is one transaction. `Conflict` if somebody published or pushed meanwhile.
        """
        found = await RELEASE_HEADS.get(self._store, PLATFORM, release.integration)
        head, etag = found or (None, ABSENT)
        if release.ordinal != (head.ordinal + 1 if head else 1):
            raise Conflict("Another release was published meanwhile; publish again.")
        contents = {**{name: files[name] for name in RELEASE_FILES}, SIGNATURE_FILE: signature}
        stored, newest = RELEASES.put(release), RELEASE_HEADS.put(_head_of(release))
        ops: list[Op] = [stored, newest, event]
        ops += [
            Put(_file_key(release, name), zlib.compress(content))
            for name, content in contents.items()
        ]
        live, expect = await self._versions.going_live(
            release.integration, release.integration_version
        )
        expect |= {newest.key: etag, stored.key: ABSENT}
        try:
            await self._store.write([*ops, *live], expect)
        except EtagConflict:
            raise Conflict("Somebody published or pushed meanwhile; publish again.") from None


def _head_of(release: Release) -> ReleaseHead:
    return ReleaseHead(
        integration=release.integration,
        ordinal=release.ordinal,
        number=release.number,
        catalog_digest=release.catalog_digest,
    )


def _file_key(release: Release, name: str) -> Key:
    return Key(FILE_KIND, PLATFORM, f"{release_id(release.integration, release.number)}/{name}")
