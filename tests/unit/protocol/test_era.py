"""The classifier: which era, which revision, or why neither."""

from typing import Any

import msgspec
import pytest
from tests.support.calling import MODERN, legacy, legacy_headers, modern, modern_headers

from mcpassport.errors import (
    HeaderMismatch,
    InvalidParams,
    InvalidRequest,
    McpassportError,
    UnsupportedVersion,
)
from mcpassport.limits import LEGACY_REVISIONS
from mcpassport.protocol.era import Rejection, Route, classify, plain_header
from mcpassport.protocol.jsonrpc import parse


def decide(headers: dict[str, str], body: bytes) -> Route | Rejection:
    return classify(headers, parse(body, depth=64, batch=50))


def routed(headers: dict[str, str], body: bytes) -> Route:
    decided = decide(headers, body)
    assert isinstance(decided, Route), decided
    return decided


def rejected(headers: dict[str, str], body: bytes) -> McpassportError:
    decided = decide(headers, body)
    assert isinstance(decided, Rejection), decided
    return decided.error


def test_a_claim_in_the_body_makes_it_modern() -> None:
    """The body decides, and names client and revision."""
    route = routed(modern_headers("tools/list"), modern("tools/list"))
    assert (route.era, route.revision, route.client) == ("modern", MODERN, ("tester", "9"))


@pytest.mark.parametrize("revision", LEGACY_REVISIONS)
def test_a_known_legacy_header_is_the_revision(revision: str) -> None:
    """Without a claim the header's revision holds."""
    route = routed(legacy_headers(revision), legacy("tools/list"))
    assert (route.era, route.revision, route.raw) == ("legacy", revision, False)


def test_without_a_header_the_oldest_streamable_revision_is_assumed() -> None:
    """No header means 2025-03-26, as its own clients send none."""
    route = routed({"accept": "text/event-stream"}, legacy("tools/list"))
    assert (route.era, route.revision, route.raw) == ("legacy", "2025-03-26", False)


def test_a_plain_http_caller_is_recognised() -> None:
    """Neither the version header nor the event-stream media type: no MCP client."""
    assert routed({"accept": "application/json"}, legacy("tools/call")).raw
    assert not routed(legacy_headers(), legacy("tools/call")).raw


@pytest.mark.parametrize(
    "meta",
    [
        {"io.modelcontextprotocol/protocolVersion": 7},
        {"io.modelcontextprotocol/clientCapabilities": None},
        {"io.modelcontextprotocol/clientCapabilities": []},
    ],
)
def test_a_claim_needs_its_required_keys(meta: dict[str, Any]) -> None:
    """(2a) A missing or ill-typed key of `_meta` is -32602, even with all headers right."""
    error = rejected(modern_headers("tools/list"), modern("tools/list", None, **meta))
    assert isinstance(error, InvalidParams)


@pytest.mark.parametrize("client", [None, 5, {"name": 5}])
def test_the_client_need_not_say_who_it_is(client: Any) -> None:
    """`clientInfo` is never demanded."""
    body = modern("tools/list", None, **{"io.modelcontextprotocol/clientInfo": client})
    assert routed(modern_headers("tools/list"), body).client == ("", "")


@pytest.mark.parametrize(
    "change",
    [
        {"mcp-protocol-version": ""},
        {"mcp-protocol-version": "2025-11-25"},
        {"mcp-protocol-version": f"{MODERN}, {MODERN}"},
        {"mcp-method": "tools/list"},
        {"mcp-method": "TOOLS/CALL"},
        {"mcp-method": "tools/call, tools/call"},
        {"mcp-name": "other"},
        {"mcp-name": "get, get"},
        {"mcp-name": "=?base64?!!!?="},
        {"mcp-name": "=?base64?Z2V0?=x"},
    ],
)
def test_headers_must_equal_the_body(change: dict[str, str]) -> None:
    """(2b) A missing, repeated, malformed or different routing header is -32020."""
    headers = modern_headers("tools/call", "get") | change
    headers = {name: value for name, value in headers.items() if value}
    assert isinstance(rejected(headers, modern("tools/call", {"name": "get"})), HeaderMismatch)


