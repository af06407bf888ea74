"""Tool catalog: every tool, as the model sees it and as it is wired."""

from collections import Counter

from mcpassport.errors import InvalidIntegration, Problem
from mcpassport.records.tool import Tool
from mcpassport.reference.document import Node, Table, ToolNode
from mcpassport.reference.facts import code_list
from mcpassport.reference.inputs import Context
from mcpassport.reference.kinds import body_words
from mcpassport.reference.tools import tool_node
from mcpassport.reference.writing import callout, prose, subheading, table


def build(context: Context) -> tuple[Node, ...]:
    """A summary to scan, then one entry per tool in tool-name order."""
    tools = tuple(map(_node, context.inputs.catalog.tools))
    return (
        *context.claims("TOO-01", "TOO-02", "TOO-03", "TOO-05", "TOO-06", "TOO-07", "TOO-04"),
        prose(
            "Every input schema below is the one that `tools/list` serves. `visible` is the "
            "digest of what the model sees, `wiring` the digest of how the call is made; both "
            "enter the catalog digest ([Verify this document](#verify-this-document)). Tokens are "
            "an estimate of what a tool takes of the model's context: characters of its entry as "
            "compact JSON, divided by four. OAuth scopes are those that the integration declares; "
            "`none` says that it declares none."
        ),
        prose(
            "What a tool returns is the upstream API's answer, checked by its media type: JSON as "
            "text and as structured content; other texts as text; pictures and sounds as image "
            "and audio; anything else as an embedded resource with its media type; or the blocks "
            "that the integration maps. Clients of 2024-11-05 get a sound as an embedded resource."
        ),
        prose(
            "A tool that streams reads the upstream API's response event by event. To a caller "
            "that gives a progress token and accepts `text/event-stream` it sends "
            "`notifications/progress` on the way, after the intent row and before the outcome row, "
            "and the answer as the last event; to others the answer alone, as JSON. A tool that "
            "needs client capabilities can be called by clients of 2026-07-28 that declare them."
        ),
        *_bodies(context),
        *(_body(tools) if tools else (callout("This version of the integration has no tool."),)),
    )


def _node(tool: Tool) -> ToolNode:
    """The tool as a node; `InvalidIntegration` names the one that cannot be described."""
    try:
        return tool_node(tool)
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        where = f"{tool.method.resource}.{tool.method.method}"
        message = f"The reference cannot be built: {tool.name} cannot be described."
        mend = "Look at its schemas, body and expressions; `mcpassport integration check` helps."
        problem = Problem(where, "reference", type(error).__name__, mend)
        raise InvalidIntegration(message, problems=(problem,)) from None


def _body(tools: tuple[ToolNode, ...]) -> tuple[Node, ...]:
    return (_summary(tools), subheading("Tools"), *tools)


def _bodies(context: Context) -> tuple[Node, ...]:
    """How bodies are written, where a tool sends one that is not plain JSON."""
    methods = [tool.method for tool in context.inputs.catalog.tools]
    kinds = Counter(
        (method.body_format, body_words(method))
        for method in methods
        if method.body_format != "json"
    )
    if not kinds:
        return ()
    rows = ((f"`{kind}`", str(number), words) for (kind, words), number in sorted(kinds.items()))
    columns = ("Format", "Tools", "What is sent")
    return (table("Bodies that are not JSON", columns, rows),)


def _summary(tools: tuple[ToolNode, ...]) -> Table:
    rows = (
        (
            f"[{tool.name}](#{tool.anchor})",
            tool.access,
            f"{tool.upstream.http} {tool.upstream.path}",
            code_list(tool.tags),
            code_list(tool.scopes),
            str(tool.token_cost),
        )
        for tool in tools
    )
    columns = ("Tool", "Access", "Upstream*", "Tags", "OAuth scopes", "Tokens")
    return table("All tools", columns, rows)
