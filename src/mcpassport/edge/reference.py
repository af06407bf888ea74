"""`/reference`: the published reference, public and live, one page per integration.

| address | answer |
|---|---|
| `/reference` | index of the integrations |
| `/reference/<integration>` | the newest release as HTML; the current build until there is one |
| `/reference/<integration>.json`, `.md` | the same document in that format |
| `/reference/<integration>/current`, `.json`, `.md` | the current build, unpublished |
| `/reference/<integration>/…` | releases: see `published.py` |
"""

from collections.abc import Callable
from datetime import datetime

import msgspec
from starlette.types import Receive, Scope, Send

from mcpassport import __version__
from mcpassport.edge.api.problems import MEDIA_TYPE, problem_body, status_of
from mcpassport.edge.published import MEDIA_TYPES, Page, Published
from mcpassport.errors import McpassportError, NoSuchObject, envelope_of
from mcpassport.integrations.versions import Versions
from mcpassport.records.sources import Clock
from mcpassport.reference.assurance import Assurance
from mcpassport.reference.compose import compose
from mcpassport.reference.document import Document
from mcpassport.reference.facts import Facts
from mcpassport.reference.inputs import Inputs
from mcpassport.reference.renderers import RENDERERS
from mcpassport.reference.shelf import shelf_page

INTEGRATIONS_LISTED = 200
KEPT = 32
UNCHECKED = Assurance()
Headers = list[tuple[bytes, bytes]]


class ReferencePages:
    """Serves the live reference; a rendering is kept until version, build or minute changes."""

    def __init__(
        self,
        versions: Versions,
        facts: Facts,
        published: Published,
        clock: Clock,
        assurance: Assurance = UNCHECKED,
    ) -> None:
        self._versions = versions
        self._facts = facts
        self._vendor = published.vendor
        self._published = published
        self._clock = clock
        self._assurance = assurance
        self._kept: dict[tuple[str, str, str, datetime], bytes] = {}

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer GET and HEAD."""
        if scope["method"] not in {"GET", "HEAD"}:
            await _answer(send, 405, [(b"allow", b"GET, HEAD")], b"", head=False)
            return
        head = scope["method"] == "HEAD"
        try:
            media_type, body = await self._page(scope["path"])
        except McpassportError as error:
            media_type, body = _refusal(error, scope["path"])
            headers = [(b"content-type", media_type.encode())]
            await _answer(send, status_of(error), headers, body, head=head)
            return
        await _answer(send, 200, [(b"content-type", media_type.encode())], body, head=head)

    async def document(self, name: str) -> Document:
        """The document of an integration's live version; `NoSuchObject` if there is none."""
        head = await self._versions.head(name)
        if head is None:
            raise NoSuchObject("No reference of that name; /reference lists them.")
        now = self._clock().replace(second=0, microsecond=0)
        catalog = await self._versions.catalog(head)
        return compose(
            Inputs(
                facts=self._facts,
                integration=await self._versions.integration(head),
                catalog=catalog,
                vendor=self._vendor,
                generated_at=now,
                build=__version__,
                known=self._assurance.known(catalog.digest.hex(), self._clock()),
                issue=await self._published.beside(name),
            )
        )

    async def _page(self, path: str) -> Page:
        name, slash, rest = path.removeprefix("/reference").strip("/").partition("/")
        if not name:
            heads, _ = await self._versions.names(None, INTEGRATIONS_LISTED)
            shown = [(head.name, head.label) for head in heads]
            return Page(MEDIA_TYPES["html"], shelf_page(shown, self._vendor))
        if slash and rest.partition(".")[0] != "current":
            return await self._published.below(name, rest)
        stem, dot, suffix = (rest if slash else name).partition(".")
        kind = suffix if dot else "html"
        if kind not in RENDERERS:
            raise NoSuchObject("The reference comes as .html, .md and .json.")
        if slash:
            return Page(MEDIA_TYPES[kind], await self._rendered(name, kind, RENDERERS[kind]))
        newest = await self._published.newest(stem)
        if newest is not None:
            return await self._published.page(newest, kind)
        return Page(MEDIA_TYPES[kind], await self._rendered(stem, kind, RENDERERS[kind]))

    async def _rendered(self, name: str, kind: str, render: Callable[[Document], bytes]) -> bytes:
        head = await self._versions.head(name)
        minute = self._clock().replace(second=0, microsecond=0)
        key = (name, kind, head.digest if head else "", minute)
        if key not in self._kept:
            document = await self.document(name)
            while len(self._kept) >= KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = render(document)
        return self._kept[key]


def _refusal(error: McpassportError, path: str) -> tuple[str, bytes]:
    """A problem document for who asked for JSON, a sentence for everybody else."""
    if path.endswith(".json"):
        return MEDIA_TYPE, msgspec.json.encode(problem_body(error))
    return "text/plain; charset=utf-8", envelope_of(error).message.encode()


async def _answer(send: Send, status: int, headers: Headers, body: bytes, *, head: bool) -> None:
    fixed = [
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-cache"),
        (b"referrer-policy", b"no-referrer"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers + fixed})
    await send({"type": "http.response.body", "body": b"" if head else body})
