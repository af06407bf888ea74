"""Recompute digests from an answer of tools/list on standard input; needs the package rfc8785."""

import hashlib
import json
import sys
from typing import Any

import rfc8785

MEMBERS = ("name", "title", "description", "inputSchema", "annotations")


def sha256(*parts: bytes) -> bytes:
    """SHA-256 over the parts, one after the other."""
    return hashlib.sha256(b"".join(parts)).digest()


def visible(tool: dict[str, Any]) -> bytes:
    """The digest of what the model sees."""
    return sha256(rfc8785.dumps({name: tool[name] for name in MEMBERS if name in tool}))


def surface(tools: list[dict[str, Any]]) -> bytes:
    """The root over all listed tools, in the order of the list (RFC 9162, 2.1.1)."""
    level = [
        sha256(b"\0", visible(t), bytes.fromhex(t["_meta"]["mcpassport/digest"]["wiring"]))
        for t in tools
    ]
    while len(level) > 1:
        pairs = range(0, len(level) - 1, 2)
        level = [sha256(b"\1", level[i], level[i + 1]) for i in pairs] + level[2 * len(pairs) :]
    return level[0] if level else sha256()


if __name__ == "__main__":
    result = json.load(sys.stdin)["result"]
    for each in result["tools"]:
        print(visible(each).hex(), each["name"])  # noqa: T201  # a command
    found = surface(result["tools"]).hex()
    print(found, "surface", found == result["_meta"]["mcpassport/surfaceDigest"])  # noqa: T201
