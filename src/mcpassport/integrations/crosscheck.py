"""Rules that span several parts of a content. They read what is there, however broken the rest.

Each yields a `Slip`; the loader turns it into a finding with its place.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from mcpassport.errors import InvalidExpression
from mcpassport.expressions import parse_template
from mcpassport.integrations.compile import DEFAULT_FIELDS

_REQUIRED_FIELDS = {
    "bearer": ("token",),
    "basic": ("username", "password"),
    "oauth2_client_credentials": ("client_id", "client_secret"),
}
_MADE = {"oauth2_authorization_code": ("token",), "oauth2_client_credentials": ("token",)}
"""Fields that nobody brings: the provider makes them."""


class Slip(NamedTuple):
    """A broken rule: the path in the content, what is wrong, how to mend it."""

    path: tuple[str | int, ...]
    message: str
    mend: str


def crosscheck(content: Mapping[str, Any]) -> Iterator[Slip]:
    """Every broken rule of a content whose parts may themselves be broken."""
    config = _mapping(content.get("config"))
    yield from _hosts(config)
    yield from _credentials(config)
    yield from _placeholders(config)
    yield from _methods(config)
    yield from _cursors(config)
    yield from _records(content.get("documentation"))


def _hosts(config: Mapping[str, Any]) -> Iterator[Slip]:
    base_url, allowed = config.get("base_url"), config.get("allowed_hosts")
    if not isinstance(base_url, str):
        return
    patterns = [item for item in _list(allowed) if isinstance(item, str)]
    if "{{" in base_url:
        if not patterns:
            yield Slip(
                ("config", "base_url"),
                "base_url depends on the account's context, so any host could be reached.",
                "Add allowed_hosts with the hosts that are meant, such as '*.example.com'.",
            )
        return
    try:
        host = urlsplit(base_url).netloc.lower()
    except ValueError:
        return
    if patterns and not any(_host_matches(host, pattern) for pattern in patterns):
        yield Slip(
            ("config", "allowed_hosts"),
            f"The host of base_url, {host}, matches none of allowed_hosts.",
            "Add it, or remove allowed_hosts.",
        )


def _host_matches(host: str, pattern: str) -> bool:
    """As the upstream half reads it: `*` stands for one label, a port may follow."""
    if ":" not in pattern:
        host = re.sub(r":[0-9]*$", "", host)
    labels = (re.escape(part) for part in pattern.lower().split("*"))
    return re.fullmatch("[a-z0-9-]+".join(labels), host) is not None


def _credentials(config: Mapping[str, Any]) -> Iterator[Slip]:
    seen: set[Any] = set()
    for index, item in _entries(config.get("credentials")):
        kind, path = item.get("kind"), ("config", "credentials", index)
        if not isinstance(kind, str) or kind not in DEFAULT_FIELDS:
            continue
        if kind in seen:
            yield Slip(path, f"The credential kind '{kind}' stands twice.", "Keep one.")
        seen.add(kind)
        names = field_names(item)
        if len(set(names)) < len(names):
            yield Slip(path, "Two fields have the same name.", "Rename one.")
        missing = [name for name in _needed(config, kind, names) if name not in names]
        if missing:
            yield Slip(
                path,
                f"The credential kind '{kind}' does not bring {', '.join(missing)}, "
                "which its kind or the authorization needs.",
                f"Add a field named {missing[0]}, or change the authorization.",
            )


def _needed(config: Mapping[str, Any], kind: str, names: list[str]) -> list[str]:
    authorization = _mapping(config.get("authorization"))
    needed = list(_REQUIRED_FIELDS.get(kind, ()))
    needed += _REQUIRED_FIELDS.get(str(authorization.get("kind")), ())
    value = authorization.get("value")
    if authorization.get("kind") == "header" and isinstance(value, str):
        needed += [name for name, fallback in credentials_used(value) if fallback is None]
    if authorization.get("kind") == "query" and "token" not in names:
        needed.append("key")
    return list(dict.fromkeys(needed))


def field_names(credential: Mapping[str, Any]) -> list[str]:
    """The names of a credential's fields, those of its kind when it states none."""
    kind = str(credential.get("kind"))
    written = [str(field.get("name")) for _, field in _entries(credential.get("fields"))]
    brought = written or [field.name for field in DEFAULT_FIELDS.get(kind, ())]
    return [*brought, *_MADE.get(kind, ())]


