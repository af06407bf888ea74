"""The versions of an integration in the store: immutable, numbered, the newest is live.

`version` is the optimistic lock: of two pushes that start from the same version one wins. Where
releases are required (`publish = "required"`), a pushed version is held: stored, numbered and
described, but live only when a release of it is published.
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
from mcpassport.store.protocol import (
    ABSENT,
    PLATFORM,
    Append,
    Delete,
    EtagConflict,
    Key,
    Op,
    Store,
)
from mcpassport.store.repositories import HEADS, HELD, VERSIONS, version_id

MEMO_BYTES: Final = 256 * 2**20
_BYTES_PER_JSON_BYTE: Final = 8
"""Python objects of a compiled version, per byte of its JSON: 4.4 to 6.6 were measured."""


class _Compiled(Struct, frozen=True):
    integration: Integration
    catalog: Catalog


class Versions:
    """Pushes, reads, compares and compiles versions. Serves as the protocol's catalog source."""

    def __init__(
        self, store: Store, clock: Clock, *, hold: bool = False, memo_bytes: int = MEMO_BYTES
    ) -> None:
        self._store = store
        self._clock = clock
        self._hold = hold
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
        """Store a content as the next version and make it live, unless pushes are held.

        A content equal to the newest one makes no new version: that one is returned, and `event`
        (the audit event of the change, for the same transaction) is not written. `expect_version`
        is the newest version that the caller has seen, 0 for none.

        Raises:
            InvalidIntegration: the content has errors; all are in `problems`.
            Conflict: another version is live than expected, or somebody pushed meanwhile.
        """
        loaded = load_content(content)
        if loaded.integration is None:
            raise _invalid(loaded.findings)
        integration = loaded.integration
        newest, expect = await self._newest(integration.name)
        number = newest.version if newest else 0
        if expect_version is not None and expect_version != number:
            word = "newest" if self._hold else "live"
            raise Conflict(
                f"Version {number} is {word}, not {expect_version}; read it and try again."
            )
        if newest is not None and newest.digest == integration.digest:
            return await self._existing(newest)
        version = IntegrationVersion(
            name=integration.name,
            version=number + 1,
            digest=integration.digest,
            pushed_at=self._clock(),
            pushed_by=principal.id,
            note=note,
            content=loaded.content,
        )
        await self._write(version, integration.label, expect, [event] if event else [])
        return version

    async def _newest(self, name: str) -> tuple[IntegrationHead | None, dict[Key, str]]:
        """The newest version, held or live, and what both heads were when it was read."""
        keys = HEADS.key(PLATFORM, name), HELD.key(PLATFORM, name)
        live, held = await self._store.get_many(keys)
        expect = {
            key: entry.etag if entry else ABSENT
            for key, entry in zip(keys, (live, held), strict=True)
        }
        return HELD.decode(held) or HEADS.decode(live), expect

    async def _write(
        self,
        version: IntegrationVersion,
        label: str,
        expect: dict[Key, str],
        events: list[Append],
    ) -> None:
        head = IntegrationHead(
            name=version.name,
            label=label,
            version=version.version,
            digest=version.digest,
            updated_at=version.pushed_at,
        )
        stored = VERSIONS.put(version)
        operations: list[Op] = [stored, *events]
        # A version that goes live at once leaves no older one waiting.
        operations += (
            [HELD.put(head)]
            if self._hold
            else [HEADS.put(head), Delete(HELD.key(PLATFORM, version.name))]
        )
        try:
            await self._store.write(operations, {**expect, stored.key: ABSENT})
        except EtagConflict:
            raise Conflict(
                f"Somebody pushed {version.name} meanwhile; read it and try again."
            ) from None

    async def head(self, name: str) -> IntegrationHead | None:
        """Which version is live."""
        found = await HEADS.get(self._store, PLATFORM, name)
        return found[0] if found else None

    async def held(self, name: str) -> IntegrationHead | None:
        """Which version waits for its release, if one does."""
        found = await HELD.get(self._store, PLATFORM, name)
        return found[0] if found else None

    async def going_live(self, name: str, version: int) -> tuple[list[Op], dict[Key, str]]:
        """What to write, and to expect, so that a version is live if it is the one that waits.

        Raises `Conflict` if it is neither live nor waiting.
        """
        keys = HEADS.key(PLATFORM, name), HELD.key(PLATFORM, name)
        found = await self._store.get_many(keys)
        live, held = HEADS.decode(found[0]), HELD.decode(found[1])
        expect = {
            key: entry.etag if entry else ABSENT for key, entry in zip(keys, found, strict=True)
        }
        if held is not None and held.version == version:
            return [HEADS.put(held), Delete(keys[1])], expect
        if live is not None and live.version == version:
            return [], expect
        raise Conflict(f"Version {version} of {name} is neither live nor held; publish again.")

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
