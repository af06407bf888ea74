"""Idempotency keys: a repeated POST makes nothing twice, and never shows a secret again."""

import asyncio
from typing import Any

import pytest
from tests.support.asgi import Response
from tests.support.deployment import CREDENTIAL, Deployment

KEY = {"Idempotency-Key": "order-4711"}
HEADERS = {name.lower(): value for name, value in KEY.items()}

ACCOUNT = {
    "tenant": "acme",
    "integration": "notes",
    "name": "N",
    "credential_kind": "bearer",
    "credential": {"token": CREDENTIAL},
}
CREATIONS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "tenant": ("/tenant", {"name": "T"}, {"name": "Other"}),
    "tenant with an id": ("/tenant", {"name": "T", "id": "t1"}, {"name": "T", "id": "t2"}),
    "account": ("/integrated-account", ACCOUNT, ACCOUNT | {"name": "Other"}),
    "account's credential": (
        "/integrated-account",
        ACCOUNT,
        ACCOUNT | {"credential": {"token": "nt_anothertoken"}},
    ),
    "server": ("/integrated-account/{account}/mcp", {"name": "S"}, {"name": "Other"}),
    "server without expiry": (
        "/integrated-account/{account}/mcp",
        {"name": "S"},
        {"name": "S", "expires_at": None},
    ),
    "token": (
        "/api-token",
        {"role": "factor", "tenant": "acme", "name": "F"},
        {"role": "factor", "tenant": "acme", "name": "G"},
    ),
}


async def post(house: Deployment, path: str, body: Any, **more: Any) -> Response:
    return await house.send("POST", path, body=body, headers=HEADERS, **more)


@pytest.mark.parametrize("name", CREATIONS)
async def test_a_repeat_answers_with_the_object_and_without_its_secret(
    name: str, house: Deployment
) -> None:
    """Same id, one object, one event; token and url are gone and `secret` says why."""
    await house.push()
    account = await house.account()
    path, body, other = CREATIONS[name]
    path = path.format(account=account)
    first = await post(house, path, body)
    rows = [await house.rows(chain) for chain in ("", "acme")]
    again = await post(house, path, body)
    assert (first.status, again.status) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    if "secret" in first.json():
        assert (first.json()["secret"], again.json()["secret"]) == (
            *("shown_once", "already_disclosed"),
        )
        assert {again.json().get(member) for member in ("token", "url", "header_url")} == {None}
        assert first.json()["token"].encode() not in again.body
    different = await post(house, path, other)
    assert (different.status, different.json()["type"]) == (409, "conflict")
    assert [await house.rows(chain) for chain in ("", "acme")] == rows


async def test_a_key_speaks_of_one_address(house: Deployment) -> None:
    """The same body for another account is another request, so it never gets the first server."""
    await house.push()
    one, other = await house.account(), await house.account()
    assert (await post(house, f"/integrated-account/{one}/mcp", {"name": "S"})).status == 201
    answer = await post(house, f"/integrated-account/{other}/mcp", {"name": "S"})
    assert answer.status == 409
    assert (await house.read(f"/integrated-account/{other}/mcp"))["result"] == []


async def test_the_order_of_members_makes_no_other_request(house: Deployment) -> None:
    """Clients that repeat a request may write its members in another order."""
    first = await post(house, "/tenant", {"name": "T", "id": "t1"})
    again = await post(house, "/tenant", {"id": "t1", "name": "T"})
    assert (first.status, again.status) == (201, 201)


async def test_keys_of_two_callers_and_two_kinds_do_not_meet(house: Deployment) -> None:
    """The same key from another token, or for another kind of object, makes another object."""
    await house.push()
    body = {"role": "factor", "name": "F"}
    ids = {
        (await post(house, "/api-token", body | {"tenant": "acme"})).json()["id"],
        (await post(house, "/api-token", body, caller="acme")).json()["id"],
        (await post(house, "/api-token", body, caller="globex")).json()["id"],
        (await post(house, "/integrated-account", ACCOUNT)).json()["id"],
    }
    assert len(ids) == 4


@pytest.mark.parametrize("name", ["tenant", "account", "server", "token"])
async def test_of_concurrent_repeats_one_object_comes(name: str, house: Deployment) -> None:
    """The others get the object, or a conflict to try again; the secret is shown at most once."""
    await house.push()
    path, body, _ = CREATIONS[name]
    path = path.format(account=await house.account())
    answers = await asyncio.gather(*(post(house, path, body) for _ in range(8)))
    assert {answer.status for answer in answers} <= {201, 409}
    made = [answer.json() for answer in answers if answer.status == 201]
    assert len({document["id"] for document in made}) == 1
    assert sum(document.get("secret") == "shown_once" for document in made) <= 1
    after = await post(house, path, body)
    assert after.json()["id"] == made[0]["id"]


async def test_what_was_refused_may_be_repeated(house: Deployment) -> None:
    """A key under which nothing was made is free: the mended request goes through."""
    refused = await post(house, "/integrated-account", ACCOUNT)
    assert refused.status == 404
    await house.push()
    assert (await post(house, "/integrated-account", ACCOUNT)).status == 201


async def test_a_repeat_after_the_object_is_gone_makes_none(house: Deployment) -> None:
    """It says that the object is gone."""
    await house.push()
    account = (await post(house, "/integrated-account", ACCOUNT)).json()["id"]
    await house.send("DELETE", f"/integrated-account/{account}")
    assert (await post(house, "/integrated-account", ACCOUNT)).status == 404


async def test_keys_are_kept_for_a_day_and_hold_no_body(house: Deployment) -> None:
    """The record is a digest that the store may drop after 24 hours."""
    await house.push()
    await post(house, "/integrated-account", ACCOUNT)
    assert CREDENTIAL.encode() not in house.files()
    store = house.services.store
    house.clock.step(24 * 3600 - 1)
    assert await store.purge(house.clock.now) == 0
    house.clock.step(2)
    assert await store.purge(house.clock.now) == 1


@pytest.mark.parametrize("key", ["", "a" * 201])
async def test_a_key_has_a_length(key: str, house: Deployment) -> None:
    """Empty and endless keys are refused."""
    headers = {"idempotency-key": key}
    answer = await house.send("POST", "/tenant", body={"name": "T"}, headers=headers)
    assert answer.status == 400
    assert answer.json()["problems"][0]["where"] == "header.Idempotency-Key"
