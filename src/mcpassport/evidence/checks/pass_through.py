"""Checks of what a call is: one account, one upstream request, one page, one version."""

import json
from typing import Any, Final

from mcpassport.evidence.bench import Bench, Grant, Message, document_of, factor
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import CALLS, GET, INTEGRATION, LIST, probe
from mcpassport.evidence.upstream import Says
from mcpassport.gate.tokens import issue
from mcpassport.limits import SERVER_TOKEN_PREFIX

GONE: Final = 404
OK: Final = 200


async def own_account(bench: Bench, finding: Finding) -> None:
    """TEN-02. Control: a server of the other account carries the other credential."""
    one = await bench.grant()
    other = await bench.grant(one.tenant, await bench.account(one.tenant, "other-credential"))
    await bench.lab.answer()
    wishes: tuple[tuple[dict[str, Any], tuple[tuple[str, str], ...]], ...] = (
        ({"account": other.account}, ()),
        ({"account_id": other.account, "tenant": other.tenant}, ()),
        ({}, (("X-Account", other.account), ("X-Integrated-Account", other.account))),
        ({}, (factor(other.token),)),
    )
    for arguments, headers in wishes:
        message = Message.call(GET, {**CALLS[GET], **arguments})
        await bench.rpc(one.address, message, *headers)
        await bench.rpc(f"{one.address}?account={other.account}", message, *headers)
    carried = {each.header("Authorization") for each in await bench.lab.seen()}
    fact = "arguments, headers and queries that name another account: its own credential"
    finding.expect(carried == {f"Bearer {one.credential}"}, fact, len(carried))
    path = f"/integrated-account/{one.account}/mcp/{one.server}"
    moved = await bench.manage("PATCH", path, {"account": other.account})
    shown = document_of(await bench.manage("GET", path))["account"]
    finding.expect((moved.status, shown) == (400, one.account), "no change moves it", moved.status)
    await bench.lab.answer()
    await bench.call(other, GET, **CALLS[GET])
    (sent,) = await bench.lab.seen()
    finding.control = sent.header("Authorization") == "Bearer other-credential"


async def listed(bench: Bench, finding: Finding) -> None:
    """TEN-05. Control: each server that is listed does authenticate."""
    first = await bench.grant()
    grants = [first, *[await bench.grant(first.tenant, first.account) for _ in range(2)]]
    path = f"/integrated-account/{first.account}/mcp"
    found = {each["id"] for each in document_of(await bench.manage("GET", path))["result"]}
    made = {each.server for each in grants}
    finding.expect(found == made, f"all {len(made)} servers of the account are listed", len(found))
    strange = f"/mcp/{issue(SERVER_TOKEN_PREFIX, lambda size: bytes(range(size)))}"
    status = (await bench.rpc(strange, Message("ping", {}))).status
    finding.expect(status == GONE, "a well-formed token without a record: HTTP 404", status)
    await bench.lab.answer()
    finding.control = {await bench.call(each, GET, **CALLS[GET]) for each in grants} == {"ok"}


async def not_cached(bench: Bench, finding: Finding) -> None:
    """ZDR-02. Control: each answer is the one that the upstream gave to that very request."""
    grant = await bench.grant()
    came: list[str] = []
    for number in range(3):
        headers = (("Content-Type", "application/json"), ("Cache-Control", "max-age=3600"))
        body = json.dumps({"id": f"answer {number}"}).encode()
        await bench.lab.answer(Says(headers=headers, body=body))
        answer = document_of(await bench.rpc(grant.address, Message.call(GET, {"id": "kept"})))
        came.append(str(answer["result"]["structuredContent"]["id"]))
        count = len(await bench.lab.seen())
        finding.expect(count == 1, f"call {number + 1} with the same arguments: 1 request", count)
    finding.control = came == [f"answer {number}" for number in range(3)]


async def one_page(bench: Bench, finding: Finding) -> None:
    """PAG-01. Control: the second page comes with a call of its own."""
    content = probe(bench.lab.origin)
    content["config"] |= {
        "name": "evidencepages",
        "pagination": {"kind": "next_url", "next_path": "next"},
    }
    grant = await bench.grant_on(content)
    tool = LIST.replace(INTEGRATION, "evidencepages")
    await bench.lab.answer(_page(bench, "1", "/records?page=2"))
    first = await _called(bench, grant, tool, {})
    count = len(await bench.lab.seen())
    finding.expect(count == 1, "a list with more pages: one request", count)
    cursor = first.get("next_cursor")
    finding.expect(bool(cursor), "its answer says how to ask for the next")
    await bench.lab.answer(_page(bench, "2", ""))
    second = await _called(bench, grant, tool, {"next_cursor": cursor})
    asked = [each.target for each in await bench.lab.seen()]
    finding.expect(asked == ["/records?page=2"], "the next call: that page, once", asked)
    finding.control = (first["result"], second["result"]) == ([{"id": "1"}], [{"id": "2"}])


def _page(bench: Bench, item: str, following: str) -> Says:
    body: dict[str, Any] = {"data": [{"id": item}]}
    if following:
        body["next"] = bench.lab.origin + following
    return Says(body=json.dumps(body).encode())


async def _called(
    bench: Bench, grant: Grant, tool: str, arguments: dict[str, Any]
) -> dict[str, Any]:
    answer = document_of(await bench.rpc(grant.address, Message.call(tool, arguments)))
    found: dict[str, Any] = answer.get("result", {}).get("structuredContent") or {}
    return found


async def numbered(bench: Bench, finding: Finding) -> None:
    """TOO-03. Control: the same content again makes no version."""
    content = probe(bench.lab.origin)
    content["config"]["name"] = "evidenceversions"
    grant = await bench.grant_on(content)
    tool = GET.replace(INTEGRATION, "evidenceversions")
    await bench.lab.answer()
    seen: list[str] = []
    for description in ("One.", "Another."):
        content["config"]["description"] = description
        await bench.manage("POST", "/integration", content)
        await bench.call(grant, tool, **CALLS[GET])
        path = f"/audit?tenant={grant.tenant}&phase=outcome&limit=1"
        rows = document_of(await bench.manage("GET", path))["result"]
        seen.append(str(rows[0]["integration"]))
    wanted = [f"evidenceversions@{number}" for number in (2, 3)]
    finding.expect(seen == wanted, "a push is live at once, and rows name its version", seen)
    path = "/integration/evidenceversions/versions"
    before = document_of(await bench.manage("GET", path))["result"]
    kept = [each["version"] for each in before]
    finding.expect(sorted(kept) == [1, 2, 3], "each push made a version that stays", kept)
    await bench.manage("POST", "/integration", content)
    finding.control = document_of(await bench.manage("GET", path))["result"] == before
