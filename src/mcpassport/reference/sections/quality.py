"""Documentation quality policy: no record, no tool; what was dropped and why."""

from mcpassport.reference.document import Node
from mcpassport.reference.facts import safe
from mcpassport.reference.inputs import Context
from mcpassport.reference.writing import prose, subheading, table

_RULES = (
    ("no documentation record", "The model would have to guess what the tool does"),
    ("empty description", "The same"),
    ("invalid schema, or a remote `$ref`", "Arguments could not be checked offline"),
    ("path placeholder without schema", "The request could not be built safely"),
    ("unresolved clash of property names", "A value could travel to the wrong place"),
    ("collision of tool names", "A call could reach another tool than the one described"),
)


def build(context: Context) -> tuple[Node, ...]:
    """The policy, then what it dropped in this version."""
    return (
        prose(
            "A method of the upstream API becomes a tool only with a documentation record: a "
            "description and JSON Schemas that arguments are checked against."
        ),
        *context.claims("DOC-01"),
        table("A method is not a tool if it has", ("Finding", "Because"), _RULES),
        subheading("Dropped in this version"),
        *_dropped(context),
    )


def _dropped(context: Context) -> tuple[Node, ...]:
    dropped = context.inputs.catalog.dropped
    if not dropped:
        return (prose("Nothing was dropped."),)
    rows = (
        (f"{each.resource}.{each.method}", safe(each.rule), each.reason)
        for each in sorted(dropped, key=lambda item: (item.resource, item.method))
    )
    return (table("Dropped methods", ("Method*", "Rule", "Reason*"), rows),)
