"""Keys exchanged over the management API, while tokens are used."""

from typing import Any

from tests.support.calling import legacy
from tests.support.deployment import Deployment

LIST = legacy("tools/list")
NOTICE_S = 180
"""By then the next token key is in use, in every process."""


async def posted(house: Deployment, path: str, status: int = 200) -> Any:
    answer = await house.send("POST", path)
    assert answer.status == status, answer.body
    return answer.json()


async def left(house: Deployment) -> list[str]:
    """The ids of the tokens that are still stored under the key before."""
    page = await house.read("/key/token-key/left")
    assert page["next_cursor"] is None
    return sorted(each["id"] for each in page["result"])


async def exchanged(house: Deployment) -> None:
    """The next token key is made, and in use."""
    begun = await posted(house, "/key/token-key/rotate")
    assert (begun["version"], begun["next_version"], begun["previous_versions"]) == (1, 2, [])
    house.clock.step(NOTICE_S)


async def status(house: Deployment, server: Any) -> int:
    return (await house.mcp(f"/mcp/{server['token']}", LIST)).status


async def test_a_token_moves_to_the_next_key_when_it_is_presented(house: Deployment) -> None:
    """Each is counted until then; one made meanwhile was never under the old key."""
    await house.push()
    account = await house.account()
    old = await house.server(account)
    await exchanged(house)
    new = await house.server(account)
    before = await left(house)
    assert old["id"] in before
    assert new["id"] not in before
    assert "tok_admin" not in before, "it was presented just now"
    assert [await status(house, each) for each in (old, new, old)] == [200, 200, 200]
    assert await left(house) == sorted(set(before) - {old["id"]})


async def test_after_the_end_only_tokens_that_moved_open_anything(house: Deployment) -> None:
    """The one that nobody presented gets the 404 of a stranger, and is rotated to work again."""
    await house.push()
    account = await house.account()
    used, unused = await house.server(account), await house.server(account)
    await exchanged(house)
    assert await status(house, used) == 200
    done = await posted(house, "/key/token-key/finish")
    assert (done["version"], done["previous_versions"]) == (2, [])
    assert [await status(house, each) for each in (used, unused)] == [200, 404]
    path = f"/integrated-account/{account}/mcp/{unused['id']}/rotate"
    answer = await house.send("POST", path, body={})
    assert await status(house, answer.json()) == 200


async def test_an_end_waits_until_every_process_uses_the_next_key(house: Deployment) -> None:
    """Before the exchange there is nothing to end, and early in it nothing may end."""
    assert (await house.send("POST", "/key/token-key/finish")).status == 409
    await posted(house, "/key/token-key/rotate")
    again = await posted(house, "/key/token-key/rotate")
    assert again["next_version"] == 2, "asked again, nothing is made twice"
    answer = await house.send("POST", "/key/token-key/finish")
    assert (answer.status, b"not in use everywhere before" in answer.body) == (409, True)


async def test_a_dead_token_is_not_counted(house: Deployment) -> None:
    """Revoked and expired ones end with their key, and nobody waits for them."""
    await house.push()
    account = await house.account()
    revoked = await house.server(account)
    await house.send("DELETE", f"/integrated-account/{account}/mcp/{revoked['id']}")
    await exchanged(house)
    assert revoked["id"] not in await left(house)


async def test_a_token_that_is_running_out_holds_until_its_time(house: Deployment) -> None:
    """Within the overlap of its own rotation it is counted, and still serves."""
    await house.push()
    account = await house.account()
    old = await house.server(account)
    path = f"/integrated-account/{account}/mcp/{old['id']}/rotate"
    await house.send("POST", path, body={"overlap_seconds": 3600})
    await exchanged(house)
    assert await status(house, old) == 200
    assert old["id"] in await left(house)
    house.clock.step(3600)
    assert await status(house, old) == 404


async def test_a_server_that_takes_access_tokens_keeps_its_address(house: Deployment) -> None:
    """Nobody has to present an address: it moves while the rest is counted."""
    await house.push()
    oauth = {"oauth": {"issuer": "https://id.example"}}
    server = await house.server(await house.account(), config=oauth)
    metadata = f"/.well-known/oauth-protected-resource/mcp/s/{server['id']}"
    await exchanged(house)
    await left(house)
    assert await status(house, server) == 200
    await posted(house, "/key/token-key/finish")
    assert (await house.send("GET", metadata, caller=None)).status == 200


async def test_a_repeated_request_makes_nothing_twice_across_an_exchange(
    house: Deployment,
) -> None:
    """The id that an Idempotency-Key stands for does not depend on the token key."""
    once = {"idempotency-key": "the same"}
    body = {"name": "Initech"}
    first = await house.made("/tenant", body, headers=once)
    await exchanged(house)
    assert await house.made("/tenant", body, headers=once) == first


async def test_a_leaked_token_is_ended_under_either_key(house: Deployment) -> None:
    """Whoever reports it while keys are exchanged ends it as at any time."""
    await house.push()
    account = await house.account()
    moved, unmoved = await house.server(account), await house.server(account)
    await exchanged(house)
    assert await status(house, moved) == 200
    text = f"{moved['token']} {unmoved['token']}"
    assert (await house.send("POST", "/leaked", body={"text": text}, caller=None)).status == 202
    assert [await status(house, each) for each in (moved, unmoved)] == [404, 404]


async def test_a_data_key_is_rotated_and_recorded(house: Deployment) -> None:
    """The tenant's own chain tells of it."""
    await house.push()
    await house.account()
    done = await posted(house, "/tenant/acme/rotate-key")
    assert (done["tenant"]["key_version"], done["resealed"], done["unreadable"]) == (2, 1, 0)
    assert (await house.rows("acme"))[-1].action == "tenant.rotate_key"
    assert (await house.send("POST", "/tenant/nobody/rotate-key")).status == 404


async def test_without_a_master_key_before_there_is_nothing_to_wrap_anew(
    house: Deployment,
) -> None:
    """And no event is recorded; a cursor that is none is refused."""
    assert (await house.read("/key"))["previous_master_key"] is False
    done = await posted(house, "/key/rewrap")
    assert done == {"rewrapped": 0, "next_cursor": None}
    for cursor in ("nonsense", "WyJhIiwiYiIsImMiXQ"):
        answer = await house.send("POST", "/key/rewrap", query={"cursor": cursor})
        assert answer.status == 400, answer.body
