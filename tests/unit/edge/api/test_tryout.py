"""`POST …/try`: a dry run, a real call against a real process, and secrets masked in both."""

import base64
import json
from typing import Any

import pytest
from tests.support.asgi import Response
from tests.support.deployment import CREDENTIAL, Deployment, deployment, notes
from tests.support.lab import Lab, rule

BASIC = {
    "credentials": [
        {
            "kind": "basic",
            "fields": [{"name": "username", "label": "U"}, {"name": "password", "label": "P"}],
        }
    ],
    "authorization": {"kind": "basic"},
}
KINDS: dict[str, dict[str, Any]] = {
    "basic": BASIC,
    "header": {
        "authorization": {"kind": "header", "name": "X-Key", "value": "k {{credentials.token}}"}
    },
}


@pytest.fixture
async def house(tmp_path: Any, lab: Lab) -> Any:
    """A deployment that may reach the lab."""
    lab.forget()
    async with deployment(tmp_path, private_hosts=(lab.listing,)) as made:
        yield made


async def settled(house: Deployment, lab: Lab, **config: Any) -> str:
    """An account on the notes integration whose API is the lab."""
    content = notes(f"{lab.origin}/v1")
    content["config"] |= config
    await house.push(content)
    return await house.account()


async def attempt(house: Deployment, account: str, method: str, **more: Any) -> Response:
    body = {"resource": "notes", "method": method, **more}
    return await house.send("POST", f"/integrated-account/{account}/try", body=body)


async def test_a_dry_run_shows_the_request_and_sends_nothing(house: Deployment, lab: Lab) -> None:
    """Method, address, body and headers, the credential as stars; nothing leaves or is recorded."""
    account = await settled(house, lab)
    lab.answers(rule("*", "x"))
    args = {"id": "n 1/2", "title": "Milk"}
    answer = await attempt(house, account, "update", args=args, dry_run=True)
    document = answer.json()
    assert document == {
        "tool": "update_a_notes_note_by_id",
        "request": {
            "method": "PATCH",
            "url": f"{lab.origin}/v1/notes/n%201%2F2",
            "headers": {
                "Accept": "application/json",
                "Content-Type": "application/json",
                "Authorization": "****",
            },
            "secret_query": [],
            "body": '{"title":"Milk"}',
        },
        "sent": False,
    }
    assert CREDENTIAL.encode() not in answer.body
    assert lab.requests() == []
    assert [row.action for row in await house.rows("acme")] == ["account.create"]


async def test_a_real_call_shows_response_result_and_limits(house: Deployment, lab: Lab) -> None:
    """One request with the account's credential; what came back, raw and mapped; one event."""
    account = await settled(
        house, lab, rate_limit={"limit": "headers.`x-limit`", "remaining": "headers.`x-left`"}
    )
    upstream = {"data": [{"id": "1", "title": "a"}], "paging": {"next": "abc"}}
    lab.answers(
        rule(
            "/v1/notes",
            json=upstream,
            headers=[["X-Limit", "100"], ["X-Left", "7"], ["Set-Cookie", "a=b"]],
        )
    )
    document = (await attempt(house, account, "list", args={"label": "home"})).json()
    (seen,) = lab.requests()
    assert seen.target == "/v1/notes?label=home&limit=20"
    assert seen.header("authorization") == f"Bearer {CREDENTIAL}"
    assert document["sent"] is True
    assert document["request"]["url"] == f"{lab.origin}{seen.target}"
    assert (document["response"]["status"], json.loads(document["response"]["body"])) == (
        *(200, upstream),
    )
    assert document["response"]["headers"]["x-left"] == "7"
    assert "set-cookie" not in document["response"]["headers"]
    assert document["result"]["result"] == upstream["data"]
    assert document["result"]["next_cursor"]
    assert (document["ratelimit"]["limit"], document["ratelimit"]["remaining"]) == (100, 7)
    assert document["error"] is None
    row = (await house.rows("acme"))[-1]
    assert (row.action, row.subject) == ("account.try", f"{account}/notes.list")


