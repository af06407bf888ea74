"""What one server offers, ready to send: tools by name, and its `tools/list` in three variants.

The JSON of a tool is made once per catalog; a list is those fragments joined. What the model sees
is equal in every variant: they differ in `outputSchema` only (mcp-facts 2.5).
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

import msgspec
from msgspec import Struct

from mcpassport.catalog.digest import inclusion_paths, leaf
from mcpassport.catalog.present import visible_object
from mcpassport.catalog.select import select
from mcpassport.errors import InvalidParams
from mcpassport.protocol.exchange import Exchange
from mcpassport.protocol.memo import Memo
from mcpassport.protocol.mirrored import Mirror, mirrors_of
from mcpassport.records.grants import Caller
from mcpassport.records.integration import JsonSchema
from mcpassport.records.tool import Catalog, Surface, Tool

_encode = msgspec.json.Encoder().encode

FRAGMENTS_BYTES: Final = 64 * 2**20
OFFERS_BYTES: Final = 64 * 2**20
KEY_SERVER: Final = "io.modelcontextprotocol/serverInfo"
KEY_DIGEST: Final = "mcpassport/digest"
KEY_CATALOG: Final = "mcpassport/catalogDigest"
KEY_SURFACE: Final = "mcpassport/surfaceDigest"
STRUCTURED_SINCE: Final = "2025-06-18"
"""Legacy revisions from here on know `outputSchema` and `structuredContent`, as objects."""


class Variant(Enum):
    """Which members a list may carry."""

    MODERN = "any outputSchema"
    STRUCTURED = "outputSchema with an object root"
    PLAIN = "no outputSchema"


class Offer(Struct, frozen=True, kw_only=True):
    """One server's surface; immutable, named by digest, shared by every request."""

    surface: Surface
    tools: dict[str, Tool]
    digests: dict[str, str]
    """Leaf hash in hex, by tool name."""
    mirrors: dict[str, tuple[Mirror, ...]]
    """Arguments that modern clients repeat in headers, for the tools that have any."""
    results: dict[Variant, bytes]
    """The result of `tools/list` as JSON text; variants that are equal share it."""
    server_info: dict[str, str]
    meta: bytes
    """The member `"…/serverInfo":{…}` that every modern result carries in `_meta`."""
    instructions: str
    beyond: frozenset[str] = frozenset()
    """What the server offers, and this caller's access token does not reach."""

    @property
    def surface_digest(self) -> str:
        """The surface digest in hex."""
        return self.surface.digest.hex()


class Offers:
    """Makes offers and remembers them by digest, bounded in bytes."""

    def __init__(self, build: str) -> None:
        self._build = build
        self._fragments: Memo[bytes, dict[str, dict[Variant, bytes]]] = Memo(FRAGMENTS_BYTES)
        self._offers: Memo[tuple[Any, ...], Offer] = Memo(OFFERS_BYTES)

    def of(self, caller: Caller, catalog: Catalog) -> Offer:
        """What this caller's server offers of that catalog."""
        removed = caller.account.overrides.removed_methods
        wanted, groups = caller.server.filter, caller.groups
        key = (catalog.digest, catalog.version, catalog.label, wanted, removed, groups)
        offer = self._offers.get(key)
        if offer is None:
            surface = select(catalog, wanted, removed, groups)
            offer = self._make(surface, self._fragments_of(catalog))
            if groups is not None:
                whole = {tool.name for tool in select(catalog, wanted, removed).tools}
                offer = msgspec.structs.replace(offer, beyond=frozenset(whole - offer.tools.keys()))
            texts = {id(text): len(text) for text in offer.results.values()}
            self._offers.put(key, offer, sum(texts.values()))
        return offer

    def _make(self, surface: Surface, fragments: dict[str, dict[Variant, bytes]]) -> Offer:
        catalog = surface.catalog
        info = {
            "name": f"mcpassport/{catalog.integration}",
            "title": catalog.label,
            # Clients share caches by name and version: the surface makes equal ones harmless.
            "version": f"{self._build}+{catalog.version}.{surface.digest.hex()[:12]}",
        }
        return Offer(
            surface=surface,
            tools={tool.name: tool for tool in surface.tools},
            digests={tool.name: leaf(tool).hex() for tool in surface.tools},
            mirrors={t.name: found for t in surface.tools if (found := mirrors_of(t))},
            results=_results(surface, fragments, info),
            server_info=info,
            meta=b'"%b":%b' % (KEY_SERVER.encode(), _encode(info)),
            instructions=instructions(surface),
        )

    def _fragments_of(self, catalog: Catalog) -> dict[str, dict[Variant, bytes]]:
        made = self._fragments.get(catalog.digest)
        if made is None:
            paths = inclusion_paths([leaf(tool) for tool in catalog.tools])
            made = {
                tool.name: fragment(tool, path, (index, len(paths)))
                for index, (tool, path) in enumerate(zip(catalog.tools, paths, strict=True))
            }
            size = sum(len(text) for variants in made.values() for text in variants.values())
            self._fragments.put(catalog.digest, made, size)
        return made


