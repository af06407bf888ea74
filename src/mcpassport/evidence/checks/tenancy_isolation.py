"""Checks of Tenancy & isolation: what the credentials of one tenant, or one server, reach."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mcpassport.evidence.bench import Bench, Grant, Headers, Message, factor, outcome_of
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import CALLS, GET, INTEGRATION
from mcpassport.evidence.routes import Route, requests_for, routes

UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
ROLES: Final = ("tenant", "auditor", "factor")
UNKNOWN: Final = {
    "tenant_id": "no-such-tenant",
    "account_id": "acc_" + "0" * 40,
    "server_id": "srv_" + "0" * 40,
    "token_id": "tok_" + "0" * 40,
    "webhook_id": "whk_" + "0" * 40,
}
REFUSALS: Final[Mapping[str, frozenset[int]]] = {
    "tenant": frozenset({FORBIDDEN, NOT_FOUND}),
    "auditor": frozenset({FORBIDDEN, NOT_FOUND}),
    "factor": frozenset({UNAUTHORIZED}),
    "server": frozenset({UNAUTHORIZED}),
}
"""Credential -> how the management API refuses it what belongs to another tenant."""


@dataclass(frozen=True)
class Owner:
    """A tenant with one of everything: its ids by parameter, its secrets by kind."""

    grant: Grant
    guarded: Grant
    """A server that demands a second factor."""
    ids: Mapping[str, str]
    secrets: Mapping[str, str]


@dataclass(frozen=True)
class Door:
    """One way to knock at an MCP address; `what` tells it without a secret."""

    what: str
    address: str
    headers: Headers
    refusal: int = NOT_FOUND


async def isolation(bench: Bench, finding: Finding) -> None:
    """TEN-01. Control: with the other tenant's own credentials the same sweeps find crossings."""
    ours, theirs = await _owner(bench), await _owner(bench)
    known = await routes(bench)
    await bench.lab.answer()
    before = await _state(bench, known, theirs)
    for kind, token in ours.secrets.items():
        tried, crossed = await _crossings(bench, known, (kind, token), theirs, ours)
        fact = f"management API, {kind} token: {tried} requests for what another tenant has"
        finding.expect(not crossed, f"{fact}: each refused as if it did not exist", crossed)
    unchanged = await _state(bench, known, theirs) == before
    finding.expect(unchanged, "objects and audit rows of the other tenant are as before")
    doors = [*_doors(ours, theirs), *_factors(ours, theirs)]
    served = [door.what for door in doors if not await _refused(bench, door)]
    fact = f"MCP addresses: {len(doors)} requests with the credentials of another tenant refused"
    finding.expect(not served, fact, served)
    finding.expect(not await bench.lab.seen(), "0 upstream requests")
    # The control: what is reachable is found to be.
    reading = [route for route in known if route.method == "GET"]
    own = ("tenant", theirs.secrets["tenant"])
    _, crossed = await _crossings(bench, reading, own, theirs, ours)
    open_door = Door("its own token", theirs.grant.header_address, theirs.grant.by_header)
    finding.control = len(crossed) > 1 and not await _refused(bench, open_door)


async def _owner(bench: Bench) -> Owner:
    grant = await bench.grant()
    guarded = await bench.grant(grant.tenant, grant.account, require_api_token_auth=True)
    tokens = {role: await bench.api_token(role, grant.tenant) for role in ROLES}
    return Owner(
        grant,
        guarded,
        ids={
            "tenant_id": grant.tenant,
            "account_id": grant.account,
            "server_id": grant.server,
            "token_id": tokens["tenant"]["id"],
            "webhook_id": (await bench.webhook(grant.tenant))["id"],
        },
        secrets={role: made["token"] for role, made in tokens.items()} | {"server": grant.token},
    )


async def _crossings(
    bench: Bench, known: Sequence[Route], credential: tuple[str, str], theirs: Owner, ours: Owner
) -> tuple[int, list[str]]:
    """How many requests were made, and those that told or did something of the other tenant.

    A request that names something of theirs must be refused, and to the byte as one that names what
    never was; any other must not mention it.
    """
    (kind, token), found, tried = credential, [], 0
    for route in known:
        pairs = zip(
            requests_for(route, theirs.ids, ours.ids),
            requests_for(route, UNKNOWN, ours.ids),
            strict=True,
        )
        for request, unknown in pairs:
            tried += 1
            answer = await bench.manage(
                route.method, request.path, request.body, token=token, more=bench.elsewhere()
            )
            if request.reaches:
                other = await bench.manage(
                    route.method, unknown.path, unknown.body, token=token, more=bench.elsewhere()
                )
                same = (answer.status, answer.body) == (other.status, other.body)
                crossed = answer.status not in REFUSALS[kind] or not same
            else:
                crossed = any(each.encode() in answer.body for each in theirs.ids.values())
            if crossed:
                found.append(f"{route.method} {route.path}: {answer.status}")
    return tried, found


