"""The output schema of a tool, advertised only where the upstream always satisfies it."""

from typing import Any

from mcpassport.catalog.embed import DEFS, embedded
from mcpassport.catalog.paging import NEXT_CURSOR
from mcpassport.catalog.rules import MergeError
from mcpassport.catalog.schemas import check_schema
from mcpassport.records.integration import Documentation, JsonSchema, Method

_RESULT = "result"
_PART = "response"


def output_schema(method: Method, record: Documentation) -> JsonSchema | None:
    """The `outputSchema`, or None unless the record says `strict_output`.

    A list answers `{result, next_cursor}`, `response_schema` describing one record of `result`;
    other methods answer the record itself. The schema is checked whether it is advertised or not,
    since the reference prints it. Raises `MergeError`.
    """
    schema = record.response_schema
    if schema is None:
        return None
    check_schema(schema, "response_schema")
    if not record.strict_output:
        return None
    if method.content and method.response is None and method.response_path is None:
        raise MergeError("output_content", "An output schema is promised, and only blocks given.")
    if method.method != "list":
        return schema
    listed = _listed(schema)
    check_schema(listed, "output schema")
    return listed


def _listed(schema: JsonSchema) -> dict[str, Any]:
    item, defs = embedded(schema, _PART, ["properties", _RESULT, "items"])
    return {
        "type": "object",
        "properties": {
            _RESULT: {"type": "array", "items": item},
            NEXT_CURSOR: {"type": ["string", "null"]},
        },
        "required": [_RESULT, NEXT_CURSOR],
        **({DEFS: defs} if defs else {}),
        "additionalProperties": False,
    }
