"""Versions on a real store: immutable, numbered, locked, compiled once."""

import asyncio
import copy
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from msgspec import structs

from mcpassport.errors import (
    Conflict,
    InternalError,
    InvalidIntegration,
    NoSuchObject,
    StoreUnavailable,
)
from mcpassport.integrations.versions import Versions
from mcpassport.records.grants import IntegrationHead, Principal
from mcpassport.store import open_store
from mcpassport.store.protocol import Append, Store

Content: TypeAlias = dict[str, Any]

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ADMIN = Principal("tok_1", "admin")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A store of its own for each test."""
    opened = open_store(f"sqlite:///{tmp_path}")
    yield opened
    await opened.close()


@pytest.fixture
def versions(store: Store) -> Versions:
    """Versions on that store, at a fixed time."""
    return Versions(store, lambda: NOW)


def labelled(notes: Content, label: str) -> Content:
    """The notes under another label."""
    content = copy.deepcopy(notes)
    content["config"]["label"] = label
    return content


async def head_of(versions: Versions) -> IntegrationHead:
    """The live version of the notes."""
    head = await versions.head("notes")
    assert head is not None
    return head


async def test_each_push_is_the_next_version_and_live(versions: Versions, notes: Content) -> None:
    """Numbers count from 1; an older version stays as it was."""
    first = await versions.push(notes, ADMIN, note="first")
    second = await versions.push(labelled(notes, "Other"), ADMIN, expect_version=1)
    assert (first.version, second.version) == (1, 2)
    head = await head_of(versions)
    assert (head.version, head.digest, head.label) == (2, second.digest, "Other")
    assert head.updated_at == NOW
    stored = await versions.get("notes", 1)
    assert stored == first
    assert stored is not None
    assert (stored.content, stored.note, stored.pushed_by) == (notes, "first", "tok_1")


async def test_an_identical_push_makes_no_version(
    versions: Versions, store: Store, notes: Content
) -> None:
    """The live version comes back, and no event is written."""
    first = await versions.push(notes, ADMIN)
    again = await versions.push(notes, ADMIN, event=Append("evt_1", "", b"{}"))
    assert again == first
    assert (await head_of(versions)).version == 1
    assert await store.outbox() == []


async def test_a_push_from_an_old_version_is_a_conflict(versions: Versions, notes: Content) -> None:
    """`expect_version` is the live version that the caller has seen, 0 for none."""
    with pytest.raises(Conflict, match="Version 0 is live, not 3"):
        await versions.push(notes, ADMIN, expect_version=3)
    await versions.push(notes, ADMIN, expect_version=0)
    with pytest.raises(Conflict):
        await versions.push(labelled(notes, "Other"), ADMIN, expect_version=0)


async def test_of_two_pushes_at_once_one_wins(versions: Versions, notes: Content) -> None:
    """The other is told of the conflict, and no version is lost or doubled."""
    outcomes = await asyncio.gather(
        *(versions.push(labelled(notes, f"N{n}"), ADMIN) for n in range(4)),
        return_exceptions=True,
    )
    won = [item for item in outcomes if not isinstance(item, BaseException)]
    lost = [item for item in outcomes if isinstance(item, BaseException)]
    assert all(isinstance(item, Conflict) for item in lost)
    records, _ = await versions.page("notes")
    assert [record.version for record in records] == list(range(1, len(won) + 1))


async def test_content_with_errors_is_refused_with_all_of_them(
    versions: Versions, notes: Content
) -> None:
    """Nothing is stored."""
    notes["config"]["nmae"] = "x"
    notes["documentation"][0]["strict_output"] = "yes"
    with pytest.raises(InvalidIntegration) as refused:
        await versions.push(notes, ADMIN)
    assert [problem.where for problem in refused.value.problems] == [
        "/config/nmae",
        "/documentation/0/strict_output",
    ]
    assert all(problem.mend for problem in refused.value.problems)
    assert await versions.head("notes") is None


async def test_the_event_of_a_change_is_written_with_it(
    versions: Versions, store: Store, notes: Content
) -> None:
    """Version, head and event are one transaction."""
    event = Append("evt_1", "", b'{"action":"integration.push"}')
    await versions.push(notes, ADMIN, event=event)
    assert await store.outbox() == [event]


async def test_a_rollback_is_a_new_version_of_old_content(
    versions: Versions, notes: Content
) -> None:
    """History only grows; the digest says that it is the same content."""
    first = await versions.push(notes, ADMIN)
    await versions.push(labelled(notes, "Other"), ADMIN)
    back = await versions.rollback("notes", 1, ADMIN)
    assert (back.version, back.digest, back.note) == (3, first.digest, "Rollback to version 1")
    with pytest.raises(NoSuchObject):
        await versions.rollback("notes", 9, ADMIN)


async def test_a_diff_names_what_changed(versions: Versions, notes: Content) -> None:
    """Between any two versions, in the direction asked for."""
    await versions.push(notes, ADMIN)
    await versions.push(labelled(notes, "Other"), ADMIN)
    (change,) = await versions.diff("notes", 2, 1)
    assert (change.path, change.before, change.after) == ("/config/label", "Other", "Notes")
    with pytest.raises(NoSuchObject):
        await versions.diff("notes", 1, 7)


async def test_listings_are_paged(versions: Versions, notes: Content) -> None:
    """Versions of one integration never mix with another's."""
    for number in range(3):
        await versions.push(labelled(notes, f"N{number}"), ADMIN)
    other = labelled(notes, "Others")
    other["config"]["name"] = "others"
    await versions.push(other, ADMIN)
    page, cursor = await versions.page("notes", limit=2)
    rest, end = await versions.page("notes", cursor, limit=2)
    assert [record.version for record in page + rest] == [1, 2, 3]
    assert end is None
    heads, _ = await versions.names()
    assert [head.name for head in heads] == ["notes", "others"]


