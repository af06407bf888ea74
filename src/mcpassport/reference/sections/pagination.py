"""Pagination: the injected properties, and the sentence the model gets."""

from collections import Counter

from mcpassport.limits import CURSOR_DESCRIPTION
from mcpassport.reference.counts import lists_of
from mcpassport.reference.document import Node, Table
from mcpassport.reference.inputs import Context
from mcpassport.reference.kinds import paging_words
from mcpassport.reference.writing import code, prose, table


def build(context: Context) -> tuple[Node, ...]:
    """What every list tool takes and answers."""
    return (
        *context.claims("PAG-01"),
        _properties(),
        prose("The description of `next_cursor`, in the words that the model gets:"),
        code("Description of next_cursor", "text", CURSOR_DESCRIPTION),
        code("Answer of a list tool without records", "json", '{"result":[],"next_cursor":null}'),
        prose(
            "`next_cursor` is null on the last page. Parameters with which the upstream API pages "
            "its lists are not part of the input; they are driven by these two."
        ),
        _styles(context),
        prose(
            "A sealed cursor is encrypted under the tenant's key and bound to account, method and "
            "the other arguments: a forged or foreign one is refused as `invalid_arguments`. Of a "
            "next URL only the query is kept, after its host and path were found to be the "
            "method's own."
        ),
        prose(
            "Nothing is kept between calls, so pages are passed on as the upstream API gives them: "
            "records that it repeats or leaves out between two pages are not detected. A cursor "
            'that comes back unchanged is noted in `_meta["mcpassport/notes"]`; a longer cycle is '
            "not detected."
        ),
    )


def _properties() -> Table:
    rows = (
        (
            "`limit`",
            "integer",
            "no",
            "How many records to return at most; only where the upstream API takes a page size",
        ),
        ("`next_cursor`", "string", "no", "Where the previous page ended"),
    )
    return table(
        "Properties injected into list tools", ("Property", "Type", "Required", "Meaning"), rows
    )


def _styles(context: Context) -> Table:
    pagings = (tool.method.pagination for tool in lists_of(context.inputs.catalog))
    kinds = Counter((paging.kind, paging_words(paging)) for paging in pagings)
    rows = ((f"`{kind}`", str(number), words) for (kind, words), number in sorted(kinds.items()))
    columns = ("Style", "List tools", "What the cursor is")
    return table("Paging styles in this catalog", columns, rows)
