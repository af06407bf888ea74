"""`/integrated-account/{id}/test`: does the account's connection work?

1. The method is one that only reads and needs no arguments, the first or the one that was named. So
   a test changes nothing.
2. The credential is that of a call, renewed if need be.
3. The test is recorded, then the one request is sent.
4. The answer says whether it worked, and the type of the error if not; nothing of the data.
"""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from mcpassport.catalog.arguments import validator_for
from mcpassport.edge.api.incoming import Incoming
from mcpassport.edge.api.principal import Acting, Operator
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.errors import (
    InvalidArguments,
    InvalidInput,
    McpassportError,
    NoSuchObject,
    envelope_of,
)
from mcpassport.records.calls import Outcome
from mcpassport.records.grants import Account
from mcpassport.records.tool import Catalog, Tool

router = APIRouter(
    prefix="/integrated-account", tags=["integrated-account"], route_class=StrictRoute
)


class TestIn(Incoming):
    """Which method to test with."""

    __test__ = False
    tool: str | None = Field(
        default=None, description="a tool that only reads and needs no arguments; absent: the first"
    )


class TestOut(BaseModel):
    """What the test came to."""

    __test__ = False
    works: bool
    tool: str
    upstream_status: int | None
    upstream_ms: int | None
    error: str | None
    """The type of the error, as an agent would see it."""
    message: str | None


@router.post("/{account_id}/test")
async def test(account_id: str, body: TestIn, acting: Operator) -> TestOut:
    """Test a connection with one request that reads; nothing of its answer is shown or kept."""
    services = acting.services
    account = await acting.account(account_id)
    tenant = await services.tenants.get(account.tenant)
    tool = _chosen(await _catalog(acting, account), body.tool)  # 1
    await services.store.write([acting.event("account.test", account_id, tenant.id)])
    await acting.recorded()  # 3
    try:
        credential = await services.accounts.credential_of(account)  # 2
        outcome = await services.upstream.call(tool, {}, account, credential, tenant.key_version)
    except McpassportError as error:
        outcome = Outcome(error=error)
    return _shown(tool, outcome)  # 4


async def _catalog(acting: Acting, account: Account) -> Catalog:
    head = await acting.services.versions.head(account.integration)
    if head is None:
        raise NoSuchObject(f"No integration {account.integration!r}.")
    return await acting.services.versions.catalog(head)


def _chosen(catalog: Catalog, named: str | None) -> Tool:
    fit = [tool for tool in catalog.tools if tool.method.annotations.read_only and _bare(tool)]
    for tool in fit:
        if named in {None, tool.name}:
            return tool
    known = ", ".join(tool.name for tool in fit) or "none"
    raise InvalidInput(f"A test reads, and needs no arguments; such tools are: {known}.")


def _bare(tool: Tool) -> bool:
    try:
        validator_for(tool).check(b"{}")
    except InvalidArguments:
        return False
    return True


def _shown(tool: Tool, outcome: Outcome) -> TestOut:
    told: dict[str, Any] = {"error": None, "message": None}
    if isinstance(outcome.error, McpassportError):
        envelope = envelope_of(outcome.error)
        told = {"error": envelope.type, "message": envelope.message}
    return TestOut(
        works=outcome.error is None,
        tool=tool.name,
        upstream_status=outcome.upstream_status,
        upstream_ms=outcome.upstream_ms if outcome.sent else None,
        **told,
    )
