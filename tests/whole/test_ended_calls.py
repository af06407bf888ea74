"""A call under way ends when the grant under it is ended or stopped."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.items import GET
from tests.support.lab import Lab, rule
from tests.support.whole import Call, World, world

from mcpassport.gate.running import Running

CALL = Call(GET, {"id": "1"})
End = Callable[[World], Awaitable[Any]]


async def ended(app: World, method: str, path: str, body: Any = None) -> None:
    """One change over the management API."""
    answer = await app.house.send(method, path.format(**names(app)), body=body)
    assert answer.status < 300, answer.body


def names(app: World) -> dict[str, str]:
    """What stands in the paths."""
    server = app.servers["acme"]
    return {"account": server["account"], "server": server["id"]}


ENDS: dict[str, tuple[str, str, Any]] = {
    "revoked": ("DELETE", "/integrated-account/{account}/mcp/{server}", None),
    "suspended": ("POST", "/integrated-account/{account}/mcp/{server}/suspend", None),
    "account deleted": ("DELETE", "/integrated-account/{account}", None),
    "tenant suspended": ("POST", "/tenant/acme/suspend", None),
    "all switched off": ("POST", "/switch", {"scope": "all"}),
    "integration switched off": ("POST", "/switch", {"scope": "integration", "name": "lab"}),
    "tenant switched off": ("POST", "/switch", {"scope": "tenant", "name": "acme"}),
}


@pytest.mark.parametrize("how", ENDS)
async def test_whatever_ends_a_grant_ends_its_running_call(
    tmp_path: Path, lab: Lab, how: str
) -> None:
    """The caller is told, the connection to the upstream closes, the outcome says `cancelled`."""
    lab.forget()
    async with world(tmp_path, lab) as app:
        calling = asyncio.create_task(app.call(("path", "legacy"), CALL, held()))
        await arrived(lab)
        await ended(app, *ENDS[how])
        met = await calling
        error = met.response.json()["result"]["_meta"]["mcpassport/error"]
        assert (error["type"], error["whose"]) == ("cancelled", "gateway")
        assert error["retry"]["safe"] is False
        rows = await app.house.rows("acme")
        outcomes = [row.outcome for row in rows if row.phase == "outcome"]
        assert outcomes == ["cancelled"]
        assert len(lab.requests()) == 1


@pytest.mark.parametrize(
    "change",
    [
        ("POST", "/integrated-account/{account}/mcp/{server}/rotate", {"overlap_seconds": 0}),
        ("POST", "/switch", {"scope": "tenant", "name": "globex"}),
        ("POST", "/tenant/globex/suspend", None),
    ],
)
async def test_what_ends_no_grant_of_its_own_lets_a_call_finish(
    tmp_path: Path, lab: Lab, change: tuple[str, str, Any]
) -> None:
    """A rotation, and what happens to others."""
    lab.forget()
    async with world(tmp_path, lab) as app:
        calling = asyncio.create_task(app.call(("path", "legacy"), CALL, held(1.0)))
        await arrived(lab)
        before = app.house.services.running.epoch
        await ended(app, *change)
        if change[1] != "/integrated-account/{account}/mcp/{server}/rotate":
            await looked(app.house.services.running, before)
        met = await calling
        assert "isError" not in met.response.json()["result"]


async def test_a_call_that_was_admitted_before_the_end_is_not_sent_after_it(
    tmp_path: Path, lab: Lab
) -> None:
    """However long its body took: the grant is read again where the count has moved on."""
    lab.forget()
    async with world(tmp_path, lab) as app:
        running = app.house.services.running
        admit = app.house.services.accounts.credential

        async def slow(caller: Any) -> Any:
            await ended(app, *ENDS["revoked"])
            running.epoch += 1  # as the look does that another running call causes
            return await admit(caller)

        app.house.services.accounts.credential = slow  # type: ignore[method-assign]
        met = await app.call(("path", "legacy"), CALL, held(0))
        error = met.response.json()["result"]["_meta"]["mcpassport/error"]
        assert error["type"] == "cancelled"
        assert lab.requests() == []


def held(seconds: float = 60.0) -> dict[str, Any]:
    """An answer that takes its time."""
    return rule("/*", json={"id": "1"}, fault={"kind": "delay", "seconds": seconds})


async def arrived(lab: Lab) -> None:
    """The upstream has the request."""
    while not lab.requests():  # noqa: ASYNC110 - another process is asked
        await asyncio.sleep(0.01)


async def looked(running: Running, before: int) -> None:
    """The process has looked at what changed."""
    while running.epoch == before:  # noqa: ASYNC110 - a count is waited for
        await asyncio.sleep(0.01)
