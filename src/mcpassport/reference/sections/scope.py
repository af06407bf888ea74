"""Tool scope controls: filters, what they remove, and the payload that sets them."""

import json
from collections import Counter
from collections.abc import Iterable

from mcpassport.reference.counts import count, named
from mcpassport.reference.document import Node, Table
from mcpassport.reference.inputs import Context
from mcpassport.reference.tools import tool_node
from mcpassport.reference.writing import code, prose, subheading, table


def build(context: Context) -> tuple[Node, ...]:
    """How a filter is read, what it leaves of this catalog, and how it is set."""
    return (
        prose(
            "A server exposes the tools that pass its `methods` and its `tags` and its "
            "`resources`, less what `deny` names; one that is not set admits everything. What a "
            "filter removes is not in the model's context and cannot be called by name."
        ),
        *context.claims("SCO-01", "SCO-02"),
        _filters(),
        subheading("Read-only"),
        prose(
            'A read-only server is one with `"methods": ["read"]`: it exposes the methods named '
            f"`list` and `get`, nothing else. {_read_only(context)}"
        ),
        subheading("What each filter leaves"),
        _counts(context),
        subheading("Create payload"),
        code("Create a server", "sh", _create(context)),
        prose(
            "The answer is the server with `token`, `url` and `header_url`, once "
            "([One-time disclosure](#one-time-disclosure)). A `PATCH` that gives `config` replaces "
            "all of it, filter and factors, from the next request on."
        ),
        subheading("Input validation"),
        *context.claims("SCO-03", "SCO-04", "SCO-06", "SCO-08"),
        subheading("Human approval"),
        prose(
            "Each tool carries `readOnlyHint` and `destructiveHint`, from which many clients "
            "decide whether to ask the user. They are hints to the client and hold "
            "nothing back here."
        ),
        *context.claims("SCO-05"),
    )


def _read_only(context: Context) -> str:
    """What the group `read` really sends, counted in this catalog."""
    tools = [tool for tool in context.inputs.catalog.tools if tool.method.method in {"list", "get"}]
    other = [tool for tool in tools if tool.method.http != "GET"]
    if not tools:
        return "This catalog has none of them."
    if not other:
        return f"In this catalog they send `GET` only ({count(len(tools), 'tool')})."
    return (
        f"In this catalog {len(tools) - len(other)} of {count(len(tools), 'tool')} send `GET`; "
        f"these do not: {named(other)}."
    )


def _filters() -> Table:
    rows = (
        (
            "`methods`",
            (
                "Union of the groups `read` (list, get), `write` (create, update, delete), "
                "`custom`, and exact method names"
            ),
        ),
        ("`tags`", "Tools that carry any of these tags"),
        ("`resources`", "Tools of any of these resources"),
        ("`deny`", "All but the tools of these names, or of these `resource.method`"),
    )
    return table("Filters of a server", ("Filter", "Leaves"), rows)


def _counts(context: Context) -> Table:
    tools = [tool_node(tool) for tool in context.inputs.catalog.tools]
    rows = [
        *_tally("methods", (tool.method_group for tool in tools)),
        *_tally("resources", (tool.resource for tool in tools)),
        *_tally("tags", (tag for tool in tools for tag in tool.tags)),
    ]
    return table("Tools of this catalog per value", ("Filter", "Value*", "Tools"), rows)


def _tally(name: str, values: Iterable[str]) -> list[tuple[str, str, str]]:
    return [(f"`{name}`", value, str(count)) for value, count in sorted(Counter(values).items())]


def _create(context: Context) -> str:
    days = context.inputs.facts.default_server_ttl_days
    payload = {
        "name": "support assistant",
        "config": {"methods": ["read"], "require_api_token_auth": True},
    }
    return "\n".join(
        (
            f"# Without expires_at the server expires after {days} days.",
            "curl -sS -X POST \\",
            f"  '{context.inputs.facts.public_url}/integrated-account/<account-id>/mcp' \\",
            "  -H 'Authorization: Bearer mcpp_api_<token>' \\",
            "  -H 'Content-Type: application/json' \\",
            f"  -d '{json.dumps(payload)}'",
        )
    )
