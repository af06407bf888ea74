"""`/reference`: the live document in three formats, public, and never older than a minute."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.asgi import Response, request
from tests.support.deployment import CREDENTIAL, Deployment, deployment, notes

from mcpassport import app


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Deployment]:
    """A deployment with the notes pushed."""
    async with deployment(tmp_path) as made:
        await made.push()
        yield made


async def get(house: Deployment, path: str, method: str = "GET") -> Response:
    return await house.send(method, path, caller=None)


async def test_the_index_names_every_integration(house: Deployment) -> None:
    """With and without a slash at the end."""
    for path in ("/reference", "/reference/"):
        answer = await get(house, path)
        assert answer.status == 200
        assert answer.header("content-type") == "text/html; charset=utf-8"
        assert b"/reference/notes" in answer.body


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        ("", "text/html; charset=utf-8"),
        (".html", "text/html; charset=utf-8"),
        (".md", "text/markdown; charset=utf-8"),
        (".json", "application/json"),
    ],
)
async def test_each_format_holds_every_tool(suffix: str, kind: str, house: Deployment) -> None:
    """To whoever asks, without a token; nobody keeps an old one."""
    answer = await get(house, f"/reference/notes{suffix}")
    assert (answer.status, answer.header("content-type")) == (200, kind)
    assert answer.header("cache-control") == "no-store"
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("referrer-policy") == "no-referrer"
    for name in ("list_all_notes_notes", "delete_a_notes_note_by_id"):
        assert name.encode() in answer.body.replace(b"\\_", b"_").replace(b"<wbr>", b"")


async def test_head_is_get_without_the_body(house: Deployment) -> None:
    """Same status and headers, the length among them."""
    full, head = [await get(house, "/reference/notes", method) for method in ("GET", "HEAD")]
    assert (head.status, head.headers, head.body) == (full.status, full.headers, b"")
    assert full.header("content-length") == str(len(full.body))


async def test_other_methods_are_a_405(house: Deployment) -> None:
    """And say which there are."""
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = await get(house, "/reference/notes", method)
        assert (answer.status, answer.header("allow")) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "name", ["crm", "notes.pdf", "notes.", "notes/x", "..", "../version", "notes.json.md", "\0"]
)
async def test_what_is_not_there_is_a_404_in_a_sentence(name: str, house: Deployment) -> None:
    """For people a sentence; nothing of the address is repeated."""
    answer = await get(house, f"/reference/{name}")
    assert answer.status == 404
    assert answer.header("content-type") == "text/plain; charset=utf-8"
    assert b"reference" in answer.body.lower()
    assert b"crm" not in answer.body


async def test_who_asks_for_json_gets_a_problem(house: Deployment) -> None:
    """Programs read the same shape as everywhere else."""
    answer = await get(house, "/reference/crm.json")
    assert (answer.status, answer.header("content-type")) == (404, "application/problem+json")
    assert json.loads(answer.body)["type"] == "no_such_object"


async def test_a_push_and_a_minute_show_at_once(house: Deployment) -> None:
    """Within the minute the bytes are the same; a new version or a new minute makes new ones."""
    first = await get(house, "/reference/notes.json")
    house.clock.step(59)
    assert await get(house, "/reference/notes.json") == first
    house.clock.step(1)
    later = await get(house, "/reference/notes.json")
    assert later.body != first.body
    content = notes()
    content["documentation"][0]["description"] = "Planted description of the list."
    await house.push(content)
    assert b"Planted description" in (await get(house, "/reference/notes.json")).body


async def test_only_so_many_renderings_are_kept(house: Deployment) -> None:
    """A reader who asks minute after minute does not fill the memory."""
    pages = app._reference(house.services)
    for _ in range(40):
        house.clock.step(60)
        answer = await request(pages, "/reference/notes.md", method="GET")
        assert answer is not None
        assert answer.status == 200
    assert len(pages._kept) == 32


async def test_the_reference_holds_nothing_of_any_tenant(house: Deployment) -> None:
    """No tenant, account, server, token or credential is in the public document."""
    account = await house.account(context={"team": "planted-context"})
    server = await house.server(account)
    for suffix in (".html", ".md", ".json"):
        body = (await get(house, f"/reference/notes{suffix}")).body.decode()
        for planted in (account, server["id"], server["token"], CREDENTIAL, "planted-context"):
            assert planted not in body
