"""What the document shows of requests and answers is what a running deployment takes and gives."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.asgi import Response
from tests.support.calling import legacy, legacy_headers, modern, modern_headers
from tests.support.deployment import Deployment, deployment, notes
from tests.support.lab import Lab, rule, running_lab

from mcpassport.catalog.rules import RULES
from mcpassport.reference.document import Code, Document, Table
from mcpassport.reference.samples import answers, verify_audit
from mcpassport.reference.sections.quality import REASONS

GET = "get_single_notes_note_by_id"
TOLD = [["X-RateLimit-Limit", "100"], ["X-RateLimit-Remaining", "0"], ["X-RateLimit-Reset", "12"]]
RAW = {"accept": "application/json"}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running_lab() as running:
        yield running


@pytest.fixture
async def live(tmp_path: Path, lab: Lab) -> AsyncIterator[Deployment]:
    """A deployment with the notes integration; its API is the lab."""
    async with deployment(tmp_path, private_hosts=(lab.listing,)) as house:
        await house.push(notes(f"{lab.origin}/v1"))
        yield house


async def _document(live: Deployment) -> Document:
    body = (await live.send("GET", "/reference/notes.json", caller=None)).body
    return msgspec.json.decode(body, type=Document)


def _blocks(document: Document, anchor: str) -> list[Code]:
    section = next(each for each in document.sections if each.anchor == anchor)
    return [node for node in section.nodes if isinstance(node, Code)]


def _same(answer: Response, shown: str) -> None:
    """Equal but for the request id, which the document leaves open."""
    text = re.sub(r"req_[0-9a-f]+", "req_…", answer.body.decode())
    assert json.loads(text) == json.loads(shown)
    assert list(_keys(json.loads(text))) == list(_keys(json.loads(shown)))


def _keys(value: Any) -> Iterator[str]:
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield name
        yield from _keys(inner)


def _call(identifier: str) -> bytes:
    return legacy("tools/call", {"name": GET, "arguments": {"id": identifier}}, 7)


async def test_the_429_stands_where_the_document_says(live: Deployment, lab: Lab) -> None:
    """Status, headers and body of an upstream 429, on both channels."""
    lab.answers(rule("/v1/notes/*", status=429, json={}, headers=TOLD))
    path = f"/mcp/{(await live.server(await live.account()))['token']}"
    raw = await live.mcp(path, _call("a"), RAW)
    older = await live.mcp(path, _call("a"), legacy_headers())
    newest = await live.mcp(
        path,
        modern("tools/call", {"name": GET, "arguments": {"id": "a"}}),
        modern_headers("tools/call", GET),
    )
    assert (raw.status, older.status, newest.status) == (429, 200, 429)
    _same(raw, answers.LIMITED)
    _same(older, answers.LIMITED_LEGACY)
    _, *shown = answers.LIMITED_HEADERS.splitlines()
    names = {line.partition(": ")[0] for line in shown}
    for answer in (raw, older, newest):
        assert [f"{k}: {v}" for k, v in answer.headers if k in names] == shown


async def test_a_missing_factor_is_answered_as_printed(live: Deployment) -> None:
    """The 403 of a server that demands an API token."""
    server = await live.server(await live.account(), config={"require_api_token_auth": True})
    answer = await live.mcp(f"/mcp/{server['token']}", legacy("tools/list"))
    assert answer.status == 403
    _same(answer, answers.FACTOR_MISSING)


async def test_the_printed_requests_are_served(live: Deployment) -> None:
    """Each curl line of Authentication layers, with real secrets in place, lists the tools."""
    server = await live.server(await live.account(), config={"require_api_token_auth": True})
    plain = await live.server(await live.account())
    found = []
    blocks = _blocks(await _document(live), "authentication-layers")
    for block in (each for each in blocks if each.language == "sh"):
        both = "mcpp_api_" in block.text
        chosen = server if both else plain
        text = block.text.replace("mcpp_api_<token>", live.tokens["factor"])
        text = text.replace("mcpp_srv_<token>", chosen["token"]).replace("<token>", chosen["token"])
        address, headers, body = _curl(text.replace("<server-id>", chosen["id"]))
        assert address.startswith(live.services.settings.public_url)
        path = address.removeprefix(live.services.settings.public_url)
        found.append((await live.mcp(path, body, headers)).status)
    assert found == [200, 200, 200]


def _curl(text: str) -> tuple[str, Mapping[str, str], bytes]:
    words = shlex.split(text.replace("\\\n", " "))
    headers = [words[index + 1] for index, word in enumerate(words) if word == "-H"]
    pairs = (header.split(": ", 1) for header in headers)
    address = next(word for word in words if word.startswith("http"))
    return address, {k.lower(): v for k, v in pairs}, words[words.index("-d") + 1].encode()


async def test_an_upstream_403_is_no_lost_credential(live: Deployment, lab: Lab) -> None:
    """The types that the failure table names for upstream statuses are the ones that arrive."""
    path = f"/mcp/{(await live.server(await live.account()))['token']}"
    seen = {}
    for status in (401, 403, 404, 302, 500):
        lab.answers(rule("/v1/notes/*", status=status, json={}))
        answer = (await live.mcp(path, _call("a"))).json()
        seen[status] = answer["result"]["_meta"]["mcpassport/error"]["type"]
    section = next(
        each for each in (await _document(live)).sections if each.anchor == "failure-modes"
    )
    rows = next(node for node in section.nodes if isinstance(node, Table)).rows
    printed = {row[0]: row[3].strip("`") for row in rows}
    assert seen == {
        401: printed["Upstream 401: credential expired or revoked"],
        403: printed["Upstream 403"],
        404: printed["Upstream 404"],
        302: printed["A redirect to another host"],
        500: printed["Upstream 500"],
    }


async def test_a_customer_can_recompute_the_chain(live: Deployment) -> None:
    """The printed script accepts a real chain, awkward names among it, and no altered one."""
    server = await live.server(await live.account(name='Nötiz "a" \\ €'))
    for name in ("ü/<b>&\u2028", "x" * 300):
        await live.mcp(
            f"/mcp/{server['token']}", legacy("tools/call", {"name": name, "arguments": {}})
        )
    page = await live.read("/audit", caller="acme auditor", oldest_first="true", limit=200)
    assert page["next_cursor"] is None
    text = json.dumps(page["result"])
    assert verify_audit.check([json.loads(text)]) == len(page["result"]) >= 4
    altered = json.loads(text)
    altered[2]["ts"] = "2026-01-01T00:00:00Z"
    with pytest.raises(SystemExit, match="breaks at row 3"):
        verify_audit.check([altered])


def _verified(listed: bytes) -> list[str]:
    """What the printed script says of an answer to `tools/list`."""
    sample = files("mcpassport.reference.samples").joinpath("verify_tools.py").read_text("utf-8")
    command = [sys.executable, "-c", sample]
    ran = subprocess.run(command, input=listed, capture_output=True, check=True)
    return ran.stdout.decode().splitlines()


async def test_a_customer_can_recompute_the_digests(live: Deployment) -> None:
    """The printed script finds every `visible` digest and the surface digest of a real list."""
    server = await live.server(await live.account())
    answer = await live.mcp(f"/mcp/{server['token']}", legacy("tools/list"))
    *tools, last = _verified(answer.body)
    listed = answer.json()["result"]["tools"]
    assert tools == [
        f"{tool['_meta']['mcpassport/digest']['visible']} {tool['name']}" for tool in listed
    ]
    assert last == f"{(await _document(live)).catalog_digest} surface True"


def test_every_rule_of_the_catalog_has_its_reason() -> None:
    """The policy names all the rules that drop a method, and no other."""
    assert set(REASONS) == set(RULES)
