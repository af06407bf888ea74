"""`/integrated-account/{id}/mcp`: MCP servers, each behind a URL that is shown once."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Response

from mcpassport.catalog.select import check_filter
from mcpassport.edge.api.idempotency import IdempotencyKey, once
from mcpassport.edge.api.incoming import RotateIn, ServerConfigIn, ServerIn, ServerPatch
from mcpassport.edge.api.outgoing import PageOf, ServerOut
from mcpassport.edge.api.principal import Acting, Cursor, Operator, PageSize, Reader
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.errors import Forbidden, InvalidInput, NoSuchObject, StoreUnavailable
from mcpassport.gate.servers import ServerDraft
from mcpassport.limits import in_force
from mcpassport.records.grants import Account, Factor, OAuth, Server
from mcpassport.records.tool import Filter

_NOT_ROTATED = (
    "Nothing was rotated, since the revocation log cannot be written: make room in the data "
    "folder, then rotate again."
)
router = APIRouter(
    prefix="/integrated-account/{account_id}/mcp", tags=["mcp-server"], route_class=StrictRoute
)


async def _filter(acting: Acting, account: Account, config: ServerConfigIn) -> Filter:
    """The filter, checked against the account's live catalog."""
    chosen = Filter(
        methods=None if config.methods is None else tuple(config.methods),
        tags=None if config.tags is None else tuple(config.tags),
        resources=None if config.resources is None else tuple(config.resources),
        deny=tuple(config.deny),
    )
    head = await acting.services.versions.head(account.integration)
    if head is None:
        raise NoSuchObject(f"No integration {account.integration!r}.")
    check_filter(await acting.services.versions.catalog(head), chosen)
    return chosen


def _factors(config: ServerConfigIn) -> tuple[Factor, ...]:
    """The demanded factors; `require_api_token_auth` is short for `api_token`."""
    given = [Factor(kind=each.kind, options=each.options) for each in config.factors or ()]
    demanded = any(factor.kind == "api_token" for factor in given)
    if config.require_api_token_auth is False and demanded:
        raise InvalidInput(
            "require_api_token_auth is false, but factors demands api_token; say one of them."
        )
    if config.require_api_token_auth and not demanded:
        given.append(Factor(kind="api_token"))
    return tuple(given)


def _oauth(acting: Acting, config: ServerConfigIn, server_id: str) -> OAuth | None:
    """Whose access tokens are taken; their audience is this server unless another is given."""
    if config.oauth is None:
        return None
    resource = f"{acting.services.settings.public_url}/mcp/s/{server_id}"
    given = config.oauth.model_dump()
    return OAuth(
        **{
            **given,
            "resource": resource,
            "audience": config.oauth.audience or resource,
            "algorithms": tuple(config.oauth.algorithms),
        }
    )


def _limits(acting: Acting, config: ServerConfigIn, current: Mapping[str, int]) -> dict[str, int]:
    """The limits that hold from now on; `Forbidden` if anybody but an admin changes them."""
    wanted = current if config.limits is None else config.limits
    if wanted != current and acting.principal.role != "admin":
        raise Forbidden("Only an admin changes the limits of an MCP server.")
    return dict(wanted)


@router.post("", status_code=201)
async def create(
    account_id: str, body: ServerIn, acting: Operator, key: IdempotencyKey = None
) -> ServerOut:
    """Create an MCP server. Only this answer shows its token and URL."""
    services = acting.services
    account = await acting.account(account_id)
    claim = await once(acting, "srv_", account.tenant, key, body, account.id)
    if claim.replay:
        server = await services.servers.get(account.tenant, claim.id)
        shown = await _shown(acting, server)
        return shown.model_copy(update={"secret": "already_disclosed"})
    draft = ServerDraft(
        id=claim.id,
        name=body.name,
        filter=await _filter(acting, account, body.config),
        factors=_factors(body.config),
        oauth=_oauth(acting, body.config, claim.id),
        rate_limit_errors=body.config.rate_limit_errors,
        limits=_limits(acting, body.config, {}),
        expires_at=body.expires_at,
        never_expires="expires_at" in body.model_fields_set and body.expires_at is None,
    )
    event = acting.event("server.create", claim.id, account.tenant)
    server, token = await services.servers.create(account, draft, [event, *claim.ops])
    await acting.recorded()
    return await _disclosed(acting, server, token)


async def _disclosed(acting: Acting, server: Server, token: str) -> ServerOut:
    """The server with its token and URL, which no later answer shows."""
    public_url = acting.services.settings.public_url
    return (await _shown(acting, server)).model_copy(
        update={
            "token": token,
            "url": f"{public_url}/mcp/{token}",
            "header_url": f"{public_url}/mcp/s/{server.id}",
            "secret": "shown_once",
        }
    )


