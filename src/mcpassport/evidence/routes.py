"""Every route of the management API, read from its own description, and requests that fit them.

A route, parameter or body that is not known here ends the check that meets it: what a later version
adds cannot stay unchecked by silence.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from mcpassport.evidence.bench import Bench
from mcpassport.evidence.finding import CheckFailed
from mcpassport.evidence.probe import CREDENTIAL_KIND, GET, INTEGRATION

OK: Final = 200
OF_A_TENANT: Final = ("tenant_id", "account_id", "server_id", "token_id", "webhook_id")
"""Parameters that name something of a tenant."""
FILTERS: Final = ("account", "server")
"""Query parameters that name something of a tenant, to choose among one's own rows."""
_INDIFFERENT: Final = frozenset(
    {
        *("cursor", "limit", "oldest_first", "phase", "tool", "outcome", "reason", "request_id"),
        *("from", "to", "format", "integration", "methods", "tags", "resources", "deny"),
    }
)
"""Query parameters that name nothing of a tenant."""
_SHARED: Final = {
    "name": INTEGRATION,
    "number": "1",
    "a": "1",
    "b": "1",
    "tool": "records.get",
    "switch_id": "all",
}
_BODIES: Final[Mapping[str, Any]] = {
    "TenantIn": {"name": "Taken"},
    "TenantPatch": {"name": "Taken"},
    "IntegrationIn": {"config": {}, "documentation": []},
    "RollbackIn": {"version": 1},
    "AccountIn": {
        "tenant": "{tenant_id}",
        "integration": INTEGRATION,
        "name": "Taken",
        "credential_kind": CREDENTIAL_KIND,
        "credential": {"token": "taken"},
    },
    "AccountPatch": {"name": "Taken"},
    "WebhookIn": {"tenant": "{tenant_id}", "url": "https://taken.invalid/"},
    "LinkIn": {"tenant": "{tenant_id}", "integration": INTEGRATION, "name": "Taken"},
    "ReconnectIn": {},
    "TestIn": {},
    "OAuthAppIn": {"client_id": "taken"},
    "ServerIn": {"name": "Taken"},
    "ServerPatch": {"name": "Taken"},
    "RotateIn": {"overlap_seconds": 60},
    "LeakedIn": {"text": "nothing"},
    "SwitchIn": {"scope": "tenant", "name": "{tenant_id}"},
    "TokenIn": {"tenant": "{tenant_id}", "role": "tenant", "name": "Taken"},
    "CallIn": {"tool": GET, "arguments": {"id": "r1"}},
    "TryIn": {"resource": "records", "method": "get", "args": {"id": "r1"}},
}


@dataclass(frozen=True)
class Route:
    """One operation: its parameters by place, and the schema of its body, if it takes one."""

    method: str
    path: str
    in_path: tuple[str, ...]
    in_query: tuple[str, ...]
    required: tuple[str, ...]
    body: str
    public: bool = False
    """Whether anybody may ask, so that it gives nobody more than others have."""


@dataclass(frozen=True)
class Request:
    """A request that fits a route, and whether it reaches for something of a tenant."""

    route: Route
    path: str
    body: Any
    reaches: bool


async def routes(bench: Bench) -> list[Route]:
    """Every operation that the deployment's `/openapi.json` describes; `CheckFailed` if none."""
    answer = await bench.manage("GET", "/openapi.json")
    if answer.status != OK:
        raise CheckFailed(f"GET /openapi.json answered {answer.status}")
    return described(json.loads(answer.body))


def described(document: Mapping[str, Any]) -> list[Route]:
    """Every operation of an OpenAPI document."""
    return [
        _route(method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


def _route(method: str, path: str, operation: Mapping[str, Any]) -> Route:
    placed: dict[str, list[str]] = {"path": [], "query": [], "header": []}
    for parameter in operation.get("parameters", ()):
        placed[parameter["in"]].append(parameter["name"])
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    return Route(
        method,
        path,
        tuple(placed["path"]),
        tuple(placed["query"]),
        tuple(each["name"] for each in operation.get("parameters", ()) if each.get("required")),
        schema.rpartition("/")[2],
        public="security" not in operation,
    )


def requests_for(route: Route, *owners: Mapping[str, str]) -> Iterator[Request]:
    """Requests to the route about what the first owner has, mixed with what the others have.

    An owner has a value for each of `OF_A_TENANT`. Every mixture of path parameters comes that has
    at least one of the first owner's; then one request for each query parameter that names it.
    """
    first = owners[0]
    named = [name for name in route.in_path if name in OF_A_TENANT]
    for mixture in product(owners, repeat=len(named)):
        if named and first not in mixture:
            continue
        chosen = {name: owner[name] for name, owner in zip(named, mixture, strict=True)}
        yield _request(route, first, chosen, "")
    if "tenant" in route.in_query:
        chosen = {name: first[name] for name in named}
        yield _request(route, first, chosen, f"tenant={first['tenant_id']}")
    for name in FILTERS:
        if name in route.in_query:
            yield _request(route, first, {}, f"{name}={first[name + '_id']}")


def _request(
    route: Route, first: Mapping[str, str], chosen: Mapping[str, str], query: str
) -> Request:
    strange = set(route.in_path) - {*OF_A_TENANT, *_SHARED}
    strange |= set(route.in_query) - {*_INDIFFERENT, *FILTERS, *_SHARED, "tenant"}
    if strange or (route.body and route.body not in _BODIES):
        what = ", ".join(sorted(strange)) or route.body
        raise CheckFailed(f"{route.method} {route.path} takes {what}, which no check knows")
    path = route.path.format_map({**_SHARED, **chosen})
    required = [f"{name}={_SHARED[name]}" for name in route.required if name in route.in_query]
    queries = [*required, *([query] if query else [])]
    body = _filled(_BODIES.get(route.body), first)
    named = bool(chosen) or query.startswith("tenant=") or body != _BODIES.get(route.body)
    reaches = named and not route.public
    return Request(route, path + ("?" + "&".join(queries) if queries else ""), body, reaches)


def _filled(value: Any, owner: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(item, owner) for name, item in value.items()}
    if isinstance(value, str):
        return value.replace("{tenant_id}", owner["tenant_id"])
    return value
