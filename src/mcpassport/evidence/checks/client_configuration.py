"""Check of Client configuration: what the printed blocks send opens a server, tools and all."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from mcpassport.evidence.bench import Bench, Grant, Headers, Message, document_of
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import INTEGRATION, TOOLS
from mcpassport.limits import LEGACY_DEFAULT

SECTION: Final = "client-configuration"
SHAPE: Final = "/mcp/<token>"
FORMS: Final = 7
"""Blocks whose address and headers can be read without the client: files and commands."""
_FACTOR: Final = re.compile(r"\$\{(?:env:|input:)?[A-Za-z_-]+\}|mcpp_api_<token>")
"""Where a block has the API token, or the place that its client fills in."""
_HELLO: Final = {
    "protocolVersion": LEGACY_DEFAULT,
    "capabilities": {},
    "clientInfo": {"name": "evidence", "version": "1"},
}


class Sent(NamedTuple):
    """What a block makes its client send: to which address, with which headers."""

    title: str
    url: str
    headers: Headers


async def handshakes(bench: Bench, finding: Finding) -> None:
    """CLI-01. Control: the same blocks at the address of a server that does not exist."""
    grant = await bench.grant(require_api_token_auth=True)
    factor = (await bench.api_token("factor", grant.tenant))["token"]
    document = document_of(await bench.send("GET", f"/reference/{INTEGRATION}/current.json"))
    published = document["deployment_url"]
    blocks = _blocks(document)
    strange = [each["title"] for each in blocks if published + SHAPE not in each["text"]]
    finding.expect(not strange, f"{len(blocks)} blocks hold the published address", strange)
    found = [sent for each in blocks for sent in _sent(each)]
    finding.expect(len(found) == FORMS, f"{FORMS} of them are files or commands", len(found))
    caught = 0
    for sent in found:
        wrong = await _refused(bench, grant, published, factor, sent)
        finding.expect(not wrong, f"{sent.title}: handshake, and the tools", wrong)
        elsewhere = sent._replace(url=sent.url.replace("<token>", "<token>x"))
        caught += bool(await _refused(bench, grant, published, factor, elsewhere))
    finding.control = caught == len(found) > 0


def _blocks(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    section = next(each for each in document["sections"] if each["anchor"] == SECTION)
    return [node for node in section["nodes"] if node["node"] == "code"]


def _sent(block: Mapping[str, Any]) -> Iterator[Sent]:
    if block["language"] == "json":
        content = json.loads(block["text"])
        for entry in (content.get("mcpServers") or content["servers"]).values():
            yield _of_entry(block["title"], entry)
    elif block["language"] == "sh":
        words = shlex.split(block["text"].replace("\\\n", " "))
        url = next(word for word in words if word.startswith("http") and "://" in word)
        flags = [index for index, word in enumerate(words) if word in {"-H", "--header"}]
        yield Sent(block["title"], url, tuple(_pair(words[index + 1]) for index in flags))


def _of_entry(title: str, entry: Mapping[str, Any]) -> Sent:
    if "url" in entry:
        return Sent(title, entry["url"], tuple(entry.get("headers", {}).items()))
    words = entry["args"]
    url = next(word for word in words if "://" in word)
    flags = [index for index, word in enumerate(words) if word == "--header"]
    return Sent(title, url, tuple(_pair(words[index + 1]) for index in flags))


def _pair(header: str) -> tuple[str, str]:
    name, _, value = header.partition(":")
    return name, value.strip()


async def _refused(
    bench: Bench, grant: Grant, published: str, factor: str, sent: Sent
) -> list[str]:
    """What went wrong of a handshake and a list, sent as the block says with the secrets in it."""
    path = sent.url.removeprefix(published).replace("<token>", grant.token)
    named = tuple((name, _FACTOR.sub(factor, value)) for name, value in sent.headers)
    # A block without a header is for servers that demand no second factor.
    headers = named if any(factor in value for _, value in named) else (("X-Api-Token", factor),)
    hello = await bench.rpc(path, Message("initialize", _HELLO), *headers)
    if "result" not in document_of(hello):
        return [f"initialize: HTTP {hello.status}"]
    listed = document_of(await bench.rpc(path, Message("tools/list", {}), *headers))
    names = {tool["name"] for tool in listed.get("result", {}).get("tools", [])}
    return [] if names == TOOLS else [f"tools: {sorted(names)}"]