@router.get("")
async def page(
    account_id: str, acting: Reader, cursor: Cursor = None, limit: PageSize = 50
) -> PageOf[ServerOut]:
    """List an account's MCP servers, without their tokens."""
    account = await acting.account(account_id)
    services = acting.services
    servers, following = await services.servers.page(account, cursor, limit)
    shown = [await _shown(acting, server) for server in servers]
    return PageOf(result=shown, next_cursor=following)


@router.get("/{server_id}")
async def read(account_id: str, server_id: str, acting: Reader) -> ServerOut:
    """Read one MCP server, without its token."""
    account = await acting.account(account_id)
    return await _shown(acting, await _server(acting, account, server_id))


async def _shown(acting: Acting, server: Server) -> ServerOut:
    """The server with the limits that are in force for it."""
    services = acting.services
    tenant = await services.tenants.get(server.tenant)
    limits = in_force(services.settings.limits, tenant.limits, server.limits)
    return ServerOut.of(server, limits, services.clock())


async def _server(acting: Acting, account: Account, server_id: str) -> Server:
    """The server of that account; `NoSuchObject` otherwise."""
    server = await acting.services.servers.get(account.tenant, server_id)
    if server.account != account.id:
        raise NoSuchObject("No such MCP server.")
    return server


@router.patch("/{server_id}")
async def change(account_id: str, server_id: str, body: ServerPatch, acting: Operator) -> ServerOut:
    """Change an MCP server; it holds from the next request on."""
    account = await acting.account(account_id)
    services = acting.services
    current = await _server(acting, account, server_id)
    changes: dict[str, Any] = {}
    if body.name is not None:
        changes["name"] = body.name
    if "expires_at" in body.model_fields_set:
        changes["expires_at"] = body.expires_at
    if body.config is not None:
        changes["filter"] = await _filter(acting, account, body.config)
        changes["factors"] = _factors(body.config)
        changes["oauth"] = _oauth(acting, body.config, server_id)
        changes["rate_limit_errors"] = body.config.rate_limit_errors
        changes["limits"] = _limits(acting, body.config, current.limits)
    event = acting.event("server.update", server_id, account.tenant)
    server = await services.servers.patch(account.tenant, server_id, changes, [event])
    await acting.recorded()
    return await _shown(acting, server)


@router.delete("/{server_id}", status_code=204)
async def revoke(account_id: str, server_id: str, acting: Operator) -> Response:
    """Revoke an MCP server, from the next request on."""
    account = await acting.account(account_id)
    await _server(acting, account, server_id)
    event = acting.event("server.revoke", server_id, account.tenant)
    server = await acting.services.servers.revoke(account.tenant, server_id, [event])
    await acting.revoked("server", account.tenant, server_id, server.token_hash)
    await acting.recorded()
    return Response(status_code=204)


@router.post("/{server_id}/rotate")
async def rotate(account_id: str, server_id: str, body: RotateIn, acting: Operator) -> ServerOut:
    """Give an MCP server another token and URL, shown only here; the one before ends.

    With `overlap_seconds` both hold for that long, so that the agent can be moved. Rotating again
    meanwhile ends the older one at once.
    """
    account = await acting.account(account_id)
    before = await _server(acting, account, server_id)
    try:  # before the store, since a token that was rotated and not shown would be lost
        for stored in filter(None, (before.token_hash, before.hash_before)):
            await acting.revoked("server_token", account.tenant, server_id, stored)
    except StoreUnavailable:
        raise StoreUnavailable(_NOT_ROTATED) from None
    event = acting.event("server.rotate", server_id, account.tenant)
    server, token = await acting.services.servers.rotate(
        account.tenant, server_id, timedelta(seconds=body.overlap_seconds), [event]
    )
    await acting.recorded()
    return await _disclosed(acting, server, token)


@router.post("/{server_id}/suspend")
async def suspend(account_id: str, server_id: str, acting: Operator) -> ServerOut:
    """Suspend an MCP server: it is refused from the next request on, until it is resumed."""
    account = await acting.account(account_id)
    await _server(acting, account, server_id)
    event = acting.event("server.suspend", server_id, account.tenant)
    server = await acting.services.servers.suspend(account.tenant, server_id, [event])
    await acting.recorded()
    return await _shown(acting, server)


@router.post("/{server_id}/resume")
async def resume(account_id: str, server_id: str, acting: Operator) -> ServerOut:
    """Resume a suspended MCP server, from the next request on; its expiry stays."""
    account = await acting.account(account_id)
    await _server(acting, account, server_id)
    event = acting.event("server.resume", server_id, account.tenant)
    server = await acting.services.servers.resume(account.tenant, server_id, [event])
    await acting.recorded()
    return await _shown(acting, server)