async def _state(bench: Bench, known: Sequence[Route], owner: Owner) -> list[bytes]:
    """All that an admin reads of that tenant."""
    requests = [
        request
        for route in known
        for request in requests_for(route, owner.ids)
        if route.method == "GET" and request.reaches
    ]
    return [(await bench.manage("GET", request.path)).body for request in requests]


def _doors(ours: Owner, theirs: Owner) -> Iterator[Door]:
    """Each of our credentials at the address of their server, and each of their ids as a token."""
    address, server = theirs.grant.header_address, ours.grant.by_header
    for kind, token in ours.secrets.items():
        bearer = ("Authorization", f"Bearer {token}")
        yield Door(f"{kind} token as the server's", address, (bearer,))
        yield Door(f"{kind} token as a factor alone", address, (factor(token),))
        yield Door(f"server token with {kind} token", address, (*server, factor(token)))
        yield Door(f"{kind} token with server token", address, (bearer, factor(ours.grant.token)))
    tokens = {f"{role} token": ours.secrets[role] for role in ROLES}
    bearer = ("Authorization", f"Bearer {ours.secrets['tenant']}")
    for name, text in {**theirs.ids, **tokens}.items():
        yield Door(f"{name} as the path", f"/mcp/{text}", server)
        yield Door(f"{name} as a server's id", f"/mcp/s/{text}", (bearer,))


def _factors(ours: Owner, theirs: Owner) -> Iterator[Door]:
    """Our API tokens as the second factor of their server."""
    for role in ROLES:
        shown = (factor(ours.secrets[role]),)
        yield Door(f"{role} token as its factor", theirs.guarded.address, shown, FORBIDDEN)


async def _refused(bench: Bench, door: Door) -> bool:
    answer = await bench.rpc(door.address, Message.call(GET, CALLS[GET]), *door.headers)
    return answer.status == door.refusal


async def blast_radius(bench: Bench, finding: Finding) -> None:
    """TEN-03. Control: the same calls with the tokens of two accounts are counted as two."""
    first = await bench.grant()
    grants = (first, await bench.grant(first.tenant), await bench.grant())
    for grant in grants:
        others = [each for each in grants if each is not grant]
        reached = await _reached(bench, grants, list(_attempts(grant, others)))
        words = "of another tenant" if grant.tenant != first.tenant else "of a tenant with two"
        finding.expect(
            reached == [grant.account],
            f"a server token {words}: 1 of {len(grants)} accounts reached",
            f"{len(reached)} reached",
        )
        listed = await bench.manage("GET", "/integrated-account", token=grant.token)
        finding.expect(listed.status == UNAUTHORIZED, "it lists no account", listed.status)
    both = [*_attempts(grants[0], []), *_attempts(grants[1], [])]
    finding.control = len(await _reached(bench, grants, both)) == 1 + 1


Attempt = tuple[str, Message, Headers]


def _attempts(grant: Grant, others: Sequence[Grant]) -> Iterator[Attempt]:
    """Calls with one token, that name other accounts and servers wherever a request can."""
    arguments = CALLS[GET]
    yield grant.address, Message.call(GET, arguments), ()
    yield grant.header_address, Message.call(GET, arguments, "modern"), grant.by_header
    for other in others:
        named = {
            "tenant": other.tenant,
            "account": other.account,
            "server": other.server,
            "integrated_account": other.account,
            "account_id": other.account,
        }
        plain = Message.call(GET, arguments)
        yield other.header_address, plain, grant.by_header
        yield f"{grant.address}?account={other.account}&server={other.server}", plain, ()
        yield f"{grant.address}/{other.account}", plain, ()
        yield (
            grant.address,
            plain,
            (
                *((f"X-{name.replace('_', '-')}", value) for name, value in named.items()),
                ("Mcp-Session-Id", other.server),
            ),
        )
        yield grant.address, Message.call(GET, arguments, more={"_meta": named}), ()
        yield grant.address, Message.call(GET, arguments, more=named), ()
        yield grant.address, Message.call(GET, {**arguments, **named}), ()
        yield grant.address, Message.call(GET, {"id": other.account}), ()
        yield grant.address, Message.call(f"{GET}@{other.account}", arguments), ()
        yield grant.address, Message.call(f"{INTEGRATION}/{other.account}/{GET}", arguments), ()


async def _reached(bench: Bench, grants: Sequence[Grant], attempts: Sequence[Attempt]) -> list[str]:
    """The accounts whose credential went upstream, and `?` for one that nobody has."""
    await bench.lab.answer()
    outcomes = [
        outcome_of(await bench.rpc(address, message, *headers))
        for address, message, headers in attempts
    ]
    accounts = {f"Bearer {grant.credential}": grant.account for grant in grants}
    seen = await bench.lab.seen()
    if len(seen) != outcomes.count("ok"):
        return ["?"]
    return sorted({accounts.get(each.header("Authorization"), "?") for each in seen})