def credentials_used(text: str) -> list[tuple[str, str | None]]:
    """The names and fallbacks of the `{{credentials.x}}` in a template that parses."""
    try:
        placeholders = parse_template(text, "template").placeholders
    except InvalidExpression:
        return []
    return [(item.path[0], item.fallback) for item in placeholders if item.scope == "credentials"]


def _placeholders(config: Mapping[str, Any]) -> Iterator[Slip]:
    known = {name for _, item in _entries(config.get("credentials")) for name in field_names(item)}
    spots: list[tuple[tuple[str | int, ...], Mapping[str, Any]]] = [
        (("config",), config),
        *((path, method) for path, method in methods_in(config)),
    ]
    for path, owner in spots:
        for slot in ("headers", "query"):
            for name, value in _mapping(owner.get(slot)).items():
                yield from _unknown_credentials((*path, slot, name), value, known)


def _unknown_credentials(
    path: tuple[str | int, ...], value: Any, known: set[str]
) -> Iterator[Slip]:
    texts = value if isinstance(value, list) else [value]
    for text in (item for item in texts if isinstance(item, str)):
        for name, _ in credentials_used(text):
            if name not in known:
                yield Slip(
                    path,
                    f"No credential kind has a field '{name}'.",
                    f"Use one of: {', '.join(sorted(known)) or 'none is declared'}.",
                )


def _methods(config: Mapping[str, Any]) -> Iterator[Slip]:
    for path, method in methods_in(config):
        if method.get("response") is not None and method.get("response_path") is not None:
            yield Slip(
                (*path, "response_path"),
                "The method has both response and response_path.",
                "Keep one; response can do all that response_path does.",
            )
        for slot in ("progress", "final"):
            if method.get(slot) is not None and method.get("stream", "none") == "none":
                yield Slip(
                    (*path, slot),
                    f"The method has '{slot}', and its response does not stream.",
                    f"Add stream: ndjson or stream: sse, or remove {slot}.",
                )
        if method.get("body_format") in {"form", "multipart"}:
            yield from _fixed_type(path, config, method)
        if path[-1] == "list" and method.get("content", "auto") != "auto":
            yield Slip(
                (*path, "content"),
                "A list answers {result, next_cursor}, and can be no blocks.",
                "Remove content, or give the method another name.",
            )


def _fixed_type(
    path: tuple[str | int, ...], config: Mapping[str, Any], method: Mapping[str, Any]
) -> Iterator[Slip]:
    for at, owner in ((path, method), (("config",), config)):
        for name in _mapping(owner.get("headers")):
            if str(name).lower() == "content-type":
                yield Slip(
                    (*at, "headers", name),
                    f"The media type of a {method.get('body_format')} body is set with it.",
                    "Remove the header.",
                )


def _cursors(config: Mapping[str, Any]) -> Iterator[Slip]:
    """A cursor is read and sent by a name, or by an expression of the method."""
    for path, method in methods_in(config):
        paging = method.get("pagination", config.get("pagination") if path[-1] == "list" else None)
        if _mapping(paging).get("kind") != "cursor":
            continue
        for name, slot in (("cursor_path", "response"), ("cursor_param", "request")):
            if _mapping(paging).get(name) is None and method.get(slot) is None:
                yield Slip(
                    path,
                    f"The pagination has no {name}, and the method no {slot} expression.",
                    f"Add {name} to the pagination.",
                )


def methods_in(config: Any) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    """Every method that is a mapping, with its path in the content."""
    for resource, entry in _mapping(_mapping(config).get("resources")).items():
        for name, method in _mapping(_mapping(entry).get("methods")).items():
            if isinstance(method, Mapping):
                yield ("config", "resources", resource, "methods", name), method


def _records(documentation: Any) -> Iterator[Slip]:
    seen: set[tuple[str, str]] = set()
    for index, record in _entries(documentation):
        key = (str(record.get("resource")), str(record.get("method")))
        if key in seen:
            yield Slip(
                ("documentation", index),
                f"{key[0]}.{key[1]} has a record already.",
                "Keep one record for each method.",
            )
        seen.add(key)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _entries(value: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The items of a list that are mappings, with their positions."""
    for index, item in enumerate(_list(value)):
        if isinstance(item, Mapping):
            yield index, item
