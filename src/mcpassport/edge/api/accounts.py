"""`/integrated-account`: a tenant's connections, their tools, and a try-out for authors."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from msgspec import convert

from mcpassport.accounts.connect import AccountDraft
from mcpassport.catalog.select import check_filter, select
from mcpassport.edge.api.idempotency import IdempotencyKey, once
from mcpassport.edge.api.incoming import AccountIn, AccountPatch
from mcpassport.edge.api.outgoing import PageOf
from mcpassport.edge.api.outgoing_account import AccountOut
from mcpassport.edge.api.previews import ToolOut, ToolPreview, scopes_of
from mcpassport.edge.api.principal import Acting, Cursor, Operator, PageSize, Reader, TenantQuery
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.errors import Forbidden, NoSuchObject
from mcpassport.records.grants import IntegrationHead, Overrides
from mcpassport.records.tool import Filter

router = APIRouter(
    prefix="/integrated-account", tags=["integrated-account"], route_class=StrictRoute
)
Names = Annotated[list[str] | None, Query()]


async def _head(acting: Acting, name: str) -> IntegrationHead:
    head = await acting.services.versions.head(name)
    if head is None:
        raise NoSuchObject(f"No integration {name!r}.")
    return head


@router.post("", status_code=201)
async def create(body: AccountIn, acting: Operator, key: IdempotencyKey = None) -> AccountOut:
    """Connect an account with static credentials; they are sealed and never shown again."""
    services = acting.services
    tenant = await services.tenants.living(acting.tenant(body.tenant))
    integration = await services.versions.integration(await _head(acting, body.integration))
    claim = await once(acting, "acc_", tenant.id, key, body)
    if claim.replay:
        return AccountOut.of(await services.accounts.get(tenant.id, claim.id))
    draft = AccountDraft(
        id=claim.id,
        name=body.name,
        credential_kind=body.credential_kind,
        credential=body.credential,
        context=body.context,
    )
    event = acting.event("account.create", claim.id, tenant.id)
    account = await services.accounts.create(tenant, integration, draft, [event, *claim.ops])
    await acting.recorded()
    return AccountOut.of(account)


@router.get("")
async def page(
    acting: Reader,
    tenant: TenantQuery = None,
    integration: Annotated[
        str | None, Query(min_length=1, description="only of this integration")
    ] = None,
    cursor: Cursor = None,
    limit: PageSize = 50,
) -> PageOf[AccountOut]:
    """List a tenant's accounts."""
    home = await acting.existing_tenant(tenant)
    accounts, following = await acting.services.accounts.page(home, integration, cursor, limit)
    return PageOf(result=[AccountOut.of(account) for account in accounts], next_cursor=following)


@router.get("/{account_id}")
async def read(account_id: str, acting: Reader) -> AccountOut:
    """Read one account, without its credential."""
    return AccountOut.of(await acting.account(account_id))


@router.patch("/{account_id}")
async def change(account_id: str, body: AccountPatch, acting: Operator) -> AccountOut:
    """Change an account. Overrides are for admins."""
    if body.overrides is not None and acting.principal.role != "admin":
        raise Forbidden("Overrides are written by admins only.")
    account = await acting.account(account_id)
    services = acting.services
    tenant = await services.tenants.get(account.tenant)
    integration = await services.versions.integration(await _head(acting, account.integration))
    changes = body.model_dump(exclude_none=True)
    if body.overrides is not None:
        changes["overrides"] = convert(body.overrides.model_dump(), Overrides)
    action = "account.reconnect" if body.credential is not None else "account.update"
    changed = await services.accounts.change(
        tenant, account_id, integration, changes, [acting.event(action, account_id, tenant.id)]
    )
    await acting.recorded()
    return AccountOut.of(changed)


@router.delete("/{account_id}", status_code=204)
async def delete(account_id: str, acting: Operator) -> Response:
    """Delete an account and its credential, and revoke its MCP servers."""
    account = await acting.account(account_id)
    event = acting.event("account.delete", account_id, account.tenant)
    await acting.services.accounts.delete(account.tenant, account_id, [event])
    await acting.revoked("account", account.tenant, account_id)
    await acting.recorded()
    return Response(status_code=204)


@router.get("/{account_id}/tools")
async def tools(
    account_id: str,
    acting: Reader,
    methods: Names = None,
    tags: Names = None,
    resources: Names = None,
    deny: Names = None,
) -> ToolPreview:
    """Preview the tools that an MCP server with these filters would expose."""
    account = await acting.account(account_id)
    head = await _head(acting, account.integration)
    catalog = await acting.services.versions.catalog(head)
    chosen = Filter(
        methods=None if methods is None else tuple(methods),
        tags=None if tags is None else tuple(tags),
        resources=None if resources is None else tuple(resources),
        deny=tuple(deny or ()),
    )
    check_filter(catalog, chosen)
    surface = select(catalog, chosen, account.overrides.removed_methods)
    integration = await acting.services.versions.integration(head)
    return ToolPreview(
        integration=catalog.integration,
        version=catalog.version,
        catalog_digest=catalog.digest.hex(),
        surface_digest=surface.digest.hex(),
        result=[ToolOut.of(tool) for tool in surface.tools],
        hidden=len(catalog.tools) - len(surface.tools),
        **scopes_of(account, integration, surface.tools),
    )
