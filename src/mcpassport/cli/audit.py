"""`mcpassport audit`: a tenant's trail."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.types import PositiveInt

from mcpassport.audit.verification import Verdict, verify_file
from mcpassport.cli.options import DEFAULTS, Flag, Options
from mcpassport.cli.output import FOUND, OK, console, print_facts, print_json, print_table
from mcpassport.cli.trail import Puller
from mcpassport.errors import UsageError

app = App(name="audit", help="The audit trail: one hash chain per tenant.")
PAGE = 200


@app.command(name="list")
async def list_(
    *,
    tenant: str | None = None,
    limit: PositiveInt = 50,
    strangers: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> None:
    """List the newest rows of a tenant's chain.

    Parameters
    ----------
    tenant
        The tenant; absent: the deployment's own events.
    limit
        How many rows.
    strangers
        Instead: requests that resolved to nobody, counted per second, reason and network.
    """
    if strangers:
        async with options.api() as api:
            counts = (await api.call("GET", "/audit/strangers", query={"limit": min(limit, PAGE)}))[
                "result"
            ]
        columns = {"second": "second", "reason": "reason", "network": "network", "count": "count"}
        _print(counts, columns, "Strangers", options)
        return
    query = {"tenant": tenant}
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    async with options.api() as api:
        while len(rows) < limit:
            size = min(PAGE, limit - len(rows))
            page = await api.call("GET", "/audit", query={**query, "cursor": cursor, "limit": size})
            rows += page["result"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
    columns = {
        "sequence": "sequence",
        "time": "time",
        "phase": "phase",
        "what": "what",
        "on": "on",
        "by": "by",
        "result": "result",
        "upstream": "upstream_status",
        "ms": "duration_ms",
        "request": "request_id",
    }
    _print(rows, columns, f"Audit rows of {tenant or 'the deployment'}", options)


@app.command
async def export(
    *,
    tenant: str | None = None,
    out: Path,
    follow: Flag = False,
    every: PositiveInt = 5,
    options: Options = DEFAULTS,
) -> None:
    """Write a chain to a new file, rows and signed checkpoints, for `audit verify`.

    Parameters
    ----------
    tenant
        The tenant; absent: that of the API token, or the deployment's own chain.
    out
        A file that does not exist yet; one JSON object a line.
    follow
        Go on with what is added, until interrupted.
    every
        With --follow: seconds between two looks.
    """
    try:
        file = out.open("xb")
    except OSError as error:
        raise UsageError(f"{out}: {error.strerror}; name a new file.") from None
    with file:
        async with options.api() as api:
            puller = Puller(api, tenant, file)
            await puller.pull()
            while follow:
                await asyncio.sleep(every)
                await puller.pull()
    facts = {"file": str(out), "rows": puller.rows, "last": puller.last}
    (print_json if options.json else print_facts)(facts)


@app.command
def verify(file: Path, *, fingerprint: str = "", json: Flag = False) -> int:
    """Recompute an exported chain from its file alone; exit code 1 says where it is not whole.

    Parameters
    ----------
    file
        What `audit export` wrote.
    fingerprint
        Of the key that signs checkpoints, as `/audit/key` shows it; then they are checked too.
    json
        Print JSON for scripts.
    """
    try:
        verdict = verify_file(file, fingerprint.lower())
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
    unsigned = bool(fingerprint) and not verdict.anchored
    whole = verdict.broken is None and not unsigned
    document = {
        "whole": whole,
        "chain": verdict.chain,
        "rows": verdict.rows,
        "first": verdict.first,
        "last": verdict.last,
        "anchored_through": verdict.anchored if fingerprint else None,
        "broken_at": verdict.broken.sequence if verdict.broken else None,
        "reason": _reason(verdict, unsigned=unsigned),
    }
    if json:
        print_json(document)
    else:
        print_facts(document)
        if not fingerprint:
            console.print("Signatures were not checked: give --fingerprint.")
    return OK if whole else FOUND


def _reason(verdict: Verdict, *, unsigned: bool) -> str | None:
    if verdict.broken is not None:
        return verdict.broken.reason
    return "no checkpoint in the file signs any of its rows" if unsigned else None


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """A row as people read it: one member for what happened, to what, by whom, and how it ended."""
    return {
        **row,
        "time": str(row.get("ts", "")).partition(".")[0].removesuffix("Z").replace("T", " "),
        "what": row.get("tool") or row.get("action") or row.get("rpc_method"),
        "on": row.get("subject") or row.get("server"),
        "by": row.get("principal") or row.get("client_name"),
        "result": row.get("outcome") or row.get("reason") or row.get("decision"),
    }


def _print(
    rows: list[dict[str, Any]], columns: dict[str, str], title: str, options: Options
) -> None:
    if options.json:
        print_json(rows)
    else:
        print_table(title, columns, [_told(row) for row in rows], "No row yet.")
