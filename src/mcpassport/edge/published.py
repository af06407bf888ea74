"""Published releases at the addresses of `/reference/<integration>`.

| below `/reference/<integration>` | answer |
|---|---|
| (itself), `.json`, `.md` | the newest release; on the page a banner if what runs differs |
| `/<number>`, `/<number>/<file>` | that release, each file as it was signed |
| `/signature.json`, `/evidence.json` | of the newest release |
| `/releases.json`, `/feed.atom` | every release; the first with the drift |
"""

from typing import Any, Final, NamedTuple

import msgspec

from mcpassport.errors import NoSuchObject
from mcpassport.integrations.versions import Versions
from mcpassport.records.grants import IntegrationHead
from mcpassport.records.release import (
    RELEASE_FILES,
    SIGNATURE_FILE,
    Release,
    ReleaseHead,
)
from mcpassport.reference.drift import Drift, drift_of, with_banner
from mcpassport.reference.feed import MEDIA_TYPE as ATOM
from mcpassport.reference.feed import feed
from mcpassport.reference.inputs import Issue
from mcpassport.reference.releases import Releases
from mcpassport.reference.vendor import Vendor

FILE_OF: Final = {"html": "index.html", "md": "reference.md", "json": "reference.json"}
MEDIA_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "json": "application/json",
}
FILES_KEPT: Final = 64


class Page(NamedTuple):
    """What is answered."""

    media_type: str
    body: bytes


class Published:
    """Answers from the store; the files of releases, which never change, are kept in memory."""

    def __init__(
        self, releases: Releases, versions: Versions, vendor: Vendor, public_url: str
    ) -> None:
        self._releases = releases
        self._versions = versions
        self.vendor = vendor
        self._root = f"{public_url.rstrip('/')}/reference"
        self._kept: dict[tuple[str, str, str], bytes] = {}

    async def newest(self, integration: str) -> ReleaseHead | None:
        """The release that the public address serves, if there is one."""
        return await self._releases.head(integration)

    async def beside(self, integration: str) -> Issue:
        """The releases that there are, for a build that is none."""
        releases = await self._releases.all(integration)
        return Issue(history=tuple(releases), key=releases[-1].key if releases else "")

    async def page(self, head: ReleaseHead, kind: str) -> Page:
        """The newest release in a format."""
        release = await self._releases.get(head.integration, head.number)
        body = await self._file(release, FILE_OF[kind])
        drift = await self._drift(head) if kind == "html" else None
        if drift is not None:
            body = with_banner(body, drift, head.integration)
        return Page(MEDIA_TYPES[kind], body)

    async def below(self, integration: str, rest: str) -> Page:
        """What stands below an integration's address; `NoSuchObject`."""
        if rest == "releases.json":
            return Page(MEDIA_TYPES["json"], await self._list(integration))
        if rest == "feed.atom":
            return Page(ATOM, await self._feed(integration))
        if rest in {SIGNATURE_FILE, "evidence.json"}:
            head = await self.newest(integration)
            if head is None:
                raise NoSuchObject("No release of this reference is published.")
            release = await self._releases.get(integration, head.number)
            return Page(MEDIA_TYPES["json"], await self._file(release, rest))
        number, slash, name = rest.partition("/")
        if slash and name not in {*RELEASE_FILES, SIGNATURE_FILE}:
            raise NoSuchObject(
                f"A release has the files {', '.join(RELEASE_FILES)} and {SIGNATURE_FILE}."
            )
        release = await self._releases.get(integration, number)
        name = name or FILE_OF["html"]
        return Page(MEDIA_TYPES[_suffix(name)], await self._file(release, name))

    async def _file(self, release: Release, name: str) -> bytes:
        key = (release.integration, release.number, name)
        if key not in self._kept:
            content = await self._releases.file(release, name)
            while len(self._kept) >= FILES_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = content
        return self._kept[key]

    async def _drift(self, head: ReleaseHead) -> Drift | None:
        live = await self._versions.head(head.integration)
        if live is None:
            return None
        return drift_of(head, (await self._versions.catalog(live)).digest.hex())

    async def _list(self, integration: str) -> bytes:
        head = await self.newest(integration)
        live = await self._versions.head(integration)
        if head is None and live is None:
            raise NoSuchObject("No reference of that name; /reference lists them.")
        held = await self._versions.held(integration)
        releases = await self._releases.all(integration)
        document: dict[str, Any] = {
            "integration": integration,
            "published": head.number if head else None,
            "held_version": held.version if held else None,
            "drift": (await self._drift(head)) if head else None,
            "releases": [self._row(each, head) for each in reversed(releases)],
        }
        return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"

    def _row(self, release: Release, head: ReleaseHead | None) -> dict[str, Any]:
        newest = head is not None and head.ordinal == release.ordinal
        return {
            "number": release.number,
            "state": "published" if newest else "superseded",
            "url": f"{self._root}/{release.integration}/{release.number}",
            **msgspec.to_builtins(release),
        }

    async def _feed(self, integration: str) -> bytes:
        live: IntegrationHead | None = await self._versions.head(integration)
        if live is None:
            raise NoSuchObject("No reference of that name; /reference lists them.")
        releases = await self._releases.all(integration)
        return feed(releases, live.label, f"{self._root}/{integration}", self.vendor.name)


def _suffix(name: str) -> str:
    return name.rpartition(".")[2]
