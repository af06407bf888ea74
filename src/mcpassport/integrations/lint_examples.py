"""Whether an example is a call the tool accepts, and an answer that its record describes."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from mcpassport.catalog.arguments import validator_for
from mcpassport.catalog.schemas import compile_schema
from mcpassport.errors import InvalidArguments
from mcpassport.records.integration import Documentation
from mcpassport.records.tool import Tool

Slip = tuple[tuple[str | int, ...], str, str]

_RULE = "example_mismatch"


def example_slips(
    path: tuple[str | int, ...],
    examples: Sequence[Any],
    tool: Tool,
    record: Documentation,
    first: int = 0,
) -> Iterator[Slip]:
    """What each example breaks; `path` leads to the list that holds it from position `first`."""
    for index, example in enumerate(examples, first):
        said = _arguments(tool, example.get("arguments", {}))
        if said:
            yield (*path, index, "arguments"), _RULE, f"{tool.name}: {said}"
        if example.get("response") is not None:
            said = _answer(tool, record, example["response"])
            if said:
                yield (*path, index, "response"), _RULE, f"{tool.name}: {said}"


def _arguments(tool: Tool, arguments: Any) -> str:
    try:
        validator_for(tool).check(msgspec.json.encode(arguments))
    except InvalidArguments as error:
        first = error.problems[0] if error.problems else None
        return f"arguments{first.where}: {first.message}" if first else str(error)
    return ""


def _answer(tool: Tool, record: Documentation, response: Any) -> str:
    if record.response_schema is None:
        return ""
    if tool.method.method != "list":
        return _value(record, response, "response")
    if not isinstance(response, dict) or not isinstance(response.get("result"), list):
        return "the response of a list is {result: [...], next_cursor}."
    found = (_value(record, item, "response/result") for item in response["result"])
    return next((said for said in found if said), "")


def _value(record: Documentation, value: Any, where: str) -> str:
    schema = record.response_schema
    if schema is None:
        return ""
    error = next(iter(compile_schema(schema).iter_errors(value)), None)
    if error is None:
        return ""
    steps = "".join(f"/{step}" for step in error.instance_path)
    return f"{where}{steps}: {error.message}"
