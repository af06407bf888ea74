"""Kill switches: off from the next request on, for exactly their scope, and seen by who may."""

from typing import Any

import pytest
from tests.support.calling import legacy
from tests.support.deployment import Deployment

LIST = legacy("tools/list")


@pytest.fixture
async def servers(house: Deployment) -> dict[str, dict[str, Any]]:
    """A server of each of two tenants."""
    await house.push()
    return {name: await house.server(await house.account(name)) for name in ("acme", "globex")}


async def statuses(house: Deployment, servers: dict[str, dict[str, Any]]) -> list[int]:
    """How both servers answer."""
    return [(await house.mcp(f"/mcp/{it['token']}", LIST)).status for it in servers.values()]


@pytest.mark.parametrize(
    ("switch", "expected"),
    [
        ({"scope": "all"}, [503, 503]),
        ({"scope": "integration", "name": "notes"}, [503, 503]),
        ({"scope": "tenant", "name": "acme"}, [503, 200]),
    ],
)
async def test_a_switch_stops_its_scope_and_nothing_else(
    house: Deployment,
    servers: dict[str, dict[str, Any]],
    switch: dict[str, str],
    expected: list[int],
) -> None:
    """From the next request on, until it is turned on again; the answer says whose doing it is."""
    made = await house.send("POST", "/switch", body={**switch, "reason": "incident"})
    assert made.status == 201
    assert await statuses(house, servers) == expected
    answer = (await house.mcp(f"/mcp/{servers['acme']['token']}", LIST)).json()["error"]
    assert (answer["type"], answer["whose"]) == ("switched_off", "gateway")
    refusal = (await house.rows("acme"))[-1]
    assert (refusal.phase, refusal.reason) == ("refusal", "switched_off")
    (listed,) = (await house.read("/switch"))["result"]
    assert (listed["id"], listed["reason"]) == (made.json()["id"], "incident")
    assert (await house.send("DELETE", f"/switch/{listed['id']}")).status == 204
    assert await statuses(house, servers) == [200, 200]
    assert (await house.read("/switch"))["result"] == []


async def test_a_stranger_learns_nothing_of_a_switch(
    house: Deployment, servers: dict[str, dict[str, Any]]
) -> None:
    """Whoever would not be admitted gets the answer that he always gets."""
    dead = f"/integrated-account/{servers['acme']['account']}/mcp/{servers['acme']['id']}"
    assert (await house.send("DELETE", dead)).status == 204
    before = await house.mcp("/mcp/x", LIST)
    await house.send("POST", "/switch", body={"scope": "all"})
    assert await house.mcp("/mcp/x", LIST) == before
    assert await house.mcp(f"/mcp/{servers['acme']['token']}", LIST) == before


async def test_the_management_api_goes_on(
    house: Deployment, servers: dict[str, dict[str, Any]]
) -> None:
    """So that what caused the incident can be mended; a call through it is refused too."""
    await house.send("POST", "/switch", body={"scope": "all"})
    path = f"/integrated-account/{servers['acme']['account']}/mcp/{servers['acme']['id']}"
    assert (await house.send("GET", path, caller="acme")).status == 200
    call = {"tool": "list_all_notes_notes", "arguments": {}}
    answer = await house.send("POST", f"{path}/call", body=call, caller="acme")
    assert answer.status == 409
    assert "switch" in answer.json()["detail"]


@pytest.mark.parametrize("caller", ["acme", "auditor"])
async def test_only_an_admin_turns_switches(house: Deployment, caller: str) -> None:
    """An auditor of the deployment sees them, a tenant does not."""
    assert (await house.send("POST", "/switch", body={"scope": "all"}, caller=caller)).status == 403
    assert (await house.send("DELETE", "/switch/all", caller=caller)).status == 403
    seen = (await house.send("GET", "/switch", caller=caller)).status
    assert seen == (200 if caller == "auditor" else 403)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"scope": "all", "name": "acme"}, 400),
        ({"scope": "tenant"}, 400),
        ({"scope": "planet", "name": "x"}, 400),
        ({"scope": "tenant", "name": "absent"}, 404),
        ({"scope": "integration", "name": "absent"}, 404),
    ],
)
async def test_a_switch_of_nothing_is_refused(
    house: Deployment, body: dict[str, str], status: int
) -> None:
    """A slip of the pen must not look like an emergency stop."""
    assert (await house.send("POST", "/switch", body=body)).status == status
    assert (await house.read("/switch"))["result"] == []
    assert (await house.send("DELETE", "/switch/all")).status == 404


async def test_both_turns_are_events_and_lines_of_the_revocation_log(
    house: Deployment, servers: dict[str, dict[str, Any]]
) -> None:
    """A tenant's own trail tells of its switch; a second turn of the same changes nothing."""
    assert servers
    for _ in range(2):
        made = await house.send("POST", "/switch", body={"scope": "tenant", "name": "acme"})
        assert (made.status, made.json()["by"]) == (201, "tok_admin")
    await house.send("DELETE", "/switch/tenant:acme")
    events = [row.action for row in await house.rows("acme") if row.phase == "event"]
    assert events[-2:] == ["switch.off", "switch.on"]
    log = (house.services.settings.data_dir / "revocations.log").read_text()
    assert log.index('"switch"') < log.index('"switch_on"')
