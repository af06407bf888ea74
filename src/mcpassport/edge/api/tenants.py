"""`/tenant`: the vendor's customers. Admins write; auditors read.

The fingerprint key is the tenant's own matter, so the tenant may ask for it as well as an admin.
"""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from mcpassport.edge.api.idempotency import IdempotencyKey, once
from mcpassport.edge.api.incoming import Nothing, TenantIn, TenantPatch
from mcpassport.edge.api.outgoing import DeletionReportOut, PageOf, TenantOut
from mcpassport.edge.api.principal import (
    Acting,
    Admin,
    Cursor,
    Operator,
    PageSize,
    PlatformReader,
    Reader,
)
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.errors import NoSuchObject
from mcpassport.records.grants import Disclosure, Tenant
from mcpassport.store.protocol import PLATFORM

_CHANGES = {"name": "tenant.rename", "limits": "tenant.limits"}
"""What may be changed, and the event of each."""
router = APIRouter(prefix="/tenant", tags=["tenant"], route_class=StrictRoute)


class FingerprintKeyOut(BaseModel):
    """Whether a tenant's fingerprint key was disclosed. `key` appears once, in that answer."""

    tenant: str
    disclosed_at: datetime | None = None
    disclosed_by: str | None = None
    key: str | None = None
    """64 hexadecimal digits: a key of HMAC-SHA256."""
    secret: Literal["shown_once", "already_disclosed"] | None = None

    @classmethod
    def of(cls, tenant: str, disclosure: Disclosure | None) -> "FingerprintKeyOut":
        """From the record, if there is one."""
        if disclosure is None:
            return cls(tenant=tenant)
        return cls(tenant=tenant, disclosed_at=disclosure.at, disclosed_by=disclosure.by)


@router.post("", status_code=201)
async def create(body: TenantIn, acting: Admin, key: IdempotencyKey = None) -> TenantOut:
    """Create a tenant and its data key."""
    claim = await once(acting, "ten-", PLATFORM, key, body)
    tenant_id = body.id or claim.id
    if claim.replay:
        return TenantOut.of(await acting.services.tenants.get(tenant_id))
    event = acting.event("tenant.create", tenant_id, tenant_id)
    tenant = await acting.services.tenants.create(
        tenant_id, body.name, [event, *claim.ops], limits=body.limits or {}
    )
    await acting.recorded()
    return TenantOut.of(tenant)


@router.get("")
async def page(
    acting: PlatformReader, cursor: Cursor = None, limit: PageSize = 50
) -> PageOf[TenantOut]:
    """List tenants in id order."""
    tenants, following = await acting.services.tenants.page(cursor, limit)
    return PageOf(result=[TenantOut.of(tenant) for tenant in tenants], next_cursor=following)


@router.get("/{tenant_id}")
async def read(tenant_id: str, acting: Reader) -> TenantOut:
    """Read one tenant; a tenant reads itself. An offboarded one shows its deletion report."""
    tenant = await _seen(acting, tenant_id)
    shown = TenantOut.of(tenant)
    report = await acting.services.offboarding.report(tenant_id) if tenant.ended_at else None
    if report is not None:
        shown.deletion_report = DeletionReportOut.of(report)
    return shown


@router.patch("/{tenant_id}")
async def change(tenant_id: str, body: TenantPatch, acting: Admin) -> TenantOut:
    """Rename a tenant, or change its limits; they hold from the next request on."""
    changes = {name: value for name, value in body.model_dump().items() if value is not None}
    events = [acting.event(_CHANGES[name], tenant_id, tenant_id) for name in changes]
    tenant = await acting.services.tenants.change(tenant_id, changes, events)
    await acting.recorded()
    return TenantOut.of(tenant)


@router.post("/{tenant_id}/suspend")
async def suspend(tenant_id: str, acting: Admin) -> TenantOut:
    """Suspend a tenant: its MCP servers and API tokens are refused, from the next request on."""
    event = acting.event("tenant.suspend", tenant_id, tenant_id)
    tenant = await acting.services.tenants.suspend(tenant_id, [event])
    await acting.recorded()
    return TenantOut.of(tenant)


@router.post("/{tenant_id}/resume")
async def resume(tenant_id: str, acting: Admin) -> TenantOut:
    """Resume a suspended tenant, from the next request on."""
    event = acting.event("tenant.resume", tenant_id, tenant_id)
    tenant = await acting.services.tenants.resume(tenant_id, [event])
    await acting.recorded()
    return TenantOut.of(tenant)


@router.post("/{tenant_id}/offboard")
async def offboard(tenant_id: str, acting: Admin) -> DeletionReportOut:
    """Offboard a tenant, for good: revoke, delete, destroy its keys; the signed report of it.

    Whoever was interrupted asks again.
    """
    services = acting.services
    event = acting.event("tenant.offboard", tenant_id, tenant_id)
    await services.offboarding.begin(tenant_id, [event])
    await acting.recorded()
    await acting.revoked("tenant", tenant_id, tenant_id)
    return DeletionReportOut.of(await services.offboarding.finish(tenant_id, acting.principal))


@router.post("/{tenant_id}/fingerprint-key", status_code=201)
async def disclose_fingerprint_key(
    tenant_id: str, acting: Operator, key: IdempotencyKey = None
) -> FingerprintKeyOut:
    """Disclose the key of the tenant's argument fingerprints; the answer is the only one."""
    await _seen(acting, tenant_id)
    await acting.services.tenants.living(tenant_id)
    keys = acting.services.fingerprint_keys
    claim = await once(acting, "fpk_", tenant_id, key, Nothing())
    known = await keys.disclosure(tenant_id)
    if claim.replay and known is not None:
        shown = FingerprintKeyOut.of(tenant_id, known)
        return shown.model_copy(update={"secret": "already_disclosed"})
    event = acting.event("fingerprint_key.disclose", tenant_id, tenant_id)
    made, secret = await keys.disclose(
        tenant_id, acting.principal, acting.recorded, [event, *claim.ops]
    )
    shown = FingerprintKeyOut.of(tenant_id, made)
    return shown.model_copy(update={"key": secret, "secret": "shown_once"})


@router.get("/{tenant_id}/fingerprint-key")
async def fingerprint_key(tenant_id: str, acting: Reader) -> FingerprintKeyOut:
    """Read whether the fingerprint key was disclosed, when and to whom; never the key."""
    await _seen(acting, tenant_id)
    return FingerprintKeyOut.of(
        tenant_id, await acting.services.fingerprint_keys.disclosure(tenant_id)
    )


async def _seen(acting: Acting, tenant_id: str) -> Tenant:
    """The tenant, if this principal may see it; `NoSuchObject` otherwise."""
    if acting.principal.tenant not in {"", tenant_id}:
        raise NoSuchObject("No such tenant.")
    return await acting.services.tenants.get(tenant_id)
