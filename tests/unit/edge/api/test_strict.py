"""What the management API refuses to read, and how every failure is told."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from tests.support.asgi import Response
from tests.support.deployment import Deployment, notes

from mcpassport.edge.api.problems import problem_body, status_of
from mcpassport.errors import MEANINGS, McpassportError, Problem
from mcpassport.store.protocol import Put
from mcpassport.store.repositories import TENANTS


def told(answer: Response, status: int) -> dict[str, Any]:
    """The problem document of an answer, checked against RFC 9457."""
    assert answer.status == status, answer.body
    assert answer.header("content-type") == "application/problem+json"
    assert answer.header("cache-control") == "no-store"
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    for member in ("type", "title", "detail"):
        assert isinstance(document[member], str)
        assert document[member]
    assert document["whose"] in {"caller", "upstream", "gateway"}
    assert set(document["retry"]) == {"safe", "after_seconds"}
    return document


BODIES: dict[str, tuple[bytes, str]] = {
    "no JSON": (b'{"name": }', "line 1, column 10"),
    "two documents": (b'{"name":"a"}{}', "Extra data"),
    "NaN": (b'{"name":NaN}', "NaN, which is not JSON"),
    "Infinity": (b'{"name":-Infinity}', "-Infinity, which is not JSON"),
    "a number beyond doubles": (b'{"name":1e999}', "out of range"),
    "an endless integer": (b'{"name":' + b"9" * 5000 + b"}", "out of range"),
    "duplicate keys": (b'{"name":"a","name":"b"}', "same key twice"),
    "duplicate keys, spelled apart": (b'{"name":"a","n\\u0061me":"b"}', "same key twice"),
    "not UTF-8": (b'{"name":"\xff"}', "not UTF-8"),
    "UTF-16": ('{"name":"a"}'.encode("utf-16"), "not UTF-8"),
    "half a surrogate pair": (b'{"name":"\\ud800"}', "surrogate"),
    "half a pair in a key": (b'{"\\udfff":1}', "surrogate"),
    "deep arrays": (b'{"name":' + b"[" * 100 + b"]" * 100 + b"}", "nested deeper than 64"),
    "bottomless": (b"[" * 1_000_000, "nested deeper than 64"),
    "deep objects": (b'{"a":' * 100 + b"1" + b"}" * 100, "nested deeper than 64"),
    "a byte order mark": (b'\xef\xbb\xbf{"name":"a"}', "not JSON"),
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_that_is_not_strictly_json_is_a_400(name: str, house: Deployment) -> None:
    """It says what is wrong, where that is a matter of place, and repeats nothing of it."""
    raw, says = BODIES[name]
    answer = await house.send("POST", "/tenant", raw=raw)
    assert says in told(answer, 400)["detail"]
    assert await house.rows() == []


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "body.name"),
        ({"name": ""}, "body.name"),
        ({"name": 1}, "body.name"),
        ({"name": "a", "colour": "planted-value"}, "body.colour"),
        ({"name": "a", "id": "planted value"}, "body.id"),
        ([], "body"),
        ("text", "body"),
        (None, "body"),
    ],
)
async def test_a_body_of_the_wrong_shape_is_a_400_that_names_the_place(
    body: Any, where: str, house: Deployment
) -> None:
    """Never FastAPI's 422, and never the value that was sent."""
    raw = None if body is None else msgspec.json.encode(body)
    answer = await house.send("POST", "/tenant", raw=raw)
    problems = told(answer, 400)["problems"]
    assert [problem["where"] for problem in problems] == [where]
    assert b"planted" not in answer.body


async def test_everything_that_is_wrong_is_told_at_once(house: Deployment) -> None:
    """One answer lists each wrong member."""
    body = {"role": "king", "name": "", "expires_at": "2026-03-01T12:00:00", "more": 1}
    problems = told(await house.send("POST", "/api-token", body=body), 400)["problems"]
    assert {problem["where"] for problem in problems} == {
        *("body.role", "body.name", "body.expires_at", "body.more")
    }


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "json"])
async def test_a_body_of_another_content_type_is_a_415(kind: str, house: Deployment) -> None:
    """A form that a browser can send across sites is never read as JSON."""
    headers = {"content-type": kind}
    told(await house.send("POST", "/tenant", raw=b'{"name":"a"}', headers=headers), 415)


async def test_json_with_a_parameter_is_still_json(house: Deployment) -> None:
    """`application/json; charset=utf-8` is what many clients send."""
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    answer = await house.send("POST", "/tenant", raw=b'{"name":"a"}', headers=headers)
    assert answer.status == 201


async def test_a_body_over_the_cap_is_a_413(house: Deployment) -> None:
    """It is refused as soon as the cap is passed."""
    raw = b'{"name":"' + b"a" * (16 * 2**20) + b'"}'
    told(await house.send("POST", "/tenant", raw=raw), 413)


async def test_a_query_parameter_nobody_knows_is_refused(house: Deployment) -> None:
    """A typo in a filter must not show more than was asked for; the valid names are listed."""
    document = told(await house.send("GET", "/audit", query={"tennant": "acme"}), 400)
    assert document["problems"] == [
        {
            "where": "query.tennant",
            "rule": "unknown_parameter",
            "message": "No such parameter.",
            "mend": "Valid: account, cursor, format, from, limit, oldest_first, outcome, phase, "
            "reason, request_id, server, tenant, to, tool.",
        }
    ]
    told(await house.send("GET", "/version", query={"a": "1"}, caller=None), 400)


