"""Each error type that a caller can reach is reached, and looks as the table of errors says."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.asgi import Response, request
from tests.support.calling import legacy, legacy_headers, modern_headers
from tests.support.items import CREATE, GET, items, thing
from tests.support.lab import Lab, rule
from tests.support.whole import LIMITS, Call, Met, World, failed, ok, world

from mcpassport.errors import MEANINGS
from mcpassport.evidence.issuer import Provider, bearer
from mcpassport.limits import Limits

CALL = Call(GET, {"id": "1"})
JSON = ["Content-Type", "application/json"]

UNREACHABLE: dict[str, str] = {
    "internal_error": "a fault of the service itself; no input is known that reaches one",
    "unsendable_request": "the loader refuses every header and method that the client refuses",
    "invalid_expression": "told as a problem of invalid_integration, with its place",
    "invalid_settings": "the operator's, at start-up: no request is served yet",
    "data_folder": "the operator's, at start-up: no request is served yet",
    "usage": "the command line's own",
}
"""Types that no request is answered with, and why."""


@dataclass
class Bench:
    """Opens deployments for one test; the last one is what a row works on."""

    folder: Path
    lab: Lab
    stack: AsyncExitStack

    async def open(self, **settings: Any) -> World:
        """A deployment in a folder of its own."""
        return await self.stack.enter_async_context(world(self.folder, self.lab, **settings))

    async def call(self, call: Call, *answers: dict[str, Any]) -> Met:
        """One tool call of an old client."""
        return await (await self.open()).call(("path", "legacy"), call, *answers or (ok(),))

    async def post(self, body: bytes, headers: dict[str, str] | None = None, **config: Any) -> Met:
        """One POST to a server with that config."""
        app = await self.open()
        app.servers["own"] = await app.house.server(app.accounts["acme"], config=config)
        path, _ = app.address("path", "own")
        return await app.post(path, body, headers or legacy_headers(), ok())

    async def manage(self, method: str, path: str, body: Any = None, **more: Any) -> Response:
        """One request to the management API."""
        app = await self.open()
        path = path.format(account=app.accounts["acme"])
        return await app.house.send(method, path, body=body, **more)


Row = Callable[[Bench], Awaitable[Met | Response | None]]


def called(call: Call, *answers: dict[str, Any]) -> Row:
    """A tool call."""
    return lambda bench: bench.call(call, *answers)


def upstream(status: int) -> Row:
    """A tool call that the upstream answers with that status."""
    return called(CALL, rule("/*", status=status))


def posted(body: bytes, headers: dict[str, str] | None = None, **config: Any) -> Row:
    """A POST to the MCP endpoint."""
    return lambda bench: bench.post(body, headers, **config)


def managed(method: str, path: str, body: Any = None, **more: Any) -> Row:
    """A request to the management API."""
    return lambda bench: bench.manage(method, path, body, **more)


def strange(path: str, method: str = "POST", *headers: tuple[str, str]) -> Row:
    """A request that resolves to nobody."""

    async def ask(bench: Bench) -> Response | None:
        app = await bench.open()
        return await request(app.house.app, path, method=method, headers=headers)

    return ask


async def forbidden_address(bench: Bench) -> Met:
    """A call to a private address that no setting opens."""
    app = await bench.open(private_hosts=())
    return await app.call(("path", "legacy"), CALL, ok())


async def reauthorization(bench: Bench) -> Met:
    """A call with a credential that the integration's new version cannot use."""
    app = await bench.open()
    new = {
        "authorization": {"kind": "basic"},
        "credentials": [{"kind": "basic"}],
    }
    await app.house.push(items(app.lab.origin, **new))
    return await app.call(("path", "legacy"), CALL, ok())


async def no_token_now(bench: Bench) -> Met:
    """A call of an account whose provider cannot be reached."""
    app = await bench.open()
    kind = {"kind": "oauth2_client_credentials", "token_url": "http://127.0.0.1:9/token"}
    await app.house.push(items(app.lab.origin, credentials=[{"kind": "bearer"}, kind]))
    account = await app.house.account(
        integration="lab",
        credential_kind=kind["kind"],
        credential={"client_id": "client", "client_secret": "secret"},
    )
    app.servers["second"] = await app.house.server(account)
    return await app.call(("path", "legacy"), CALL, ok(), server="second")


