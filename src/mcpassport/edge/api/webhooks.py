"""`/webhook`: addresses that are told of events. A tenant's own, or the deployment's."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from mcpassport.edge.api.idempotency import ID_BYTES
from mcpassport.edge.api.incoming import Incoming, Slug
from mcpassport.edge.api.outgoing import PageOf
from mcpassport.edge.api.principal import Acting, Cursor, Operator, PageSize, Reader, TenantQuery
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.records.webhooks import Webhook
from mcpassport.store.protocol import PLATFORM

router = APIRouter(prefix="/webhook", tags=["webhook"], route_class=StrictRoute)
Action = Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z_]+$", max_length=64)]
OK = range(200, 300)


class WebhookIn(Incoming):
    """A new webhook."""

    tenant: Slug | None = None
    url: Annotated[str, Field(min_length=1, max_length=2000)]
    events: list[Action] = Field(
        default=[], max_length=100, description="actions, such as server.revoke; absent: all"
    )


class WebhookOut(BaseModel):
    """A webhook. `secret_key` appears once, in the answer that creates it."""

    id: str
    tenant: str
    url: str
    events: list[str]
    status: str
    created_at: datetime
    failures: int
    retry_at: datetime | None
    last_status: int | None
    secret_key: str | None = None
    secret: Literal["shown_once"] | None = None

    @classmethod
    def of(cls, hook: Webhook) -> "WebhookOut":
        """From the record."""
        return cls(
            id=hook.id,
            tenant=hook.tenant,
            url=hook.url,
            events=list(hook.events),
            status=hook.status,
            created_at=hook.created_at,
            failures=hook.failures,
            retry_at=hook.retry_at,
            last_status=hook.last_status,
        )


class WebhookTestOut(BaseModel):
    """What came of a test event."""

    taken: bool
    status: int | None


def _home(acting: Acting, tenant: str | None) -> str:
    """The tenant whose webhooks are meant; an admin who names none means the deployment's own."""
    return acting.tenant(tenant) if acting.principal.tenant or tenant else PLATFORM


@router.post("", status_code=201)
async def create(body: WebhookIn, acting: Operator) -> WebhookOut:
    """Make a webhook; the answer is the only one that shows the key it is signed with."""
    services, home = acting.services, _home(acting, body.tenant)
    draft = Webhook(
        id="whk_" + services.random(ID_BYTES).hex(),
        tenant=home,
        url=body.url,
        events=tuple(body.events),
        created_at=services.clock(),
        by=acting.principal.id,
    )
    event = acting.event("webhook.create", draft.id, home)
    hook, secret = await services.webhooks.create(draft, [event])
    await acting.recorded()
    return WebhookOut.of(hook).model_copy(update={"secret_key": secret, "secret": "shown_once"})


@router.get("")
async def page(
    acting: Reader, tenant: TenantQuery = None, cursor: Cursor = None, limit: PageSize = 50
) -> PageOf[WebhookOut]:
    """List webhooks; without a tenant, the deployment's own."""
    home = await acting.existing_tenant(tenant) if tenant else _home(acting, None)
    hooks, following = await acting.services.webhooks.page(home, cursor, limit)
    return PageOf(result=[WebhookOut.of(hook) for hook in hooks], next_cursor=following)


@router.get("/{webhook_id}")
async def read(webhook_id: str, acting: Reader, tenant: TenantQuery = None) -> WebhookOut:
    """Read one webhook: whether it is told, and what its last answer was."""
    return WebhookOut.of(await acting.services.webhooks.get(_home(acting, tenant), webhook_id))


@router.post("/{webhook_id}/test")
async def try_out(webhook_id: str, acting: Operator, tenant: TenantQuery = None) -> WebhookTestOut:
    """Send the event `webhook.test`, once and at once."""
    hook = await acting.services.webhooks.get(_home(acting, tenant), webhook_id)
    status = await acting.services.delivery.test(hook)
    return WebhookTestOut(taken=status in OK, status=status)


@router.post("/{webhook_id}/resume")
async def resume(webhook_id: str, acting: Operator, tenant: TenantQuery = None) -> WebhookOut:
    """Try again at once, from the event that was next; also where it was turned off."""
    home = _home(acting, tenant)
    event = acting.event("webhook.resume", webhook_id, home)
    hook = await acting.services.webhooks.resume(home, webhook_id, [event])
    await acting.recorded()
    return WebhookOut.of(hook)


@router.delete("/{webhook_id}", status_code=204)
async def delete(webhook_id: str, acting: Operator, tenant: TenantQuery = None) -> Response:
    """Tell it nothing any more."""
    home = _home(acting, tenant)
    event = acting.event("webhook.delete", webhook_id, home)
    await acting.services.webhooks.delete(home, webhook_id, [event])
    await acting.recorded()
    return Response(status_code=204)
