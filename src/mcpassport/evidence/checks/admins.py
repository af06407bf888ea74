"""Checks of what admins may do with accounts, and of the command line on the host."""

import asyncio
import json
import os
import pwd
import sys
from base64 import b64encode
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from mcpassport.evidence.bench import Bench, Grant, document_of
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import CALLS, CREDENTIAL_KIND, GET, INTEGRATION
from mcpassport.evidence.traces import traces_of
from mcpassport.evidence.upstream import JSON, Says

OK: Final = 200
CREATED: Final = 201
REFUSED: Final = 400
FORBIDDEN: Final = 403
_TRY: Final = {"resource": "records", "method": "get", "args": {"id": "r1"}}


async def declared_kinds(bench: Bench, finding: Finding) -> None:
    """CRE-06. Control: the kind that the integration declares is taken."""
    tenant = await bench.tenant()
    made = {kind: await _brought(bench, tenant, kind) for kind in ("basic", "api_key", "unheard")}
    refused = set(made.values()) == {REFUSED}
    finding.expect(refused, f"other kinds ({', '.join(made)}): HTTP 400", made)
    listed = await bench.manage("GET", f"/integrated-account?tenant={tenant}")
    finding.expect(document_of(listed)["result"] == [], "and nothing is kept of them")
    finding.control = await _brought(bench, tenant, CREDENTIAL_KIND) == CREATED


async def _brought(bench: Bench, tenant: str, kind: str) -> int:
    body = {
        "tenant": tenant,
        "integration": INTEGRATION,
        "name": "brought",
        "credential_kind": kind,
        "credential": {"token": bench.canary("credential")},
    }
    return (await bench.manage("POST", "/integrated-account", body)).status


async def tried(bench: Bench, finding: Finding) -> None:
    """CRE-09. Control: the upstream did get the credential, and did repeat it."""
    grant, result = await bench.grant(), bench.canary("result")
    said = json.dumps({"id": result, "echo": f"Bearer {grant.credential}"}).encode()
    echo = ("X-Echo", grant.credential)
    await bench.lab.answer(Says(headers=(JSON, echo), body=said))
    path = f"/integrated-account/{grant.account}/try"
    answer = await bench.manage("POST", path, _TRY)
    shown = answer.status == OK and result.encode() in answer.body
    finding.expect(shown, "the admin sees the answer", answer.status)
    masked = grant.credential.encode() not in answer.body
    finding.expect(masked, "the credential that the upstream repeats is masked in it")
    sent = [each.header("Authorization") for each in await bench.lab.seen()]
    traces = await traces_of(bench, {"result": result})
    finding.expect(not traces.found, f"nothing of it is stored; {traces}", traces.found)
    row = await _newest(bench, grant.tenant)
    told = row["action"] == "account.try" and row["principal"].startswith("tok_")
    finding.expect(told, "the tenant's audit names the admin", row)
    token = (await bench.api_token("tenant", grant.tenant))["token"]
    status = (await bench.manage("POST", path, _TRY, token=token)).status
    finding.expect(status == FORBIDDEN, "a tenant's token may not: HTTP 403", status)
    finding.control = sent == [f"Bearer {grant.credential}"]


async def _newest(bench: Bench, tenant: str) -> dict[str, Any]:
    path = f"/audit?tenant={tenant}&phase=event&limit=1"
    found: list[dict[str, Any]] = document_of(await bench.manage("GET", path))["result"]
    return found[0]


async def on_the_host(bench: Bench, finding: Finding) -> None:
    """AUT-13. Control: without the master key the same command can do nothing."""
    grant = await bench.grant()
    with TemporaryDirectory(dir=bench.sandbox.folder) as name:
        folder = Path(name)
        key = bench.sandbox.master_key.unwrap()
        done = await _suspended(bench, grant, folder, key)
        finding.expect(done == 0, "a command on the host suspends a tenant without a token", done)
        refused = await _suspended(bench, grant, folder, bytes(len(key)))
    row = await _newest(bench, grant.tenant)
    user = pwd.getpwuid(os.geteuid()).pw_name
    named = (row["action"], row["principal"]) == ("tenant.suspend", f"cli:{user}")
    finding.expect(named, "the audit names it cli:<os user>", row)
    stopped = await bench.call(grant, GET, **CALLS[GET])
    finding.expect(stopped == "not_found", "and it holds", stopped)
    finding.control = refused != 0


async def _suspended(bench: Bench, grant: Grant, folder: Path, key: bytes) -> int:
    """The exit code of `tenant suspend` with that master key."""
    file, config = folder / "master.key", folder / "mcpassport.toml"
    file.touch(mode=0o600)
    file.write_bytes(b64encode(key))
    config.write_text(f'data_dir = "{bench.sandbox.data}"\nmaster_key_file = "{file}"\n')
    command = ("tenant", "suspend", grant.tenant, "--yes", "--config", str(config))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mcpassport", *command),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait()
