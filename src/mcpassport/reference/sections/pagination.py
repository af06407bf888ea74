"""Pagination: the injected properties, and the sentence the model gets."""

from collections import Counter

from mcpassport.limits import CURSOR_DESCRIPTION
from mcpassport.reference.document import Node, Table
from mcpassport.reference.inputs import Context
from mcpassport.reference.writing import code, prose, table


def build(context: Context) -> tuple[Node, ...]:
    """What every list tool takes and answers."""
    return (
        *context.claims("PAG-01"),
        _properties(),
        prose("The description of `next_cursor`, in the words that the model gets:"),
        code("Description of next_cursor", "text", CURSOR_DESCRIPTION),
        code("Answer of a list tool", "json", '{"result": [], "next_cursor": null}'),
        prose(
            "`next_cursor` is null on the last page. Parameters of the upstream API that page its "
            "lists are not part of the input; they are driven by these two."
        ),
        _styles(context),
    )


def _properties() -> Table:
    rows = (
        ("`limit`", "integer", "no", "How many records one page holds"),
        ("`next_cursor`", "string", "no", "Where the previous page ended"),
    )
    return table(
        "Properties injected into list tools", ("Property", "Type", "Required", "Meaning"), rows
    )


def _styles(context: Context) -> Table:
    kinds = Counter(
        tool.method.pagination.kind
        for tool in context.inputs.catalog.tools
        if tool.method.method == "list"
    )
    rows = ((f"`{kind}`", str(count)) for kind, count in sorted(kinds.items()))
    return table("Paging styles of the upstream API", ("Style", "List tools"), rows)
