"""`/api-token`: secrets for this API and for the second factor, shown once."""

from fastapi import APIRouter, Response

from mcpassport.edge.api.idempotency import IdempotencyKey, once
from mcpassport.edge.api.incoming import TokenIn
from mcpassport.edge.api.outgoing import PageOf, TokenOut
from mcpassport.edge.api.principal import Acting, Cursor, Operator, PageSize, Reader, TenantQuery
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.gate.api_tokens import TokenDraft
from mcpassport.store.protocol import PLATFORM

router = APIRouter(prefix="/api-token", tags=["api-token"], route_class=StrictRoute)


def _home(acting: Acting, tenant: str | None) -> str:
    """The tenant whose tokens are meant; an admin who names none means the deployment's own."""
    return acting.tenant(tenant) if acting.principal.tenant or tenant else PLATFORM


@router.post("", status_code=201)
async def create(body: TokenIn, acting: Operator, key: IdempotencyKey = None) -> TokenOut:
    """Create an API token; the answer is the only one that shows it."""
    services = acting.services
    home = _home(acting, body.tenant)
    claim = await once(acting, "tok_", home, key, body)
    if claim.replay:
        token = TokenOut.of(await services.api_tokens.get(home, claim.id), services.clock())
        return token.model_copy(update={"secret": "already_disclosed"})
    event = acting.event("api_token.create", claim.id, home)
    draft = TokenDraft(
        id=claim.id, tenant=home, role=body.role, name=body.name, expires_at=body.expires_at
    )
    record, secret = await services.api_tokens.create(draft, acting.principal, [event, *claim.ops])
    await acting.recorded()
    token = TokenOut.of(record, services.clock())
    return token.model_copy(update={"token": secret, "secret": "shown_once"})


@router.get("")
async def page(
    acting: Reader, tenant: TenantQuery = None, cursor: Cursor = None, limit: PageSize = 50
) -> PageOf[TokenOut]:
    """List API tokens without their secrets; without a tenant, the deployment's own."""
    services = acting.services
    home = await acting.existing_tenant(tenant) if tenant else _home(acting, None)
    tokens, following = await services.api_tokens.page(home, cursor, limit)
    now = services.clock()
    return PageOf(result=[TokenOut.of(token, now) for token in tokens], next_cursor=following)


@router.delete("/{token_id}", status_code=204)
async def revoke(token_id: str, acting: Operator, tenant: TenantQuery = None) -> Response:
    """Revoke an API token, from the next request on."""
    home = _home(acting, tenant)
    event = acting.event("api_token.revoke", token_id, home)
    token = await acting.services.api_tokens.revoke(home, token_id, [event])
    await acting.revoked("api_token", home, token_id, token.token_hash)
    await acting.recorded()
    return Response(status_code=204)
