"""Checks of the way in: who may ask (Origin, Host), and what every answer says."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from mcpassport.evidence.bench import Bench, Grant, Headers, Message
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import CALLS, GET, INTEGRATION
from mcpassport.evidence.raw import ask
from mcpassport.evidence.routes import routes
from mcpassport.records.calls import OutboundResponse

OK: Final = 200
NO_CONTENT: Final = 204
FORBIDDEN: Final = 403
HOSTILE: Final = ("https://evil.example", "null", "https://evidence.invalid.evil.example", "")
FOREIGN: Final = ("evil.example", "evil.example:80", "127.0.0.1.evil.example")
UNKNOWN: Final = "/mcp/mcpp_srv_unknown"
PUBLIC: Final = ("/reference", f"/reference/{INTEGRATION}", "/version", "/healthz", "/nowhere")
WANTED: Final = frozenset(
    {
        *("authorization", "content-type", "x-api-token", "mcp-protocol-version"),
        *("mcp-method", "mcp-name", "mcp-param-region"),
    }
)
"""Headers that clients of the current revision send from a page (mcp-facts: 1.5)."""
EXPOSED: Final = frozenset({"www-authenticate", "retry-after", "ratelimit", "ratelimit-policy"})
SAFE: Final = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
HSTS: Final = "strict-transport-security"


@dataclass(frozen=True)
class Place:
    """An address, told without a secret."""

    what: str
    method: str
    path: str
    headers: Headers = ()
    body: bytes = b""


async def origins(bench: Bench, finding: Finding) -> None:
    """AUT-08. Control: without `Origin` the same requests are found to pass."""
    grant = await bench.grant()
    places = [*_mcp(grant), *await _managed(bench)]
    await bench.lab.answer()
    for origin in HOSTILE:
        passed = [place.what for place in places if not await _refused(bench, place, origin)]
        fact = f"Origin {origin or '(empty)'}: {len(places)} addresses answer 403, no CORS header"
        finding.expect(not passed, fact, passed)
    pages = [place for place in places if place.path == grant.address]
    for place in pages:
        asked = Place(
            place.what, "OPTIONS", place.path, (("Access-Control-Request-Method", "POST"),)
        )
        refused = await _refused(bench, asked, HOSTILE[0])
        finding.expect(refused, "its preflight gets 403 too, and no CORS header")
    finding.expect(not await bench.lab.seen(), "0 upstream requests")
    # The control: the same search, where nothing is to be refused.
    passed = [place.what for place in places if not await _refused(bench, place, None)]
    finding.control = len(passed) == len(places)


async def preflights(bench: Bench, finding: Finding) -> None:
    """AUT-09. Control: of a page that is not listed the same search finds nothing admitted."""
    grant, listed = await bench.grant(), bench.sandbox.ready.origin
    paths = (grant.address, grant.header_address, UNKNOWN, "/mcp/s/unknown")
    answers = [await _preflight(bench, path, listed) for path in paths]
    heads = {tuple(h for h in answer.headers if h[0] != "date") for answer in answers}
    finding.expect(len(heads) == 1, f"{len(paths)} addresses, existing or not: one answer", heads)
    lacking = WANTED - _admitted(answers[0], listed)
    finding.expect(not lacking, f"it names {len(WANTED)} headers of MCP clients", lacking)
    cookies = any(answer.header("access-control-allow-credentials") for answer in answers)
    finding.expect(not cookies, "cookies are not admitted")
    for place in _mcp(grant):
        answer = await _ask(bench, place, ("Origin", listed))
        shown = answer.header("access-control-expose-headers") or ""
        named = {name.strip().lower() for name in shown.split(",")}
        origin = answer.header("access-control-allow-origin")
        readable = origin == listed and named >= EXPOSED
        finding.expect(readable, f"{place.what}: its page may read the answer and its headers")
    other = await _preflight(bench, grant.address, HOSTILE[0])
    finding.control = not _admitted(other, HOSTILE[0])


async def hosts(bench: Bench, finding: Finding) -> None:
    """AUT-14. Control: under our own name the same requests are found to pass."""
    grant = await bench.grant()
    places = [*_mcp(grant), *await _managed(bench)]
    await bench.lab.answer()
    for host in FOREIGN:
        passed = [p.what for p in places if not await _is_refused(bench, p, ("Host", host))]
        finding.expect(not passed, f"Host {host}: {len(places)} addresses answer 403", passed)
    own = ("Host", f"127.0.0.1:{bench.sandbox.ready.port}")
    twice = [p.what for p in places if not await _is_refused(bench, p, own, own)]
    finding.expect(not twice, "Host twice: 403", twice)
    finding.expect(not await bench.lab.seen(), "0 upstream requests")
    passed = [place.what for place in places if not await _is_refused(bench, place, own)]
    finding.control = len(passed) == len(places)


async def safe_answers(bench: Bench, finding: Finding) -> None:
    """AUT-16. Control: an answer of the upstream API, which lacks these headers, is found."""
    answers = await _every_kind(bench)
    lacking = {what: missing for what, answer in answers.items() if (missing := _lacking(answer))}
    fact = f"{len(answers)} answers, of status {_statuses(answers.values())}: every header once"
    finding.expect(not lacking, fact, lacking)
    port = int(bench.lab.origin.rpartition(":")[2])
    finding.control = bool(_lacking(await ask(port, "GET", "/records/beside")))


async def hsts(bench: Bench, finding: Finding) -> None:
    """AUT-15. Control: with the other kind of address the same answers are found wrong."""
    https = bench.sandbox.ready.public_url.startswith("https://")
    answers = await _every_kind(bench)
    wrong = [what for what, answer in answers.items() if _has_hsts(answer) != https]
    said = "says" if https else "does not ask for"
    finding.expect(not wrong, f"each of {len(answers)} answers {said} HSTS", wrong)
    # The control: were the address of the other kind, each of these answers would be wrong.
    found = [what for what, answer in answers.items() if _has_hsts(answer) == https]
    finding.control = len(found) == len(answers)


def _mcp(grant: Grant) -> Iterator[Place]:
    call = Message.call(GET, CALLS[GET])
    yield Place("a server's address", "POST", grant.address, call.headers, call.body)
    by_header = (*call.headers, *grant.by_header)
    yield Place(
        "a server's address with a header", "POST", grant.header_address, by_header, call.body
    )
    yield Place("an address that does not exist", "POST", UNKNOWN, call.headers, call.body)


async def _managed(bench: Bench) -> list[Place]:
    described = [
        Place(
            f"{route.method} {route.path}",
            route.method,
            route.path.replace("{", "").replace("}", ""),
        )
        for route in await routes(bench)
    ]
    return described + [Place(f"GET {path}", "GET", path) for path in PUBLIC]


async def _ask(bench: Bench, place: Place, *headers: tuple[str, str]) -> OutboundResponse:
    given = (*place.headers, *headers)
    return await ask(bench.sandbox.ready.port, place.method, place.path, given, place.body)


async def _refused(bench: Bench, place: Place, origin: str | None) -> bool:
    headers = () if origin is None else (("Origin", origin),)
    return await _is_refused(bench, place, *headers)


async def _is_refused(bench: Bench, place: Place, *headers: tuple[str, str]) -> bool:
    """403 with the type of a foreign Origin or Host, and nothing that a page could use."""
    answer = await _ask(bench, place, *headers)
    cors = any(name.startswith("access-control-") for name, _ in answer.headers)
    return answer.status == FORBIDDEN and b'"origin_forbidden"' in answer.body and not cors


async def _preflight(bench: Bench, path: str, origin: str) -> OutboundResponse:
    headers = (
        ("Origin", origin),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", ", ".join(sorted(WANTED))),
    )
    return await ask(bench.sandbox.ready.port, "OPTIONS", path, headers)


def _admitted(answer: OutboundResponse, origin: str) -> set[str]:
    """The headers that a page of that origin may send; none where it may not call."""
    if answer.status != NO_CONTENT or answer.header("access-control-allow-origin") != origin:
        return set()
    names = answer.header("access-control-allow-headers") or ""
    return {name.strip().lower() for name in names.split(",")}


async def _every_kind(bench: Bench) -> dict[str, OutboundResponse]:
    """Answers of every part and of every kind of refusal."""
    grant = await bench.grant()
    await bench.lab.answer()
    places = [*_mcp(grant), *(Place(f"GET {path}", "GET", path) for path in PUBLIC)]
    admin = ("Authorization", f"Bearer {bench.sandbox.ready.token}")
    places += [
        Place("another method", "GET", grant.address),
        Place("no API token", "GET", "/tenant"),
        Place("an API token", "GET", "/tenant", (admin,)),
        Place("no JSON", "POST", grant.address, (("Content-Type", "text/plain"),), b"x"),
        Place("a foreign page", "GET", "/version", (("Origin", HOSTILE[0]),)),
    ]
    answers = {place.what: await _ask(bench, place) for place in places}
    answers["a preflight"] = await _preflight(bench, UNKNOWN, bench.sandbox.ready.origin)
    return answers


def _lacking(answer: OutboundResponse) -> list[str]:
    """The headers of safety that the answer lacks, has twice, or with another value."""
    values = {name: [v for n, v in answer.headers if n == name] for name in SAFE}
    missing = [name for name, value in SAFE.items() if values[name] != [value]]
    policies = [value for name, value in answer.headers if name == "content-security-policy"]
    is_page = (answer.header("content-type") or "").startswith("text/html")
    frameless = len(policies) == 1 and "frame-ancestors 'none'" in policies[0]
    loads_nothing = is_page or (frameless and "default-src 'none'" in policies[0])
    return missing if frameless and loads_nothing else [*missing, "content-security-policy"]


def _has_hsts(answer: OutboundResponse) -> bool:
    return answer.header(HSTS) == "max-age=31536000"


def _statuses(answers: Iterable[OutboundResponse]) -> str:
    return ", ".join(map(str, sorted({answer.status for answer in answers})))
