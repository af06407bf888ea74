"""`mcpassport audit`: a tenant's trail."""

import asyncio
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from cyclopts.types import PositiveInt

from mcpassport.audit.verification import Verdict, verify_file
from mcpassport.cli.client import PAGE
from mcpassport.cli.fingerprint import fingerprint as recompute
from mcpassport.cli.options import DEFAULTS, Flag, Options, moment
from mcpassport.cli.output import FOUND, OK, print_json, print_table, tell_object
from mcpassport.cli.trail import Puller
from mcpassport.errors import UsageError

app = App(name="audit", help="The audit trail: one hash chain per tenant.")
app.command(recompute)


@Parameter(name="*")
@dataclass(frozen=True)
class Which:
    """Which rows of a chain: those that fit every filter given."""

    phase: Annotated[
        Literal["intent", "outcome", "refusal", "event"] | None, Parameter(help="kind of row")
    ] = None
    account: Annotated[str | None, Parameter(help="id of an integrated account")] = None
    server: Annotated[str | None, Parameter(help="id of an MCP server")] = None
    tool: Annotated[str | None, Parameter(help="name of a tool")] = None
    outcome: Annotated[str | None, Parameter(help="ok, or the type of an error")] = None
    reason: Annotated[str | None, Parameter(help="why it was denied")] = None
    request_id: Annotated[str | None, Parameter(help="the rows of one request")] = None
    since: Annotated[
        str | None, Parameter(name="--from", help="at or after this ISO 8601 time with zone")
    ] = None
    until: Annotated[
        str | None, Parameter(name="--to", help="before this ISO 8601 time with zone")
    ] = None

    def query(self) -> dict[str, str | None]:
        """The filters as the management API takes them."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        for field, name in (("since", "from"), ("until", "to")):
            if field in given:
                given[name] = moment(given.pop(field))
        return given


ALL_ROWS = Which()
ROW_COLUMNS = {
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


@app.command(name="list")
async def list_(
    *,
    tenant: str | None = None,
    which: Which = ALL_ROWS,
    limit: PositiveInt = 50,
    strangers: Flag = False,
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
    async with options.api() as api:
        if strangers:
            page = await api.call("GET", "/audit/strangers", query={"limit": min(limit, PAGE)})
            rows = page["result"]
        else:
            query = {"tenant": tenant, **which.query()}
            rows = await api.pages("/audit", query=query, at_most=limit)
    if options.json:
        print_json(rows)
    elif strangers:
        columns = {"second": "second", "reason": "reason", "network": "network", "count": "count"}
        print_table("Strangers", columns, rows, "No row yet.")
    else:
        empty = "No row yet." if which == ALL_ROWS else "No row fits."
        title = f"Audit rows of {tenant or 'the deployment'}"
        print_table(title, ROW_COLUMNS, [_told(row) for row in rows], empty)


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
    tell_object(facts, json=options.json)


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
    unchecked = "" if fingerprint else "Signatures were not checked: give --fingerprint."
    tell_object(document, json=json, then=unchecked)
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