async def too_many(bench: Bench) -> Met:
    """More calls than a server may start."""
    app = await bench.open(limits=Limits(calls_per_10s=1))
    await app.call(("path", "legacy"), CALL, ok())
    path, _ = app.address("path")
    return await app.post(path, CALL.body("legacy"), {}, ok())


async def factor_is_wrong(bench: Bench) -> Met:
    """A second factor of another role."""
    app = await bench.open()
    made = await app.house.server(app.accounts["acme"], config={"require_api_token_auth": True})
    app.servers["own"] = made
    path, _ = app.address("path", "own")
    shown = {"x-api-token": app.house.tokens["admin"]}
    return await app.post(path, CALL.body("legacy"), legacy_headers() | shown, ok())


async def token_of(bench: Bench, scope: str, body: bytes) -> Met:
    """An access token with that scope, at a server that has one scope for all that writes."""
    app = await bench.open()
    provider = Provider(bench.lab.origin, "all")
    oauth = {"issuer": provider.issuer, "audience": "all", "write_scope": "write"}
    made = await app.house.server(app.accounts["acme"], config={"oauth": oauth})
    bench.lab.answers(*(each.rule() for each in provider.says()))
    header, value = bearer(provider.token(scope=scope))
    sent = {**legacy_headers(), header.lower(): value, "content-type": "application/json"}
    response = await request(app.house.app, f"/mcp/s/{made['id']}", headers=sent, body=body)
    bench.lab.forget()
    assert response is not None
    return Met(response, [], [])


async def access_token_is_missing(bench: Bench) -> Response | None:
    """Nothing shown at an address that access tokens open."""
    app = await bench.open()
    oauth = {"issuer": "https://login.acme.example"}
    made = await app.house.server(app.accounts["acme"], config={"oauth": oauth})
    sent = {**legacy_headers(), "content-type": "application/json"}
    return await request(app.house.app, f"/mcp/s/{made['id']}", headers=sent)


async def scope_is_missing(bench: Bench) -> Met:
    """A tool that writes, with a token that reads."""
    return await token_of(bench, "read", Call(CREATE, {}).body("legacy"))


async def switch_is_off(bench: Bench) -> Met:
    """The vendor's emergency stop."""
    app = await bench.open()
    assert (await app.house.send("POST", "/switch", body={"scope": "all"})).status == 201
    return await app.call(("path", "legacy"), CALL, ok())


async def call_is_ended(bench: Bench) -> Met:
    """The vendor's emergency stop, while the upstream works on it."""
    app = await bench.open()
    slow = rule("/*", fault={"kind": "delay", "seconds": 60})
    calling = asyncio.create_task(app.call(("path", "legacy"), CALL, slow))
    while not bench.lab.requests():  # noqa: ASYNC110 - another process is asked
        await asyncio.sleep(0.01)
    assert (await app.house.send("POST", "/switch", body={"scope": "all"})).status == 201
    return await calling


async def store_is_gone(bench: Bench) -> Response | None:
    """The store closes under a running deployment."""
    app = await bench.open()
    path, _ = app.address("path")
    await app.house.services.store.close()
    return await request(app.house.app, path, headers=[("content-type", "application/json")])


async def audit_is_gone(bench: Bench) -> Response | None:
    """The audit closes under a running deployment."""
    app = await bench.open()
    path, _ = app.address("path")
    await app.house.services.audit_store.close()
    headers = {**CALL.headers("legacy"), "content-type": "application/json"}
    return await request(app.house.app, path, headers=headers, body=CALL.body("legacy"))


UNSERVED = {"io.modelcontextprotocol/protocolVersion": "2099-01-01"}
UNSERVED_PARAMS: dict[str, Any] = {
    "_meta": UNSERVED | {"io.modelcontextprotocol/clientCapabilities": {}}
}
SERVERS = "/integrated-account/{account}/mcp"
EMPTY = {"methods": ["list"], "resources": ["parts"]}

