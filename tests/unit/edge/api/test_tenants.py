"""`/tenant`: made by admins, renamed, read by themselves."""

import pytest
from tests.support.deployment import Deployment


async def test_a_tenant_is_made_with_the_id_that_was_chosen_or_one_of_its_own(
    house: Deployment,
) -> None:
    """Either id works at once; a taken one is a conflict."""
    made = await house.made("/tenant", {"name": "Initech", "id": "initech"})
    assert await house.read("/tenant/initech") == made
    assert made["status"] == "active"
    nameless = await house.made("/tenant", {"name": "Initech"})
    assert (await house.read(f"/tenant/{nameless['id']}"))["name"] == "Initech"
    answer = await house.send("POST", "/tenant", body={"name": "x", "id": "initech"})
    assert (answer.status, answer.json()["type"]) == (409, "conflict")


@pytest.mark.parametrize("tenant", ["", "A", "a b", "-a", "a-", "a" * 65, "ä", "a\n", "../x"])
async def test_an_id_is_a_slug(tenant: str, house: Deployment) -> None:
    """It stands in addresses and files, so it is plain."""
    answer = await house.send("POST", "/tenant", body={"name": "x", "id": tenant})
    assert (answer.status, answer.json()["problems"][0]["where"]) == (400, "body.id")


async def test_a_tenant_is_renamed(house: Deployment) -> None:
    """The name changes, nothing else does."""
    before = await house.read("/tenant/acme")
    answer = await house.send("PATCH", "/tenant/acme", body={"name": "Acme Ltd"})
    assert answer.json() == {**before, "name": "Acme Ltd"}
    assert await house.read("/tenant/acme", caller="acme") == answer.json()
    assert (await house.send("PATCH", "/tenant/nobody", body={"name": "x"})).status == 404
