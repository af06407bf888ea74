"""Checks of Credential handling: what is shown once is not shown again, and lies nowhere."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from mcpassport.evidence.authorizing import Authorizing
from mcpassport.evidence.bench import Bench, Grant, Message, factor
from mcpassport.evidence.finding import CheckFailed, Finding
from mcpassport.evidence.probe import CALLS, CREDENTIAL_KIND, GET, INTEGRATION
from mcpassport.evidence.routes import requests_for, routes
from mcpassport.evidence.scan import found_in, halves
from mcpassport.evidence.traces import leave_no_trace, run_of
from mcpassport.evidence.upstream import JSON, Says
from mcpassport.records.calls import OutboundResponse
from mcpassport.store import folder_url
from mcpassport.store.copies.archive import CONTENTS
from mcpassport.store.copies.backup import take

CREATED: Final = 201
RUN: Final = 24
TRIES: Final = 50
ERRORS: Final = 400
TRAIL_FORMS: Final = ("ndjson", "csv")
PAGES: Final = ("", f"/{INTEGRATION}", f"/{INTEGRATION}.json", f"/{INTEGRATION}.md")
Answers = dict[str, OutboundResponse]
_SERVER: Final = {"name": "shown once", "config": {"oauth": {"issuer": "https://evidence.invalid"}}}
"""One whose every address answers."""


async def one_disclosure(bench: Bench, finding: Finding) -> None:
    """CRE-04. Control: the answers that do disclose are found to, by the same search."""
    tenant = await bench.tenant()
    account = await bench.account(tenant, bench.canary("credential"))
    ids, first, later = {"tenant_id": tenant, "account_id": account}, Answers(), Answers()
    for path, name, body in (
        (f"/integrated-account/{account}/mcp", "server_id", _SERVER),
        ("/api-token", "token_id", {"role": "tenant", "name": "shown once", "tenant": tenant}),
    ):
        once = (("Idempotency-Key", bench.canary("key")),)
        first[path] = await bench.manage("POST", path, body, more=once)
        later[f"{path} repeated"] = await bench.manage("POST", path, body, more=once)
        ids[name] = json.loads(first[path].body)["id"]
    secrets = [json.loads(answer.body)["token"] for answer in first.values()]
    hook = await bench.webhook(tenant)
    ids["webhook_id"] = hook["id"]
    secrets += [hook["secret_key"], await _app_secret(bench)]
    repeated = {answer.status for answer in later.values()}
    finding.expect(repeated == {CREATED}, "a POST repeated under its Idempotency-Key answers")
    await bench.lab.answer()
    await bench.rpc(f"/mcp/{secrets[0]}", Message.call(GET, CALLS[GET]))
    later |= await _reads(bench, finding, ids)
    later |= await _changes(bench, ids)
    told = _telling(later, secrets)
    finding.expect(not told, f"{len(later)} later answers hold neither token nor URL", told)
    finding.control = _telling(first, secrets) == sorted(first)


async def _app_secret(bench: Bench) -> str:
    """The secret of an OAuth app, which no answer ever shows."""
    secret = bench.canary("app-secret")
    app = {"client_id": "evidence", "client_secret": secret}
    await bench.manage("PUT", f"/integration/{INTEGRATION}/oauth-app", app)
    return secret


async def _reads(bench: Bench, finding: Finding, ids: Mapping[str, str]) -> Answers:
    """Every route that reads, by every role that may, and the public pages."""
    tokens = {role: await bench.api_token(role, ids["tenant_id"]) for role in ("tenant", "auditor")}
    readers = {"admin": "", **{role: made["token"] for role, made in tokens.items()}}
    answers, unread = Answers(), []
    for route in await routes(bench):
        if route.method != "GET":
            continue
        paths = [request.path for request in requests_for(route, ids)]
        if "format" in route.in_query:
            paths += [
                f"{route.path}?tenant={ids['tenant_id']}&format={each}" for each in TRAIL_FORMS
            ]
        for role, token in readers.items():
            for path in paths:
                answers[f"{role} GET {path}"] = await bench.manage("GET", path, token=token)
        read = [answers[f"{role} GET {path}"].status for role in readers for path in paths]
        if min(read) >= ERRORS:
            unread.append(route.path)
    finding.expect(not unread, f"{len(answers)} reads of every route, each answered", unread)
    for page in PAGES:
        answers[f"/reference{page}"] = await bench.send("GET", f"/reference{page}")
    return answers


async def _changes(bench: Bench, ids: Mapping[str, str]) -> Answers:
    """Every change of the server, then the end of both; each answers with what it changed."""
    server = f"/integrated-account/{ids['account_id']}/mcp/{ids['server_id']}"
    token = f"/api-token/{ids['token_id']}?tenant={ids['tenant_id']}"
    steps = (
        ("PATCH", server, {"name": "renamed"}),
        ("POST", f"{server}/suspend", None),
        ("POST", f"{server}/resume", None),
        ("DELETE", server, None),
        ("GET", server, None),
        ("DELETE", token, None),
    )
    answers = Answers()
    for method, path, body in steps:
        answers[f"{method} {path} then"] = await bench.manage(method, path, body)
    wrong = {step: answer.status for step, answer in answers.items() if answer.status >= ERRORS}
    if wrong:
        raise CheckFailed(f"changes were refused: {wrong}")
    return answers


def _telling(answers: Mapping[str, OutboundResponse], secrets: Iterable[str]) -> list[str]:
    """The requests whose answers hold half a secret or more, in their body or a header."""
    wanted = [half for secret in secrets for half in halves(run_of(secret))]
    return sorted(
        request
        for request, answer in answers.items()
        if found_in(answer.body + repr(answer.headers).encode(), wanted)
    )


async def at_rest(bench: Bench, finding: Finding) -> None:
    """CRE-12. Control: the same secrets, planted in files and a database, are all found."""
    secrets = await _used(bench)
    await _backed_up(bench)
    await leave_no_trace(bench, finding, secrets)


async def _used(bench: Bench) -> dict[str, str]:
    """Make secrets of every kind, and use each well, wrongly and after its end."""
    tenant = await bench.tenant()
    replaced = bench.canary("credential")
    account = await bench.account(tenant, replaced)
    grant, ended = [await bench.grant(tenant, account) for _ in range(2)]
    guarded = await bench.grant(tenant, account, require_api_token_auth=True)
    tokens = {role: await bench.api_token(role, tenant) for role in ("tenant", "auditor", "factor")}
    secrets = {
        "server token": grant.token,
        "token of a revoked server": ended.token,
        "token of a guarded server": guarded.token,
        **{f"{role} token": made["token"] for role, made in tokens.items()},
        "admin token": bench.sandbox.ready.token,
        "replaced credential": replaced,
        "credential": bench.canary("credential"),
        **await _of_the_vendor(bench, tenant),
    }
    await _echoed(bench, [grant, guarded], tokens["factor"]["token"], replaced)
    path = f"/integrated-account/{account}"
    credential = {
        "credential_kind": CREDENTIAL_KIND,
        "credential": {"token": secrets["credential"]},
    }
    await bench.manage("PATCH", path, credential)
    await _echoed(bench, [grant, guarded], tokens["factor"]["token"], secrets["credential"])
    await bench.manage("DELETE", f"{path}/mcp/{ended.server}")
    for secret in secrets.values():
        await _misplaced(bench, grant, secret)
    await bench.manage("DELETE", f"/api-token/{tokens['auditor']['id']}?tenant={tenant}")
    await bench.manage("GET", "/audit", token=tokens["auditor"]["token"])
    return secrets


async def _of_the_vendor(bench: Bench, tenant: str) -> dict[str, str]:
    """Secrets of webhooks, OAuth apps, links, and of an account that was connected and called."""
    provider = Authorizing(bench)
    await provider.prepare()
    grant = await provider.connected()
    await bench.call(grant, provider.tool(GET), **CALLS[GET])
    made = await provider.link(tenant)
    await bench.send("GET", made["path"])
    return {
        "access token": provider.access,
        "refresh token": provider.refresh,
        "link": made["path"].rpartition("/")[2],
        "OAuth app": await _app_secret(bench),
        "webhook": await _key_of_a_webhook(bench, tenant),
    }


async def _key_of_a_webhook(bench: Bench, tenant: str) -> str:
    """One whose base64 has a long run of letters and digits: that is what is looked for."""
    for _ in range(TRIES):
        key = str((await bench.webhook(tenant))["secret_key"])
        if len(run_of(key)) >= RUN:
            return key
    raise CheckFailed("no webhook's key can be searched for")


async def _echoed(bench: Bench, grants: list[Grant], token: str, credential: str) -> None:
    """Calls by both addresses, well and failing; the upstream repeats what it was sent."""
    body = json.dumps({"id": credential, "error": credential}).encode()
    headers = (JSON, ("X-Authorization", f"Bearer {credential}"))
    call = Message.call(GET, CALLS[GET])
    for status in (200, 401, 500):
        await bench.lab.answer(Says(status=status, headers=headers, body=body))
        for grant in grants:
            await bench.rpc(grant.address, call, factor(token))
            await bench.rpc(grant.header_address, call, *grant.by_header, factor(token))
        sent = [each.header("Authorization") for each in await bench.lab.seen()]
        if sent != [f"Bearer {credential}"] * 2 * len(grants):
            raise CheckFailed("the credential did not reach the upstream with each call")


async def _misplaced(bench: Bench, grant: Grant, secret: str) -> None:
    """The secret at every place where a caller may put it, rightly or by mistake."""
    call = Message.call(GET, CALLS[GET])
    bearer = ("Authorization", f"Bearer {secret}")
    await bench.rpc(f"/mcp/{secret}", call)
    await bench.rpc(f"/mcp/s/{secret}", call, bearer)
    await bench.rpc(grant.header_address, call, bearer, factor(secret))
    await bench.send("GET", f"/mcp/{secret}")
    await bench.send("GET", f"/{secret}?token={secret}", (bearer,))
    await bench.send("GET", f"/reference/{secret}")
    await bench.manage("GET", f"/integrated-account?tenant={grant.tenant}", token=secret)


async def _backed_up(bench: Bench) -> None:
    """Both backups that an operator takes, in the folder that is searched."""
    url = folder_url(bench.sandbox.data)
    for kind in CONTENTS:
        out = bench.sandbox.folder / f"{kind}.tar"
        await take(url, kind, out, datetime.now(UTC), lambda _done, _all: None)
