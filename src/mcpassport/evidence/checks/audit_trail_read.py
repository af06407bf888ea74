"""Checks of Audit trail, as its customer uses it: fingerprints recomputed, the chain exported."""

import asyncio
import csv
import hmac
import io
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mcpassport.audit.chain import verify
from mcpassport.audit.export import CHECKPOINT_MARK, row_of
from mcpassport.evidence.bench import CREATED, Bench, Grant, document_of
from mcpassport.evidence.finding import CheckFailed, Finding
from mcpassport.evidence.probe import CALLS, COUNT, CREATE, GET, LIST

CONFLICT: Final = 409
EXPORT_S: Final = 120
CUT_BYTES: Final = 20
ARGUMENTS: Final[tuple[tuple[str, Mapping[str, Any]], ...]] = (
    (GET, {"id": "r1"}),
    (LIST, {"search": 'a\u00fc\u20ac "quoted"\n'}),
    (CREATE, {"text": ""}),
    (COUNT, {}),
)
Place = tuple[int, str]
"""Sequence and hash of a row."""


async def recomputed(bench: Bench, finding: Finding) -> None:
    """AUD-04. Control: another argument and another key are both found to be no row's."""
    grant = await bench.grant()
    for tool, arguments in ARGUMENTS:
        await bench.call(grant, tool, **arguments)
    token = str((await bench.api_token("tenant", grant.tenant))["token"])
    path = f"/tenant/{grant.tenant}/fingerprint-key"
    first = await bench.manage("POST", path, token=token)
    if first.status != CREATED:
        raise CheckFailed(f"the key was not disclosed: {first.status}")
    key = bytes.fromhex(document_of(first)["key"])
    again = [(await bench.manage("POST", path, token=who)).status for who in (token, "")]
    read = document_of(await bench.manage("GET", path)).get("key")
    finding.expect(again == [CONFLICT, CONFLICT], "a second request is refused to anybody", again)
    finding.expect(read is None, "no later answer holds the key")
    rows = await _rows(bench, grant)
    disclosed = [row for row in rows if row.get("action") == "fingerprint_key.disclose"]
    finding.expect(len(disclosed) == 1, "its disclosure is one event of the tenant's chain")
    calls = [row for row in rows if row.get("server") == grant.server and row.get("fingerprint")]
    unlike = [
        tool
        for tool, arguments in ARGUMENTS
        if _fingerprints(calls, tool) != {_recompute(key, arguments)}
    ]
    fact = f"{len(calls)} rows of {len(ARGUMENTS)} calls have the fingerprint that the key gives"
    finding.expect(not unlike and len(calls) == 2 * len(ARGUMENTS), fact, unlike)
    others = {_recompute(key, {"id": "r2"}), _recompute(bytes([key[0] ^ 1]) + key[1:], CALLS[GET])}
    finding.control = not others & {row["fingerprint"] for row in calls}


def _fingerprints(rows: list[dict[str, Any]], tool: str) -> set[str]:
    return {row["fingerprint"] for row in rows if row["tool"] == tool}


def _recompute(key: bytes, arguments: Mapping[str, Any]) -> str:
    """As a customer would: RFC 8785 of texts is sorted, compact JSON without needless escapes."""
    text = json.dumps(arguments, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hmac.digest(key, text.encode(), "sha256").hex()


async def _rows(bench: Bench, grant: Grant) -> list[dict[str, Any]]:
    """Every row that the management API tells of the tenant, oldest first, page by page."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        path = f"/audit?tenant={grant.tenant}&oldest_first=true&limit=200{cursor}"
        page = document_of(await bench.manage("GET", path))
        found += page["result"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


async def exported(bench: Bench, finding: Finding) -> None:
    """AUD-14. Control: a row taken out of the export is missed by count and by sequence."""
    grant = await bench.grant()
    token = str((await bench.api_token("tenant", grant.tenant))["token"])
    with tempfile.TemporaryDirectory(prefix="mcpassport-export-") as name:
        path = Path(name) / "trail.ndjson"
        await bench.call(grant, GET, id="r1")
        await _export(bench, token, path)
        told = await _places(bench, grant)
        missing = _compared(path.read_bytes(), told)
        finding.expect(not missing, f"{len(told)} rows exported once and in order", missing)
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size - CUT_BYTES)
        await bench.call(grant, GET, id="r1")
        await _export(bench, token, path, "--resume")
        told, text = await _places(bench, grant), path.read_bytes()
        missing = _compared(text, told)
        fact = f"cut off and gone on with, the file holds {len(told)} rows once and in order"
        finding.expect(not missing, fact, missing)
        if bench.full:
            table = path.with_suffix(".csv")
            await _export(bench, token, table, "--format", "csv")
            records = [(int(row[0]), row[1]) for row in _records(table.read_bytes())]
            finding.expect(records == told, f"{len(told)} rows as CSV", len(records))
    lines = text.splitlines(keepends=True)
    finding.control = len(_compared(b"".join([*lines[:1], *lines[2:]]), told)) > 1


async def _export(bench: Bench, token: str, path: Path, *more: str) -> None:
    """`audit export` as a process of its own, over the network; the token never touches a file."""
    command = ("-m", "mcpassport", "audit", "export", "--url", bench.sandbox.origin)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *command, "--token-file", "/dev/stdin", "--out", str(path), *more),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=path.parent,
    )
    try:
        async with asyncio.timeout(EXPORT_S):
            said, _ = await process.communicate(token.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise CheckFailed(f"audit export ended with {process.returncode}: {said.decode()[:400]}")


async def _places(bench: Bench, grant: Grant) -> list[Place]:
    return [(row["sequence"], row["hash"]) for row in await _rows(bench, grant)]


def _compared(text: bytes, told: list[Place]) -> list[str]:
    """What an export has otherwise than the deployment tells: count, sequence, hashes, rows."""
    rows = [row_of(line) for line in io.BytesIO(text) if not line.startswith(CHECKPOINT_MARK)]
    found = [(row.sequence, row.hash.hex()) for row in rows]
    problems = []
    if len(found) != len(told):
        problems.append(f"{len(found)} rows, not {len(told)}")
    if [sequence for sequence, _ in found] != list(range(1, len(told) + 1)):
        problems.append("the sequence has a gap or a repetition")
    if found != told or verify(rows) is not None:
        problems.append("the rows are not those of the chain")
    return problems


def _records(text: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.decode(), newline="")))[1:]
