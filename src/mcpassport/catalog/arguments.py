"""Arguments of a call, checked against the tool's input schema before anything is sent."""

import difflib
from collections import OrderedDict
from itertools import islice
from typing import Any, Final

import msgspec
from jsonschema_rs import ValidationError

from mcpassport.catalog.schemas import compile_schema, escaped, pointer_of
from mcpassport.errors import InvalidArguments, Problem
from mcpassport.limits import LIMITS
from mcpassport.records.tool import EVERY_OTHER, Tool

MAX_DEPTH: Final = LIMITS["json_depth"].ceiling
"""A backstop: the deployment's own limit is applied to the whole message when it is parsed."""
MAX_PROBLEMS: Final = 20
MAX_VALIDATORS: Final = 2048
_DETAILED_BYTES: Final = 4096
"""Up to this size every problem is listed, with values. The engine collects all problems before it
yields one (15 µs each, 6 s for an array of 400,000), so larger arguments get the first one only,
without values: a message would repeat the value, however long."""
_MESSAGE_CHARS: Final = 300
_HINT_CHARS: Final = 64
_MASK: Final = "the value"

_decode = msgspec.json.Decoder().decode


class ArgumentValidator:
    """Checks the arguments of one tool. Cheap to call, worth keeping: compiling takes 30–100 µs."""

    def __init__(self, tool: Tool) -> None:
        self._schema = tool.input_schema
        self._validator = compile_schema(tool.input_schema)
        self._names = frozenset(r.property for r in tool.routes if r.property != EVERY_OTHER)
        self._open = any(route.property == EVERY_OTHER for route in tool.routes)

    def check(self, arguments: bytes) -> dict[str, Any]:
        """The arguments as a dict, ready to be routed.

        (1) The text is one JSON object: UTF-8, complete, no NaN or infinity, nesting bounded. Of a
            doubled key the last value counts, here and upstream, since only the dict travels on.
            Integers are exact at any size up to 4,300 digits.
        (2) Unknown names are refused, unless the schema's own rule admits them.
        (3) The schema holds, formats included.

        Raises `InvalidArguments`; `problems` carry JSON pointers, and values of the caller's, so
        they go back to the caller and never to a log. About 2 µs for a small valid object.
        """
        value = _decoded(arguments)  # (1)
        if not self._open and not value.keys() <= self._names:  # (2)
            unknown = [name for name in value if name not in self._names]
            raise InvalidArguments(problems=tuple(map(self._unknown, unknown[:MAX_PROBLEMS])))
        if not self._validator.is_valid(value):  # (3)
            raise InvalidArguments(problems=self._problems(value, len(arguments)))
        return value

    def _problems(self, value: dict[str, Any], size: int) -> tuple[Problem, ...]:
        if size <= _DETAILED_BYTES:
            errors = islice(self._validator.iter_errors(value), MAX_PROBLEMS)
            return tuple(_problem(error) for error in errors)
        try:
            compile_schema(self._schema, mask=_MASK).validate(value)
        except ValidationError as error:
            return (_problem(error),)
        raise AssertionError("a value that is not valid has a problem")

    def _unknown(self, name: str) -> Problem:
        near = difflib.get_close_matches(name[:_HINT_CHARS], self._names, n=1)
        if near:
            mend = f"Did you mean {near[0]!r}?"
        elif self._names:
            mend = f"Arguments are: {', '.join(sorted(self._names))}."
        else:
            mend = "This tool takes no arguments."
        return Problem(
            where=f"/{escaped(name[:_MESSAGE_CHARS])}",
            rule="unknown_argument",
            message=f"There is no argument {name[:_HINT_CHARS]!r}.",
            mend=mend,
        )


_validators: OrderedDict[tuple[bytes, bytes], ArgumentValidator] = OrderedDict()


def validator_for(tool: Tool) -> ArgumentValidator:
    """The validator of a tool, kept under both digests, which name it completely."""
    key = (tool.visible, tool.wiring)
    found = _validators.get(key)
    if found is None:
        found = _validators[key] = ArgumentValidator(tool)
        if len(_validators) > MAX_VALIDATORS:
            _validators.popitem(last=False)
    else:
        _validators.move_to_end(key)
    return found


def _decoded(arguments: bytes) -> dict[str, Any]:
    try:
        value = _decode(arguments)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _malformed("The arguments are not valid JSON.") from None
    if not isinstance(value, dict):
        raise _malformed("The arguments are not a JSON object.")
    # Fewer brackets than levels cannot nest too deep, which spares nearly every call the walk.
    if arguments.count(b"{") + arguments.count(b"[") > MAX_DEPTH and _too_deep(value):
        raise _malformed(f"The arguments nest deeper than {MAX_DEPTH} levels.")
    return value


def _malformed(message: str) -> InvalidArguments:
    return InvalidArguments(problems=(Problem("", "json", message, "Send one JSON object."),))


def _too_deep(value: Any) -> bool:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        level = [item for item in inner if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _problem(error: ValidationError) -> Problem:
    message = error.message
    if len(message) > _MESSAGE_CHARS:
        message = message[:_MESSAGE_CHARS] + "…"
    return Problem(pointer_of(error.instance_path), error.kind.name, message)