@pytest.mark.parametrize("limit", ["0", "201", "-1", "many", "1.5", ""])
async def test_a_page_size_out_of_range_is_a_400(limit: str, house: Deployment) -> None:
    """Between 1 and 200 objects per page."""
    problems = told(await house.send("GET", "/tenant", query={"limit": limit}), 400)["problems"]
    assert problems[0]["where"] == "query.limit"


@pytest.mark.parametrize("path", ["/", "/nowhere", "/tenant/", "/tenant/a/b", "//tenant", "/docs"])
async def test_an_unknown_route_is_a_404_problem(path: str, house: Deployment) -> None:
    """Also with a slash too many: no redirect repeats the caller's Host header."""
    headers = {"host": "127.0.0.7:4711"}
    answer = await house.send("GET", path, headers=headers)
    assert "/openapi.json" in told(answer, 404)["detail"]
    assert "127.0.0.7" not in str(answer)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/tenant", "GET, POST"),
        ("DELETE", "/tenant/acme", "GET, PATCH"),
        ("POST", "/integrated-account/a/mcp/s", "DELETE, GET, PATCH"),
        ("OPTIONS", "/integration", "GET, POST"),
        ("HEAD", "/version", "GET"),
        ("POST", "/openapi.json", "GET"),
    ],
)
async def test_another_method_is_a_405_with_every_method_that_there_is(
    method: str, path: str, allow: str, house: Deployment
) -> None:
    """`Allow` names the methods of all routes at the address (RFC 9110, section 15.5.6)."""
    answer = await house.send(method, path)
    assert "POST at this address" not in str(told(answer, 405))
    assert answer.header("allow") == allow


async def test_nothing_of_the_management_api_is_stored_by_anybody(house: Deployment) -> None:
    """Answers that create, read, delete, describe and refuse all say `no-store`."""
    await house.push()
    account = await house.account()
    answers = [
        await house.send("POST", f"/integrated-account/{account}/mcp", body={"name": "s"}),
        await house.send("GET", "/tenant"),
        await house.send("GET", "/version", caller=None),
        await house.send("GET", "/openapi.json", caller=None),
        await house.send("DELETE", f"/integrated-account/{account}"),
        await house.send("GET", "/tenant", caller=None),
        await house.send("GET", "/nowhere"),
    ]
    assert [answer.status for answer in answers] == [201, 200, 200, 200, 204, 401, 404]
    assert {answer.header("cache-control") for answer in answers} == {"no-store"}


async def test_a_fault_of_our_own_shows_nothing_of_itself(
    house: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is a bare 500, the log names the class only, and nothing is raised further."""

    async def broken(*_: Any) -> None:
        raise RuntimeError("planted-secret in a message")

    monkeypatch.setattr(house.services.tenants, "get", broken)
    with capture_logs() as logs:
        answer = await house.send("GET", "/tenant/acme")
    assert told(answer, 500)["type"] == "internal_error"
    assert b"planted" not in answer.body
    assert [(entry["event"], entry["kind"]) for entry in logs] == [
        ("management_fault", "RuntimeError")
    ]
    assert "planted" not in str(logs)


async def test_a_damaged_record_is_a_503(house: Deployment) -> None:
    """What cannot be read is not guessed; the caller may try again."""
    await house.services.store.write([Put(TENANTS.key("acme", "acme"), b"{")])
    document = told(await house.send("GET", "/tenant/acme"), 503)
    assert (document["whose"], document["retry"]["safe"]) == ("gateway", True)


@pytest.mark.parametrize("kind", MEANINGS, ids=lambda kind: kind.__name__)
def test_every_class_of_error_has_a_status_that_fits_whose_fault_it_is(
    kind: type[McpassportError],
) -> None:
    """A caller's fault is a 4xx, any other a 429 or a 5xx, and the body holds the problems."""
    error = kind("said", problems=(Problem("here", "rule", "text", "mend"),))
    document = problem_body(error)
    status = status_of(error)
    assert document["status"] == status
    assert (document["detail"], document["problems"][0]["where"]) == ("said", "here")
    if document["whose"] == "caller":
        assert 400 <= status < 500
    elif status != 429:
        assert status >= 500
    json.dumps(document)


async def test_ids_of_every_shape_are_just_unknown(house: Deployment) -> None:
    """NUL, slashes, dots and thousands of characters in an id: 404, never a fault."""
    for text in ("%00", "a%00b", "..", "%2e%2e", "'", "%F0%9F%92%A9", "a" * 5000, "%ff"):
        for path in ("/tenant/{}", "/integration/{}", "/integrated-account/{}"):
            answer = await house.send("GET", path.format(text))
            told(answer, 404)


@given(
    document=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=10,
    )
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_document_makes_a_fault(document: Any, house: Deployment) -> None:
    """Any JSON, and what only looks like it, is served or refused, by every route with a body."""
    raw = json.dumps(document).encode()
    whole = {**notes(), "note": "x", "config": {**notes()["config"], "label": document}}
    for path, body in (
        ("/tenant", raw),
        ("/api-token", raw),
        ("/integrated-account", raw),
        ("/integration", raw),
        ("/integration", json.dumps(whole).encode()),
    ):
        answer = await house.send("POST", path, raw=body)
        assert answer.status in {201, 400}, answer.body


@pytest.mark.parametrize("moment", [0, 4102444800, 0.5, "0", "4102444800", "0.5", "2030", ""])
async def test_a_number_is_no_time(house: Deployment, moment: Any) -> None:
    """Seconds since 1970 are what the document does not offer, in bodies and in queries."""
    body = {"role": "auditor", "name": "x", "expires_at": moment}
    problem = told(await house.send("POST", "/api-token", body=body), 400)
    assert "2030-01-31T12:00:00Z" in str(problem["problems"])
    told(await house.send("GET", "/audit", query={"from": moment}), 400)
