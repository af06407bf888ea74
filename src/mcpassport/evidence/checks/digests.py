"""Check of Tool catalog: digests recomputed from the outside, as a buyer does."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import rfc8785

from mcpassport.evidence.bench import Bench, Era, Message, document_of
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import INTEGRATION, TOOLS

COVERED: Final = ("name", "title", "description", "inputSchema", "annotations")
DIGEST: Final = "mcpassport/digest"
ERAS: Final[tuple[Era, ...]] = ("legacy", "modern")


async def recomputed(bench: Bench, finding: Finding) -> None:
    """TOO-02. Control: each tool with one covered member changed has another digest."""
    grant = await bench.grant()
    document = document_of(await bench.send("GET", f"/reference/{INTEGRATION}/current.json"))
    printed = _printed(document)
    finding.expect(set(printed) == TOOLS, f"the reference prints {len(printed)} tools")
    tools: list[dict[str, Any]] = []
    for era in ERAS:
        answer = document_of(await bench.rpc(grant.address, Message("tools/list", {}, era)))
        tools = answer.get("result", {}).get("tools", [])
        found = {tool["name"]: _visible(tool) for tool in tools}
        wrong = sorted(name for name in printed if found.get(name) != printed[name])
        finding.expect(not wrong, f"{era}: each `visible` is the printed one", wrong)
        told = [tool["name"] for tool in tools if _told(tool) != found[tool["name"]]]
        finding.expect(not told, f"{era}: and the one that the answer tells", told)
    caught = [
        _visible({**tool, member: "changed"}) != printed.get(tool["name"])
        for tool in tools
        for member in COVERED
    ]
    finding.control = bool(caught) and all(caught)


def _printed(document: Mapping[str, Any]) -> dict[str, str]:
    nodes = [node for section in document["sections"] for node in section["nodes"]]
    return {node["name"]: node["visible"] for node in nodes if node["node"] == "tool"}


def _visible(tool: Mapping[str, Any]) -> str:
    """Computed here anew: by the words of the reference, and by no code of the catalog."""
    covered = {name: tool[name] for name in COVERED if name in tool}
    return hashlib.sha256(rfc8785.dumps(covered)).hexdigest()


def _told(tool: Mapping[str, Any]) -> str:
    return str(tool.get("_meta", {}).get(DIGEST, {}).get("visible", ""))
