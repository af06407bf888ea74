"""The versions of an integration in the store: immutable, numbered, the newest is live.

`version` is the optimistic lock: of two pushes that start from the same version one wins.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from mcpassport.catalog.build import build
from mcpassport.errors import (
    Conflict,
    InternalError,
    InvalidIntegration,
    NoSuchObject,
    Problem,
    StoreUnavailable,
)
from mcpassport.integrations.compile import compile_content, content_digest
from mcpassport.integrations.diff import Change, diff
from mcpassport.integrations.load import load_content
from mcpassport.integrations.memo import SizedMemo
from mcpassport.records.grants import IntegrationHead, IntegrationVersion, Principal
from mcpassport.records.integration import Integration
from mcpassport.records.sources import Clock
from mcpassport.records.tool import Catalog
from mcpassport.store.protocol import ABSENT, PLATFORM, Append, EtagConflict, Op, Store
from mcpassport.store.repositories import HEADS, VERSIONS, version_id

MEMO_BYTES: Final = 256 * 2**20
_BYTES_PER_JSON_BYTE: Final = 8
"""Python objects of a compiled version, per byte of its JSON: 4.4 to 6.6 were measured."""


class _Compiled(Struct, frozen=True):
    integration: Integration
    catalog: Catalog


class Versions:
    """Pushes, reads, compares and compiles versions. Serves as the protocol's catalog source."""

    def __init__(self, store: Store, clock: Clock, *, memo_bytes: int = MEMO_BYTES) -> None:
        self._store = store
        self._clock = clock
        self._memo: SizedMemo[_Compiled] = SizedMemo(memo_bytes)
        self._compiling = asyncio.Lock()

    async def push(
        self,
        content: Mapping[str, Any],
        principal: Principal,
        *,
        expect_version: int | None = None,
        note: str = "",
        event: Append | None = None,
    ) -> IntegrationVersion:
        """Store a content as the next version and make it live.

        A content equal to the live one makes no new version: the live one is returned, and `event`
        (the audit event of the change, for the same transaction) is not written. `expect_version`
        is the live version that the caller has seen, 0 for none.

        Raises:
            InvalidIntegration: the content has errors; all are in `problems`.
            Conflict: another version is live than expected, or somebody pushed meanwhile.
        """
        loaded = load_content(content)
        if loaded.integration is None:
            raise _invalid(loaded.findings)
        integration = loaded.integration
        found = await HEADS.get(self._store, PLATFORM, integration.name)
        head, etag = found or (None, ABSENT)
        live = head.version if head else 0
        if expect_version is not None and expect_version != live:
            raise Conflict(f"Version {live} is live, not {expect_version}; read it and try again.")
        if head is not None and head.digest == integration.digest:
            return await self._existing(head)
        version = IntegrationVersion(
            name=integration.name,
            version=live + 1,
            digest=integration.digest,
            pushed_at=self._clock(),
            pushed_by=principal.id,
            note=note,
            content=loaded.content,
        )
        await self._write(version, integration.label, etag, [event] if event else [])
        return version

    async def _write(
        self, version: IntegrationVersion, label: str, etag: str, events: list[Append]
    ) -> None:
        head = IntegrationHead(
            name=version.name,
            label=label,
            version=version.version,
            digest=version.digest,
            updated_at=version.pushed_at,
        )
        stored, live = VERSIONS.put(version), HEADS.put(head)
        operations: list[Op] = [stored, live, *events]
        try:
            await self._store.write(operations, {live.key: etag, stored.key: ABSENT})
        except EtagConflict:
            raise Conflict(
                f"Somebody pushed {version.name} meanwhile; read it and try again."
            ) from None

    async def head(self, name: str) -> IntegrationHead | None:
        """Which version is live."""
        found = await HEADS.get(self._store, PLATFORM, name)
        return found[0] if found else None

    async def get(self, name: str, version: int) -> IntegrationVersion | None:
        """One version with its content."""
        found = await VERSIONS.get(self._store, PLATFORM, version_id(name, version))
        return found[0] if found else None

    async def names(
        self, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[IntegrationHead], str | None]:
        """The live versions of all integrations, by name."""
        return await HEADS.page(self._store, PLATFORM, cursor=cursor, limit=limit)

    async def page(
        self, name: str, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[IntegrationVersion], str | None]:
        """The versions of one integration, oldest first."""
        return await VERSIONS.page(
            self._store, PLATFORM, index="integration", value=name, cursor=cursor, limit=limit
        )

    async def diff(self, name: str, a: int, b: int) -> list[Change]:
        """What changed from version `a` to version `b`, breaking changes first. `NoSuchObject`."""
        before, after = await self._needed(name, a), await self._needed(name, b)
        old = compile_content(before.content, before.version)
        new = compile_content(after.content, after.version)
        return await asyncio.to_thread(diff, old, new)

    async def rollback(
        self,
        name: str,
        version: int,
        principal: Principal,
        *,
        expect_version: int | None = None,
        event: Append | None = None,
    ) -> IntegrationVersion:
        """Push the content of an older version as the newest. Raises as `push`, `NoSuchObject`."""
        old = await self._needed(name, version)
        return await self.push(
            old.content,
            principal,
            expect_version=expect_version,
            note=f"Rollback to version {version}",
            event=event,
        )

    async def catalog(self, head: IntegrationHead) -> Catalog:
        """The catalog of a live version, compiled once and kept by its digest."""
        return (await self._compiled(head)).catalog

    async def integration(self, head: IntegrationHead) -> Integration:
        """The compiled form of a live version, kept like its catalog."""
        return (await self._compiled(head)).integration

    async def _compiled(self, head: IntegrationHead) -> _Compiled:
        key = (head.name, head.version, head.digest)
        kept = self._memo.get(key)
        if kept is not None:
            return kept
        async with self._compiling:  # many calls may wait for one version; one of them compiles it
            kept = self._memo.get(key)
            if kept is not None:
                return kept
            stored = await self._existing(head)
            compiled = await asyncio.to_thread(_compile, stored, head.digest)
            size = len(msgspec.json.encode(stored.content)) * _BYTES_PER_JSON_BYTE
            self._memo.put(key, compiled, size)
            return compiled

    async def _existing(self, head: IntegrationHead) -> IntegrationVersion:
        stored = await self.get(head.name, head.version)
        if stored is None:
            raise StoreUnavailable
        return stored

    async def _needed(self, name: str, version: int) -> IntegrationVersion:
        stored = await self.get(name, version)
        if stored is None:
            raise NoSuchObject(f"The integration has no version {version} of that name.")
        return stored


def _compile(stored: IntegrationVersion, digest: str) -> _Compiled:
    """Compile, and refuse a content that is not the one whose digest is live."""
    if content_digest(stored.content) != digest:
        raise InternalError
    integration = compile_content(stored.content, stored.version)
    return _Compiled(integration, build(integration))


def _invalid(findings: Any) -> InvalidIntegration:
    problems = tuple(
        Problem(item.where, item.rule, item.message, item.mend)
        for item in findings
        if item.severity == "error"
    )
    return InvalidIntegration(
        f"The integration has {len(problems)} problem{'s' if len(problems) != 1 else ''}.",
        problems=problems,
    )
