"""`{{scope.path:cast|fallback}}`: the placeholders of the integration format.

    {{args.id}}  {{context.region}}  {{credentials.key}}  {{args.limit:int|20}}  {{args.a.b}}

- The scope is `args`, `context` or `credentials`; the path walks objects by name.
- Casts: `int`, `num`, `bool` and `json` read a text as such a value (`int` exactly, however long),
  and leave a value of that kind as it is; `str` writes any value as text.
- A value that is absent takes the fallback, a text that the cast is applied to as well; without a
  fallback it is `MISSING`, and what holds the template is dropped.
- A template that is one placeholder keeps the value's type, null included. In a longer text,
  strings stand as they are, other values as compact JSON, and null counts as missing.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from mcpassport.errors import InvalidArguments, InvalidExpression, Problem

Scopes: TypeAlias = Mapping[str, Mapping[str, Any]]

SCOPES: Final = ("args", "context", "credentials")


class _Missing:
    """The value of a template whose placeholder has none."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = _Missing()

_PLACEHOLDER: Final = re.compile(
    r"\{\{\s*(?P<scope>[a-z]+)\.(?P<path>[^\s{}:|]+)"
    r"(?::(?P<cast>[a-z]+))?\s*(?:\|(?P<fallback>[^{}]*))?\}\}"
)
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,4000}")


class Placeholder(NamedTuple):
    """One placeholder; `str()` gives its canonical text."""

    scope: str
    path: tuple[str, ...]
    cast: str | None
    fallback: str | None

    def __str__(self) -> str:
        cast = f":{self.cast}" if self.cast else ""
        fallback = "" if self.fallback is None else f"|{self.fallback}"
        return f"{{{{{self.name}{cast}{fallback}}}}}"

    @property
    def name(self) -> str:
        """Scope and path, as in `args.id`."""
        return ".".join((self.scope, *self.path))

    def value(self, scopes: Scopes) -> Any:
        """The value after fallback and cast, or `MISSING`."""
        value: Any = scopes.get(self.scope, MISSING)
        for step in self.path:
            value = value.get(step, MISSING) if isinstance(value, Mapping) else MISSING
        if value is MISSING:
            value = MISSING if self.fallback is None else self.fallback
        if self.cast is None or value is MISSING or value is None:
            return value
        return _cast(self, value)


class Template:
    """A parsed text: literals and placeholders in turn. Immutable and shared between threads."""

    __slots__ = ("parts", "placeholders", "source")

    def __init__(self, source: str, parts: tuple[str | Placeholder, ...]) -> None:
        self.source = source
        self.parts = parts
        self.placeholders = tuple(part for part in parts if isinstance(part, Placeholder))

    def __repr__(self) -> str:
        return f"Template({self.source!r})"

    def render(self, scopes: Scopes) -> Any:
        """The value, or `MISSING`.

        Raises:
            InvalidArguments: a cast does not fit its value.
        """
        if not self.placeholders:
            return self.source
        first = self.parts[0]
        if len(self.parts) == 1 and isinstance(first, Placeholder):
            return first.value(scopes)
        texts: list[str] = []
        for part in self.parts:
            value = part if isinstance(part, str) else part.value(scopes)
            if value is MISSING or value is None:
                return MISSING
            texts.append(as_text(value))
        return "".join(texts)


def parse_template(text: str, slot: str) -> Template:
    """Parse; the result is cached. `slot` names the place of the text for people.

    Raises:
        InvalidExpression: something in double braces is not a placeholder of the format.
    """
    try:
        return _parse(text)
    except ValueError as error:
        raise InvalidExpression(f"{slot}: {error}") from None


def render_tree(value: Any, scopes: Scopes) -> Any:
    """Render every text in objects and lists; a missing value drops its key or its element."""
    if isinstance(value, str):
        return parse_template(value, "template").render(scopes)
    if isinstance(value, Mapping):
        members = ((name, render_tree(member, scopes)) for name, member in value.items())
        return {name: member for name, member in members if member is not MISSING}
    if isinstance(value, list | tuple):
        elements = (render_tree(element, scopes) for element in value)
        return [element for element in elements if element is not MISSING]
    return value


def as_text(value: Any) -> str:
    """A string as it is, any other JSON value as compact JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


@lru_cache(maxsize=8192)
def _parse(text: str) -> Template:
    parts: list[str | Placeholder] = []
    end = 0
    while (start := text.find("{{", end)) >= 0:
        match = _PLACEHOLDER.match(text, start)
        if match is None:
            raise ValueError("'{{' must open a placeholder such as '{{args.id}}'")
        if start > end:
            parts.append(text[end:start])
        parts.append(_placeholder(match))
        end = match.end()
    if end < len(text):
        parts.append(text[end:])
    return Template(text, tuple(parts))


def _placeholder(match: re.Match[str]) -> Placeholder:
    scope, path, cast, fallback = match.group("scope", "path", "cast", "fallback")
    if scope not in SCOPES:
        raise ValueError(f"a placeholder reads {', '.join(SCOPES)}, not '{scope}'")
    steps = tuple(path.split("."))
    if not all(steps):
        raise ValueError(f"'{scope}.{path}' has an empty step")
    if cast is not None and cast not in CASTS:
        raise ValueError(f"a cast is one of {', '.join(CASTS)}, not '{cast}'")
    return Placeholder(scope, steps, cast, None if fallback is None else fallback.strip())


def _cast(placeholder: Placeholder, value: Any) -> Any:
    cast = placeholder.cast or "str"
    try:
        return CASTS[cast](value)
    except (ValueError, TypeError, LookupError, RecursionError, msgspec.MsgspecError):
        message = f"'{placeholder.name}' cannot be read as {cast}"
        where = (
            "/" + "/".join(placeholder.path) if placeholder.scope == "args" else placeholder.name
        )
        raise InvalidArguments(f"{message}.", problems=(Problem(where, "cast", message),)) from None


def _as_int(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)
    raise ValueError


def _as_number(value: Any) -> int | float:
    if isinstance(value, str):
        value = msgspec.json.decode(value.strip(), type=int | float)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise ValueError


def _as_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False, "1": True, "0": False}[value.strip().lower()]
    raise ValueError


def _as_json(value: Any) -> Any:
    return msgspec.json.decode(value) if isinstance(value, str) else value


CASTS: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {"int": _as_int, "num": _as_number, "bool": _as_bool, "json": _as_json, "str": as_text}
)
