"""Check what a tenant brings for an account against what the integration declares.

No message repeats a value: any of them may be a secret.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from mcpassport.errors import InvalidExpression, InvalidInput, Problem
from mcpassport.expressions import Placeholder, parse_template
from mcpassport.limits import FRAMING_HEADERS
from mcpassport.records.grants import Overrides
from mcpassport.records.integration import Credential, Integration

MAX_VALUE_CHARS = 8192
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
"""RFC 9110, section 5.6.2."""
RESERVED_HEADERS = FRAMING_HEADERS | {"authorization", "cookie"}


def check_credential(integration: Integration, kind: str, values: Mapping[str, str]) -> None:
    """Every declared field, no other, each by its pattern; `InvalidInput` lists all problems."""
    declared = {credential.kind: credential for credential in integration.credentials}
    if kind not in declared:
        raise InvalidInput(
            f"This integration takes no credential of kind {kind!r}; "
            f"it takes: {', '.join(sorted(declared)) or 'none'}."
        )
    at = declared[kind].oauth
    if at is not None and at.authorize_url:
        raise InvalidInput(
            f"An account of kind {kind!r} is connected at its provider: make a link with "
            "`POST /link-token` (`mcpassport account link`)."
        )
    problems = tuple(_field_problems(declared[kind], values))
    if problems:
        raise InvalidInput("The credential is not valid.", problems=problems)


def _field_problems(credential: Credential, values: Mapping[str, str]) -> Iterator[Problem]:
    fields = {field.name: field for field in credential.fields}
    for name in sorted(values.keys() - fields.keys()):
        yield Problem(
            f"credential.{name}", "unknown_field", f"The fields are: {', '.join(fields)}."
        )
    for name, field in fields.items():
        value = values.get(name, "")
        where = f"credential.{name}"
        if not value:
            yield Problem(where, "missing", f"{field.label} is required.")
        elif len(value) > MAX_VALUE_CHARS or not value.isprintable():
            yield Problem(where, "value", f"{field.label} is too long or holds control characters.")
        elif field.pattern and not re.fullmatch(field.pattern, value):
            yield Problem(where, "pattern", f"{field.label} does not match {field.pattern}.")


def check_context(
    integration: Integration,
    context: Mapping[str, str],
    defaults: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Every `{{context.x}}` without a fallback has a value; `InvalidInput` lists all problems.

    `defaults` are the values that an admin set for the account.
    """
    problems = [
        Problem(f"context.{name}", "missing", "The integration needs this value.")
        for name in sorted(required_context(integration) - context.keys() - defaults.keys())
    ] + list(_unusable("context", context))
    if problems:
        raise InvalidInput("The account's context is not valid.", problems=tuple(problems))


def _unusable(where: str, values: Mapping[str, str]) -> Iterator[Problem]:
    for name, value in values.items():
        if not value or len(value) > MAX_VALUE_CHARS or not value.isprintable():
            yield Problem(
                f"{where}.{name}", "value", "Too long, empty, or holds control characters."
            )


def check_overrides(integration: Integration, overrides: Overrides) -> None:
    """Overrides can only narrow: known methods, no header that authorizes; all problems at once."""
    known = {f"{method.resource}.{method.method}" for method in integration.methods}
    problems = [
        Problem(
            "overrides.removed_methods",
            "unknown",
            f"There is no method {name!r}.",
            f"Valid: {', '.join(sorted(known))}.",
        )
        for name in overrides.removed_methods
        if name not in known
    ]
    forbidden = _authorizing(integration)
    for name in overrides.headers:
        where = f"overrides.headers.{name}"
        if name.lower() in forbidden:
            problems.append(Problem(where, "authorization", "This header cannot be overridden."))
        elif not HEADER_NAME.fullmatch(name):
            problems.append(Problem(where, "name", "This is not the name of an HTTP header."))
    problems += _unusable("overrides.headers", overrides.headers)
    problems += _unusable("overrides.context", overrides.context)
    if problems:
        raise InvalidInput("The overrides are not valid.", problems=tuple(problems))


def _authorizing(integration: Integration) -> set[str]:
    """Lower-case names of the headers that say who asks, or that frame the message."""
    names = set(RESERVED_HEADERS)
    for method in integration.methods:
        if method.authorization.kind == "header" and method.authorization.name:
            names.add(method.authorization.name.lower())
        names |= {name.lower() for name in method.authorization.headers}
        names |= {
            name.lower()
            for name, text in method.headers.items()
            if "credentials" in {placeholder.scope for placeholder in _placeholders(text)}
        }
    return names


def required_context(integration: Integration) -> set[str]:
    """Names of the context values that some method's template cannot do without."""
    names: set[str] = set()
    for text in _strings(msgspec.to_builtins(integration.methods)):
        names |= _context_names(text)
    return names


def _context_names(text: str) -> set[str]:
    return {
        placeholder.path[0]
        for placeholder in _placeholders(text)
        if placeholder.scope == "context" and placeholder.fallback is None
    }


def _placeholders(text: str) -> tuple[Placeholder, ...]:
    if "{{" not in text:
        return ()
    try:
        return parse_template(text, "account").placeholders
    except InvalidExpression:
        return ()


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)