def fragment(tool: Tool, path: Sequence[bytes], place: tuple[int, int]) -> dict[Variant, bytes]:
    """The JSON of one tool, per variant; equal texts share their bytes.

    `path` is the inclusion path into the catalog root, `place` the leaf's index and the tree size.
    """
    proof = {
        "visible": tool.visible.hex(),
        "wiring": tool.wiring.hex(),
        "path": [node.hex() for node in path],
        "index": place[0],
        "size": place[1],
    }
    seen = visible_object(tool)
    meta = {"_meta": {KEY_DIGEST: proof}}
    plain = _encode(seen | meta)
    if tool.output_schema is None:
        return dict.fromkeys(Variant, plain)
    full = _encode(seen | {"outputSchema": tool.output_schema} | meta)
    return {
        Variant.MODERN: full,
        Variant.STRUCTURED: full if _object_root(tool.output_schema) else plain,
        Variant.PLAIN: plain,
    }


def variant_of(exchange: Exchange) -> Variant:
    """The list variant that the caller's revision can read."""
    if exchange.modern:
        return Variant.MODERN
    structured = exchange.route.revision >= STRUCTURED_SINCE
    return Variant.STRUCTURED if structured else Variant.PLAIN


def list_result(exchange: Exchange, offer: Offer) -> bytes:
    """The result of `tools/list`: everything in one page, so no cursor is ever ours.

    Raises:
        InvalidParams: a cursor was given; also the empty one, which is a cursor.
    """
    params = exchange.request.params
    if params is not None and _cursor(params) is not None:
        raise InvalidParams("This list has one page; send no cursor.")
    return offer.results[variant_of(exchange)]


def _results(
    surface: Surface, fragments: dict[str, dict[Variant, bytes]], info: dict[str, str]
) -> dict[Variant, bytes]:
    """The result in every variant: the list, and what says which list it is."""
    digests = {KEY_CATALOG: surface.catalog.digest.hex(), KEY_SURFACE: surface.digest.hex()}
    made: dict[Variant, bytes] = {}
    for variant in Variant:
        modern = variant is Variant.MODERN
        meta: dict[str, Any] = digests | ({KEY_SERVER: info} if modern else {})
        text = b'{"tools":[%b]%b,"_meta":%b}' % (
            b",".join(fragments[tool.name][variant] for tool in surface.tools),
            b',"resultType":"complete","ttlMs":0,"cacheScope":"private"' if modern else b"",
            _encode(meta),
        )
        made[variant] = next((same for same in made.values() if same == text), text)
    return made


def instructions(surface: Surface) -> str:
    """A short text for the model: what this server is, and whether it can change anything."""
    count = len(surface.tools)
    tools = "1 tool" if count == 1 else f"{count} tools"
    read_only = all(tool.annotations.read_only for tool in surface.tools)
    effect = "They only read." if read_only else "Some of them change data."
    return f"{tools} for one connected {surface.catalog.label} account. {effect}"


class _ListParams(Struct):
    cursor: Any = None


_decode_cursor = msgspec.json.Decoder(_ListParams).decode


def _cursor(params: bytes) -> Any:
    try:
        return _decode_cursor(params).cursor
    except msgspec.DecodeError:
        raise InvalidParams("'params.cursor' must be text.") from None


def _object_root(schema: JsonSchema) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "object"
