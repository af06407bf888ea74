"""How a tool looks in `tools/list`: one rendering for the protocol, the digest and the reference.

What is rendered here is equal in every revision of the protocol; `outputSchema` and `_meta` vary
and are added by the protocol.
"""

from typing import Any

import msgspec

from mcpassport.records.tool import Tool

VISIBLE_MEMBERS = ("name", "title", "description", "inputSchema", "annotations")
_CHARS_PER_TOKEN = 4


def visible_object(tool: Tool) -> dict[str, Any]:
    """The members of a `tools/list` entry that the model sees, and that `visible` covers.

    `annotations` always holds all four hints: clients read an absent one as destructive and
    open-world. It repeats the title because clients of 2025-03-26 know no other place for it.
    """
    hints = tool.annotations
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": tool.input_schema,
        "annotations": {
            "title": tool.title,
            "readOnlyHint": hints.read_only,
            "destructiveHint": hints.destructive,
            "idempotentHint": hints.idempotent,
            "openWorldHint": hints.open_world,
        },
    }


def token_cost(tool: Tool) -> int:
    """An estimate of the tokens this tool takes in a model's context: characters / 4, rounded up.

    Counted over the compact JSON of what the model sees; tokenizers differ, so it is a guide for
    comparing tools and surfaces, not a bill.
    """
    text = msgspec.json.encode(visible_object(tool)).decode()
    return -(-len(text) // _CHARS_PER_TOKEN)