async def test_a_failure_of_the_upstream_is_shown_as_callers_would_get_it(
    house: Deployment, lab: Lab
) -> None:
    """The envelope of the error beside the raw response."""
    account = await settled(house, lab)
    lab.answers(rule("/v1/notes/1", status=404, json={"error": {"message": "gone"}}))
    answer = await attempt(house, account, "get", args={"id": "1"})
    document = answer.json()
    assert answer.status == 200
    assert document["error"]["type"] == "upstream_rejected"
    assert document["error"]["upstream_status"] == 404
    assert document["response"]["status"] == 404
    assert document["result"] is None


@pytest.mark.parametrize("where", ["body", "header", "result"])
@pytest.mark.parametrize("kind", ["bearer", "basic", "header", "query"])
async def test_an_upstream_that_repeats_the_credential_does_not_reveal_it(
    kind: str, where: str, house: Deployment, lab: Lab
) -> None:
    """As it was sent, in its parts, in Base64 and escaped: stars in every place."""
    password = 'p:ä"\\ 1/2&x'
    content = notes(f"{lab.origin}/v1")
    content["config"] |= KINDS.get(kind, {})
    if kind == "query":
        method = content["config"]["resources"]["notes"]["methods"]["get"]
        method["query"] = {"key": "{{credentials.token}}"}
    await house.push(content)
    given: dict[str, Any] = {}
    secrets = [CREDENTIAL]
    if kind == "basic":
        given = {
            "credential_kind": "basic",
            "credential": {"username": "u", "password": password},
        }
        pair = base64.b64encode(f"u:{password}".encode()).decode()
        secrets = [password, json.dumps(password)[1:-1], pair, f"u:{password}"]
    account = await house.account(**given)
    header = [["X-Echo", " ".join(s for s in secrets if s.isascii())]] if where == "header" else []
    body = {"id": "1", "title": " ".join(secrets)} if where != "header" else {"id": "1"}
    lab.answers(rule("/v1/notes/1", json=body, headers=header))
    answer = await attempt(house, account, "get", args={"id": "1"})
    document = answer.json()
    assert document["sent"], document
    text = json.dumps(document, ensure_ascii=False)
    for secret in (*secrets, CREDENTIAL):
        assert secret not in text
    assert "****" in (str(document["response"]) if where != "result" else str(document["result"]))
    sent = str(lab.requests())
    assert secrets[-1] in sent or secrets[-2] in sent


async def test_a_long_response_is_cut_in_the_preview_not_in_the_result(
    house: Deployment, lab: Lab
) -> None:
    """8 KiB are shown, the size is told, the mapped result is whole."""
    account = await settled(house, lab)
    lab.answers(rule("/v1/notes/1", json={"id": "1", "title": "x" * 20_000}))
    document = (await attempt(house, account, "get", args={"id": "1"})).json()
    assert len(document["response"]["body"]) == 8192 + 2
    assert document["response"]["body"].endswith(" …")
    assert document["response"]["bytes"] > 20_000
    assert len(document["result"]["title"]) == 20_000


async def test_the_blocks_of_an_answer_are_told(house: Deployment, lab: Lab) -> None:
    """Kind, media type and size of each; texts as they are, pictures without their bytes."""
    content = notes(f"{lab.origin}/v1")
    content["config"]["resources"]["notes"]["methods"]["get"]["content"] = [
        {"type": "text", "value": "'Picture of ' & args.id"},
        {"type": "image", "value": "body"},
        {
            "type": "resource",
            "value": "'a;b'",
            "mime_type": "text/csv",
            "uri": "notes://{{args.id}}",
        },
    ]
    await house.push(content)
    account = await house.account()
    lab.answers(rule("/v1/notes/1", b"\x89PNG\xff", headers=[["Content-Type", "image/png"]]))
    document = (await attempt(house, account, "get", args={"id": "1"})).json()
    assert document["response"]["body"] == "(5 bytes of image/png)"
    assert document["result"] is None
    assert document["content"] == [
        {"type": "text", "bytes": 12, "text": "Picture of 1"},
        {"type": "image", "bytes": 5, "mime_type": "image/png"},
        {
            "type": "resource",
            "bytes": 3,
            "mime_type": "text/csv",
            "uri": "notes://1",
            "text": "a;b",
        },
    ]