def test_names_may_come_encoded() -> None:
    """The Base64 sentinel is decoded before the comparison."""
    headers = modern_headers("tools/call", "=?base64?Z2V0?=")
    assert routed(headers, modern("tools/call", {"name": "get"})).era == "modern"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ("get", "get"),
        ("=?base64?Z2V0?=", "get"),
        ("=?base64?w7w=?=", "ü"),
        ("=?base64?Z2V0", "=?base64?Z2V0"),
        ("Z2V0?=", "Z2V0?="),
        ("=?base64?Z2V?=", None),
        ("=?base64?/w==?=", None),
    ],
)
def test_sentinels_are_decoded_only_when_complete(value: str, plain: str | None) -> None:
    """Half a sentinel is literal text, a broken whole one is invalid."""
    assert plain_header(value) == plain


@pytest.mark.parametrize("version", ["2030-01-01", "2025-11-25"])
def test_a_claimed_version_must_be_served(version: str) -> None:
    """(2c) An unknown version, or a legacy one claimed the modern way, is -32022 with our list."""
    headers = modern_headers("tools/list") | {"mcp-protocol-version": version}
    body = modern("tools/list", None, **{"io.modelcontextprotocol/protocolVersion": version})
    error = rejected(headers, body)
    assert isinstance(error, UnsupportedVersion)
    assert error.data == {"supported": [MODERN], "requested": version}


def test_a_mismatch_is_told_before_an_unknown_version() -> None:
    """Header and body that differ are -32020 even when the body's version is unknown."""
    body = modern("tools/list", None, **{"io.modelcontextprotocol/protocolVersion": "2030-01-01"})
    assert isinstance(rejected(modern_headers("tools/list"), body), HeaderMismatch)


@pytest.mark.parametrize("stated", [MODERN, "2030-01-01", "nonsense"])
def test_an_unknown_header_without_a_claim(stated: str) -> None:
    """(3) Only `initialize`, notifications and responses pass with a header we cannot place."""
    headers = {"mcp-protocol-version": stated}
    assert isinstance(rejected(headers, legacy("tools/list")), InvalidParams)
    assert routed(headers, legacy("initialize")).era == "legacy"
    assert routed(headers, b'{"jsonrpc":"2.0","method":"notifications/x"}').era == "legacy"
    assert routed(headers, b'{"jsonrpc":"2.0","id":1,"result":{}}').era == "legacy"


def test_batches_belong_to_the_oldest_revisions() -> None:
    """(1) An array passes without a header or with an old one, and never with a modern member."""
    batch = b"[" + legacy("ping") + b"]"
    assert routed({}, batch).revision == "2025-03-26"
    assert routed(legacy_headers("2024-11-05"), batch).revision == "2024-11-05"
    for revision in ("2025-06-18", "2025-11-25", MODERN):
        assert isinstance(rejected(legacy_headers(revision), batch), InvalidRequest)
    assert isinstance(rejected({}, b"[" + modern("tools/list") + b"]"), InvalidRequest)


def test_notifications_are_accepted_whatever_their_headers() -> None:
    """Header rules for notifications are not defined, so none is demanded."""
    body = msgspec.json.decode(modern("notifications/x"))
    del body["id"]
    assert routed({}, msgspec.json.encode(body)).era == "modern"


def test_an_unreadable_meta_is_refused_with_the_id() -> None:
    """`_meta` of another type is -32602 and names the request."""
    decided = decide({}, legacy("tools/list", {"_meta": 5}, id_="x"))
    assert isinstance(decided, Rejection)
    assert isinstance(decided.error, InvalidParams)
    assert decided.id == b'"x"'
