"""`/tenant`: the vendor's customers. Admins write; auditors read."""

from fastapi import APIRouter

from mcpassport.edge.api.idempotency import IdempotencyKey, once
from mcpassport.edge.api.incoming import TenantIn, TenantPatch
from mcpassport.edge.api.outgoing import PageOf, TenantOut
from mcpassport.edge.api.principal import Admin, Cursor, PageSize, PlatformReader, Reader
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.errors import NoSuchObject
from mcpassport.store.protocol import PLATFORM

router = APIRouter(prefix="/tenant", tags=["tenant"], route_class=StrictRoute)


@router.post("", status_code=201)
async def create(body: TenantIn, acting: Admin, key: IdempotencyKey = None) -> TenantOut:
    """Create a tenant and its data key."""
    claim = await once(acting, "ten-", PLATFORM, key, body)
    tenant_id = body.id or claim.id
    if claim.replay:
        return TenantOut.of(await acting.services.tenants.get(tenant_id))
    event = acting.event("tenant.create", tenant_id, tenant_id)
    tenant = await acting.services.tenants.create(tenant_id, body.name, [event, *claim.ops])
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
    """Read one tenant; a tenant reads itself."""
    if acting.principal.tenant not in {"", tenant_id}:
        raise NoSuchObject("No such tenant.")
    return TenantOut.of(await acting.services.tenants.get(tenant_id))


@router.patch("/{tenant_id}")
async def change(tenant_id: str, body: TenantPatch, acting: Admin) -> TenantOut:
    """Rename a tenant."""
    event = acting.event("tenant.rename", tenant_id, tenant_id)
    tenant = await acting.services.tenants.rename(tenant_id, body.name, [event])
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
