"""Check of Offboarding: what is left of a tenant, and what its deletion report says."""

import sqlite3
from contextlib import closing
from datetime import datetime
from typing import Any, Final

import msgspec

from mcpassport.audit.deletion import report_problem
from mcpassport.evidence.bench import Bench, Grant, document_of
from mcpassport.evidence.finding import CheckFailed, Finding
from mcpassport.evidence.probe import CALLS, GET
from mcpassport.records.deletion import DeletionReport
from mcpassport.store import DATA_FILE, KEYS_FILE

GONE: Final = "not_found"
UNAUTHORIZED: Final = 401
CONFLICT: Final = 409
OK: Final = 200
_RECORDS: Final = "SELECT DISTINCT kind FROM records WHERE tenant = ?"
_KEYS: Final = "SELECT wrapped FROM keys WHERE tenant = ?"


async def offboarded(bench: Bench, finding: Finding) -> None:
    """LIF-05. Control: before it, every search finds the tenant; another one lives on."""
    grant, other = await bench.grant(), await bench.grant()
    token = (await bench.api_token("tenant", grant.tenant))["token"]
    rotated = f"/integrated-account/{grant.account}/mcp/{grant.server}/rotate"
    await bench.manage("POST", rotated, {"overlap_seconds": 60})
    await bench.lab.answer()
    before = await _left(bench, grant), await bench.call(grant, GET, **CALLS[GET])
    done = await bench.manage("POST", f"/tenant/{grant.tenant}/offboard")
    if done.status != OK:
        raise CheckFailed(f"POST …/offboard answered {done.status}")
    await bench.lab.answer()
    came = await bench.call(grant, GET, **CALLS[GET])
    sent = len(await bench.lab.seen())
    finding.expect((came, sent) == (GONE, 0), "its server: the 404 of an unknown token", came)
    asked = await bench.manage("GET", "/integrated-account", token=token)
    finding.expect(asked.status == UNAUTHORIZED, "its API token: HTTP 401", asked.status)
    again = await bench.manage("POST", "/tenant", {"id": grant.tenant, "name": "Again"})
    resumed = await bench.manage("POST", f"/tenant/{grant.tenant}/resume")
    final = (again.status, resumed.status) == (CONFLICT, CONFLICT)
    finding.expect(final, "it cannot be resumed, and its id cannot be taken", again.status)
    kinds, keys, named = await _left(bench, grant)
    finding.expect(kinds == {"tenant"}, "of its records one is left, with its id", kinds)
    finding.expect(not keys, "none of its keys is left", keys)
    finding.expect(not named, "the data files do not hold the name of its account")
    await _reported(bench, grant, finding)
    whole = before[0][0] > {"server", "credential"} and before[0][1] > 0 and before[0][2]
    finding.control = (
        whole and before[1] == "ok" and await bench.call(other, GET, **CALLS[GET]) == "ok"
    )


async def _left(bench: Bench, grant: Grant) -> tuple[set[str], int, bool]:
    """Kinds of its records, how many of its keys there are, and whether a file holds a name."""
    with closing(sqlite3.connect(bench.sandbox.data / DATA_FILE)) as data:
        kinds = {kind for (kind,) in data.execute(_RECORDS, (grant.tenant,))}
    with closing(sqlite3.connect(bench.sandbox.data / KEYS_FILE)) as keys:
        held = [wrapped for (wrapped,) in keys.execute(_KEYS, (grant.tenant,)) if wrapped]
    name = f"account of {grant.tenant}".encode()
    files = [each for each in bench.sandbox.data.glob(f"{DATA_FILE}*") if each.is_file()]
    return kinds, len(held), any(name in each.read_bytes() for each in files)


async def _reported(bench: Bench, grant: Grant, finding: Finding) -> None:
    tenant = document_of(await bench.manage("GET", f"/tenant/{grant.tenant}"))
    report = msgspec.convert(tenant["deletion_report"], DeletionReport)
    published: dict[str, Any] = document_of(await bench.send("GET", "/audit/key"))
    fingerprint = str(published.get("fingerprint"))
    problem = report_problem(report, fingerprint)
    finding.expect(not problem, "its report is signed by the key that is published", problem)
    other = msgspec.structs.replace(report, keys_destroyed=report.keys_destroyed + 1)
    finding.expect(bool(report_problem(other, fingerprint)), "a changed report does not verify")
    told = report.keys_destroyed > 0 and report.records_deleted.get("credential") == 1
    finding.expect(told, "it tells of the keys and of the credential", report.records_deleted)
    ends = [each.until for each in report.remains]
    dated = any(isinstance(end, datetime) for end in ends) and None in ends
    finding.expect(dated, "and of what remains, until when")
