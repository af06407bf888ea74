"""Check of Rate limits & errors: an upstream 429 is a 429 on both channels, with the same facts."""

from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from mcpassport.evidence.bench import Bench
from mcpassport.evidence.claims.failures import FAILURES, Failure
from mcpassport.evidence.failures import Way, ask, document, open_account, set_answers, told
from mcpassport.evidence.finding import Finding
from mcpassport.records.calls import OutboundResponse

DIALECTS: Final = {name: each for name, each in FAILURES.items() if name.startswith("rate-limit-")}
AS_HTTP: Final[tuple[Way, ...]] = ("modern", "raw")
ABSOLUTE_S: Final = 60
"""A reset told as a time may be read that much later on the other channel."""


class _Heard(NamedTuple):
    """What one caller learns of a 429."""

    status: int
    code: int | None
    envelope: dict[str, Any]
    headers: dict[str, str]

    def is_429(self, *, as_http: bool) -> bool:
        """The envelope of a rate limit, on that channel."""
        channel = (429, 429) if as_http else (200, None)
        kind = (self.envelope.get("type"), self.envelope.get("whose"))
        return (self.status, self.code) == channel and kind == ("rate_limited", "upstream")

    def figures(self) -> dict[str, int | None]:
        """The facts as numbers, from the envelope."""
        retry: dict[str, Any] = self.envelope.get("retry") or {}
        return {**(self.envelope.get("ratelimit") or {}), "after": retry.get("after_seconds")}


async def same_facts(bench: Bench, finding: Finding) -> None:
    """LIM-01. Control: an upstream 503 with the same headers is told apart from a 429."""
    account = await open_account(bench)
    await set_answers(bench, account, DIALECTS.values())
    for name, dialect in DIALECTS.items():
        older = _heard(await ask(bench, account, "legacy", dialect.calls[0]))
        finding.expect(older.is_429(as_http=False), f"{name}: a tool error for an older client")
        finding.expect(_consistent(older), f"{name}: headers and envelope say the same")
        for way in AS_HTTP:
            other = _heard(await ask(bench, account, way, dialect.calls[0]))
            finding.expect(other.is_429(as_http=True), f"{name}: HTTP 429 for a {way} caller")
            finding.expect(_same(older, other), f"{name}: the same facts for a {way} caller")
    await _fixed(bench, account, finding)
    await _control(bench, account, finding)


async def _fixed(bench: Bench, account: dict[str, Any], finding: Finding) -> None:
    """`rate_limit_errors` of the server decides over the kind of caller."""
    asking = next(iter(DIALECTS.values())).calls[0]
    for channel in ("http_429", "tool_error"):
        ways: tuple[Way, ...] = ("legacy", "modern")
        for way in ways:
            heard = _heard(await ask(bench, account, way, asking, rate_limit_errors=channel))
            held = heard.is_429(as_http=channel == "http_429")
            finding.expect(held, f"{channel} is obeyed for a {way} caller")


async def _control(bench: Bench, account: dict[str, Any], finding: Finding) -> None:
    name, dialect = next(iter(DIALECTS.items()))
    failing: Failure = replace(dialect, upstream=(replace(dialect.upstream[0], status=503),))
    await set_answers(bench, account, (failing,))
    heard = _heard(await ask(bench, account, "legacy", DIALECTS[name].calls[0]))
    finding.control = bool(heard.headers) and not heard.is_429(as_http=False)


def _heard(answer: OutboundResponse) -> _Heard:
    found = document(answer)
    error: dict[str, Any] = found.get("error") or {}
    meta: dict[str, Any] = found.get("result", {}).get("_meta", {})
    envelope = error.get("data") or meta.get("mcpassport/error") or {}
    return _Heard(answer.status, error.get("code"), envelope, told(answer))


def _consistent(heard: _Heard) -> bool:
    """What the headers say is what the envelope says."""
    facts = heard.envelope.get("ratelimit") or {}
    named = {f"ratelimit-{name}": str(facts[name]) for name in facts if name != "retry_after"}
    named["retry-after"] = str(heard.figures()["after"])
    return named.items() <= heard.headers.items()


def _same(one: _Heard, other: _Heard) -> bool:
    """The same headers and the same figures, but for the time between the two calls."""
    mine, theirs = one.figures(), other.figures()
    return (
        one.headers.keys() == other.headers.keys()
        and mine.keys() == theirs.keys()
        and _consistent(other)
        and all(_near(mine[name], theirs[name]) for name in mine)
    )


def _near(one: int | None, other: int | None) -> bool:
    if one is None or other is None:
        return one is other
    return 0 <= one - other <= ABSOLUTE_S
