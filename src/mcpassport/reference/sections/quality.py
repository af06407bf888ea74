"""Documentation quality policy: no record, no tool; what was dropped and why."""

from collections.abc import Mapping
from typing import Final

from mcpassport.reference.document import Node
from mcpassport.reference.facts import safe
from mcpassport.reference.inputs import Context
from mcpassport.reference.writing import prose, subheading, table

REASONS: Final[Mapping[str, str]] = {
    "no_record": "Nothing describes the method; the model would have to guess",
    "duplicate_record": "Two descriptions; either could be the wrong one",
    "empty_description": "A record that describes nothing",
    "invalid_schema": "Arguments could not be checked",
    "remote_ref": "A schema that lives elsewhere could change unseen",
    "unresolved_ref": "A reference that leads nowhere",
    "number_bound": "A number that JSON readers would round",
    "output_content": "A structured answer is promised, and only blocks are given",
    "path_placeholder": "A part of the path that no argument fills",
    "path_argument": "Arguments and path do not agree",
    "forbidden_header": "An argument would set a header of connection, identity or credential",
    "credential_query": "An argument would set the query value that carries the credential",
    "body_format": "A body that could not be written as the upstream API reads it",
    "root_keyword": "A rule over several arguments that would be lost by merging",
    "anchor_across_parts": "References that would change their meaning by merging",
    "unresolved_clash": "Two arguments of one name: a value could travel to the wrong place",
    "name_collision": "Two tools of one name: all of them are dropped",
}
"""Every rule of the catalog and why it drops a method; a test compares the two."""


def build(context: Context) -> tuple[Node, ...]:
    """The policy, then what it dropped in this version."""
    return (
        prose(
            "A method of the upstream API becomes a tool only with a documentation record: a "
            "description, and JSON Schemas that arguments are checked against."
        ),
        *context.claims("DOC-01"),
        table(
            "What keeps a method from becoming a tool",
            ("Rule", "Because"),
            ((f"`{rule}`", reason) for rule, reason in REASONS.items()),
        ),
        subheading("Dropped in this version"),
        *_dropped(context),
    )


def _dropped(context: Context) -> tuple[Node, ...]:
    dropped = context.inputs.catalog.dropped
    if not dropped:
        return (prose("Nothing was dropped."),)
    rows = (
        (f"{each.resource}.{each.method}", f"`{safe(each.rule)}`", each.reason)
        for each in sorted(dropped, key=lambda item: (item.resource, item.method))
    )
    return (table("Dropped methods", ("Method*", "Rule", "Reason*"), rows),)
