"""Moving a schema into a larger one: its `$defs` to the common root, its references after them."""

from collections.abc import Callable, Mapping
from typing import Any

from mcpassport.catalog.rules import MergeError
from mcpassport.catalog.schemas import joined_fragment, moved, split_fragment
from mcpassport.records.integration import JsonSchema

DEFS = "$defs"
_POINTER_WITH_NAME = 2


def definition_name(part: str, name: str) -> str:
    """The name of a definition of that part under the common `$defs`."""
    return f"{part}__{name}"


def embedded(
    schema: JsonSchema, part: str, at: list[str]
) -> tuple[JsonSchema, dict[str, JsonSchema]]:
    """The schema as it reads at the pointer `at` of a larger one, and its definitions.

    A schema with its own `$id` moves whole: its references start from that id.
    """
    if isinstance(schema, bool) or "$id" in schema:
        return schema, {}

    def move(reference: str) -> str:
        tokens = split_fragment(reference)
        if not tokens and reference != "#":
            return reference
        if tokens[:1] == [DEFS] and len(tokens) >= _POINTER_WITH_NAME:
            return joined_fragment([DEFS, definition_name(part, tokens[1]), *tokens[2:]])
        return joined_fragment([*at, *tokens])

    rest = {key: value for key, value in schema.items() if key != DEFS}
    inner = moved(rest if DEFS in schema else schema, move)
    return inner, definitions(schema, part, move)


def definitions(
    schema: Mapping[str, Any], part: str, move: Callable[[str], str]
) -> dict[str, JsonSchema]:
    """The `$defs` of a part under their common names, references moved."""
    return {
        definition_name(part, name): moved(sub, move) for name, sub in schema.get(DEFS, {}).items()
    }


def scattered(part: str, label: str, exposed: Mapping[str, str]) -> Callable[[str], str]:
    """How references move when a part's properties join those of other parts.

    `exposed` maps each declared property to its common name; references to the part's root, or to a
    property that left the input, have no place to go and raise `MergeError`.
    """

    def move(reference: str) -> str:
        tokens = split_fragment(reference)
        if not tokens and reference != "#":
            return reference
        if len(tokens) >= _POINTER_WITH_NAME:
            keyword, name, *rest = tokens
            if keyword == DEFS:
                return joined_fragment([DEFS, definition_name(part, name), *rest])
            if keyword == "properties" and name in exposed:
                return joined_fragment(["properties", exposed[name], *rest])
        raise MergeError(
            "unresolved_ref", f"{label} refers to {reference!r}, which has no place in the input."
        )

    return move