async def test_progress_of_a_stream_is_told(house: Deployment, lab: Lab) -> None:
    """Each report with its time, the beginning of the stream, and what `final` made of it."""
    content = notes(f"{lab.origin}/v1")
    content["config"]["resources"]["notes"]["methods"]["get"] |= {
        "stream": "ndjson",
        "progress": '{"progress": body.n, "total": 2, "message": body.said}',
        "final": '{"id": body.id}',
    }
    await house.push(content)
    account = await house.account()
    lines = b'{"n":1,"said":"' + CREDENTIAL.encode() + b'"}\n{"n":2,"id":"1"}\n' + b" " * 9000
    lab.answers(rule("/v1/notes/1", lines, headers=[["Content-Type", "application/x-ndjson"]]))
    document = (await attempt(house, account, "get", args={"id": "1"})).json()
    assert document["result"] == {"id": "1"}
    assert [
        {k: v for k, v in told.items() if k != "after_ms"} for told in document["progress"]
    ] == [
        {"progress": 1, "total": 2, "message": "****"},
        {"progress": 2, "total": 2, "message": None},
    ]
    assert all(told["after_ms"] >= 0 for told in document["progress"])
    assert document["response"]["bytes"] == len(lines)
    assert document["response"]["body"].startswith('{"n":1,"said":"****"}')
    assert document["response"]["body"].endswith(" …")
    broken = rule("/v1/notes/1", b'{"n":1}\n{"n', headers=[["Content-Type", "text/plain"]])
    lab.answers(broken)
    document = (await attempt(house, account, "get", args={"id": "1"})).json()
    assert document["error"]["type"] == "malformed_upstream_response"
    assert len(document["progress"]) == 1
    assert document["response"]["body"] == '{"n":1}\n{"n'


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"resource": "note", "method": "list"}, "there are: notes."),
        ({"resource": "notes", "method": "fetch"}, "No method notes.fetch"),
        ({"resource": "notes", "method": "get"}, "id"),
        ({"resource": "notes", "method": "get", "args": {"id": ".."}}, "id"),
        ({"resource": "notes", "method": "list", "args": {"state": "planted"}}, "/state"),
        ({"resource": "notes", "method": "list", "args": []}, "body.args"),
        ({"resource": "notes", "method": "list", "documentation": []}, "give both"),
        (
            {"resource": "notes", "method": "list", "config": {"name": "crm"}},
            "not of the account's integration 'notes'",
        ),
        (
            {"resource": "notes", "method": "list", "config": {"name": "notes"}},
            "/config",
        ),
    ],
)
async def test_what_cannot_be_tried_is_a_400_and_is_not_sent(
    given: dict[str, Any], says: str, house: Deployment, lab: Lab
) -> None:
    """Unknown method, bad arguments, content that is not usable or of another integration."""
    account = await settled(house, lab)
    answer = await house.send("POST", f"/integrated-account/{account}/try", body=given)
    assert answer.status == 400, answer.body
    assert says in answer.body.decode()
    assert lab.requests() == []


async def test_content_that_is_not_pushed_can_be_tried(house: Deployment, lab: Lab) -> None:
    """The live version stays as it was."""
    account = await settled(house, lab)
    content = notes(f"{lab.origin}/v2")
    lab.answers(rule("/v2/notes/1", json={"id": "1", "title": "a"}))
    document = (await attempt(house, account, "get", args={"id": "1"}, **content)).json()
    assert document["result"] == {"id": "1", "title": "a"}
    assert (await house.read("/integration/notes"))["version"] == 1


async def test_a_method_that_is_no_tool_says_why(house: Deployment, lab: Lab) -> None:
    """A method without documentation is there, but not as a tool."""
    account = await settled(house, lab)
    content = notes(lab.origin)
    content["documentation"] = content["documentation"][1:]
    answer = await attempt(house, account, "list", **content)
    assert answer.status == 400
    assert "notes.list is not a tool" in answer.json()["detail"]


async def test_a_private_address_that_is_not_named_is_not_reached(tmp_path: Any, lab: Lab) -> None:
    """The try-out goes through the same address vetting as every call."""
    lab.forget()
    async with deployment(tmp_path) as house:
        account = await settled(house, lab)
        document = (await attempt(house, account, "list")).json()
        assert document["error"]["type"] == "address_forbidden"
        assert (document["sent"], document["response"]) == (False, None)
    assert lab.requests() == []
