"""Texts with rules of their own: names, paths, headers, templates, expressions, data paths."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo
from pydantic_core import PydanticCustomError

from mcpassport.errors import InvalidExpression
from mcpassport.expressions import compile_expression, parse_template
from mcpassport.limits import FRAMING_HEADERS

NAME_PATTERN: Final = r"^[a-z0-9]+([-_][a-z0-9]+)*$"

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_HOST_PATTERN = re.compile(
    r"([a-z0-9*]([a-z0-9*-]*[a-z0-9*])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?(:[0-9]{1,5})?"
)
_PLACEHOLDER = re.compile(r"\{\{.*?\}\}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_AUTHORIZING = frozenset({"authorization", "cookie"})


def mistake(message: str, mend: str) -> PydanticCustomError:
    """An error of a validator of ours: its text, and a sentence on how to mend it."""
    return PydanticCustomError("mistake", "{text}", {"text": message, "mend": mend})


def _expression(text: str, info: ValidationInfo) -> str:
    try:
        compile_expression(text, info.field_name or "expression")
    except InvalidExpression as error:
        raise mistake(
            _said(error),
            "Mend the expression; the code names the mistake in the JSONata documentation.",
        ) from None
    return text


def _said(error: InvalidExpression) -> str:
    """The engine's words without the name of the slot, which the finding has already."""
    text = str(error.detail).partition(": ")[2] or str(error.detail)
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def check_template(text: str, slot: str, scopes: frozenset[str]) -> str:
    """The text, when its placeholders parse and stand only on scopes that are allowed there."""
    try:
        template = parse_template(text, slot)
    except InvalidExpression as error:
        raise mistake(
            _said(error),
            "Write {{args.x}}, {{context.x}} or {{credentials.x}}, with an optional cast "
            "(:int, :num, :bool, :json, :str) and | fallback.",
        ) from None
    for placeholder in template.placeholders:
        if placeholder.scope not in scopes:
            allowed = " and ".join("{{" + scope + ".x}}" for scope in sorted(scopes))
            raise mistake(
                "{{" + placeholder.scope + ".…}} is not allowed here.",
                f"Use {allowed}; credentials stand in headers and query only.",
            )
    return text


ARGUMENTS: Final = frozenset({"args", "context"})
EVERYTHING: Final = frozenset({"args", "context", "credentials"})
CONTEXT: Final = frozenset({"context"})


def templates_in(scopes: frozenset[str]) -> Callable[[Any, ValidationInfo], Any]:
    """A validator that checks every text inside a JSON value as a template."""

    def check(value: Any, info: ValidationInfo) -> Any:
        slot = info.field_name or "template"
        if isinstance(value, str):
            check_template(value, slot, scopes)
        elif isinstance(value, dict):
            for member in value.values():
                check(member, info)
        elif isinstance(value, list):
            for item in value:
                check(item, info)
        return value

    return check


def _path(text: str) -> str:
    check_template(text, "path", ARGUMENTS)
    literal = _PLACEHOLDER.sub("x", text)
    if not literal.startswith("/"):
        raise mistake("The path does not start with '/'.", f"Write '/{text}'.")
    if re.search(r"[?#\\\s]", literal) or _CONTROL.search(literal) or not literal.isascii():
        raise mistake(
            "The path holds '?', '#', '\\', a space or a character outside ASCII.",
            "Move a query to 'query'; percent-encode anything else.",
        )
    if any(segment in {".", ".."} for segment in literal.lower().replace("%2e", ".").split("/")):
        raise mistake("The path holds a '.' or '..' segment.", "Write the path it leads to.")
    return text


def _base_url(text: str) -> str:
    check_template(text, "base_url", CONTEXT)
    literal = _PLACEHOLDER.sub("x", text)
    mend = "Write a URL such as https://api.example.com/v1."
    if re.search(r"[\s\\]", literal) or _CONTROL.search(literal) or not literal.isascii():
        raise mistake("The URL holds a space, '\\' or a character outside ASCII.", mend)
    try:
        parts = urlsplit(literal)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        raise mistake("This is not a URL.", mend) from None
    if not re.match(r"https?://", text) or not _HOST.fullmatch(_host_of(parts.netloc)):
        raise mistake("The URL is not absolute with the scheme http or https and a host.", mend)
    if not port_is_fine or "@" in parts.netloc or re.search(r"[?#]", literal):
        raise mistake("The URL holds a user name, a query or a fragment.", mend)
    return text


