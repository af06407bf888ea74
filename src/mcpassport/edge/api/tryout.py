"""`/integrated-account/{id}/try`: one method on one account, stage by stage, for authors.

1. The method becomes a tool, of the live version or of content that is not pushed yet.
2. The arguments are checked as a caller's would be.
3. The request is built and shown with its secrets masked; a dry run ends here.
4. The try-out is recorded, then the one request is sent.
5. Response, progress, mapped result and rate limit are shown to the admin who asked; nothing is
   kept. An upstream that repeats the credential does not reveal it: it is masked here too.
"""

from typing import Any

import msgspec
from fastapi import APIRouter

from mcpassport.catalog.arguments import validator_for
from mcpassport.catalog.build import build
from mcpassport.edge.api.incoming import TryIn
from mcpassport.edge.api.principal import Acting, Admin
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.edge.api.watching import Watched, text
from mcpassport.errors import (
    InvalidInput,
    InvalidIntegration,
    McpassportError,
    NoSuchObject,
    Problem,
    envelope_of,
)
from mcpassport.integrations.load import load_content
from mcpassport.records.calls import Block, OutboundRequest, Outcome
from mcpassport.records.grants import Account
from mcpassport.records.tool import Catalog, Tool
from mcpassport.upstream.call import Upstream

router = APIRouter(prefix="/integrated-account", tags=["try"], route_class=StrictRoute)


@router.post("/{account_id}/try")
async def try_out(account_id: str, body: TryIn, acting: Admin) -> dict[str, Any]:
    """Try a method: the checked arguments, the masked request, then the answer of the real call."""
    services = acting.services
    account = await acting.account(account_id)
    tenant = await services.tenants.get(account.tenant)
    tool = _tool(await _catalog(acting, account, body), body)  # 1
    arguments = validator_for(tool).check(msgspec.json.encode(body.args))  # 2
    watched = Watched(services.http, services.clock)
    upstream = Upstream(
        http=watched,
        evaluator=services.evaluator,
        vault=services.vault,
        limits=services.settings.limits,
        clock=services.clock,
    )
    request = await upstream.plan(tool, arguments, account, tenant.key_version)  # 3
    shown: dict[str, Any] = {"tool": tool.name, "request": _request(request)}
    if body.dry_run:
        return {**shown, "sent": False}
    event = acting.event("account.try", f"{account_id}/{body.resource}.{body.method}", tenant.id)
    await services.store.write([event])
    await acting.recorded()  # 4
    credential = await services.accounts.credential_of(account)
    outcome = await upstream.call(
        tool, arguments, account, credential, tenant.key_version, watched.heard
    )
    answer = {
        "sent": outcome.sent,
        "response": watched.response(),
        "progress": watched.progress,
        **_outcome(outcome),
    }
    return {**shown, **watched.masked(answer)}  # 5


async def _catalog(acting: Acting, account: Account, body: TryIn) -> Catalog:
    versions = acting.services.versions
    if body.config is None:
        if body.documentation is not None:
            raise InvalidInput("documentation goes with config; give both.")
        head = await versions.head(account.integration)
        if head is None:
            raise NoSuchObject(f"No integration {account.integration!r}.")
        return await versions.catalog(head)
    if body.config.get("name") != account.integration:
        raise InvalidInput(
            f"The content is not of the account's integration {account.integration!r}."
        )
    loaded = load_content({"config": body.config, "documentation": body.documentation or []})
    if loaded.integration is None:
        raise InvalidIntegration(
            problems=tuple(
                Problem(finding.where, finding.rule, finding.message, finding.mend)
                for finding in loaded.findings
                if finding.severity == "error"
            )
        )
    return build(loaded.integration)


def _tool(catalog: Catalog, body: TryIn) -> Tool:
    for tool in catalog.tools:
        if (tool.method.resource, tool.method.method) == (body.resource, body.method):
            return tool
    for dropped in catalog.dropped:
        if (dropped.resource, dropped.method) == (body.resource, body.method):
            raise InvalidInput(
                f"{body.resource}.{body.method} is not a tool ({dropped.rule}): {dropped.reason}"
            )
    known = ", ".join(f"{tool.method.resource}.{tool.method.method}" for tool in catalog.tools)
    raise InvalidInput(f"No method {body.resource}.{body.method}; there are: {known}.")


def _request(request: OutboundRequest) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": request.url,
        "headers": dict(request.headers + request.secret_headers),
        "secret_query": [name for name, _ in request.secret_query],
        "body": None if request.body is None else text(request.body),
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    error = outcome.error
    return {
        "result": None if outcome.value is None else msgspec.json.decode(outcome.value),
        "content": [_block(block) for block in outcome.content],
        "error": msgspec.to_builtins(envelope_of(error))
        if isinstance(error, McpassportError)
        else None,
        "ratelimit": msgspec.to_builtins(outcome.ratelimit),
        "notes": list(outcome.notes),
        "upstream_ms": outcome.upstream_ms,
    }


def _block(block: Block) -> dict[str, Any]:
    """A block of the answer without the bytes of pictures, sounds and files."""
    facts: dict[str, Any] = {"type": block.kind, "bytes": block.size}
    if block.mime_type:
        facts["mime_type"] = block.mime_type
    if block.kind == "resource":
        facts["uri"] = block.uri
    return facts if block.text is None else {**facts, "text": text(block.text.encode())}
