"""Verify this document: digests, and how to recompute them."""

from mcpassport.reference.document import Node
from mcpassport.reference.inputs import Context
from mcpassport.reference.writing import code, definitions, prose


def build(context: Context) -> tuple[Node, ...]:
    """What can be compared today, and what cannot."""
    catalog = context.inputs.catalog
    return (
        definitions(
            (
                ("Catalog digest", f"`{catalog.digest.hex()}`"),
                ("Integration content", f"`{context.inputs.integration.digest}`"),
                ("Build", f"`{context.inputs.build}`"),
                ("Signature", "not available in this version"),
                ("Key fingerprint", "not available in this version"),
                ("Evidence run", "none: no check of this build has been run"),
            )
        ),
        *context.claims("VER-01"),
        prose(
            "The `visible` digest of a tool is SHA-256 over the RFC 8785 JSON of `name`, `title`, "
            "`description`, `inputSchema` and `annotations`. Take the tool from `tools/list` of "
            "your server, recompute it, and compare it with the one in the "
            "[Tool catalog](#tool-catalog):"
        ),
        code("Recompute visible digests (Python, package rfc8785)", "python", _RECOMPUTE),
        prose(
            "Leaves are both digests of a tool, in tool-name order; the catalog digest is the root "
            "of their RFC 9162 Merkle tree. The same settings, catalog and clock give the same "
            "bytes of this document in every format."
        ),
    )


_RECOMPUTE = """\
import hashlib, json, sys
import rfc8785

MEMBERS = ("name", "title", "description", "inputSchema", "annotations")
for tool in json.load(sys.stdin)["result"]["tools"]:
    seen = {name: tool[name] for name in MEMBERS if name in tool}
    print(hashlib.sha256(rfc8785.dumps(seen)).hexdigest(), tool["name"])
"""