def _host_of(netloc: str) -> str:
    return re.sub(r":[0-9]*$", "", netloc.rpartition("@")[2])


def _host_pattern(text: str) -> str:
    wild = "*" in text and ("**" in text or "*" in ".".join(text.split(".")[-2:]))
    if wild or not _HOST_PATTERN.fullmatch(text):
        raise mistake(
            "This is not a host pattern.",
            "Write a lower-case host such as api.example.com, or *.example.com where * is one "
            "label; a :port may follow.",
        )
    return text


def check_header_name(name: str) -> str:
    """The name, when an integration may set a header of that name."""
    if not _HEADER_NAME.fullmatch(name):
        raise mistake(f"'{name}' is not a header name.", "Use letters, digits and '-'.")
    if name.lower() in FRAMING_HEADERS:
        raise mistake(f"The header {name} is set by the connection itself.", "Remove it.")
    return name


def _plain_header_name(name: str) -> str:
    check_header_name(name)
    if name.lower() in _AUTHORIZING:
        raise mistake(
            f"The header {name} carries a credential.",
            "Use authorization: {kind: header, name: …, value: '{{credentials.x}}'}.",
        )
    return name


def check_header_value(text: str, info: ValidationInfo) -> str:
    """The template, when what it renders can be a header value."""
    check_template(text, info.field_name or "headers", EVERYTHING)
    if _CONTROL.search(text) or not text.isascii() or text != text.strip():
        raise mistake(
            "The header value holds a control character, a character outside ASCII, "
            "or blanks at an end.",
            "Write printable ASCII.",
        )
    return text


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error:
        raise mistake("This is not a regular expression.", "Mend it, or remove it.") from None
    return text


def _web_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise mistake("This is not a web address.", "Write one that starts with https://.")
    return text


def _endpoint(text: str) -> str:
    parts = urlsplit(_web_url(text))
    if parts.fragment or parts.username is not None:
        raise mistake("This address holds a user name or a fragment.", "Leave them out.")
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise mistake("Tokens travel over TLS only (RFC 6749, 3.1 and 3.2).", "Write https://.")
    return text


def _scope(text: str) -> str:
    if not _SCOPE.fullmatch(text):
        raise mistake(
            "This is not one scope (RFC 6749, 3.3).", "Write each scope as an item of its own."
        )
    return text


def _data_path(text: str) -> str:
    if not re.fullmatch(r"[^.\s]+(\.[^.\s]+)*", text):
        raise mistake(
            "This is not a path into a JSON body.",
            "Join names by dots, with digits for list positions: data.items.0.id.",
        )
    return text


IntegrationName: TypeAlias = Annotated[
    str, StringConstraints(pattern=NAME_PATTERN, min_length=1, max_length=40)
]
Name: TypeAlias = Annotated[
    str, StringConstraints(pattern=NAME_PATTERN, min_length=1, max_length=64)
]
Tag: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Text: TypeAlias = Annotated[str, StringConstraints(min_length=1)]
ParamName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^\S+$", max_length=200)]
PropertyName: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$", max_length=64)
]
FieldName: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)
]
Jsonata: TypeAlias = Annotated[str, StringConstraints(min_length=1), AfterValidator(_expression)]
PathTemplate: TypeAlias = Annotated[str, AfterValidator(_path)]
BaseUrl: TypeAlias = Annotated[str, AfterValidator(_base_url)]
HostPattern: TypeAlias = Annotated[str, AfterValidator(_host_pattern)]
HeaderName: TypeAlias = Annotated[str, AfterValidator(check_header_name)]
HeaderValue: TypeAlias = Annotated[str, AfterValidator(check_header_value)]
Headers: TypeAlias = dict[Annotated[str, AfterValidator(_plain_header_name)], HeaderValue]
Regex: TypeAlias = Annotated[str, AfterValidator(_regex)]
Scope: TypeAlias = Annotated[str, AfterValidator(_scope)]
Endpoint: TypeAlias = Annotated[str, AfterValidator(_endpoint)]
WebUrl: TypeAlias = Annotated[str, AfterValidator(_web_url)]
DataPath: TypeAlias = Annotated[str, AfterValidator(_data_path)]
Scalar: TypeAlias = str | int | float | bool
Query: TypeAlias = Annotated[dict[str, Any], AfterValidator(templates_in(EVERYTHING))]
Body: TypeAlias = Annotated[Any, AfterValidator(templates_in(ARGUMENTS))]
TimeoutSeconds: TypeAlias = Annotated[float, Field(gt=0, le=120)]