async def test_the_catalog_of_a_version_is_compiled_once(
    versions: Versions, notes: Content
) -> None:
    """Many callers at once, and later ones, get the very same object."""
    await versions.push(notes, ADMIN)
    head = await head_of(versions)
    catalogs = await asyncio.gather(*(versions.catalog(head) for _ in range(5)))
    assert all(catalog is catalogs[0] for catalog in catalogs)
    assert catalogs[0].version == 1
    assert len(catalogs[0].tools) == 6
    integration = await versions.integration(head)
    assert (integration.version, integration.digest) == (1, head.digest)


async def test_a_version_that_returns_has_its_own_number(
    versions: Versions, notes: Content
) -> None:
    """Equal content under another number is another catalog, of the same digest."""
    await versions.push(notes, ADMIN)
    old = await versions.catalog(await head_of(versions))
    await versions.push(labelled(notes, "Other"), ADMIN)
    await versions.rollback("notes", 1, ADMIN)
    new = await versions.catalog(await head_of(versions))
    assert (old.version, new.version) == (1, 3)
    assert old.digest == new.digest


async def test_a_memo_without_room_still_answers(store: Store, notes: Content) -> None:
    """The bound limits memory, not what can be served."""
    versions = Versions(store, lambda: NOW, memo_bytes=1)
    await versions.push(notes, ADMIN)
    assert len((await versions.catalog(await head_of(versions))).tools) == 6


async def test_content_that_does_not_fit_its_digest_is_not_served(
    versions: Versions, notes: Content
) -> None:
    """A head that names other content, or none, is refused."""
    await versions.push(notes, ADMIN)
    head = await head_of(versions)
    with pytest.raises(InternalError):
        await versions.catalog(structs.replace(head, digest="0" * 64))
    with pytest.raises(StoreUnavailable):
        await versions.catalog(structs.replace(head, version=9))
