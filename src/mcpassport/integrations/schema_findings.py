"""Pydantic's errors as findings: the path of the data, plain words, and how to mend each."""

from collections.abc import Callable, Hashable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, TypeAlias, TypeVar, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from mcpassport.integrations.marks import ABSENT, member_of, where
from mcpassport.integrations.schema_models import keys_at
from mcpassport.records.findings import Finding

T = TypeVar("T")
Words: TypeAlias = Callable[[ErrorDetails], tuple[str, str]]


def validate(kind: type[T], value: Any, tree: Any) -> tuple[T | None, list[Finding]]:
    """The model of a plain value, or None, and a finding for every problem.

    `tree` is the same value with its places, or the value again when it has none.
    """
    try:
        model: T = _adapter(cast(Hashable, kind)).validate_python(value)
    except ValidationError as error:
        details = error.errors(include_url=False)
    else:
        return model, []
    return None, [_finding(kind, value, tree, detail) for detail in details]


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast(Any, kind))


def _finding(kind: Any, value: Any, tree: Any, detail: ErrorDetails) -> Finding:
    path = data_path(value, detail)
    message, mend = _in_words(detail, path, lambda: keys_at(kind, value, path[:-1]))
    label = ".".join(str(part) for part in _below_the_file(path))
    resource, method = method_of(value, path)
    return Finding(
        "error",
        "format",
        where(tree, path),
        f"{label}: {message}" if label else message,
        mend,
        resource,
        method,
    )


def data_path(value: Any, detail: ErrorDetails) -> tuple[str | int, ...]:
    """The error's location without what is no part of the data: tags of unions, `[key]`."""
    path: list[str | int] = []
    current = value
    for part in detail["loc"]:
        found = member_of(current, part)
        if found is not ABSENT:
            current = found
            path.append(part)
    if detail["type"] == "missing":
        path.append(detail["loc"][-1])
    return tuple(path)


def _below_the_file(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The path inside integration.yaml or one record: what the reader has before them."""
    match path:
        case ("config", *rest) if rest:
            return tuple(rest)
        case ("documentation", int(), *rest) if rest:
            return tuple(rest)
    return path


def method_of(content: Any, path: tuple[str | int, ...]) -> tuple[str, str]:
    """The resource and method a path belongs to, as far as it says."""
    match path:
        case ("config", "resources", str(resource), "methods", str(method), *_):
            return resource, method
        case ("config", "resources", str(resource), *_):
            return resource, ""
        case ("documentation" | "examples" as part, int(index), *_):
            record = content[part][index]
            if isinstance(record, Mapping):
                return str(record.get("resource", "")), str(record.get("method", ""))
    return "", ""


def _in_words(
    detail: ErrorDetails, path: tuple[str | int, ...], known: Callable[[], list[str]]
) -> tuple[str, str]:
    kind = detail["type"]
    if kind == "extra_forbidden":
        return _unknown_key(str(path[-1]), known())
    context = detail.get("ctx", {})
    if kind == "mistake":
        return str(context["text"]), str(context["mend"])
    words = _WORDS.get(kind)
    if words:
        return words(detail)
    return _of_type(detail) if kind.endswith("_type") else (detail["msg"] + ".", "Mend the value.")


def _unknown_key(key: str, known: list[str]) -> tuple[str, str]:
    close = get_close_matches(key, known, n=1, cutoff=0.6)
    mend = f"Did you mean '{close[0]}'?" if close else "Remove it."
    others = f" Known here: {', '.join(known)}." if known else ""
    return f"The key '{key}' is unknown.", mend + others


def _missing(detail: ErrorDetails) -> tuple[str, str]:
    key = detail["loc"][-1]
    return "This key is required and missing.", f"Add '{key}:' here."


def _literal(detail: ErrorDetails) -> tuple[str, str]:
    expected = detail.get("ctx", {}).get("expected", "")
    given = detail["input"]
    close = get_close_matches(str(given), [w.strip(" '") for w in expected.split(",")], n=1)
    mend = f"Did you mean '{close[0]}'? " if close and close[0] != str(given) else ""
    return "The value is not one of those that are known.", f"{mend}Write {expected}."


def _tag(detail: ErrorDetails) -> tuple[str, str]:
    expected = str(detail.get("ctx", {}).get("expected_tags", ""))
    return "The kind is unknown.", f"Write one of: {expected}."


def _no_tag(_detail: ErrorDetails) -> tuple[str, str]:
    return "It does not say its kind.", "Add 'kind:'."


def _pattern(detail: ErrorDetails) -> tuple[str, str]:
    pattern = detail.get("ctx", {}).get("pattern", "")
    return (
        "The text has characters that are not allowed here.",
        f"Write a text that matches {pattern}.",
    )


def _too_short(detail: ErrorDetails) -> tuple[str, str]:
    least = detail.get("ctx", {}).get("min_length", 1)
    return "It is empty or too short.", f"Write at least {least}."


def _too_long(detail: ErrorDetails) -> tuple[str, str]:
    return "It is too long.", f"Write at most {detail.get('ctx', {}).get('max_length')}."


def _bound(detail: ErrorDetails) -> tuple[str, str]:
    bounds = {"gt": "over", "ge": "at least", "lt": "under", "le": "at most"}
    context = detail.get("ctx", {})
    said = " and ".join(f"{bounds[key]} {context[key]:g}" for key in bounds if key in context)
    return "The number is out of bounds.", f"Write a number {said}."


def _of_type(detail: ErrorDetails) -> tuple[str, str]:
    kind = detail["type"].removesuffix("_type")
    name, mend = _TYPES.get(kind, (kind, "Mend the value."))
    return f"The value is not {name}.", mend


_TYPES: dict[str, tuple[str, str]] = {
    "string": ("text", "Put it in quotes."),
    "int": ("a whole number", "Write a whole number, without quotes."),
    "float": ("a number", "Write a number, without quotes."),
    "bool": ("true or false", "Write true or false, without quotes."),
    "list": ("a list", "Write '- ' before each entry, or [a, b]."),
    "dict": ("a mapping", "Write 'key: value' lines below it."),
    "model": ("a mapping", "Write 'key: value' lines below it."),
    "model_attributes": ("a mapping", "Write 'key: value' lines below it."),
}
_WORDS: dict[str, Words] = {
    "missing": _missing,
    "literal_error": _literal,
    "union_tag_invalid": _tag,
    "union_tag_not_found": _no_tag,
    "string_pattern_mismatch": _pattern,
    "string_too_short": _too_short,
    "too_short": _too_short,
    "string_too_long": _too_long,
    "too_long": _too_long,
    "greater_than": _bound,
    "greater_than_equal": _bound,
    "less_than": _bound,
    "less_than_equal": _bound,
}