REACHED: dict[str, Row] = {
    "parse_error": posted(b"{"),
    "invalid_request": posted(b"[]"),
    "invalid_params": posted(legacy("tools/call")),
    "method_not_found": posted(legacy("tools/destroy")),
    "unknown_tool": called(Call("no_such_tool")),
    "header_mismatch": posted(CALL.body("modern"), modern_headers("tools/call", "other")),
    "unsupported_version": posted(
        legacy("tools/list", UNSERVED_PARAMS),
        modern_headers("tools/list") | {"mcp-protocol-version": "2099-01-01"},
    ),
    "missing_capability": called(Call(thing("ask"))),
    "invalid_arguments": called(Call(GET)),
    "method_not_allowed": strange("/mcp/x", "GET"),
    "not_acceptable": posted(CALL.body("legacy"), {"accept": "text/html"}),
    "unsupported_media_type": posted(CALL.body("legacy"), {"content-type": "text/plain"}),
    "request_too_large": posted(b" " * (LIMITS.request_body_bytes + 1)),
    "not_found": strange("/mcp/x"),
    "second_factor_required": posted(CALL.body("legacy"), factors=[{"kind": "api_token"}]),
    "second_factor_invalid": factor_is_wrong,
    "access_token_required": access_token_is_missing,
    "insufficient_scope": scope_is_missing,
    "switched_off": switch_is_off,
    "cancelled": call_is_ended,
    "origin_forbidden": strange("/mcp/x", "POST", ("origin", "https://evil.example")),
    "unauthorized": managed("GET", "/tenant", caller=None),
    "forbidden": managed("POST", "/tenant", {"id": "new", "name": "New"}, caller="acme"),
    "invalid_input": managed("POST", "/tenant", {"id": "No Slug", "name": "New"}),
    "unknown_filter": managed("POST", SERVERS, {"name": "n", "config": {"methods": ["destroy"]}}),
    "empty_filter": managed("POST", SERVERS, {"name": "n", "config": EMPTY}),
    "conflict": managed("POST", "/tenant", {"id": "acme", "name": "Again"}),
    "no_such_object": managed("GET", "/integrated-account/acc_1"),
    "address_forbidden": forbidden_address,
    "upstream_unreachable": called(CALL, rule("/*", fault={"kind": "close"})),
    "upstream_timeout": called(
        Call(thing("slow")), rule("/*", fault={"kind": "delay", "seconds": 9})
    ),
    "response_too_large": called(CALL, rule("/*", b"x" * 100_000)),
    "rate_limited": upstream(429),
    "upstream_unauthorized": upstream(401),
    "upstream_rejected": upstream(404),
    "upstream_failed": upstream(500),
    "upstream_redirect": upstream(302),
    "upstream_reported_error": called(Call(thing("report")), ok({"ok": False, "why": "no"})),
    "malformed_upstream_response": called(CALL, rule("/*", b"{", headers=[JSON])),
    "reauthorization_required": reauthorization,
    "credential_refresh_failed": no_token_now,
    "gateway_rate_limited": too_many,
    "store_unavailable": store_is_gone,
    "audit_unavailable": audit_is_gone,
    "expression_failed": called(Call(thing("fails")), ok({"rows": "x"})),
    "invalid_integration": managed("POST", "/integration", {"config": {}, "documentation": []}),
}
"""Type -> a request that is answered with it."""

SEEN_UPSTREAM = {
    *("upstream_unreachable", "upstream_timeout", "response_too_large", "rate_limited"),
    *("upstream_unauthorized", "upstream_rejected", "upstream_failed", "upstream_redirect"),
    *("upstream_reported_error", "malformed_upstream_response", "expression_failed"),
    "cancelled",
}
"""The only types that an upstream request can have been made for."""


def type_of(response: Response) -> str:
    """The type that the answer names, on whichever channel."""
    document = response.json()
    found: Any = document
    if "result" in document:
        found = document["result"]["_meta"]["mcpassport/error"]
    elif isinstance(document.get("error"), dict):
        found = document["error"].get("data", document["error"])
    if found.keys() == {"supported", "requested"}:
        return "unsupported_version"
    return str(found["type"])


def test_every_type_is_reached_or_has_a_reason() -> None:
    """The table of errors, the rows that reach a type, and the reasons why not, agree."""
    known = {meaning.type for meaning in MEANINGS.values()}
    assert REACHED.keys() | UNREACHABLE.keys() == known
    assert not REACHED.keys() & UNREACHABLE.keys()
    assert all(UNREACHABLE.values())


