"""Claims about the way in: who may ask, over what, and how much at once."""

from typing import Final

from mcpassport.evidence.claims.record import Claim

_AUTH = "authentication-layers"
_LIMITS = "rate-limits-errors"

TRANSPORT: Final[tuple[Claim, ...]] = (
    Claim(
        "AUT-08",
        _AUTH,
        31,
        "A request with an `Origin` is refused with HTTP 403, without a CORS header and before any "
        "look-up, unless the origin is listed, for MCP servers, or this deployment's own, for the "
        "rest. One without `Origin` passes. Listed origins: {allowed_origins}.",
    ),
    Claim(
        "AUT-09",
        _AUTH,
        31,
        "The CORS preflight of a listed origin is answered from the settings, alike for every "
        "address of an MCP server, existing or not. It names the headers that MCP clients send; "
        "answers expose `WWW-Authenticate`, `Retry-After` and the rate limit's. Cookies are never "
        "admitted.",
    ),
    Claim("AUT-10", _AUTH, 30, "{transport_security}"),
    Claim(
        "AUT-14",
        _AUTH,
        31,
        "Against DNS rebinding the `Host` of a request is checked before any look-up; another one "
        "is refused with HTTP 403. Admitted: {admitted_hosts}.",
        hangs_on=("allowed_hosts",),
    ),
    Claim("AUT-15", _AUTH, 30, "{hsts_rule}"),
    Claim(
        "AUT-16",
        _AUTH,
        30,
        "Every answer, refusals among them, says `Cache-Control: no-store`, `Referrer-Policy: "
        "no-referrer` and `X-Content-Type-Options: nosniff`, and has a content security policy "
        "that lets nobody frame it; what is no page may load nothing.",
    ),
    Claim(
        "LIM-06",
        _LIMITS,
        20,
        "One tenant cannot keep another out: it has at most {in_flight_tenant} requests in flight "
        "per worker process, and takes a place of a process or of an upstream host only while it "
        "holds fewer than three times those that are free. Who waits is served by who holds "
        "fewest; after {place_wait} without a place the answer is a 429 of the gateway.",
        hangs_on=("in_flight_server",),
    ),
    Claim(
        "LIM-07",
        _LIMITS,
        23,
        "A request body over {request_body}, JSON nested deeper than {json_depth} levels and a "
        "batch of more than {batch_length} messages are refused before any upstream request.",
    ),
)
