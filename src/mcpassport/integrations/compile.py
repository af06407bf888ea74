"""A content that is known to be good becomes an `Integration`: inherited, defaults filled in."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
import rfc8785

from mcpassport.records.integration import (
    Annotations,
    Authorization,
    ContentBlock,
    Credential,
    CredentialField,
    Documentation,
    Integration,
    Method,
    OAuthEndpoints,
    Pagination,
    RateLimitMap,
    Resource,
)

DEFAULT_FIELDS: dict[str, tuple[CredentialField, ...]] = {
    "bearer": (CredentialField("token", "Access token"),),
    "basic": (
        CredentialField("username", "User name", secret=False),
        CredentialField("password", "Password"),
    ),
    "api_key": (CredentialField("key", "API key"),),
    "oauth2_authorization_code": (),
    "oauth2_client_credentials": (
        CredentialField("client_id", "Client id", secret=False),
        CredentialField("client_secret", "Client secret"),
    ),
}
"""The fields of a credential kind that states none."""

_SAFE = frozenset({"GET"})
_IDEMPOTENT = frozenset({"GET", "PUT", "DELETE"})
"""RFC 9110, 9.2.2, of the methods that an integration may use."""
_NONE = Pagination(kind="none")


def content_digest(content: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of the RFC 8785 JSON of a content."""
    return hashlib.sha256(rfc8785.dumps(dict(content))).hexdigest()


def compile_content(content: Mapping[str, Any], version: int = 0) -> Integration:
    """Compile a content that `load_content` found no error in, such as a stored version."""
    config = content["config"]
    return Integration(
        name=config["name"],
        label=config["label"],
        description=config.get("description", ""),
        documentation_url=config.get("documentation_url"),
        base_url=config["base_url"].rstrip("/"),
        allowed_hosts=tuple(config.get("allowed_hosts", ())),
        credentials=tuple(_credential(item) for item in config["credentials"]),
        authorization=msgspec.convert(config["authorization"], Authorization),
        resources=tuple(_resource(name, item) for name, item in config["resources"].items()),
        methods=tuple(
            _method(config, (resource, name), item)
            for resource, entry in config["resources"].items()
            for name, item in entry["methods"].items()
        ),
        documentation=tuple(
            msgspec.convert(record, Documentation) for record in content["documentation"]
        ),
        digest=content_digest(content),
        version=version,
    )


def _credential(item: Mapping[str, Any]) -> Credential:
    fields = item.get("fields") or ()
    return Credential(
        kind=item["kind"],
        fields=msgspec.convert(fields, tuple[CredentialField, ...]) or DEFAULT_FIELDS[item["kind"]],
        oauth=msgspec.convert(item, OAuthEndpoints) if "token_url" in item else None,
    )


def _resource(name: str, item: Mapping[str, Any]) -> Resource:
    return Resource(
        name=name,
        label=item.get("label") or readable(name),
        singular=item.get("singular") or name,
        tags=tuple(item.get("tags", ())),
    )


def readable(name: str) -> str:
    """A name as words: `api-keys` reads `Api keys`."""
    return name.replace("-", " ").replace("_", " ").capitalize()


def _method(config: Mapping[str, Any], name: tuple[str, str], item: Mapping[str, Any]) -> Method:
    resource = config["resources"][name[0]]
    rate_limit = _inherited(config, item, "rate_limit")
    return Method(
        resource=name[0],
        method=name[1],
        http=item["http"],
        base_url=config["base_url"].rstrip("/"),
        path=item["path"],
        allowed_hosts=tuple(config.get("allowed_hosts", ())),
        query={**config.get("query", {}), **item.get("query", {})},
        headers=_headers(config.get("headers", {}), item.get("headers", {})),
        query_array_format=config.get("query_array_format", "repeat"),
        body=item.get("body"),
        body_format=item.get("body_format", "json"),
        request=item.get("request"),
        response=item.get("response"),
        response_path=item.get("response_path"),
        id_param=item.get("id_param", "id"),
        content=_content(item),
        stream=item.get("stream", "none"),
        progress=item.get("progress"),
        final=item.get("final"),
        requires_client_capabilities=tuple(
            dict.fromkeys(item.get("requires_client_capabilities", ()))
        ),
        authorization=msgspec.convert(config["authorization"], Authorization),
        pagination=_pagination(config, name[1], item),
        rate_limit=msgspec.convert(rate_limit, RateLimitMap) if rate_limit else None,
        errors=_inherited(config, item, "errors"),
        scopes=tuple(item.get("scopes", ())),
        tags=tuple(dict.fromkeys((*resource.get("tags", ()), *item.get("tags", ())))),
        annotations=annotations_of(name[1], item["http"], item.get("annotations", {})),
        timeout_s=_inherited(config, item, "timeout_s"),
    )


def _inherited(config: Mapping[str, Any], item: Mapping[str, Any], key: str) -> Any:
    """The method's own value, else the integration's; a written null takes it away."""
    return item[key] if key in item else config.get(key)


def _content(item: Mapping[str, Any]) -> tuple[ContentBlock, ...]:
    written = item.get("content", "auto")
    return () if written == "auto" else msgspec.convert(written, tuple[ContentBlock, ...])


def _headers(inherited: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """Header names are compared without case, so an own one replaces an inherited one."""
    replaced = {name.lower() for name in own}
    kept = {name: value for name, value in inherited.items() if name.lower() not in replaced}
    return {**kept, **own}


def _pagination(config: Mapping[str, Any], method: str, item: Mapping[str, Any]) -> Pagination:
    """Only a `list` inherits the integration's paging; other methods page when they say so."""
    written = item.get("pagination")
    if "pagination" not in item and method == "list":
        written = config.get("pagination")
    return msgspec.convert(written, Pagination) if written else _NONE


def annotations_of(method: str, http: str, stated: Mapping[str, Any]) -> Annotations:
    """All four hints: what is stated, else what the method's name and HTTP method imply.

    An update overwrites, so by the words of MCP (server/tools, `destructiveHint`) it is not "only
    additive"; of a custom method that is no GET the worst is assumed, as MCP does.
    """
    read_only = stated.get("read_only")
    if read_only is None:
        read_only = http in _SAFE or method in {"list", "get"}
    hints = {
        "destructive": not read_only and method != "create",
        "idempotent": read_only or http in _IDEMPOTENT,
        "open_world": True,
    }
    said = {key: value for key, value in stated.items() if value is not None}
    return Annotations(**{**hints, "read_only": read_only, **said})