@pytest.mark.parametrize("kind", REACHED)
async def test_a_request_reaches_the_type(tmp_path: Path, lab: Lab, kind: str) -> None:
    """The answer is that type; only failures of the upstream's have sent anything there."""
    async with AsyncExitStack() as stack:
        lab.forget()
        came = await REACHED[kind](Bench(tmp_path, lab, stack))
        response = came.response if isinstance(came, Met) else came
        assert response is not None
        assert type_of(response) == kind
        if kind != "gateway_rate_limited":  # its first call went through
            assert len(lab.requests()) == (1 if kind in SEEN_UPSTREAM else 0)


@pytest.mark.parametrize("door", ["path", "header"])
async def test_a_store_that_is_gone_refuses_everybody(tmp_path: Path, lab: Lab, door: Any) -> None:
    """Live, dead and unknown tokens read the same 503 with its wait; nothing is sent."""
    async with world(tmp_path, lab) as app:
        await app.house.services.store.close()
        lab.forget()
        answers = []
        for path, own in (app.address(door), ("/mcp/x", {}), ("/mcp/s/srv_1", {})):
            headers = {"content-type": "application/json", **CALL.headers("legacy"), **own}
            answers.append(
                await request(app.house.app, path, headers=headers, body=CALL.body("legacy"))
            )
        assert answers[0] is not None
        assert (answers[0].status, answers[0].header("retry-after")) == (503, "1")
        assert answers[0].json()["error"]["retry"] == {"safe": True, "after_seconds": 1}
        assert answers == [answers[0]] * 3
        assert lab.requests() == []


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_without_an_audit_nothing_is_sent(tmp_path: Path, lab: Lab, era: Any) -> None:
    """An intent that cannot be written is a failure that is safe to repeat; nothing was sent."""
    async with world(tmp_path, lab) as app:
        await app.house.services.audit_store.close()
        lab.forget()
        path, own = app.address("path")
        headers = {"content-type": "application/json", **CALL.headers(era), **own}
        response = await request(app.house.app, path, headers=headers, body=CALL.body(era))
        assert response is not None
        met = Met(response, lab.requests(), [])
        failed(met, "audit_unavailable", era)
        assert met.envelope()["retry"]["safe"] is True
        assert met.upstream == []


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_a_result_that_cannot_be_recorded_is_withheld(
    tmp_path: Path, lab: Lab, era: Any
) -> None:
    """The audit goes while the upstream works: sent once, not shown, and not safe to repeat."""
    canary = "planted-result-4b1d"
    answer = rule("/*", f'"{canary}"', headers=[JSON], fault={"kind": "delay", "seconds": 0.3})
    call = Call(CREATE, {"text": "t"})
    async with world(tmp_path, lab) as app:
        lab.forget()
        lab.answers(answer)
        path, own = app.address("path")
        headers = {"content-type": "application/json", **call.headers(era), **own}
        calling = asyncio.create_task(
            request(app.house.app, path, headers=headers, body=call.body(era))
        )
        await asyncio.to_thread(lab.wait_for)
        await app.house.services.audit_store.close()
        response = await calling
        assert response is not None
        met = Met(response, lab.requests(), [])
        failed(met, "audit_unavailable", era)
        assert met.envelope()["retry"]["safe"] is False
        assert "withheld" in met.envelope()["message"]
        assert canary.encode() not in response.body
        assert len(met.upstream) == 1


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_our_own_limit_speaks_the_callers_channel(tmp_path: Path, lab: Lab, era: Any) -> None:
    """Past the calls of a server: a tool error for old clients, HTTP 429 for new ones; unsent."""
    async with world(tmp_path, lab, limits=Limits(calls_per_10s=1)) as app:
        await app.call(("path", era), CALL, ok())
        met = await app.call(("path", era), CALL, ok())
        assert met.response.status == (200 if era == "legacy" else 429)
        assert met.envelope()["type"] == "gateway_rate_limited"
        assert met.envelope()["retry"]["safe"] is True
        assert met.response.header("retry-after")
        assert met.upstream == []
        assert met.phases == ["refusal gateway_rate_limited"]
        other = await app.call(("path", era), CALL, ok(), server="globex")
        assert other.result() == {"id": "1"}
