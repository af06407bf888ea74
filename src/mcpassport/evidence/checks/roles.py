"""Checks of roles: what each opens, and that an agent's secrets open no management route."""

from typing import Any, Final

from mcpassport.evidence.bench import Bench, Grant
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.routes import Request, requests_for, routes

REFUSED: Final = frozenset({401, 403})
NOT_FOUND: Final = 404
ERRORS: Final = 400
VENDOR: Final[tuple[tuple[str, str, Any], ...]] = (
    ("POST", "/tenant", {"name": "Taken"}),
    ("GET", "/tenant", None),
    ("POST", "/integration", {"config": {}, "documentation": []}),
    ("POST", "/switch", {"scope": "all"}),
    ("GET", "/switch", None),
)
"""What only the vendor's own tokens open."""


async def roles(bench: Bench, finding: Finding) -> None:
    """AUT-11. Control: a tenant's own objects are found opened by its token."""
    ours, theirs = await bench.grant(), await bench.grant()
    tokens = {role: await bench.api_token(role, ours.tenant) for role in ("tenant", "auditor")}
    for role, made in tokens.items():
        secret = made["token"]
        beyond = [
            f"{method} {path}: {status}"
            for method, path, body in VENDOR
            if (status := (await bench.manage(method, path, body, token=secret)).status)
            not in REFUSED
        ]
        finding.expect(not beyond, f"{role}: nothing of the vendor's", beyond)
        foreign = [path for path in _places(theirs) if await _read(bench, path, secret)]
        finding.expect(not foreign, f"{role}: nothing of another tenant's", foreign)
    reader = tokens["auditor"]["token"]
    changed = await bench.manage("PATCH", _places(ours)[0], {"name": "Taken"}, token=reader)
    finding.expect(changed.status in REFUSED, "auditor: changes nothing", changed.status)
    own = [await _read(bench, path, tokens["tenant"]["token"]) for path in _places(ours)]
    finding.control = all(own)


async def agents_open_nothing(bench: Bench, finding: Finding) -> None:
    """TEN-04. Control: the same requests with an admin's token are answered."""
    grant = await bench.grant()
    factor = await bench.api_token("factor", grant.tenant)
    ids = {
        "tenant_id": grant.tenant,
        "account_id": grant.account,
        "server_id": grant.server,
        "token_id": factor["id"],
        "webhook_id": (await bench.webhook(grant.tenant))["id"],
    }
    asked = [
        request
        for route in await routes(bench)
        if not route.public
        for request in requests_for(route, ids)
    ]
    for kind, secret in (("server token", grant.token), ("factor token", factor["token"])):
        opened = [
            f"{request.route.method} {request.route.path}"
            for request in asked
            if (await _asked(bench, request, secret)) not in REFUSED
        ]
        fact = f"{kind}: {len(asked)} requests over every route refused"
        finding.expect(not opened, fact, opened)
    reads = [request for request in asked if request.route.method == "GET"]
    answered = [await _asked(bench, request, "") for request in reads]
    finding.control = len(reads) > 0 and min(answered) < ERRORS


def _places(grant: Grant) -> tuple[str, ...]:
    account = f"/integrated-account/{grant.account}"
    return account, f"{account}/mcp/{grant.server}", f"/audit?tenant={grant.tenant}"


async def _read(bench: Bench, path: str, token: str) -> bool:
    return (await bench.manage("GET", path, token=token)).status < ERRORS


async def _asked(bench: Bench, request: Request, token: str) -> int:
    body = request.body if request.route.body else None
    method, path, more = request.route.method, request.path, bench.elsewhere()
    return (await bench.manage(method, path, body, token=token, more=more)).status
