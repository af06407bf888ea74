"""`/integration`: upstream APIs as data. Admins push; everybody who manages may read."""

from typing import Annotated

from fastapi import APIRouter, Query
from msgspec import to_builtins

from mcpassport.edge.api.incoming import IntegrationIn, RollbackIn
from mcpassport.edge.api.outgoing import DiffOut, IntegrationOut, PageOf, VersionOut
from mcpassport.edge.api.principal import Acting, Admin, Cursor, PageSize, Reader
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.errors import NoSuchObject
from mcpassport.records.grants import IntegrationHead, IntegrationVersion

router = APIRouter(prefix="/integration", tags=["integration"], route_class=StrictRoute)


def _version(
    record: IntegrationVersion, *, whole: bool, held: IntegrationHead | None = None
) -> VersionOut:
    return VersionOut(
        name=record.name,
        version=record.version,
        digest=record.digest,
        pushed_at=record.pushed_at,
        pushed_by=record.pushed_by,
        note=record.note,
        held=held is not None and held.version == record.version,
        config=record.content["config"] if whole else None,
        documentation=record.content["documentation"] if whole else None,
    )


async def _head(acting: Acting, name: str) -> IntegrationHead:
    versions = acting.services.versions
    head = await versions.head(name)
    if head is not None:
        return head
    held = await versions.held(name)
    if held is not None:
        raise NoSuchObject(f"Version {held.version} of {name!r} is held until its release is out.")
    raise NoSuchObject(f"No integration {name!r}.")


@router.post("", status_code=201)
async def push(body: IntegrationIn, acting: Admin) -> VersionOut:
    """Push a version. It is live at once, or held until a release of it is published.

    The same content as the newest one makes no version.
    """
    content = {"config": body.config, "documentation": body.documentation}
    name = str(body.config.get("name", ""))
    version = await acting.services.versions.push(
        content,
        acting.principal,
        expect_version=body.expect_version,
        note=body.note,
        event=acting.event("integration.push", name),
    )
    await acting.recorded()
    held = await acting.services.versions.held(version.name)
    return _version(version, whole=False, held=held)


@router.get("")
async def page(
    acting: Reader, cursor: Cursor = None, limit: PageSize = 50
) -> PageOf[IntegrationOut]:
    """List integrations by name, each with its live version."""
    heads, following = await acting.services.versions.names(cursor, limit)
    return PageOf(result=[IntegrationOut.of(head) for head in heads], next_cursor=following)


@router.get("/{name}")
async def read(name: str, acting: Reader) -> IntegrationOut:
    """Read the live version's facts."""
    return IntegrationOut.of(await _head(acting, name))


@router.get("/{name}/versions")
async def versions(
    name: str, acting: Reader, cursor: Cursor = None, limit: PageSize = 50
) -> PageOf[VersionOut]:
    """List the versions of an integration, oldest first."""
    held = await acting.services.versions.held(name)
    if held is None:
        await _head(acting, name)
    records, following = await acting.services.versions.page(name, cursor, limit)
    return PageOf(
        result=[_version(record, whole=False, held=held) for record in records],
        next_cursor=following,
    )


@router.get("/{name}/versions/{number}")
async def version(name: str, number: int, acting: Reader) -> VersionOut:
    """Read one version whole."""
    record = await acting.services.versions.get(name, number)
    if record is None:
        raise NoSuchObject(f"No version {number} of {name!r}.")
    return _version(record, whole=True)


@router.get("/{name}/diff")
async def diff(
    name: str,
    acting: Reader,
    a: Annotated[int, Query(ge=1, description="the older version")],
    b: Annotated[int, Query(ge=1, description="the newer version")],
) -> DiffOut:
    """What changed from version `a` to version `b`, breaking changes first."""
    changes = await acting.services.versions.diff(name, a, b)
    return DiffOut(name=name, a=a, b=b, changes=to_builtins(changes))


@router.post("/{name}/rollback", status_code=201)
async def rollback(name: str, body: RollbackIn, acting: Admin) -> VersionOut:
    """Push an old version's content again, as a new version."""
    record = await acting.services.versions.rollback(
        name,
        body.version,
        acting.principal,
        event=acting.event("integration.rollback", name),
    )
    await acting.recorded()
    held = await acting.services.versions.held(name)
    return _version(record, whole=False, held=held)
