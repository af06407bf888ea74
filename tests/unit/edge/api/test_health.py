"""Liveness, readiness and metrics, for those whom they are meant for."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.support.calling import legacy
from tests.support.deployment import Deployment, deployment

from mcpassport.edge.readiness import Readiness
from mcpassport.jobs import last_successes
from mcpassport.store import AUDIT_FILE
from mcpassport.store.protocol import Key
from mcpassport.store.repositories import TENANTS


def fresh(house: Deployment) -> Readiness:
    """Readiness that was not asked yet, so that it looks."""
    parts = house.services
    return Readiness(parts.store, parts.audit_store, parts.keys, parts.jobs, parts.clock)


async def jobs_ran(house: Deployment) -> None:
    store, jobs = house.services.store, house.services.jobs
    while None in (await last_successes(store, jobs)).values():  # noqa: ASYNC110 a record is waited for
        await asyncio.sleep(0.001)


async def test_a_process_that_answers_is_alive_without_its_store(house: Deployment) -> None:
    """`/healthz` looks at nothing: it answers when the store is closed."""
    await house.services.store.close()
    answer = await house.send("GET", "/healthz", caller=None)
    assert (answer.status, answer.json()) == (200, {"alive": True})


async def test_readiness_shows_the_last_success_of_each_job(house: Deployment) -> None:
    """A stranger learns that all parts work and when each job last did."""
    await jobs_ran(house)
    answer = await house.send("GET", "/readyz", caller=None)
    assert answer.status == 200
    found: dict[str, Any] = answer.json()
    assert (found["ready"], found["failing"]) == (True, [])
    assert set(found["jobs"]) == {job.name for job in house.services.jobs}
    at = int(house.clock().timestamp())
    assert all(turn == {"last_success": at, "late": False} for turn in found["jobs"].values())


async def test_a_late_job_is_told_but_refuses_nobody(house: Deployment) -> None:
    """Three periods without a success are late; the process stays ready."""
    await jobs_ran(house)
    house.clock.step(3 * max(job.period_s for job in house.services.jobs) + 1)
    found = await fresh(house).now()
    assert found.ready
    assert all(turn.late for turn in found.jobs.values())


async def test_an_audit_that_cannot_be_written_is_not_ready(tmp_path: Path) -> None:
    """The 503 names the part, and nothing of what went wrong."""
    async with deployment(tmp_path) as house:
        with sqlite3.connect(tmp_path / "data" / AUDIT_FILE) as other:
            other.execute("DROP TABLE proof")
        other.close()
        answer = await house.send("GET", "/readyz", caller=None)
        assert answer.status == 503
        found = answer.json()
        assert (found["ready"], found["failing"]) == (False, ["audit"])
        assert set(found) == {"ready", "failing", "jobs"}


async def test_a_store_that_is_gone_is_not_ready(house: Deployment) -> None:
    """Without the store there is nothing to say of jobs either."""
    await house.services.store.close()
    answer = await house.send("GET", "/readyz", caller=None)
    assert (answer.status, answer.json()["failing"], answer.json()["jobs"]) == (503, ["store"], {})


async def test_readiness_is_found_once_however_many_ask(house: Deployment) -> None:
    """Strangers cannot make it work: within a second the answer is the same object."""
    readiness = fresh(house)
    assert await readiness.now() is await readiness.now()


async def test_a_probe_is_no_stranger(house: Deployment) -> None:
    """What readiness writes is not listed among the strangers."""
    await fresh(house).now()
    assert (await house.read("/audit/strangers"))["result"] == []


@pytest.mark.parametrize("caller", ["admin", "auditor"])
async def test_metrics_count_what_happened(house: Deployment, caller: str) -> None:
    """Requests, refusals, strangers, commits and jobs stand in what a scrape reads."""
    await house.push()
    account = await house.account()
    server = await house.server(account)
    await house.tools(server)
    await house.mcp(f"/mcp/{server['token']}", legacy("no/such"))
    await house.send("DELETE", f"/integrated-account/{account}/mcp/{server['id']}")
    await house.mcp(f"/mcp/{server['token']}", legacy("tools/list"))
    await house.mcp("/mcp/nobody", legacy("tools/list"))
    await jobs_ran(house)
    answer = await house.send("GET", "/metrics", caller=caller)
    text = answer.body.decode()
    assert answer.header("content-type") == "text/plain; version=0.0.4; charset=utf-8"
    for line in (
        'requests_total{era="legacy",http_class="2xx",outcome="ok",rpc_method="tools/list"',
        'requests_total{era="legacy",http_class="2xx",outcome="method_not_found",rpc_method="other"',
        'refusals_total{reason="revoked"',
        "strangers_total{",
        "audit_commit_seconds_count",
        'store_seconds_count{operation="get_many"',
        'job_last_success_timestamp_seconds{job="purge"',
    ):
        assert f"mcpassport_{line}" in text, line


async def test_a_store_key_that_is_absent_costs_no_failure(house: Deployment) -> None:
    """Only faults of the engine are failures of the store."""
    await house.services.store.get_many([Key(TENANTS.kind, "", "nobody")])
    assert b"store_failures_total{" not in house.services.watch.metrics.text()
