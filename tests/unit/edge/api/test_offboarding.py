"""Offboarding: a tenant ends for good, and a signed report says what is left."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import msgspec
import pytest
from tests.support.calling import legacy
from tests.support.deployment import Deployment

from mcpassport.accounts.offboarding import KINDS
from mcpassport.audit.deletion import report_problem
from mcpassport.errors import Conflict
from mcpassport.records.deletion import DeletionReport
from mcpassport.records.grants import Principal

LIST = legacy("tools/list")
ADMIN = Principal("tok_admin", "admin")


async def furnished(house: Deployment) -> Any:
    """Acme with something of every kind; one of its servers."""
    await house.push()
    account = await house.account()
    oauth = {"issuer": "https://login.acme.example"}
    made = await house.server(account, config={"oauth": oauth})
    await house.made("/api-token", {"role": "factor", "name": "f", "tenant": "acme"})
    await house.made("/tenant/acme/fingerprint-key", None, headers={"idempotency-key": "k"})
    rotate = f"/integrated-account/{account}/mcp/{made['id']}/rotate"
    assert (await house.send("POST", rotate, body={"overlap_seconds": 60})).status == 200
    assert (await house.send("POST", "/switch", body={"scope": "tenant", "name": "acme"})).status
    return made


def left(house: Deployment, tenant: str) -> dict[str, int]:
    """Kind -> records of a tenant, and index entries that lead to it."""
    with closing(sqlite3.connect(house.services.settings.data_dir / "data.db")) as data:
        rows = "SELECT kind, count(*) FROM records WHERE tenant = ? GROUP BY kind"
        found = dict(data.execute(rows, (tenant,)).fetchall())
        index = "SELECT count(*) FROM records WHERE kind = 'token_index' AND instr(value, ?)"
        (count,) = data.execute(index, (f'"{tenant}"'.encode(),)).fetchone()
    return found | ({"token_index": count} if count else {})


def checked(body: bytes, fingerprint: str) -> DeletionReport:
    """The report, once its signature holds."""
    report = msgspec.json.decode(body, type=DeletionReport)
    assert report_problem(report, fingerprint) == ""
    assert report_problem(report, "0" * 64) == "it is signed with another key"
    return report


async def fingerprint(house: Deployment) -> str:
    return str((await house.read("/audit/key", caller="admin"))["fingerprint"])


async def test_nothing_of_a_tenant_is_left_but_its_id_and_the_report(house: Deployment) -> None:
    """Records, index entries, keys, tokens, switch; another tenant has all it had."""
    made = await furnished(house)
    await house.account("globex")
    before, others = left(house, "acme"), left(house, "globex")
    assert before.keys() - {"tenant", "token_index"} <= set(KINDS), "every kind is known"
    assert len(before) > 5, "and there is something of most"
    done = await house.send("POST", "/tenant/acme/offboard")
    assert done.status == 200, done.body
    report = checked(done.body, await fingerprint(house))
    assert left(house, "acme") == {"tenant": 1}
    assert left(house, "globex") == others
    assert report.records_deleted == {k: n for k, n in before.items() if k != "tenant"}
    assert (report.keys_destroyed, report.fingerprint_key_disclosed) == (2, True)
    assert (await house.mcp(f"/mcp/{made['token']}", LIST)).status == 404
    assert (await house.send("GET", "/integrated-account", caller="acme")).status == 401
    assert (await house.read("/switch"))["result"] == []
    shown = await house.read("/tenant/acme")
    assert (shown["status"], shown["name"], shown["limits"]) == ("offboarded", "", {})
    events = [row.action for row in await house.rows("acme") if row.phase == "event"]
    assert events[-1] == "tenant.offboard"
    assert shown["deletion_report"] == done.json()


async def test_it_is_final(house: Deployment) -> None:
    """Nothing brings the tenant back, and nothing can be made in its name."""
    await house.push()
    await house.send("POST", "/tenant/acme/offboard")
    account = {
        "tenant": "acme",
        "integration": "notes",
        "name": "Notes",
        "credential_kind": "bearer",
        "credential": {"token": "t"},
    }
    for method, path, body in (
        ("POST", "/tenant/acme/resume", None),
        ("POST", "/tenant/acme/suspend", None),
        ("PATCH", "/tenant/acme", {"name": "Back"}),
        ("POST", "/tenant/acme/fingerprint-key", None),
        ("POST", "/tenant", {"id": "acme", "name": "Back"}),
        ("POST", "/integrated-account", account),
        ("POST", "/api-token", {"tenant": "acme", "role": "factor", "name": "x"}),
    ):
        assert (await house.send(method, path, body=body)).status == 409, path
    assert left(house, "acme") == {"tenant": 1}
    assert (await house.send("POST", "/tenant/nobody/offboard")).status == 404
    assert (await house.read("/tenant/globex"))["deletion_report"] is None


async def test_an_interrupted_one_is_finished_by_asking_again(house: Deployment) -> None:
    """After the first step nobody is admitted; the rest is done by the next request, once."""
    made = await furnished(house)
    offboarding = house.services.offboarding
    with pytest.raises(Conflict):
        await offboarding.finish("acme", ADMIN)
    await offboarding.begin("acme", [])
    assert (await house.mcp(f"/mcp/{made['token']}", LIST)).status == 404
    assert left(house, "acme")["server"] == 1
    await house.services.keys.destroy_tenant_keys("acme")
    answers = await asyncio.gather(*(house.send("POST", "/tenant/acme/offboard") for _ in range(3)))
    assert {(each.status, each.body) for each in answers} == {(200, answers[0].body)}
    assert checked(answers[0].body, await fingerprint(house)).keys_destroyed == 2
    ends = [row for row in await house.rows("acme") if row.action == "tenant.offboard"]
    assert ends == [], "it was begun without an event here, and is not begun again"


async def test_a_tenant_without_a_disclosed_key_says_so(house: Deployment) -> None:
    """Then nobody can recompute a fingerprint any more, the tenant included."""
    report = checked(
        (await house.send("POST", "/tenant/globex/offboard")).body, await fingerprint(house)
    )
    assert report.fingerprint_key_disclosed is False
    kept = {each.what.partition(" ")[0]: each.until for each in report.remains}
    assert kept["audit"] is not None
    assert kept["copies"] is not None
    assert kept["backups"] is None


@pytest.mark.parametrize("member", ["tenant", "keys_destroyed", "remains", "signature", "key"])
async def test_a_changed_report_does_not_verify(member: str, house: Deployment) -> None:
    """Any member counts."""
    held = await fingerprint(house)
    done = await house.send("POST", "/tenant/globex/offboard")
    report = checked(done.body, held)
    changed = {
        "tenant": "acme",
        "keys_destroyed": 9,
        "remains": (),
        "signature": "A" * 86 + "==",
        "key": "!",
    }
    assert report_problem(msgspec.structs.replace(report, **{member: changed[member]}), held)
