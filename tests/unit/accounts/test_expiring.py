"""A tenant is told that a server will expire: a week ahead, a day ahead, once each."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.deployment import Deployment, deployment
from tests.support.stores import START

from mcpassport.accounts.expiring import Expiring


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Deployment]:
    """A deployment with an integration."""
    async with deployment(tmp_path) as made:
        await made.push()
        yield made


def expiring(house: Deployment) -> Expiring:
    """The job of that deployment."""
    services = house.services
    return Expiring(services.store, services.clock, services.random)


async def told(house: Deployment) -> list[str]:
    """The servers that acme was told of, in order."""
    await house.services.audit.move_outbox()
    return [row.subject for row in await house.rows("acme") if row.action == "server.expiring"]


async def test_each_notice_is_given_once(house: Deployment) -> None:
    """At a week, and again at a day; not before, and not twice."""
    server = await house.server(await house.account())
    job = expiring(house)
    for days_left, notices in ((8, 0), (7, 1), (6, 1), (1, 2), (0.5, 2), (0, 2)):
        await until_left(house, days_left)
        await job.tell()
        await job.tell()
        assert await told(house) == [server["id"]] * notices, days_left


async def until_left(house: Deployment, days: float) -> None:
    """Step to that many days before the default lifetime of 90 days is over."""
    left = START + timedelta(days=90 - days) - house.clock()
    house.clock.step(left.total_seconds())


async def test_more_time_is_told_of_anew_and_a_dead_server_never(house: Deployment) -> None:
    """A server with a later expiry gets its notices again; one that is revoked gets none."""
    account = await house.account()
    kept, dead = await house.server(account), await house.server(account)
    path = f"/integrated-account/{account}/mcp"
    assert (await house.send("DELETE", f"{path}/{dead['id']}")).status == 204
    job = expiring(house)
    await until_left(house, 5)
    assert await job.tell() == 1
    later = {"expires_at": (house.clock() + timedelta(days=6)).isoformat()}
    assert (await house.send("PATCH", f"{path}/{kept['id']}", body=later)).status == 200
    assert await job.tell() == 1
    assert await told(house) == [kept["id"]] * 2
